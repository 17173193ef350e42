/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The query buffer: one command that did not arrive in one piece, or an inline one, which is cut
 * where it lies. It never holds more than that command. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_QUERY_H
#define DATAPLANE_KV_KV_QUERY_H

#include "dataplane/kv/kv_client.h"

struct kv_query {
	uint32_t size;
	uint32_t len;
	uint8_t result; /* enum resp_result of what is there */
	struct resp_parser parser;
	uint8_t bytes[];
};

/*
 * Moves bytes of @p to the query buffer, which is made when there is none, until the command in it
 * is whole or wrong or the bytes are used up. How many it took; query->result tells how it stands.
 * The client is doomed (counted) when there is no memory or the limit is reached; it waits, and the
 * rest is to be offered again, while the shard makes room.
 */
uint32_t kv_query_feed(struct worker *w, struct kv_client *c, const struct resp_limits *limits,
	const uint8_t *p, uint32_t len);

/* A copy of the line in the query buffer, behind it, to be cut: the command may have to wait and to
 * be cut again. NULL: no memory, the client is doomed. */
uint8_t *kv_query_copy(struct worker *w, struct kv_client *c);

/* Frees it. */
void kv_query_free(struct worker *w, struct kv_client *c);

#endif
