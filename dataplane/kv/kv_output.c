/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client is sent. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_long.h"
#include "dataplane/kv/kv_output.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_worker.h"

#define CHUNK_BYTES (16u << 10)
#define LONG_BYTES  (256u << 10) /* long commands wait for the reader above it */

static uint32_t kib(uint32_t bytes)
{
	return (bytes + 1023) >> 10;
}

static void append(struct kv_client *c, struct kv_chunk *chunk)
{
	chunk->next = NULL;
	if (c->backlog_last)
		c->backlog_last->next = chunk;
	else
		c->backlog_first = chunk;
	c->backlog_last = chunk;
}

/* Keeps @n bytes for later. False: no memory or above the limit. */
static bool keep(struct worker *w, struct kv_client *c, const uint8_t *p, uint32_t n)
{
	struct kv_worker *kv = w->kv;
	struct kv_chunk *last = c->backlog_last;

	if ((uint64_t)c->backlog_bytes + n > kv->settings.output_hard_bytes) {
		kv->stats.closed_output_limit++;
		return false;
	}
	if (!last || last->item || last->size - last->len < n) {
		uint32_t size = MAX_OF(n, CHUNK_BYTES - (uint32_t)sizeof(*last));

		last = kv_memory_alloc(w, sizeof(*last) + size);
		if (!last && n < KV_RESERVE_PIECE_BYTES - sizeof(*last)) {
			size = KV_RESERVE_PIECE_BYTES - (uint32_t)sizeof(*last);
			last = kv_memory_alloc(w, KV_RESERVE_PIECE_BYTES);
		}
		if (!last) {
			kv->stats.closed_memory++;
			return false;
		}
		*last = (struct kv_chunk){.size = size};
		last->bytes = last->own;
		append(c, last);
	}
	memcpy(last->own + last->len, p, n);
	last->len += n;
	c->backlog_bytes += n;
	kv->stats.backlog_peak_bytes = MAX_OF(kv->stats.backlog_peak_bytes, c->backlog_bytes);
	return true;
}

static bool take_bytes(struct kv_reply *r, const void *p, uint32_t n)
{
	struct kv_client *c = r->ctx;
	uint32_t sent = 0;

	if (c->flags & KV_CLIENT_DOOMED)
		return false;
	if (!c->backlog_first) {
		sent = c->transport->send(r->w, c->peer, p, n);
		r->w->kv->stats.output_bytes += sent;
	}
	return sent == n || keep(r->w, c, (const uint8_t *)p + sent, n - sent);
}

/* A client may always have one large value on its way, whatever the limit. */
static bool take_item(struct kv_reply *r, struct kv_item *it, const void *p, uint32_t n)
{
	struct kv_client *c = r->ctx;
	struct kv_worker *kv = r->w->kv;
	struct kv_chunk *chunk;

	if (c->flags & KV_CLIENT_DOOMED)
		return false;
	if (c->pinned_kib > 0 &&
		((uint64_t)(c->pinned_kib + kib(n)) << 10) > kv->settings.output_hard_bytes) {
		kv->stats.closed_output_limit++;
		return false;
	}
	chunk = kv_memory_alloc(r->w, sizeof(*chunk));
	if (!chunk) {
		kv->stats.closed_memory++;
		return false;
	}
	*chunk = (struct kv_chunk){.item = it, .bytes = p, .len = n};
	append(c, chunk);
	c->pinned_kib += kib(n);
	kv_output_send(r->w, c);
	return true;
}

static const struct kv_reply_sink sink = {.bytes = take_bytes, .item = take_item};

void kv_output_begin(struct worker *w, struct kv_client *c)
{
	struct kv_reply *r = &w->kv->reply;

	r->len = 0;
	r->version = c->version;
	r->mute = (c->flags & (KV_CLIENT_REPLY_OFF | KV_CLIENT_REPLY_SKIP)) != 0;
	r->spoilt = false;
	r->sink = &sink;
	r->ctx = c;
}

void kv_output_end(struct worker *w, struct kv_client *c)
{
	struct kv_reply *r = &w->kv->reply;

	kv_reply_flush(r);
	if (r->spoilt)
		kv_client_kill(w, c);
}

static void free_chunk(struct worker *w, struct kv_client *c, struct kv_chunk *chunk)
{
	if (chunk->item) {
		c->pinned_kib -= kib(chunk->len);
		kv_shard_unpin(w->kv->shard, chunk->item);
	}
	kv_memory_free(w, chunk);
}

void kv_output_send(struct worker *w, struct kv_client *c)
{
	struct kv_chunk *chunk;

	while ((chunk = c->backlog_first) != NULL) {
		uint32_t n = chunk->len - chunk->at;
		uint32_t sent = c->transport->send(w, c->peer, chunk->bytes + chunk->at, n);

		w->kv->stats.output_bytes += sent;
		chunk->at += sent;
		if (!chunk->item)
			c->backlog_bytes -= sent;
		if (sent < n)
			return;
		c->backlog_first = chunk->next;
		if (!chunk->next)
			c->backlog_last = NULL;
		free_chunk(w, c, chunk);
	}
}

void kv_output_free(struct worker *w, struct kv_client *c)
{
	while (c->backlog_first) {
		struct kv_chunk *chunk = c->backlog_first;

		c->backlog_first = chunk->next;
		free_chunk(w, c, chunk);
	}
	c->backlog_last = NULL;
	c->backlog_bytes = 0;
}

bool kv_output_is_long(const struct kv_client *c)
{
	return c->backlog_bytes > LONG_BYTES;
}

void kv_output_check(struct worker *w, struct kv_client *c)
{
	struct kv_worker *kv = w->kv;
	uint32_t now_s = (uint32_t)(w->now_ns / NSEC_PER_SEC);

	if (kv->settings.output_soft_bytes == 0 ||
		c->backlog_bytes < kv->settings.output_soft_bytes) {
		c->soft_s = 0;
	} else if (c->soft_s == 0) {
		c->soft_s = MAX_OF(now_s, 1u);
	} else if (now_s - c->soft_s > kv->settings.output_soft_s) {
		kv->stats.closed_output_limit++;
		kv_client_kill(w, c);
	}
}

void kv_client_writable(struct worker *w, struct kv_client *c)
{
	c->active_s = (uint32_t)(w->now_ns / NSEC_PER_SEC);
	kv_output_send(w, c);
	if (c->backlog_first)
		return;
	if (c->lengthy)
		kv_long_go_on(w, c);
	kv_chain_go_on(w, c);
	if (c->flags & KV_CLIENT_CLOSING) {
		kv_client_see(w, c);
		kv_client_see_ended(w);
	}
}
