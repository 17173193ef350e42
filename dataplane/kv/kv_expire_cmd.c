/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Expiry: setting, asking and forgetting it. Relative times become absolute here, so that effects
 * mean the same whenever they are applied. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"

#include <string.h>

enum expire_options {
	EXPIRE_NX = 1 << 0, /* only when there is none */
	EXPIRE_XX = 1 << 1, /* only when there is one */
	EXPIRE_GT = 1 << 2, /* only later; never is latest */
	EXPIRE_LT = 1 << 3, /* only earlier */
};

/* Reads the options; false: the reply says what is wrong. */
static bool expire_parse(struct kv_call *c, unsigned *options)
{
	static const char *const words[] = {"nx", "xx", "gt", "lt"};

	for (uint32_t arg = 3; arg < c->argc; arg++) {
		const struct resp_arg *a = &c->argv[arg];
		unsigned i = 0;

		while (i < ARRAY_SIZE(words) && !kv_arg_is(c, arg, words[i]))
			i++;
		if (i == ARRAY_SIZE(words)) {
			kv_reply_error(c->reply, "ERR Unsupported option %.*s",
				(int)strnlen((const char *)a->bytes, a->len),
				(const char *)a->bytes);
			return false;
		}
		*options |= 1u << i;
	}
	if (*options & EXPIRE_NX && *options & ~EXPIRE_NX) {
		kv_reply_error(c->reply,
			"ERR NX and XX, GT or LT options at the same time are not compatible");
		return false;
	}
	if (*options & EXPIRE_GT && *options & EXPIRE_LT) {
		kv_reply_error(
			c->reply, "ERR GT and LT options at the same time are not compatible");
		return false;
	}
	return true;
}

/* Whether @options let @when replace @current, both UNIX milliseconds, @current 0: none. */
static bool expire_allowed(unsigned options, int64_t when, int64_t current)
{
	if (options & EXPIRE_NX && current)
		return false;
	if (options & EXPIRE_XX && !current)
		return false;
	if (options & EXPIRE_GT && (!current || when <= current))
		return false;
	return !(options & EXPIRE_LT && current && when >= current);
}

/* Argument 2 in units of @unit_ms since @base_ms; false: it is none and the reply says so. */
static bool expire_time(struct kv_call *c, int64_t base_ms, int64_t unit_ms, int64_t *when)
{
	if (!kv_data_int(c, 2, when))
		return false;
	if (!__builtin_mul_overflow(*when, unit_ms, when) &&
		!__builtin_add_overflow(*when, base_ms, when))
		return true;
	kv_reply_error(c->reply, "ERR invalid expire time in '%s' command", c->command->name);
	return false;
}

static void expire(struct kv_call *c, int64_t base_ms, int64_t unit_ms)
{
	struct kv_key k = kv_call_key(c, 1);
	unsigned options = 0;
	struct kv_item *it;
	int64_t when;
	int err = 0;

	if (!expire_parse(c, &options) || !expire_time(c, base_ms, unit_ms, &when))
		return;
	it = kv_shard_find(c->shard, &k, KV_FOR_WRITE);
	if (!it || !expire_allowed(options, when, (int64_t)kv_item_expiry_ms(it))) {
		kv_reply_int(c->reply, 0);
		return;
	}
	if (when <= (int64_t)c->now_ms)
		kv_shard_del(c->shard, &k);
	else
		err = kv_shard_expire(c->shard, &k, (uint64_t)when);
	if (err)
		kv_data_refused(c, err);
	else
		kv_reply_int(c->reply, 1);
}

void kv_cmd_expire(struct kv_call *c)
{
	expire(c, (int64_t)c->now_ms, 1000);
}

void kv_cmd_expireat(struct kv_call *c)
{
	expire(c, 0, 1000);
}

void kv_cmd_pexpire(struct kv_call *c)
{
	expire(c, (int64_t)c->now_ms, 1);
}

void kv_cmd_pexpireat(struct kv_call *c)
{
	expire(c, 0, 1);
}

/* Answers -2: no such key, -1: never expires, or its expiry since @base_ms in units of @unit_ms,
 * rounded to nearest. */
static void tell(struct kv_call *c, uint64_t base_ms, uint64_t unit_ms)
{
	struct kv_key k = kv_call_key(c, 1);
	struct kv_item *it = kv_shard_find(c->shard, &k, KV_LOOK_READ);
	uint64_t expiry_ms = it ? kv_item_expiry_ms(it) : 0;
	uint64_t left_ms = expiry_ms > base_ms ? expiry_ms - base_ms : 0;

	if (!it)
		kv_reply_int(c->reply, -2);
	else if (!expiry_ms)
		kv_reply_int(c->reply, -1);
	else
		kv_reply_int(c->reply, (int64_t)((left_ms + unit_ms / 2) / unit_ms));
}

void kv_cmd_ttl(struct kv_call *c)
{
	tell(c, c->now_ms, 1000);
}

void kv_cmd_pttl(struct kv_call *c)
{
	tell(c, c->now_ms, 1);
}

void kv_cmd_expiretime(struct kv_call *c)
{
	tell(c, 0, 1000);
}

void kv_cmd_pexpiretime(struct kv_call *c)
{
	tell(c, 0, 1);
}

void kv_cmd_persist(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 1);
	struct kv_item *it = kv_shard_find(c->shard, &k, KV_FOR_WRITE);
	int err = 0;

	if (!it || !kv_item_expiry_ms(it)) {
		kv_reply_int(c->reply, 0);
		return;
	}
	err = kv_shard_expire(c->shard, &k, 0);
	if (err)
		kv_data_refused(c, err);
	else
		kv_reply_int(c->reply, 1);
}
