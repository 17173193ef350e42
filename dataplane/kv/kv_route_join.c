/* SPDX-License-Identifier: BSD-3-Clause */
/* Joining what several owners answered to their shares of one command. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_slowlog.h"
#include "lib/wire/number.h"

/* How the replies to shares become one. */
enum join {
	JOIN_FIRST, /* all say the same: the first */
	JOIN_SUM,   /* integers */
	JOIN_KEYS,  /* arrays of one element per key, in the order of the keys */
	JOIN_LISTS, /* arrays, one behind the other */
	JOIN_ANY,   /* one of those that are not null */
	JOIN_TEXT,  /* texts, one behind the other */
	JOIN_SLOW,  /* SLOWLOG GET: arrays of entries, the newest first */
	JOIN_KILL,  /* CLIENT KILL: integers, of which its old form makes words */
};

static enum join join_of(const struct kv_command *command)
{
	static const struct {
		void (*fn)(struct kv_call *c);
		enum join join;
	} rows[] = {
		{kv_cmd_del, JOIN_SUM},
		{kv_cmd_exists, JOIN_SUM},
		{kv_cmd_touch, JOIN_SUM},
		{kv_cmd_dbsize, JOIN_SUM},
		{kv_cmd_mget, JOIN_KEYS},
		{kv_cmd_keys, JOIN_LISTS},
		{kv_cmd_job_list, JOIN_LISTS},
		{kv_cmd_randomkey, JOIN_ANY},
		{kv_cmd_client_list, JOIN_TEXT},
		{kv_cmd_client_kill, JOIN_KILL},
		{kv_cmd_cluster_countkeysinslot, JOIN_SUM},
		{kv_cmd_cluster_getkeysinslot, JOIN_LISTS},
		{kv_cmd_latency_history, JOIN_LISTS},
		{kv_cmd_latency_latest, JOIN_LISTS},
		{kv_cmd_latency_reset, JOIN_SUM},
		{kv_cmd_slowlog_get, JOIN_SLOW},
		{kv_cmd_slowlog_len, JOIN_SUM},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].fn == command->fn)
			return rows[i].join;
	return JOIN_FIRST;
}

/* The number behind the type at *@p, which moves behind its line. */
static int64_t take_number(const uint8_t **p)
{
	const uint8_t *end = rawmemchr(*p, '\r');
	int64_t n = 0;

	kv_parse_int(*p + 1, (uint32_t)(end - *p) - 1, &n);
	*p = end + 2;
	return n;
}

/* The bulk string or null at *@p, which moves behind it. */
static struct resp_arg take_bulk(const uint8_t **p)
{
	const uint8_t *start = *p;
	int64_t len = *start == '_' ? -1 : 0;

	if (*start == '_')
		*p += 3;
	else
		len = take_number(p);
	if (len >= 0)
		*p += len + 2;
	return (struct resp_arg){.bytes = start, .len = (uint32_t)(*p - start)};
}

static bool answered(const struct kv_op *op, uint32_t i)
{
	return op->parts[i].call.argc > 0;
}

/* The first answer that is an error; NULL: none is. */
static const struct kv_part *first_error(const struct kv_op *op)
{
	uint32_t len;

	for (uint32_t i = 0; i < op->n_parts; i++)
		if (answered(op, i) && kv_part_bytes(&op->parts[i], &len)[0] == '-')
			return &op->parts[i];
	return NULL;
}

static int64_t sum_of(struct kv_op *op)
{
	int64_t sum = 0;
	uint32_t len;

	for (uint32_t i = 0; i < op->n_parts; i++) {
		const uint8_t *p = kv_part_bytes(&op->parts[i], &len);

		if (answered(op, i))
			sum += take_number(&p);
	}
	return sum;
}

/* The bytes of the text that part @i was answered, and how many. */
static const uint8_t *text_of(const struct kv_op *op, uint32_t i, uint32_t *n)
{
	const uint8_t *p = kv_part_bytes(&op->parts[i], n);
	uint32_t kind = *p == '=' ? 4 : 0; /* "txt:" */

	*n = (uint32_t)take_number(&p) - kind;
	return p + kind;
}

static void join_text(struct kv_op *op, struct kv_reply *r)
{
	char head[NUMBER_INT_TEXT_MAX + 8];
	uint32_t kind = kv_reply_version(r) == 3 ? 4 : 0, sum = 0, n;

	for (uint32_t i = 0; i < op->n_parts; i++) {
		text_of(op, i, &n);
		sum += n;
	}
	head[0] = kind ? '=' : '$';
	n = 1 + number_format_int(head + 1, sum + kind);
	memcpy(head + n, "\r\ntxt:", 6);
	kv_reply_raw(r, head, n + 2 + kind);
	for (uint32_t i = 0; i < op->n_parts; i++) {
		const uint8_t *p = text_of(op, i, &n);

		kv_reply_raw(r, p, n);
	}
	kv_reply_raw(r, "\r\n", 2);
}

static void join_keys(struct worker *w, struct kv_op *op, struct kv_reply *r)
{
	const uint8_t *at[WORKERS_MAX];
	uint32_t len, first = (uint32_t)op->command->first_key;

	for (uint32_t i = 0; i < op->n_parts; i++) {
		at[op->parts[i].owner] = kv_part_bytes(&op->parts[i], &len);
		if (answered(op, i))
			take_number(&at[op->parts[i].owner]);
	}
	kv_reply_array(r, op->argc - first);
	for (uint32_t i = first; i < op->argc; i++) {
		struct resp_arg a = take_bulk(&at[kv_route_owner(w, &op->argv[i])]);

		kv_reply_raw(r, a.bytes, a.len);
	}
}

static void join_lists(struct kv_op *op, struct kv_reply *r)
{
	uint64_t n = 0;
	uint32_t len;

	for (uint32_t i = 0; i < op->n_parts; i++) {
		const uint8_t *p = kv_part_bytes(&op->parts[i], &len);

		n += (uint64_t)take_number(&p);
	}
	kv_reply_array(r, (uint32_t)n);
	for (uint32_t i = 0; i < op->n_parts; i++) {
		const uint8_t *start = kv_part_bytes(&op->parts[i], &len), *p = start;

		take_number(&p);
		if (op->chained)
			op->parts[i].skip = (uint32_t)(p - start);
		else
			kv_reply_raw(r, p, len - (uint32_t)(p - start));
	}
}

/* An entry of the slow log, as one worker answered it. */
struct slow_entry {
	const uint8_t *bytes; /* NULL: there is none */
	const uint8_t *end;
	uint32_t left; /* behind it */
	int64_t id;
	int64_t time_s;
};

/* The next one of the answer. */
static void slow_next(struct slow_entry *e)
{
	const uint8_t *p = e->end;

	e->bytes = e->left > 0 ? p : NULL;
	if (e->left == 0)
		return;
	e->left--;
	take_number(&p);
	e->id = take_number(&p);
	e->time_s = take_number(&p);
	take_number(&p);
	for (int64_t n = take_number(&p) + 2; n > 0; n--)
		take_bulk(&p);
	e->end = p;
}

static bool is_newer(const struct slow_entry *a, const struct slow_entry *b)
{
	return a->time_s > b->time_s || (a->time_s == b->time_s && a->id > b->id);
}

/* The newest entries of all. */
static void join_slow(struct kv_op *op, struct kv_reply *r)
{
	struct slow_entry at[WORKERS_MAX];
	int64_t count = KV_SLOWLOG_COUNT;
	uint64_t n = 0;
	uint32_t len;

	for (uint32_t i = 0; i < op->n_parts; i++) {
		at[i].end = kv_part_bytes(&op->parts[i], &len);
		at[i].left = (uint32_t)take_number(&at[i].end);
		n += at[i].left;
		slow_next(&at[i]);
	}
	if (op->argc > 2)
		kv_parse_int(op->argv[2].bytes, op->argv[2].len, &count);
	n = count < 0 ? n : MIN_OF(n, (uint64_t)count);
	kv_reply_array(r, (uint32_t)n);
	for (; n > 0; n--) {
		struct slow_entry *newest = &at[0];

		for (uint32_t i = 1; i < op->n_parts; i++)
			if (at[i].bytes && (!newest->bytes || is_newer(&at[i], newest)))
				newest = &at[i];
		kv_reply_raw(r, newest->bytes, (uint32_t)(newest->end - newest->bytes));
		slow_next(newest);
	}
}

/* One of the shares that have something, each with the same chance. */
static void join_any(struct worker *w, struct kv_op *op, struct kv_reply *r)
{
	uint32_t chosen = 0, n = 0, len;
	const uint8_t *p;

	for (uint32_t i = 0; i < op->n_parts; i++) {
		p = kv_part_bytes(&op->parts[i], &len);
		if (p[0] != '_' && !(p[0] == '$' && p[1] == '-') && worker_random(w) % ++n == 0)
			chosen = i;
	}
	p = kv_part_bytes(&op->parts[chosen], &len);
	kv_reply_raw(r, p, len);
}

static void join_first(const struct kv_part *part, struct kv_reply *r)
{
	uint32_t len;
	const uint8_t *p = kv_part_bytes(part, &len);

	kv_reply_raw(r, p, len);
}

void kv_join(struct worker *w, struct kv_op *op)
{
	struct kv_reply *r = kv_route_result(w, op);
	const struct kv_part *first = first_error(op);
	uint32_t i = 0;

	if (op->spoilt)
		return;
	if (first) {
		op->chained = false;
		join_first(first, r);
		kv_reply_flush(r);
		return;
	}
	switch (join_of(op->command)) {
	case JOIN_FIRST:
		while (!answered(op, i))
			i++;
		join_first(&op->parts[i], r);
		break;
	case JOIN_SUM:
		kv_reply_int(r, sum_of(op));
		break;
	case JOIN_KEYS:
		join_keys(w, op, r);
		break;
	case JOIN_LISTS:
		join_lists(op, r);
		break;
	case JOIN_ANY:
		join_any(w, op, r);
		break;
	case JOIN_SLOW:
		join_slow(op, r);
		break;
	case JOIN_TEXT:
		join_text(op, r);
		break;
	case JOIN_KILL:
		kv_client_kill_answer(r, op->argc, sum_of(op));
		break;
	}
	kv_reply_flush(r);
}
