/* SPDX-License-Identifier: BSD-3-Clause */
/* Latencies: events, and histograms of commands. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_admin.h"

#define HISTOGRAM_FIRST_NS 1024 /* Redis's histograms begin here and double */

static const char *const events[] = {
	[KV_LATENCY_COMMAND] = "command",
	[KV_LATENCY_FAST_COMMAND] = "fast-command",
};

void kv_latency_add(const struct kv_call *call, uint64_t us)
{
	enum kv_latency_event event =
		call->command->flags & KV_FAST ? KV_LATENCY_FAST_COMMAND : KV_LATENCY_COMMAND;
	struct kv_latency_series *series = &call->w->kv->admin->latency.series[event];
	uint32_t ms = (uint32_t)MIN_OF(us / 1000, (uint64_t)UINT32_MAX);
	uint32_t now_s = (uint32_t)(worker_wall_ms(call->w) / 1000);
	struct kv_latency_sample *last;

	series->max_ms = MAX_OF(series->max_ms, ms);
	last = &series->samples[(series->n + KV_LATENCY_SAMPLES - 1) % KV_LATENCY_SAMPLES];
	if (series->n > 0 && last->time_s == now_s) {
		last->ms = MAX_OF(last->ms, ms);
		return;
	}
	series->samples[series->n % KV_LATENCY_SAMPLES] =
		(struct kv_latency_sample){.time_s = now_s, .ms = ms};
	series->n++;
}

uint64_t kv_latency_sum(const struct worker *w, uint32_t row, uint64_t steps[KV_LATENCY_STEPS])
{
	uint64_t total = 0;

	memset(steps, 0, KV_LATENCY_STEPS * sizeof(steps[0]));
	for (unsigned i = 0; i < w->n_workers; i++) {
		const uint32_t *theirs;

		if (!workers[i] || !workers[i]->kv)
			continue;
		theirs = &workers[i]->kv->admin->latency.steps[(size_t)row * KV_LATENCY_STEPS];
		for (unsigned k = 0; k < KV_LATENCY_STEPS; k++) {
			uint32_t n = __atomic_load_n(&theirs[k], __ATOMIC_RELAXED);

			steps[k] += n;
			total += n;
		}
	}
	return total;
}

uint64_t kv_latency_step_ns(const struct worker *w, uint32_t step)
{
	unsigned bit = (step - 1) / (1u << KV_LATENCY_STEPS_BITS) + KV_LATENCY_FIRST_BIT;
	unsigned part = (step - 1) % (1u << KV_LATENCY_STEPS_BITS) + 1;
	uint64_t cycles = 1u << KV_LATENCY_FIRST_BIT;

	if (step > 0)
		cycles = (1ULL << bit) + ((uint64_t)part << (bit - KV_LATENCY_STEPS_BITS));
	return (uint64_t)(((__uint128_t)cycles * w->ns_per_cycle_q32) >> 32);
}

void kv_latency_reset(struct worker *w)
{
	memset(w->kv->admin->latency.steps, 0,
		kv_commands_count * KV_LATENCY_STEPS * sizeof(uint32_t));
}

void kv_cmd_latency_history(struct kv_call *c)
{
	for (unsigned i = 0; i < KV_LATENCY_EVENTS; i++) {
		const struct kv_latency_series *series = &c->w->kv->admin->latency.series[i];
		uint32_t n = MIN_OF(series->n, (uint32_t)KV_LATENCY_SAMPLES);

		if (!kv_arg_is(c, 2, events[i]))
			continue;
		kv_reply_array(c->reply, n);
		for (uint32_t k = series->n - n; k < series->n; k++) {
			kv_reply_array(c->reply, 2);
			kv_reply_int(c->reply, series->samples[k % KV_LATENCY_SAMPLES].time_s);
			kv_reply_int(c->reply, series->samples[k % KV_LATENCY_SAMPLES].ms);
		}
		return;
	}
	kv_reply_array(c->reply, 0);
}

void kv_cmd_latency_latest(struct kv_call *c)
{
	const struct kv_latency_series *all = c->w->kv->admin->latency.series;
	uint32_t n = 0;

	for (unsigned i = 0; i < KV_LATENCY_EVENTS; i++)
		n += all[i].n > 0;
	kv_reply_array(c->reply, n);
	for (unsigned i = 0; i < KV_LATENCY_EVENTS; i++) {
		const struct kv_latency_sample *last =
			&all[i].samples[(all[i].n + KV_LATENCY_SAMPLES - 1) % KV_LATENCY_SAMPLES];

		if (all[i].n == 0)
			continue;
		kv_reply_array(c->reply, 4);
		kv_reply_text(c->reply, events[i]);
		kv_reply_int(c->reply, last->time_s);
		kv_reply_int(c->reply, last->ms);
		kv_reply_int(c->reply, all[i].max_ms);
	}
}

void kv_cmd_latency_reset(struct kv_call *c)
{
	struct kv_latency_series *all = c->w->kv->admin->latency.series;
	int64_t n = 0;

	for (unsigned i = 0; i < KV_LATENCY_EVENTS; i++) {
		bool named = c->argc == 2;

		for (uint32_t k = 2; k < c->argc; k++)
			named |= kv_arg_is(c, k, events[i]);
		if (!named || all[i].n == 0)
			continue;
		all[i] = (struct kv_latency_series){.n = 0};
		n++;
	}
	kv_reply_int(c->reply, n);
}

/* Answers with the calls of a command: how many there were up to each doubling of time. */
static void histogram(struct kv_call *c, uint32_t row, const uint64_t *steps, uint64_t total)
{
	struct {
		uint64_t us;
		uint64_t calls;
	} points[64];
	uint64_t limit_ns = HISTOGRAM_FIRST_NS, sum = 0;
	uint32_t n = 0;

	for (uint32_t k = 0; k < KV_LATENCY_STEPS; k++) {
		if (steps[k] == 0)
			continue;
		while (kv_latency_step_ns(c->w, k) > limit_ns)
			limit_ns *= 2;
		sum += steps[k];
		if (n == 0 || points[n - 1].us != limit_ns / 1000)
			points[n++].us = limit_ns / 1000;
		points[n - 1].calls = sum;
	}
	kv_reply_text(c->reply, kv_commands[row].name);
	kv_reply_map(c->reply, 2);
	kv_reply_text(c->reply, "calls");
	kv_reply_int(c->reply, (int64_t)total);
	kv_reply_text(c->reply, "histogram_usec");
	kv_reply_map(c->reply, n);
	for (uint32_t i = 0; i < n; i++) {
		kv_reply_int(c->reply, (int64_t)points[i].us);
		kv_reply_int(c->reply, (int64_t)points[i].calls);
	}
}

/* Whether row @row is asked for: by its name, by that of its container, or because all are. */
static bool is_asked(const struct kv_call *c, uint32_t row)
{
	const char *name = kv_commands[row].name;
	size_t n = strcspn(name, "|");

	if (c->argc == 2)
		return true;
	for (uint32_t i = 2; i < c->argc; i++) {
		struct kv_call part = {.argv = &c->argv[i]};
		char head[64];

		if (kv_arg_is(&part, 0, name))
			return true;
		base_strlcpy(head, name, MIN_OF(n + 1, sizeof(head)));
		if (kv_arg_is(&part, 0, head))
			return true;
	}
	return false;
}

void kv_cmd_latency_histogram(struct kv_call *c)
{
	uint64_t steps[KV_LATENCY_STEPS];
	uint32_t n = 0;

	for (uint32_t i = 0; i < kv_commands_count; i++)
		n += is_asked(c, i) && kv_latency_sum(c->w, i, steps) > 0;
	kv_reply_map(c->reply, n);
	for (uint32_t i = 0; i < kv_commands_count && n > 0; i++) {
		uint64_t total = is_asked(c, i) ? kv_latency_sum(c->w, i, steps) : 0;

		if (total == 0)
			continue;
		histogram(c, i, steps, total);
		n--;
	}
}

void kv_cmd_latency_doctor(struct kv_call *c)
{
	kv_reply_error(c->reply, "ERR LATENCY DOCTOR is not available: see LATENCY LATEST, "
				 "HISTORY and HISTOGRAM");
}

void kv_cmd_latency_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"HISTORY <event>",
		"    Return time-latency samples for the <event> class.",
		"LATEST",
		"    Return the latest latency samples for all events.",
		"RESET [<event> ...]",
		"    Reset latency data of one or more <event> classes.",
		"    (default: reset all data for all event classes)",
		"HISTOGRAM [COMMAND ...]",
		"    Return a cumulative distribution of latencies in the format of a histogram "
		"for "
		"the specified command names.",
		"    If no commands are specified then all histograms are replied.",
	};

	kv_reply_help(c, lines, ARRAY_SIZE(lines));
}
