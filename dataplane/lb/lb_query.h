/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions of the main thread about flows, which belong to workers. It asks one worker after the
 * other by mail; a worker looks at a bounded piece of its tables per mail and writes what it finds
 * into the question, which is the worker's until it answers. A worker that does not answer costs a
 * place for questions, nothing else. Thread: main, where a function does not say worker.
 */
#ifndef DATAPLANE_LB_LB_QUERY_H
#define DATAPLANE_LB_LB_QUERY_H

#include "dataplane/core/server.h"
#include "dataplane/lb/lb_impl.h"

#define LB_QUERIES_MAX   8   /* under way at once */
#define LB_QUERY_BUCKETS 256 /* looked at for one mail: the worker is away for 10 us */
#define LB_QUERY_MAILS   256 /* for one question: then it ends before it has everything */
#define LB_QUERY_WAIT_NS (2 * NSEC_PER_SEC)

/* Flows that one API message holds. */
#define LB_QUERY_FLOWS                                                                             \
	((API_MSG_MAX_BYTES - sizeof(struct api_header) - sizeof(struct api_dump_reply)) /         \
		sizeof(struct api_flow_info))

/* A copy of a flow. */
struct lb_flow_copy {
	uint8_t client[16]; /* IPv4: the first four bytes, the rest zero */
	uint8_t vip[16];
	struct lb_flow flow;
	uint32_t idle_ticks; /* since the last packet of either side */
	uint16_t port_be;    /* of the backend */
	uint8_t state;       /* of both sides together */
	uint8_t family;
	uint8_t worker;
};

enum lb_query_kind {
	LB_QUERY_DUMP, /* all flows that match */
	LB_QUERY_FLOW, /* the one from `client` to `vip` */
	LB_QUERY_PORT, /* the one whose NAT port is `nat` */
};

/* What is asked. */
struct lb_query_want {
	enum lb_query_kind kind;
	uint16_t service;       /* DUMP: a number, or LB_NO_SERVICE for all */
	struct ip_addr client;  /* DUMP: family 0 for all */
	struct ip_addr backend; /* DUMP: family 0 for all */
	struct ip_addr vip;
	uint8_t protocol;
	uint32_t ports; /* FLOW: client's and VIP's, as on the wire */
	uint32_t nat;
};

struct lb_query {
	struct lb_query_want want;
	/* The place that is looked at next. */
	uint32_t bucket;
	uint8_t worker;
	bool is_ip6;
	/* What was found. */
	bool is_full;
	bool is_end; /* the table has no more buckets */
	bool has_record;
	uint32_t n;
	struct lb_nat record; /* FLOW, PORT: of the flow's NAT port */
	struct lb_flow_copy found[LB_QUERY_FLOWS];
	/* The main thread's own. */
	struct wheel_timer timer;
	uint32_t serial; /* of the question, so that late answers to another are told apart */
	uint32_t mails;
	bool busy; /* the slot is taken */
	bool lost; /* by a worker that has not answered, and may still write to it */
	void (*done)(struct lb_query *q, int status, const struct base_error *err);
	struct server_ticket ticket; /* for the user's use, as is ctx */
	void *ctx;
};

/*
 * Begins question @want at place @cursor (0: the start). The answer comes by @done, perhaps before
 * this returns: status 0, or -ETIMEDOUT with a sentence; afterwards the question is gone. NULL:
 * too many are under way, or a cursor that none gave, with a sentence.
 */
struct lb_query *lb_query_create(
	const struct lb_query_want *want, uint64_t cursor, struct base_error *err);

/* Asks; done and what it needs are set. */
void lb_query_start(struct lb_query *q);

/* The place where the flows of worker @worker begin. */
static inline uint64_t lb_query_at_worker(uint8_t worker)
{
	return 1 + ((uint64_t)worker << 33);
}

/* Where an answered question would go on; 0: it has everything. */
uint64_t lb_query_cursor(const struct lb_query *q);

/* The question that a mail with argument @arg is about. Any thread. */
struct lb_query *lb_query_of_mail(uint64_t arg);

/* Answers message flow_dump: as its handler does. */
int lb_flow_dump(const struct server_ticket *ticket, const struct api_flow_dump *body,
	struct base_error *err);

/* Fills in @info about @copy by the published world. */
void lb_flow_fill(struct api_flow_info *info, const struct lb_flow_copy *copy);

/* Forgets all questions. No worker may be left. */
void lb_query_fini(void);

#endif
