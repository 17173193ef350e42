/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When a polling thread was not on its CPU, from the gaps between its turns: longer ones are looked
 * at, and are pauses if the system has run another thread meanwhile. What a hypervisor takes cannot
 * be told from work. Thread: the one that is watched, unless said otherwise.
 */
#ifndef TESTS_BENCH_PAUSE_H
#define TESTS_BENCH_PAUSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define PAUSES_MAX 65536

/* In cycles of the TSC. */
struct pause {
	uint64_t begin;
	uint64_t end;
};

struct pause_watch {
	pthread_t thread;
	uint64_t last;           /* turn */
	uint64_t switches;       /* of its thread so far, and one; 0: not known */
	uint64_t longest_cycles; /* between turns that count, without pauses */
	uint32_t n;
	struct pause pauses[PAUSES_MAX];
};

/* A turn begins that nobody watches. */
void pause_watch_rest(struct pause_watch *t);

/* A turn begins, and the one before @counts. @look_cycles: shorter gaps are no pauses. */
void pause_watch_turn(struct pause_watch *t, bool counts, uint64_t look_cycles);

/* Whether a pause meets the time from @begin to @end, or what piled up in it could. Any thread,
 * when nobody watches any more. */
bool pause_watch_met(const struct pause_watch *t, uint64_t begin, uint64_t end);

/* Seconds that the thread has run; negative: nobody knows. Any thread. */
double pause_watch_cpu_s(const struct pause_watch *t);

#endif
