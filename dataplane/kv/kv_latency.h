/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LATENCY: how long commands took. Every call is counted in a histogram of its command, with four
 * steps per power of two; those above latency-monitor-threshold are events with a history, at most
 * one per second as in Redis. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_LATENCY_H
#define DATAPLANE_KV_KV_LATENCY_H

#include "dataplane/kv/kv_command.h"

#define KV_LATENCY_SAMPLES    160
#define KV_LATENCY_STEPS_BITS 2
#define KV_LATENCY_FIRST_BIT  6  /* all below 2^6 cycles are one step */
#define KV_LATENCY_BITS       36 /* all from 2^36 cycles on are the last one */
#define KV_LATENCY_OCTAVES    (KV_LATENCY_BITS - KV_LATENCY_FIRST_BIT)
#define KV_LATENCY_STEPS      ((KV_LATENCY_OCTAVES << KV_LATENCY_STEPS_BITS) + 1)

enum kv_latency_event { KV_LATENCY_COMMAND, KV_LATENCY_FAST_COMMAND, KV_LATENCY_EVENTS };

struct kv_latency_sample {
	uint32_t time_s;
	uint32_t ms;
};

struct kv_latency_series {
	struct kv_latency_sample samples[KV_LATENCY_SAMPLES];
	uint32_t n; /* ever */
	uint32_t max_ms;
};

/* Lies in struct kv_admin. */
struct kv_latency {
	struct kv_latency_series series[KV_LATENCY_EVENTS];
	/* Calls by duration, of each command: [kv_commands_count][KV_LATENCY_STEPS] */
	uint32_t *steps;
};

/* The step of @cycles. */
static inline uint32_t kv_latency_step(uint64_t cycles)
{
	unsigned bit;

	if (cycles < 1u << KV_LATENCY_FIRST_BIT)
		return 0;
	if (cycles >> KV_LATENCY_BITS)
		return KV_LATENCY_STEPS - 1;
	bit = 63 - (unsigned)__builtin_clzll(cycles);
	return ((bit - KV_LATENCY_FIRST_BIT) << KV_LATENCY_STEPS_BITS) + 1 +
	       (uint32_t)(cycles >> (bit - KV_LATENCY_STEPS_BITS) &
			  ((1u << KV_LATENCY_STEPS_BITS) - 1));
}

/* Counts a call of @command in @steps of a worker. */
static inline void kv_latency_count(
	uint32_t *steps, const struct kv_command *command, uint64_t cycles)
{
	steps[(size_t)(command - kv_commands) * KV_LATENCY_STEPS + kv_latency_step(cycles)]++;
}

/* Keeps that @call took @us as an event. */
void kv_latency_add(const struct kv_call *call, uint64_t us);

/* Calls of command number @row on all workers that were counted; how many. */
uint64_t kv_latency_sum(const struct worker *w, uint32_t row, uint64_t steps[KV_LATENCY_STEPS]);

/* The longest duration of step @step, in nanoseconds. */
uint64_t kv_latency_step_ns(const struct worker *w, uint32_t step);

/* Forgets the histograms: CONFIG RESETSTAT. */
void kv_latency_reset(struct worker *w);

#endif
