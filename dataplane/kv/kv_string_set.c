/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strings: setting them whole, with all options, and GETEX, which shares SET's options of time.
 * Thread: worker.
 */
#include "dataplane/kv/kv_data.h"

#include <errno.h>

/* A word that SET or GETEX takes, and those that it may not stand with (before it). */
struct set_word {
	const char *word;
	uint16_t option;
	uint16_t excludes;
	bool of_set;
	bool of_getex;
};

#define ALL_LIFETIMES (KV_SET_KEEPTTL | KV_SET_PERSIST | KV_SET_TIMES)

/* A time may be given again with the same word: the last one counts, as in Redis. */
static const struct set_word set_words[] = {
	{"nx", KV_SET_NX, KV_SET_XX, .of_set = true},
	{"xx", KV_SET_XX, KV_SET_NX, .of_set = true},
	{"get", KV_SET_GET, 0, .of_set = true},
	{"keepttl", KV_SET_KEEPTTL, KV_SET_TIMES, .of_set = true},
	{"persist", KV_SET_PERSIST, KV_SET_TIMES, .of_getex = true},
	{"ex", KV_SET_EX, ALL_LIFETIMES & ~KV_SET_EX, true, true},
	{"px", KV_SET_PX, ALL_LIFETIMES & ~KV_SET_PX, true, true},
	{"exat", KV_SET_EXAT, ALL_LIFETIMES & ~KV_SET_EXAT, true, true},
	{"pxat", KV_SET_PXAT, ALL_LIFETIMES & ~KV_SET_PXAT, true, true},
};

struct set_options {
	unsigned options;  /* enum kv_set_options */
	uint32_t time_arg; /* number of the argument with the time, 0: none */
};

/* Reads the options from argument @first on; false: the reply says what is wrong. */
static bool set_parse(struct kv_call *c, uint32_t first, bool of_set, struct set_options *o)
{
	for (uint32_t arg = first; arg < c->argc; arg++) {
		const struct set_word *found = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(set_words) && !found; i++) {
			const struct set_word *s = &set_words[i];

			if ((of_set ? s->of_set : s->of_getex) && kv_arg_is(c, arg, s->word))
				found = s;
		}
		if (!found || (o->options & found->excludes) ||
			(found->option & KV_SET_TIMES && arg + 1 == c->argc)) {
			kv_reply_error(c->reply, KV_SYNTAX_ERROR);
			return false;
		}
		o->options |= found->option;
		if (found->option & KV_SET_TIMES)
			o->time_arg = ++arg;
	}
	return true;
}

/* Sets @k and answers with the value that was there. */
static void set_and_get(
	struct kv_call *c, const struct kv_key *k, const struct kv_write *v, struct kv_item *old)
{
	bool done;

	if (old)
		kv_shard_pin(c->shard, old);
	done = kv_data_set(c, k, v);
	if (done && old)
		kv_reply_item(c->reply, c->shard, old);
	else if (done)
		kv_reply_null(c->reply);
	if (old)
		kv_shard_unpin(c->shard, old);
}

void kv_cmd_set(struct kv_call *c)
{
	struct kv_write v = {.value = c->argv[2].bytes, .len = c->argv[2].len};
	struct kv_key k = kv_call_key(c, 1);
	struct set_options o = {0};
	struct kv_item *old;

	if (c->argc > 3 && !set_parse(c, 3, true, &o))
		return;
	if (o.time_arg && !kv_data_expiry(c, o.time_arg, o.options & KV_SET_TIMES, &v.expiry_ms))
		return;
	v.keep_expiry = o.options & KV_SET_KEEPTTL;
	if (!(o.options & (KV_SET_NX | KV_SET_XX | KV_SET_GET))) {
		if (kv_data_set(c, &k, &v))
			kv_reply_ok(c->reply);
		return;
	}
	old = kv_shard_find(c->shard, &k, o.options & KV_SET_GET ? KV_FOR_READ : KV_FOR_WRITE);
	if (o.options & (old ? KV_SET_NX : KV_SET_XX)) {
		if (old && o.options & KV_SET_GET)
			kv_reply_item(c->reply, c->shard, old);
		else
			kv_reply_null(c->reply);
	} else if (o.options & KV_SET_GET) {
		set_and_get(c, &k, &v, old);
	} else if (kv_data_set(c, &k, &v)) {
		kv_reply_ok(c->reply);
	}
}

void kv_cmd_setnx(struct kv_call *c)
{
	struct kv_write v = {.value = c->argv[2].bytes, .len = c->argv[2].len};
	struct kv_key k = kv_call_key(c, 1);

	if (kv_shard_find(c->shard, &k, KV_FOR_WRITE))
		kv_reply_int(c->reply, 0);
	else if (kv_data_set(c, &k, &v))
		kv_reply_int(c->reply, 1);
}

static void set_for(struct kv_call *c, unsigned option)
{
	struct kv_write v = {.value = c->argv[3].bytes, .len = c->argv[3].len};
	struct kv_key k = kv_call_key(c, 1);

	if (kv_data_expiry(c, 2, option, &v.expiry_ms) && kv_data_set(c, &k, &v))
		kv_reply_ok(c->reply);
}

void kv_cmd_setex(struct kv_call *c)
{
	set_for(c, KV_SET_EX);
}

void kv_cmd_psetex(struct kv_call *c)
{
	set_for(c, KV_SET_PX);
}

void kv_cmd_getset(struct kv_call *c)
{
	struct kv_write v = {.value = c->argv[2].bytes, .len = c->argv[2].len};
	struct kv_key k = kv_call_key(c, 1);

	set_and_get(c, &k, &v, kv_shard_find(c->shard, &k, KV_FOR_READ));
}

/* Whether MSET's and MSETNX's arguments come in pairs; if not, the reply says so. */
static bool in_pairs(struct kv_call *c)
{
	if (c->argc % 2)
		return true;
	kv_reply_error(
		c->reply, "ERR wrong number of arguments for '%s' command", c->command->name);
	return false;
}

/* All of them or none. */
static bool set_pairs(struct kv_call *c)
{
	bool done = true;

	if (c->argc > 3 && !kv_data_pairs_fit(c)) {
		kv_data_refused(c, -ENOMEM);
		return false;
	}
	kv_shard_begin(c->shard);
	for (uint32_t arg = 1; arg < c->argc && done; arg += 2) {
		struct kv_write v = {.value = c->argv[arg + 1].bytes, .len = c->argv[arg + 1].len};
		struct kv_key k = kv_call_key(c, arg);

		done = kv_data_set(c, &k, &v);
	}
	kv_shard_end(c->shard);
	return done;
}

void kv_cmd_mset(struct kv_call *c)
{
	if (in_pairs(c) && set_pairs(c))
		kv_reply_ok(c->reply);
}

void kv_cmd_msetnx(struct kv_call *c)
{
	if (!in_pairs(c))
		return;
	for (uint32_t arg = 1; arg < c->argc; arg += 2) {
		struct kv_key k = kv_call_key(c, arg);

		if (kv_shard_find(c->shard, &k, KV_FOR_WRITE)) {
			kv_reply_int(c->reply, 0);
			return;
		}
	}
	if (set_pairs(c))
		kv_reply_int(c->reply, 1);
}

void kv_cmd_getex(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 1);
	struct set_options o = {0};
	uint64_t expiry_ms = 0;
	struct kv_item *it;
	int err = 0;

	if (c->argc > 2 && !set_parse(c, 2, false, &o))
		return;
	it = kv_shard_find(c->shard, &k, KV_FOR_READ);
	if (!it) {
		kv_reply_null(c->reply);
		return;
	}
	if (o.time_arg && !kv_data_expiry(c, o.time_arg, o.options & KV_SET_TIMES, &expiry_ms))
		return;
	kv_shard_pin(c->shard, it);
	if (o.time_arg && expiry_ms <= c->now_ms)
		kv_shard_del(c->shard, &k);
	else if (o.time_arg || (o.options & KV_SET_PERSIST && kv_item_expiry_ms(it)))
		err = kv_shard_expire(c->shard, &k, expiry_ms);
	if (err)
		kv_data_refused(c, err);
	else
		kv_reply_item(c->reply, c->shard, it);
	kv_shard_unpin(c->shard, it);
}
