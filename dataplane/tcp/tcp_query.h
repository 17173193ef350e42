/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions of the main thread about connections (dataplane/core/query.h): all that match, or the
 * one between two ends. Thread: main. */
#ifndef DATAPLANE_TCP_TCP_QUERY_H
#define DATAPLANE_TCP_TCP_QUERY_H

#include "dataplane/core/query.h"
#include "dataplane/tcp/tcp.h"

/* Connections that one API message holds. */
#define TCP_QUERY_CONNS QUERY_ITEMS(struct api_conn_info)

struct tcp_query {
	struct query query;
	struct api_conn_dump want; /* its cursor is not used */
	struct tcp_ends ends;      /* local.family not 0: only this one */
	struct api_conn_info found[TCP_QUERY_CONNS];
};

_Static_assert(sizeof(struct tcp_query) <= QUERY_BYTES, "a question fits into its place");

/* The question about connections that @q begins. */
static inline struct tcp_query *tcp_query_of(struct query *q)
{
	return CONTAINER_OF(q, struct tcp_query, query);
}

#endif
