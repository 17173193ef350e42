/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strings: reading them whole and in part, appending and patching. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"

void kv_cmd_get(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 1);
	struct kv_item *it = kv_shard_find(c->shard, &k, KV_FOR_READ);

	if (it)
		kv_reply_item(c->reply, c->shard, it);
	else
		kv_reply_null(c->reply);
}

void kv_cmd_mget(struct kv_call *c)
{
	struct kv_call_keys some;

	kv_reply_array(c->reply, c->argc - 1);
	for (uint32_t first = 1; first < c->argc; first += some.n) {
		kv_call_keys(c, first, c->argc, &some);
		kv_shard_fetch(c->shard, some.all, some.n);
		for (uint32_t i = 0; i < some.n; i++) {
			struct kv_item *it = kv_shard_find(c->shard, &some.keys[i], KV_FOR_READ);

			if (it)
				kv_reply_item(c->reply, c->shard, it);
			else
				kv_reply_null(c->reply);
		}
	}
}

void kv_cmd_strlen(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 1);
	struct kv_item *it = kv_shard_find(c->shard, &k, KV_FOR_READ);
	uint32_t len = 0;

	if (it)
		kv_item_value(it, &len);
	kv_reply_int(c->reply, len);
}

void kv_cmd_getrange(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 1);
	const uint8_t *value;
	struct kv_item *it;
	int64_t start;
	int64_t end;
	uint32_t len;

	if (!kv_data_int(c, 2, &start) || !kv_data_int(c, 3, &end))
		return;
	it = kv_shard_find(c->shard, &k, KV_FOR_READ);
	if (!it || (start < 0 && end < 0 && start > end)) {
		kv_reply_bulk(c->reply, "", 0);
		return;
	}
	value = kv_item_value(it, &len);
	if (start < 0)
		start = MAX_OF(start + len, 0);
	if (end < 0)
		end = MAX_OF(end + len, 0);
	end = MIN_OF(end, (int64_t)len - 1);
	if (start > end)
		kv_reply_bulk(c->reply, "", 0);
	else
		kv_reply_bulk(c->reply, value + start, (uint32_t)(end - start + 1));
}

void kv_cmd_getdel(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 1);
	struct kv_item *it = kv_shard_find(c->shard, &k, KV_FOR_READ);

	if (!it) {
		kv_reply_null(c->reply);
		return;
	}
	kv_reply_item(c->reply, c->shard, it);
	kv_shard_del(c->shard, &k);
}

/* Whether a string of @len bytes may grow by @more; if not, the reply says so. */
static bool may_grow(struct kv_call *c, int64_t len, uint32_t more)
{
	if (len <= (int64_t)kv_data_bytes_max(c) - (int64_t)more)
		return true;
	kv_reply_error(c->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
	return false;
}

static void patch(struct kv_call *c, const struct kv_key *k, const struct kv_patch *p)
{
	uint32_t total;
	int err = kv_shard_write(c->shard, k, p, &total);

	if (err)
		kv_data_refused(c, err);
	else
		kv_reply_int(c->reply, total);
}

void kv_cmd_append(struct kv_call *c)
{
	const struct resp_arg *value = &c->argv[2];
	struct kv_key k = kv_call_key(c, 1);
	struct kv_item *it = kv_shard_find(c->shard, &k, KV_FOR_WRITE);
	struct kv_patch p = {.bytes = value->bytes, .len = value->len};

	if (!it) {
		struct kv_write v = {.value = value->bytes, .len = value->len};

		if (kv_data_set(c, &k, &v))
			kv_reply_int(c->reply, value->len);
		return;
	}
	kv_item_value(it, &p.offset);
	if (may_grow(c, p.offset, p.len))
		patch(c, &k, &p);
}

void kv_cmd_setrange(struct kv_call *c)
{
	const struct resp_arg *value = &c->argv[3];
	struct kv_patch p = {.bytes = value->bytes, .len = value->len};
	struct kv_key k = kv_call_key(c, 1);
	struct kv_item *it;
	int64_t offset;

	if (!kv_data_int(c, 2, &offset))
		return;
	if (offset < 0) {
		kv_reply_error(c->reply, "ERR offset is out of range");
		return;
	}
	it = kv_shard_find(c->shard, &k, KV_FOR_WRITE);
	if (!value->len) {
		uint32_t len = 0;

		if (it)
			kv_item_value(it, &len);
		kv_reply_int(c->reply, len);
		return;
	}
	if (!may_grow(c, offset, value->len))
		return;
	p.offset = (uint32_t)offset;
	patch(c, &k, &p);
}
