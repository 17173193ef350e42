/* SPDX-License-Identifier: BSD-3-Clause */
/* The query buffer. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_query.h"
#include "dataplane/kv/kv_worker.h"

#define FIRST_BYTES 480u /* small enough for many slow clients */

bool kv_query_is_ready(const struct kv_query *query)
{
	return query && query->result != RESP_MORE;
}

void kv_query_free(struct worker *w, struct kv_client *c)
{
	kv_memory_free(w, c->query);
	c->query = NULL;
}

/* Makes room for @n bytes in all: twice what there was, but never more than the argument that is
 * being read needs. A length is believed only as its bytes come in. */
static bool grow(struct worker *w, struct kv_client *c, uint64_t n)
{
	struct kv_query *old = c->query, *q;
	uint64_t size = old ? (uint64_t)old->size * 2 : FIRST_BYTES;

	if (old && old->parser.bulk)
		size = MIN_OF(size, (uint64_t)resp_wants(&old->parser, old->len));
	size = MAX_OF(size, n);
	q = kv_memory_alloc_evicting(w, sizeof(*q) + size);
	if (!q)
		return false;
	*q = (struct kv_query){.size = (uint32_t)size};
	if (old) {
		q->len = old->len;
		q->parser = old->parser;
		memcpy(q->bytes, old->bytes, old->len);
		kv_memory_free(w, old);
	}
	c->query = q;
	return true;
}

/* How many of the @len bytes at @p belong to the line that is being read, as far as they tell. */
static uint32_t line_part(const struct kv_query *q, const uint8_t *p, uint32_t len)
{
	bool array = (q->len > 0 ? q->bytes[0] : p[0]) == '*';
	const uint8_t *end;

	/* Behind the carriage return comes one more byte, whatever it is. */
	if (array && q->len > q->parser.bytes && q->bytes[q->len - 1] == '\r')
		return 1;
	len = MIN_OF(len, RESP_INLINE_BYTES_MAX + 2);
	end = memchr(p, array ? '\r' : '\n', len);
	return end ? (uint32_t)(end - p) + 1 : len;
}

uint32_t kv_query_feed(struct worker *w, struct kv_client *c, const struct resp_limits *limits,
	const uint8_t *p, uint32_t len)
{
	struct kv_worker *kv = w->kv;
	uint32_t at = 0;

	while (at < len) {
		struct kv_query *q = c->query;
		uint32_t n = len - at;
		uint64_t total;

		if (!q && !grow(w, c, FIRST_BYTES))
			goto no_memory;
		q = c->query;
		n = q->parser.bulk ? MIN_OF(n, resp_wants(&q->parser, q->len) - q->len)
				   : line_part(q, p + at, n);
		total = (uint64_t)q->len + n;
		if (total > kv->settings.query_max_bytes) {
			kv->stats.closed_query_limit++;
			kv_client_kill(w, c);
			return len;
		}
		if (total > q->size && !grow(w, c, total))
			goto no_memory;
		q = c->query;
		memcpy(q->bytes + q->len, p + at, n);
		q->len += n;
		at += n;
		kv->stats.query_peak_bytes = MAX_OF(kv->stats.query_peak_bytes, q->len);
		q->result = (uint8_t)resp_parse(&q->parser, limits,
			&(struct resp_arg){.bytes = q->bytes, .len = q->len}, NULL, 0);
		if (q->result != RESP_MORE)
			return at;
	}
	return at;
no_memory:
	if (kv_client_wait_room(w, c))
		return at;
	kv->stats.closed_memory++;
	kv_client_kill(w, c);
	return len;
}

uint8_t *kv_query_copy(struct worker *w, struct kv_client *c)
{
	uint32_t len = c->query->len;
	uint8_t result = c->query->result;

	if (c->query->size < 2 * len && !grow(w, c, 2 * len)) {
		w->kv->stats.closed_memory++;
		kv_client_kill(w, c);
		return NULL;
	}
	c->query->result = result;
	memcpy(c->query->bytes + len, c->query->bytes, len);
	return c->query->bytes + len;
}

void kv_client_buffers(
	const struct kv_client *c, uint64_t *query, uint64_t *query_room, uint64_t *output)
{
	*query = c->query ? c->query->len : 0;
	*query_room = c->query ? c->query->size - c->query->len : 0;
	*output = c->backlog_bytes;
}
