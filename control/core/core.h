/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control itself: what shall be in force, the session that keeps the dataplane there, the clients
 * that change it, the metrics that show it. All state needed after a crash is in the runtime
 * directory and in the dataplane. Thread: main.
 */
#ifndef CONTROL_CORE_CORE_H
#define CONTROL_CORE_CORE_H

#include <event2/event.h>

#include "lib/api/api.h"
#include "lib/conf/conf.h"

#define CORE_RUNTIME_MAX  64
#define CORE_RUNTIME_BASE "/run/braid"

struct core;

struct core_options {
	char config[CONF_PATH_MAX];     /* absolute */
	char runtime[CORE_RUNTIME_MAX]; /* empty: by the node's name */
};

/* Starts everything in @base. NULL with a sentence, nothing left behind. */
struct core *core_create(
	struct event_base *base, const struct core_options *options, struct base_error *err);

/* Stops and frees; what is installed stays. NULL is allowed. */
void core_destroy(struct core *core);

/* The runtime directory in use. */
const char *core_runtime(const struct core *core);

/* Whether control has ended the loop itself because it cannot go on (the log says why). */
bool core_has_failed(const struct core *core);

#endif
