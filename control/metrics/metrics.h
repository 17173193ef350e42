/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prometheus metrics over HTTP (libevent's server): /metrics from the shared counters of the
 * dataplane and the state of control, /healthz for load balancers and service managers. Thread:
 * main.
 */
#ifndef CONTROL_METRICS_METRICS_H
#define CONTROL_METRICS_METRICS_H

#include <event2/buffer.h>
#include <event2/event.h>

#include "control/service/service.h"
#include "lib/api/api.h"
#include "lib/api/stats.h"

/* Where the numbers come from. */
struct metrics_source {
	const struct stats_file *(*counters)(void *ctx); /* NULL: the dataplane is not there */
	void (*status)(void *ctx, struct api_control_status *status);
	struct service_view (*services)(void *ctx);
	void *ctx;
};

struct metrics;

/*
 * Serves on @address and @port. NULL with a sentence when that is not possible. @source outlives
 * it.
 */
struct metrics *metrics_create(struct event_base *base, const char *address, uint16_t port,
	const struct metrics_source *source, struct base_error *err);

/* Stops serving; NULL is allowed. */
void metrics_destroy(struct metrics *m);

/* Writes the text format, version 0.0.4, to @out. @counters may be NULL. */
void metrics_render(struct evbuffer *out, const struct stats_file *counters,
	const struct api_control_status *status, const struct service_view *services);

#endif
