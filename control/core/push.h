/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole configuration as the messages of one generation, made one at a time so that a million
 * routes never hold up the loop: BEGIN, interfaces, neighbours, next hops, routes, the balancer's
 * settings, pool, services and backends, COMMIT. The COMMIT comes only after every other message
 * has been answered with success. Thread: main.
 */
#ifndef CONTROL_CORE_PUSH_H
#define CONTROL_CORE_PUSH_H

#include "lib/api/api.h"
#include "lib/conf/conf.h"

enum push_stage {
	PUSH_BEGIN,
	PUSH_INTERFACES,
	PUSH_NEIGHBORS,
	PUSH_NEXTHOPS,
	PUSH_ROUTES,
	PUSH_LB,
	PUSH_POOL,
	PUSH_SERVICES,
	PUSH_BACKENDS,
	PUSH_STORE,
	PUSH_COMMIT,
	PUSH_ABORT, /* something failed: tell the dataplane to forget it */
	PUSH_SENT,  /* nothing left to send */
};

struct push {
	const struct conf *conf; /* the caller's, until the end */
	/* Fills in the last known state of a backend that is about to be sent; NULL: none is known.
	 */
	void (*recall)(void *ctx, struct api_backend_want *want);
	void *ctx;
	uint64_t generation;
	bool dry_run;
	enum push_stage stage;
	uint32_t next;   /* item of the present stage */
	uint32_t n_sent; /* messages */
	uint32_t n_answered;
	uint32_t done, total;    /* objects sent, of all */
	int status;              /* 0, or the first error */
	struct base_error error; /* its sentence */
	struct api_commit_reply counts;
};

/* Starts over with @conf, and no @recall. A dry run has the dataplane check everything and publish
 * nothing. */
void push_init(struct push *p, const struct conf *conf, uint64_t generation, bool dry_run);

/*
 * Makes the next message at @buf of API_MSG_MAX_BYTES: its length, or 0 when there is none at
 * present (answers are awaited, or all is sent).
 */
size_t push_next(struct push *p, uint8_t *buf);

/* Takes the answer to one of the messages. */
void push_on_reply(struct push *p, const struct api_header *hdr);

/* Whether everything is sent and answered: p->status says how it went. */
bool push_is_done(const struct push *p);

#endif
