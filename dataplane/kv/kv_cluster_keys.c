/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of a slot: there is no index of them, so all keys of database 0 are walked over, in
 * pieces. Thread: worker.
 */
#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_text.h"

#define ITEMS_PER_PIECE 256

struct walk {
	struct kv_call *call;
	struct kv_text *keys; /* NULL: they are only counted */
	uint64_t most;
	uint16_t slot;
};

static void see(void *ctx, const struct kv_item *it)
{
	struct walk *walk = ctx;
	uint32_t len;
	const uint8_t *bytes = kv_item_key(it, &len);
	struct kv_key k;

	kv_key_make(walk->call->shard, &k, 0, bytes, len);
	if (k.slot != walk->slot || walk->call->sum >= walk->most)
		return;
	walk->call->sum++;
	if (!walk->keys)
		return;
	kv_text_add(walk->keys, "$%u\r\n", len);
	kv_text_bytes(walk->keys, bytes, len);
	kv_text_bytes(walk->keys, "\r\n", 2);
}

/* One piece; false: it was the last. */
static bool go_on(struct walk *walk)
{
	struct kv_scan scan = {
		.db = 0,
		.count = ITEMS_PER_PIECE,
		.cursor = walk->call->at,
		.fn = see,
		.ctx = walk,
	};

	kv_shard_scan(walk->call->shard, &scan);
	walk->call->at = scan.cursor;
	walk->call->unfinished = scan.cursor != 0 && walk->call->sum < walk->most;
	return walk->call->unfinished;
}

/* Argument 2 as a slot; false: it is none and the reply says so. */
static bool slot_read(struct kv_call *c, struct walk *walk)
{
	int64_t slot;

	if (!kv_parse_int(c->argv[2].bytes, c->argv[2].len, &slot) || slot < 0 ||
		slot >= KV_SLOTS) {
		kv_reply_error(c->reply, "ERR Invalid or out of range slot");
		return false;
	}
	walk->slot = (uint16_t)slot;
	return true;
}

void kv_cmd_cluster_countkeysinslot(struct kv_call *c)
{
	struct walk walk = {.call = c, .most = UINT64_MAX};

	if (c->cancel || !slot_read(c, &walk))
		return;
	if (!go_on(&walk))
		kv_reply_int(c->reply, (int64_t)c->sum);
}

void kv_cmd_cluster_getkeysinslot(struct kv_call *c)
{
	struct walk walk = {.call = c, .keys = c->resume};
	struct kv_text none = {.w = c->w};
	int64_t most;

	if (c->cancel) {
		kv_text_free(walk.keys);
		kv_memory_free(c->w, walk.keys);
		return;
	}
	if (!slot_read(c, &walk))
		return;
	if (!kv_parse_int(c->argv[3].bytes, c->argv[3].len, &most)) {
		kv_reply_error(c->reply, "ERR value is not an integer or out of range");
		return;
	}
	if (most < 0) {
		kv_reply_error(c->reply, "ERR Invalid number of keys");
		return;
	}
	if (!walk.keys) {
		walk.keys = kv_memory_alloc(c->w, sizeof(*walk.keys));
		if (!walk.keys) {
			kv_reply_error(c->reply, "OOM no memory for the answer");
			return;
		}
		*walk.keys = none;
		c->resume = walk.keys;
	}
	walk.most = (uint64_t)most;
	if (go_on(&walk))
		return;
	kv_text_elements(walk.keys, c->reply, (uint32_t)c->sum);
	kv_memory_free(c->w, walk.keys);
	c->resume = NULL;
}
