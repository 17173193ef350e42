/* SPDX-License-Identifier: BSD-3-Clause */
/* Begins questions about flows. Thread: main. */
#include "dataplane/lb/lb_query.h"

struct lb_query *lb_query_create(
	const struct lb_query_want *want, uint64_t cursor, struct base_error *err)
{
	uint8_t n_parts = want->kind == LB_QUERY_DUMP ? 2 : 1; /* IPv4's table and IPv6's */
	struct query *query = query_create(QUERY_flow, n_parts, cursor, err);
	struct lb_query *q = query ? lb_query_of(query) : NULL;

	if (!q)
		return NULL;
	q->want = *want;
	q->has_record = false;
	return q;
}
