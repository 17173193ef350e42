/* SPDX-License-Identifier: BSD-3-Clause */
/* The pieces of which the metrics' text is made. Thread: main. */
#ifndef CONTROL_METRICS_RENDER_H
#define CONTROL_METRICS_RENDER_H

#include "control/metrics/metrics.h"

/* One metric whose value is a word at @offset of some structure. */
struct metric {
	const char *name;
	const char *type;
	const char *help;
	size_t offset;
};

/* Announces a metric. */
void metrics_head(struct evbuffer *out, const char *name, const char *type, const char *help);

/* @start, then a label, its value with backslash, quote and newline escaped as the format wants. */
void metrics_label(struct evbuffer *out, const char *start, const char *name, const char *value);

/* Closes the labels and ends the line. */
void metrics_value(struct evbuffer *out, uint64_t number);

/* The word at @offset of each worker, summed. */
uint64_t metrics_sum(const struct stats_file *f, size_t offset);

/* The name of worker @i in @buf: its number, or "main" for the last. */
const char *metrics_worker(const struct stats_file *f, uint32_t i, char buf[12]);

/* The store, and the TCP endpoint that it is reached by; nothing where there is none. */
void metrics_render_store(struct evbuffer *out, const struct stats_file *f);

/* Services and backends; @counters may be NULL. */
void metrics_render_services(struct evbuffer *out, const struct stats_file *counters,
	const struct service_view *services);

#endif
