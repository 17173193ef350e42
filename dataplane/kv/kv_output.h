/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a client is sent: straight to its transport, and what that does not take to a list of
 * chunks, bounded by the output limits. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_OUTPUT_H
#define DATAPLANE_KV_KV_OUTPUT_H

#include "dataplane/kv/kv_client.h"

/* A piece of a reply: bytes of its own, or those of a pinned item. */
struct kv_chunk {
	struct kv_chunk *next;
	struct kv_item *item; /* pinned; NULL: own bytes */
	const uint8_t *bytes;
	uint32_t len;
	uint32_t at;   /* sent */
	uint32_t size; /* of own */
	uint8_t own[];
};

/* Points the worker's reply at @c; at most one client at a time. */
void kv_output_begin(struct worker *w, struct kv_client *c);

/* Sends what was written; one whose reply could not be kept is doomed. */
void kv_output_end(struct worker *w, struct kv_client *c);

/* Offers the backlog to the transport. */
void kv_output_send(struct worker *w, struct kv_client *c);

/* Frees the backlog. */
void kv_output_free(struct worker *w, struct kv_client *c);

/* Whether the backlog is so long that more should not be made. */
bool kv_output_is_long(const struct kv_client *c);

/* Dooms the client when its backlog was above the soft limit for too long. */
void kv_output_check(struct worker *w, struct kv_client *c);

#endif
