/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys whatever their type: deleting, counting, renaming, copying. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"

#include <string.h>

#define KV_KEYS_PER_PIECE 1024 /* a command on more keys is cut */

/* Calls @fn for the keys of the next piece and answers how many of all it counted. */
static void count_keys(
	struct kv_call *c, uint32_t (*fn)(struct kv_shard *s, const struct kv_call_keys *some))
{
	struct kv_call_keys some;
	uint64_t end;

	if (c->cancel)
		return;
	if (!c->at)
		c->at = 1;
	end = MIN_OF(c->at + KV_KEYS_PER_PIECE, (uint64_t)c->argc);
	for (; c->at < end; c->at += some.n) {
		kv_call_keys(c, (uint32_t)c->at, (uint32_t)end, &some);
		c->sum += fn(c->shard, &some);
	}
	c->unfinished = end < c->argc;
	if (!c->unfinished)
		kv_reply_int(c->reply, (int64_t)c->sum);
}

/* One that has expired does not count as deleted. */
static uint32_t del_some(struct kv_shard *s, const struct kv_call_keys *some)
{
	uint32_t n = 0;

	kv_shard_fetch(s, some->all, some->n);
	for (uint32_t i = 0; i < some->n; i++)
		n += kv_shard_find(s, some->all[i], 0) && kv_shard_del(s, some->all[i]);
	return n;
}

static uint32_t exist_some(struct kv_shard *s, const struct kv_call_keys *some)
{
	return kv_shard_count(s, some->all, some->n, KV_LOOK_READ);
}

static uint32_t touch_some(struct kv_shard *s, const struct kv_call_keys *some)
{
	return kv_shard_count(s, some->all, some->n, KV_FOR_READ);
}

void kv_cmd_del(struct kv_call *c)
{
	count_keys(c, del_some);
}

void kv_cmd_exists(struct kv_call *c)
{
	count_keys(c, exist_some);
}

void kv_cmd_touch(struct kv_call *c)
{
	count_keys(c, touch_some);
}

static bool same_key(const struct kv_key *a, const struct kv_key *b)
{
	return a->db == b->db && a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

/* Makes @from the item of @to instead; false: refused and answered. */
static bool rename_item(
	struct kv_call *c, struct kv_item *it, const struct kv_key *from, const struct kv_key *to)
{
	bool done;

	kv_shard_begin(c->shard);
	done = kv_data_copy(c, it, to, kv_item_form(it));
	if (done)
		kv_shard_del(c->shard, from);
	kv_shard_end(c->shard);
	return done;
}

void kv_cmd_rename(struct kv_call *c)
{
	struct kv_key from = kv_call_key(c, 1);
	struct kv_key to = kv_call_key(c, 2);
	struct kv_item *it = kv_shard_find(c->shard, &from, KV_FOR_WRITE);

	if (!it)
		kv_reply_error(c->reply, "ERR no such key");
	else if (same_key(&from, &to) || rename_item(c, it, &from, &to))
		kv_reply_ok(c->reply);
}

void kv_cmd_renamenx(struct kv_call *c)
{
	struct kv_key from = kv_call_key(c, 1);
	struct kv_key to = kv_call_key(c, 2);
	struct kv_item *it = kv_shard_find(c->shard, &from, KV_FOR_WRITE);

	if (!it)
		kv_reply_error(c->reply, "ERR no such key");
	else if (kv_shard_find(c->shard, &to, KV_FOR_WRITE))
		kv_reply_int(c->reply, 0);
	else if (rename_item(c, it, &from, &to))
		kv_reply_int(c->reply, 1);
}

void kv_cmd_move(struct kv_call *c)
{
	struct kv_key from = kv_call_key(c, 1);
	struct kv_key to = from;
	struct kv_item *it;

	if (!kv_data_db(c, 2, &to.db))
		return;
	if (to.db == from.db) {
		kv_reply_error(c->reply, "ERR source and destination objects are the same");
		return;
	}
	it = kv_shard_find(c->shard, &from, KV_FOR_WRITE);
	if (!it || kv_shard_find(c->shard, &to, KV_FOR_WRITE))
		kv_reply_int(c->reply, 0);
	else if (rename_item(c, it, &from, &to))
		kv_reply_int(c->reply, 1);
}

/* Argument @arg as the number of a database that SWAPDB takes; false: refused and answered. */
static bool swap_index(struct kv_call *c, uint32_t arg, int32_t *db)
{
	int64_t n;

	if (kv_parse_int(c->argv[arg].bytes, c->argv[arg].len, &n) && n >= INT32_MIN &&
		n <= INT32_MAX) {
		*db = (int32_t)n;
		return true;
	}
	kv_reply_error(c->reply, "ERR invalid %s DB index", arg == 1 ? "first" : "second");
	return false;
}

void kv_cmd_swapdb(struct kv_call *c)
{
	int32_t one, two;

	if (!swap_index(c, 1, &one) || !swap_index(c, 2, &two))
		return;
	if (one < 0 || one >= KV_DATABASES || two < 0 || two >= KV_DATABASES) {
		kv_reply_error(c->reply, "ERR DB index is out of range");
		return;
	}
	kv_shard_swap(c->shard, (uint8_t)one, (uint8_t)two);
	kv_reply_ok(c->reply);
}

/* Reads COPY's options; false: the reply says what is wrong. */
static bool copy_parse(struct kv_call *c, uint8_t *db, bool *replace)
{
	for (uint32_t arg = 3; arg < c->argc; arg++) {
		if (kv_arg_is(c, arg, "replace")) {
			*replace = true;
		} else if (kv_arg_is(c, arg, "db") && arg + 1 < c->argc) {
			if (!kv_data_db(c, ++arg, db))
				return false;
		} else {
			kv_reply_error(c->reply, KV_SYNTAX_ERROR);
			return false;
		}
	}
	return true;
}

void kv_cmd_copy(struct kv_call *c)
{
	struct kv_key from = kv_call_key(c, 1);
	struct kv_key to = kv_call_key(c, 2);
	bool replace = false;
	struct kv_item *it;
	enum kv_form form;

	if (!copy_parse(c, &to.db, &replace))
		return;
	if (same_key(&from, &to)) {
		kv_reply_error(c->reply, "ERR source and destination objects are the same");
		return;
	}
	it = kv_shard_find(c->shard, &from, KV_FOR_READ);
	if (!it || (!replace && kv_shard_find(c->shard, &to, KV_FOR_WRITE))) {
		kv_reply_int(c->reply, 0);
		return;
	}
	form = kv_item_form(it) == KV_FORM_PLAIN ? KV_FORM_UNSHARED : kv_item_form(it);
	if (kv_data_copy(c, it, &to, form))
		kv_reply_int(c->reply, 1);
}

/* There are no replicas yet: none has acknowledged anything, waiting for one ends by the clock. */
void kv_cmd_wait(struct kv_call *c)
{
	int64_t timeout_ms;
	int64_t replicas;

	if (c->cancel)
		return;
	if (!kv_data_int(c, 1, &replicas))
		return;
	if (!kv_parse_int(c->argv[2].bytes, c->argv[2].len, &timeout_ms)) {
		kv_reply_error(c->reply, "ERR timeout is not an integer or out of range");
		return;
	}
	if (timeout_ms < 0) {
		kv_reply_error(c->reply, "ERR timeout is negative");
		return;
	}
	if (!c->at)
		c->at = timeout_ms && timeout_ms < INT64_MAX - (int64_t)c->now_ms
				? c->now_ms + (uint64_t)timeout_ms
				: UINT64_MAX;
	c->unfinished = replicas > 0 && !c->atomic && c->now_ms < c->at;
	c->wake_ms = c->at;
	if (!c->unfinished)
		kv_reply_int(c->reply, 0);
}
