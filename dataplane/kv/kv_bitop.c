/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BITOP: and, or, exclusive or, not of strings, in pieces over pinned sources. Shorter ones count
 * as if zeros followed. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_memory.h"

#include <errno.h>
#include <string.h>

#define BITOP_BYTES_PER_PIECE 32768 /* of all sources together, about */

enum bitop_kind { BITOP_AND, BITOP_OR, BITOP_XOR, BITOP_NOT };

struct bitop {
	enum bitop_kind kind;
	uint32_t n;   /* sources */
	uint32_t len; /* of the longest */
	uint32_t at;
	uint8_t *result;         /* [len] */
	struct kv_item *items[]; /* [n], pinned, NULL: the empty string */
};

static bool bitop_parse(struct kv_call *c, enum bitop_kind *kind)
{
	static const char *const names[] = {
		[BITOP_AND] = "and", [BITOP_OR] = "or", [BITOP_XOR] = "xor", [BITOP_NOT] = "not"};
	unsigned i = 0;

	while (i < ARRAY_SIZE(names) && !kv_arg_is(c, 1, names[i]))
		i++;
	if (i == ARRAY_SIZE(names)) {
		kv_reply_error(c->reply, KV_SYNTAX_ERROR);
		return false;
	}
	*kind = (enum bitop_kind)i;
	if (*kind != BITOP_NOT || c->argc == 4)
		return true;
	kv_reply_error(c->reply, "ERR BITOP NOT must be called with a single source key.");
	return false;
}

static void bitop_end(struct kv_call *c)
{
	struct bitop *b = c->resume;

	if (!b)
		return;
	for (uint32_t i = 0; i < b->n; i++)
		if (b->items[i])
			kv_shard_unpin(c->shard, b->items[i]);
	kv_memory_free(c->w, b->result);
	kv_memory_free(c->w, b);
	c->resume = NULL;
}

/* Finds and pins the sources; NULL: refused and answered. */
static struct bitop *bitop_start(struct kv_call *c)
{
	uint32_t n = c->argc - 3;
	enum bitop_kind kind;
	struct bitop *b;

	if (!bitop_parse(c, &kind))
		return NULL;
	b = kv_memory_alloc(c->w, sizeof(*b) + n * sizeof(b->items[0]));
	if (!b) {
		kv_data_refused(c, -ENOMEM);
		return NULL;
	}
	*b = (struct bitop){.kind = kind, .n = n};
	c->resume = b;
	for (uint32_t i = 0; i < n; i++) {
		struct kv_key k = kv_call_key(c, 3 + i);
		uint32_t len = 0;

		b->items[i] = kv_shard_find(c->shard, &k, KV_FOR_READ);
		if (!b->items[i])
			continue;
		kv_shard_pin(c->shard, b->items[i]);
		kv_item_value(b->items[i], &len);
		b->len = MAX_OF(b->len, len);
	}
	b->result = b->len ? kv_memory_alloc(c->w, b->len) : NULL;
	if (b->len && !b->result) {
		kv_data_refused(c, -ENOMEM);
		bitop_end(c);
		return NULL;
	}
	return b;
}

/* Combines @n bytes of source @item from b->at on into the result. */
static void bitop_source(struct bitop *b, const struct kv_item *item, uint32_t n)
{
	uint8_t *result = b->result + b->at;
	const uint8_t *value = NULL;
	uint32_t len = 0;
	uint32_t have;

	if (item)
		value = kv_item_value(item, &len);
	have = len > b->at ? MIN_OF(len - b->at, n) : 0;
	if (have)
		value += b->at;
	switch (b->kind) {
	case BITOP_AND:
		for (uint32_t i = 0; i < have; i++)
			result[i] &= value[i];
		memset(result + have, 0, n - have);
		break;
	case BITOP_OR:
		for (uint32_t i = 0; i < have; i++)
			result[i] |= value[i];
		break;
	case BITOP_XOR:
		for (uint32_t i = 0; i < have; i++)
			result[i] ^= value[i];
		break;
	case BITOP_NOT:
		for (uint32_t i = 0; i < have; i++)
			result[i] = (uint8_t)~value[i];
		break;
	}
}

/* A piece; false: it was the last. */
static bool bitop_piece(struct bitop *b)
{
	uint32_t n = MIN_OF(b->len - b->at, BITOP_BYTES_PER_PIECE / MIN_OF(b->n, 64u));

	/* All ones, or all zeros, change nothing. */
	memset(b->result + b->at, b->kind == BITOP_AND ? 0xff : 0, n);
	for (uint32_t i = 0; i < b->n; i++)
		bitop_source(b, b->items[i], n);
	b->at += n;
	return b->at < b->len;
}

void kv_cmd_bitop(struct kv_call *c)
{
	struct bitop *b = c->resume;
	struct kv_key k;

	if (c->cancel) {
		bitop_end(c);
		return;
	}
	if (!b) {
		b = bitop_start(c);
		if (!b)
			return;
	}
	if (b->len && bitop_piece(b)) {
		c->unfinished = true;
		return;
	}
	k = kv_call_key(c, 2);
	if (!b->len) {
		kv_shard_del(c->shard, &k);
		kv_reply_int(c->reply, 0);
	} else {
		struct kv_write v = {.value = b->result, .len = b->len, .form = KV_FORM_PATCHED};

		if (kv_data_set(c, &k, &v))
			kv_reply_int(c->reply, b->len);
	}
	bitop_end(c);
}
