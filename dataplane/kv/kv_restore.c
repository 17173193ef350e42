/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RESTORE: a key from what DUMP answered, here or in Redis. The checksum of long payloads is
 * counted, and packed values are unpacked, in pieces. Thread: worker.
 */
#include <errno.h>

#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_memory.h"
#include "lib/hash/crc64.h"
#include "lib/wire/lzf.h"
#include "lib/wire/rdb.h"

#define CRC_PIECE_BYTES    (32u << 10)
#define UNPACK_PIECE_BYTES (16u << 10)
#define FREQUENCY_MAX      255

struct options {
	int64_t ttl_ms;
	int64_t idle_s;    /* -1: not said */
	int64_t frequency; /* -1: not said */
	bool replace;
	bool absolute;
};

/* A packed value on its way. */
struct restore {
	struct lzf_unpack unpack;
	uint32_t from; /* in the payload, which is copied when the command is cut */
	uint8_t value[];
};

/* The number behind option @arg, between 0 and @max; false: wrong and answered. */
static bool option_number(struct kv_call *c, uint32_t arg, int64_t max, int64_t *out)
{
	if (!kv_data_int(c, arg + 1, out))
		return false;
	if (*out >= 0 && *out <= max)
		return true;
	if (max == FREQUENCY_MAX)
		kv_reply_error(c->reply, "ERR Invalid FREQ value, must be >= 0 and <= 255");
	else
		kv_reply_error(c->reply, "ERR Invalid IDLETIME value, must be >= 0");
	return false;
}

static bool options_read(struct kv_call *c, struct options *o)
{
	for (uint32_t arg = 4; arg < c->argc; arg++) {
		bool more = arg + 1 < c->argc;

		if (kv_arg_is(c, arg, "replace")) {
			o->replace = true;
		} else if (kv_arg_is(c, arg, "absttl")) {
			o->absolute = true;
		} else if (kv_arg_is(c, arg, "idletime") && more && o->frequency < 0) {
			if (!option_number(c, arg++, INT64_MAX, &o->idle_s))
				return false;
		} else if (kv_arg_is(c, arg, "freq") && more && o->idle_s < 0) {
			if (!option_number(c, arg++, FREQUENCY_MAX, &o->frequency))
				return false;
		} else {
			kv_reply_error(c->reply, KV_SYNTAX_ERROR);
			return false;
		}
	}
	return true;
}

/* Whether it may begin, or go on; if not, the reply says why. */
static bool may(struct kv_call *c, struct options *o)
{
	struct kv_key k = kv_call_key(c, 1);

	if (!options_read(c, o))
		return false;
	if (!o->replace && kv_shard_find(c->shard, &k, KV_FOR_WRITE)) {
		kv_reply_error(c->reply, "BUSYKEY Target key name already exists.");
		return false;
	}
	if (!kv_data_int(c, 2, &o->ttl_ms))
		return false;
	if (o->ttl_ms < 0)
		kv_reply_error(c->reply, "ERR Invalid TTL value, must be >= 0");
	return o->ttl_ms >= 0;
}

/* Counts a piece more of the payload's checksum, in sum up to at. True: it is right; else there is
 * more to do, or it is answered. */
static bool is_sound(struct kv_call *c)
{
	const struct resp_arg *a = &c->argv[3];
	uint32_t n = 0, end = 0;

	if (rdb_version_is_known(a->bytes, a->len)) {
		end = a->len - RDB_CRC_BYTES;
		n = MIN_OF(end - (uint32_t)c->at, CRC_PIECE_BYTES);
		c->sum = crc64_jones(c->sum, a->bytes + c->at, n);
		c->at += n;
		c->unfinished = c->at < end;
	}
	if (c->unfinished || (n > 0 && c->sum == rdb_crc(a->bytes, a->len)))
		return !c->unfinished;
	kv_reply_error(c->reply, "ERR DUMP payload version or checksum are wrong");
	return false;
}

/* Makes the key, or, if its time is over already, sees to it that it is not there. */
static void put(struct kv_call *c, const struct options *o, struct kv_write *v)
{
	struct kv_key k = kv_call_key(c, 1);
	int64_t ttl_ms = o->ttl_ms;
	struct kv_item *it;
	int err;

	/* A time behind the end of time is one in the past, as Redis's sum would be. */
	if (ttl_ms && !o->absolute)
		ttl_ms = (int64_t)((uint64_t)ttl_ms + c->now_ms);
	if (ttl_ms && ttl_ms <= (int64_t)c->now_ms) {
		if (o->replace)
			kv_shard_del(c->shard, &k);
		kv_reply_ok(c->reply);
		return;
	}
	v->expiry_ms = (uint64_t)ttl_ms;
	err = kv_shard_set(c->shard, &k, v, &it);
	if (err) {
		kv_data_refused(c, err);
		return;
	}
	kv_shard_use_set(c->shard, it, o->idle_s, o->frequency);
	kv_reply_ok(c->reply);
}

/* Begins to unpack @s; false: no memory, or too long, and answered. */
static bool unpack_start(struct kv_call *c, const struct rdb_string *s)
{
	struct restore *r = NULL;

	if (s->len <= KV_VALUE_BYTES_MAX)
		r = kv_memory_alloc(c->w, sizeof(*r) + s->len);
	if (!r) {
		kv_data_refused(c, s->len <= KV_VALUE_BYTES_MAX ? -ENOMEM : -E2BIG);
		return false;
	}
	*r = (struct restore){
		.unpack =
			{
				.in_len = s->n_bytes,
				.out = r->value,
				.out_len = (uint32_t)s->len,
			},
		.from = (uint32_t)(s->bytes - c->argv[3].bytes),
	};
	c->resume = r;
	return true;
}

/* A piece more of a packed value, which is put when it is whole. */
static void unpack(struct kv_call *c, const struct options *o)
{
	struct restore *r = c->resume;
	enum lzf_result result;

	r->unpack.in = c->argv[3].bytes + r->from;
	result = lzf_unpack_step(&r->unpack, UNPACK_PIECE_BYTES);
	c->unfinished = result == LZF_MORE;
	if (result == LZF_DONE)
		put(c, o, &(struct kv_write){.value = r->value, .len = r->unpack.out_len});
	else if (result != LZF_MORE)
		kv_reply_error(c->reply, "ERR Bad data format");
}

/* The payload is what it was: begins to use it. */
static void use(struct kv_call *c, const struct options *o)
{
	struct rdb_string s;

	if (!rdb_read(c->argv[3].bytes, c->argv[3].len, &s)) {
		kv_reply_error(c->reply, "ERR Bad data format");
		return;
	}
	switch (s.form) {
	case RDB_INTEGER:
		put(c, o, &(struct kv_write){.value = s.text, .len = (uint32_t)s.len});
		return;
	case RDB_PLAIN:
		put(c, o, &(struct kv_write){.value = s.bytes, .len = (uint32_t)s.len});
		return;
	case RDB_PACKED:
		if (unpack_start(c, &s))
			unpack(c, o);
		return;
	}
}

void kv_cmd_restore(struct kv_call *c)
{
	struct options o = {.idle_s = -1, .frequency = -1};

	if (!c->cancel && may(c, &o)) {
		if (c->resume)
			unpack(c, &o);
		else if (is_sound(c))
			use(c, &o);
	}
	if (c->unfinished || !c->resume)
		return;
	kv_memory_free(c->w, c->resume);
	c->resume = NULL;
}
