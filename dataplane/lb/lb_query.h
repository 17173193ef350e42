/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions of the main thread about flows (dataplane/core/query.h): all that match, or one.
 * Thread: main, where a function does not say worker.
 */
#ifndef DATAPLANE_LB_LB_QUERY_H
#define DATAPLANE_LB_LB_QUERY_H

#include "dataplane/core/query.h"
#include "dataplane/lb/lb_impl.h"

#define LB_QUERY_BUCKETS 256 /* looked at for one mail: the worker is away for 10 us */

/* Flows that one API message holds. */
#define LB_QUERY_FLOWS QUERY_ITEMS(struct api_flow_info)

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
	struct query query;
	struct lb_query_want want;
	bool has_record;
	struct lb_nat record; /* FLOW, PORT: of the flow's NAT port */
	struct lb_flow_copy found[LB_QUERY_FLOWS];
};

_Static_assert(sizeof(struct lb_query) <= QUERY_BYTES, "a question fits into its place");

/* The question about flows that @q begins. */
static inline struct lb_query *lb_query_of(struct query *q)
{
	return CONTAINER_OF(q, struct lb_query, query);
}

/* Begins question @want at place @cursor, as query_create(). */
struct lb_query *lb_query_create(
	const struct lb_query_want *want, uint64_t cursor, struct base_error *err);

/* Answers message flow_dump: as its handler does. */
int lb_flow_dump(const struct server_ticket *ticket, const struct api_flow_dump *body,
	struct base_error *err);

/* Fills in @info about @copy by the published world. */
void lb_flow_fill(struct api_flow_info *info, const struct lb_flow_copy *copy);

#endif
