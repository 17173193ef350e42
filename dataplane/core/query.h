/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions of the main thread about what belongs to workers (query.def). It asks one worker after
 * the other by mail; a worker looks at a bounded piece of its tables per mail and writes what it
 * finds into the question, which is the worker's until it answers. A worker that does not answer
 * costs a place for questions, nothing else. Thread: main, where a function does not say worker.
 */
#ifndef DATAPLANE_CORE_QUERY_H
#define DATAPLANE_CORE_QUERY_H

#include "dataplane/core/server.h"
#include "dataplane/core/worker.h"

#define QUERIES_MAX   8   /* under way at once */
#define QUERY_MAILS   256 /* for one question: then it ends before it has everything */
#define QUERY_WAIT_NS (2 * NSEC_PER_SEC)
#define QUERY_BYTES   (API_MSG_MAX_BYTES + 1024) /* of a question with what was found */

/* Items of @type that one API message holds. */
#define QUERY_ITEMS(type)                                                                          \
	((API_MSG_MAX_BYTES - sizeof(struct api_header) - sizeof(struct api_dump_reply)) /         \
		sizeof(type))

enum query_kind {
#define QUERY(name, function, things) QUERY_##name,
#include "dataplane/core/query.def"
#undef QUERY
	QUERY_COUNT
};

/* Begins the structure of each kind, which is at most QUERY_BYTES long. */
struct query {
	enum query_kind kind;
	/* The place that is looked at next. */
	uint32_t at;
	uint8_t part; /* of the tables of a worker */
	uint8_t n_parts;
	uint8_t worker;
	/* What was found. */
	bool is_full; /* no room for what another mail may find */
	bool is_end;  /* the part has no more */
	bool has_all; /* that is wanted */
	uint32_t n;
	/* The main thread's own. */
	struct wheel_timer timer;
	uint32_t serial; /* of the question, so that late answers to another are told apart */
	uint32_t mails;
	bool busy; /* the place is taken */
	bool lost; /* by a worker that has not answered, and may still write to it */
	void (*done)(struct query *q, int status, const struct base_error *err);
	struct server_ticket ticket; /* for the user's use, as is ctx */
	void *ctx;
};

/*
 * A question of kind @kind about @n_parts (1 or 2) tables of each worker, from place @cursor on (0:
 * the start); what the kind adds is as its last question left it. NULL: too many are under way, or
 * a cursor that none gave, with a sentence.
 */
struct query *query_create(
	enum query_kind kind, uint8_t n_parts, uint64_t cursor, struct base_error *err);

/* Asks; done and what the kind needs are set. The answer comes by @done, perhaps before this
 * returns: status 0, or -ETIMEDOUT with a sentence; afterwards the question is gone. */
void query_start(struct query *q);

/* The place where what belongs to worker @worker begins. */
static inline uint64_t query_at_worker(uint8_t worker)
{
	return 1 + ((uint64_t)worker << 33);
}

/* Where an answered question would go on; 0: it has everything. */
uint64_t query_cursor(const struct query *q);

/* Forgets all questions. No worker may be left. */
void query_fini(void);

#define QUERY(name, function, things) void function(struct worker *w, struct query *q);
#include "dataplane/core/query.def"
#undef QUERY

#endif
