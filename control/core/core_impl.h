/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this folder share: the state of control. Thread: main. */
#ifndef CONTROL_CORE_CORE_IMPL_H
#define CONTROL_CORE_CORE_IMPL_H

#include "control/core/applied.h"
#include "control/core/clients.h"
#include "control/core/core.h"
#include "control/core/job.h"
#include "control/core/session.h"
#include "control/metrics/metrics.h"
#include "control/service/service.h"

/*
 * One configuration on its way into the dataplane: loaded, compared and kept on disk by a thread,
 * then pushed, then made the desired one. Also for a replay to a new dataplane. One at a time.
 */
struct install {
	struct core *core;
	struct client_ref client; /* who asked; id 0 for a replay */
	bool dry_run;
	struct applied *target; /* a replay: core->desired itself */
	const struct conf *was; /* what the difference is taken from; unchanged meanwhile */
	char path[CONF_PATH_MAX];
	uint64_t generation;
	uint64_t started_ns; /* of the dataplane it is meant for */
	struct job *job;
	struct metrics *metrics; /* bound to the new address, when that changes */
	char *diff;              /* warnings at its end */
	size_t diff_len;
	uint32_t warning_bytes;
	bool truncated;
	int status;
	struct base_error err;
};

struct core {
	struct event_base *base;
	struct core_options options;
	struct applied *desired; /* NULL until decided, if the file is broken */
	bool decided; /* the first dataplane was seen: desired is what it has, or the file */
	struct base_error file_error; /* why the file could not be loaded, or empty */
	struct install *install;      /* NULL: nothing on its way */
	bool refused; /* this dataplane took no replay: wait for another, or an apply */
	bool failed;
	struct session *session;
	struct clients *clients;
	struct service_table *services;
	struct metrics *metrics;
	struct metrics_source metrics_source;
	const struct stats_file *counters; /* NULL: the dataplane is not there */
	uint64_t started_ns;
	uint32_t reconnects;
	char last_error[256];
};

/* Remembers and logs an error. */
void core_error(struct core *core, const char *text);

/* Brings the dataplane to the desired state if it is not there and nothing else is on its way. */
void core_sync(struct core *core);

/* Fills in the state for status and metrics. */
void core_status(const struct core *core, struct api_control_status *status);

/*
 * Starts applying the file of @request for @client; the answer comes later. 0, or a negative errno
 * with a sentence when it cannot even start.
 */
int install_apply(struct core *core, const struct client_ref *client,
	const struct api_control_apply *request, struct base_error *err);

/* Starts pushing the desired state again. */
void install_replay(struct core *core);

/* The dataplane has answered the push. */
void install_on_pushed(struct install *in, int status, const struct base_error *err,
	const struct api_commit_reply *counts);

/* The dataplane has gone; an install that waits for it fails with @why. */
void install_on_down(struct install *in, const char *why);

/* Tells the client how far a push has come. */
void install_on_progress(const struct install *in, uint32_t done, uint32_t total);

/* Gives up: waits for the thread, forgets the rest. NULL is allowed. */
void install_destroy(struct install *in);

#endif
