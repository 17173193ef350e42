/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the commands on data share. Error texts are Redis 7.0's, since clients and tests compare
 * them. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"

#include <errno.h>

#include "dataplane/kv/kv_worker.h"

bool kv_data_int(struct kv_call *c, uint32_t arg, int64_t *out)
{
	if (kv_parse_int(c->argv[arg].bytes, c->argv[arg].len, out))
		return true;
	kv_reply_error(c->reply, KV_INT_ERROR);
	return false;
}

bool kv_data_int32(struct kv_call *c, uint32_t arg, int32_t *out)
{
	int64_t n;

	if (!kv_data_int(c, arg, &n))
		return false;
	if (n < INT32_MIN || n > INT32_MAX) {
		kv_reply_error(c->reply, "ERR value is out of range, value must between %d and %d",
			INT32_MIN, INT32_MAX);
		return false;
	}
	*out = (int32_t)n;
	return true;
}

bool kv_data_db(struct kv_call *c, uint32_t arg, uint8_t *db)
{
	int32_t n;

	if (!kv_data_int32(c, arg, &n))
		return false;
	if (n < 0 || n >= KV_DATABASES) {
		kv_reply_error(c->reply, "ERR DB index is out of range");
		return false;
	}
	*db = (uint8_t)n;
	return true;
}

uint32_t kv_data_bytes_max(const struct kv_call *c)
{
	return c->w->kv->settings.bulk_max_bytes;
}

void kv_data_refused(struct kv_call *c, int err)
{
	if (err == -E2BIG)
		kv_reply_error(
			c->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
	else if ((c->command->flags & KV_WRITE) && !c->atomic && kv_shard_is_making_room(c->shard))
		c->unfinished = c->short_of_room = true;
	else
		kv_reply_error(c->reply, KV_OOM_ERROR);
}

bool kv_data_set(struct kv_call *c, const struct kv_key *k, const struct kv_write *v)
{
	int err = kv_shard_set(c->shard, k, v, NULL);

	if (err)
		kv_data_refused(c, err);
	return !err;
}

bool kv_data_expiry(struct kv_call *c, uint32_t arg, unsigned option, uint64_t *expiry_ms)
{
	bool seconds = option & (KV_SET_EX | KV_SET_EXAT);
	int64_t n;

	if (!kv_data_int(c, arg, &n))
		return false;
	if (n > 0 && (!seconds || n <= INT64_MAX / 1000)) {
		int64_t base_ms = option & (KV_SET_EX | KV_SET_PX) ? (int64_t)c->now_ms : 0;

		if (seconds)
			n *= 1000;
		if (n <= INT64_MAX - base_ms) {
			*expiry_ms = (uint64_t)(n + base_ms);
			return true;
		}
	}
	kv_reply_error(c->reply, "ERR invalid expire time in '%s' command", c->command->name);
	return false;
}

bool kv_data_pairs_fit(struct kv_call *c)
{
	uint64_t bytes = 0;
	void *taken = NULL;
	bool fit = true;

	for (uint32_t i = 1; i < c->argc; i++)
		bytes += c->argv[i].len + sizeof(struct kv_item);
	if (LIKELY(kv_shard_room_is_plenty(c->shard, bytes)))
		return true;
	for (uint32_t i = 1; i + 1 < c->argc && fit; i += 2) {
		struct kv_key k;

		kv_key_make(c->shard, &k, c->db, c->argv[i].bytes, c->argv[i].len);
		fit = kv_shard_room_take(c->shard, &k, c->argv[i + 1].len, &taken);
	}
	kv_shard_room_give(c->shard, taken);
	return fit;
}

bool kv_data_copy(
	struct kv_call *c, struct kv_item *from, const struct kv_key *to, enum kv_form form)
{
	struct kv_write v = {.expiry_ms = kv_item_expiry_ms(from), .form = (uint8_t)form};
	bool done;

	/* Making room for the copy may evict the original. */
	kv_shard_pin(c->shard, from);
	v.value = kv_item_value(from, &v.len);
	done = kv_data_set(c, to, &v);
	kv_shard_unpin(c->shard, from);
	return done;
}
