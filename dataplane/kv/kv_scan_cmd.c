/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands on all keys of a database: KEYS, SCAN, RANDOMKEY, DBSIZE, FLUSHDB, FLUSHALL. KEYS and
 * SCAN gather their answer in pieces, so that nobody waits for a large database: what is created
 * or deleted meanwhile may or may not be in it. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_memory.h"
#include "lib/wire/number.h"

#include <errno.h>
#include <string.h>

#define GATHER_ITEMS_PER_PIECE  64
#define GATHER_CHUNKS_PER_PIECE 8 /* given back */
#define GATHER_CHUNK_BYTES      (16u << 10)
#define GATHER_BYTES            KV_RESERVE_PIECE_BYTES
#define SCAN_COUNT_DEFAULT      10
#define BULK_FRAME_MAX          16 /* '$', 10 digits, two line ends, rounded up */

/* Bulk strings that are ready to be sent. */
struct gather_chunk {
	struct gather_chunk *next;
	uint32_t len;
	uint32_t size;
	uint8_t bytes[];
};

/* What a KEYS or SCAN has found so far. The first chunk lies in it: most answers are short. */
struct gather {
	struct kv_call *call; /* of the piece */
	uint32_t pattern;     /* number of the argument, 0: everything matches */
	bool no_type;         /* TYPE names one that no key has */
	bool is_scan;
	bool no_memory;
	bool sending;
	struct kv_scan scan;
	uint64_t left; /* items still to visit, about */
	uint32_t n;    /* found */
	struct gather_chunk *last;
	struct gather_chunk first;
};

/* Room for @bytes more at the end; NULL: there is no memory. */
static uint8_t *gather_room(struct gather *g, uint32_t bytes)
{
	uint32_t size = MAX_OF(bytes, GATHER_CHUNK_BYTES - (uint32_t)sizeof(struct gather_chunk));
	struct gather_chunk *chunk = g->last;

	if (chunk->size - chunk->len < bytes) {
		chunk = kv_memory_alloc(g->call->w, sizeof(*chunk) + size);
		if (!chunk)
			return NULL;
		chunk->next = NULL;
		chunk->len = 0;
		chunk->size = size;
		g->last->next = chunk;
		g->last = chunk;
	}
	return chunk->bytes + chunk->len;
}

static void gather_key(struct gather *g, const uint8_t *key, uint32_t len)
{
	char text[NUMBER_INT_TEXT_MAX];
	uint32_t text_len = number_format_int(text, len);
	uint8_t *start = gather_room(g, len + BULK_FRAME_MAX);
	uint8_t *p = start;

	if (!start) {
		g->no_memory = true;
		return;
	}
	*p++ = '$';
	memcpy(p, text, text_len);
	p += text_len;
	*p++ = '\r';
	*p++ = '\n';
	memcpy(p, key, len);
	p += len;
	*p++ = '\r';
	*p++ = '\n';
	g->last->len += (uint32_t)(p - start);
	g->n++;
}

static void gather_item(void *ctx, const struct kv_item *it)
{
	struct gather *g = ctx;
	const uint8_t *key;
	uint32_t len;

	if (g->no_type || g->no_memory)
		return;
	key = kv_item_key(it, &len);
	if (!g->pattern || kv_glob_match(&g->call->argv[g->pattern], key, len, false))
		gather_key(g, key, len);
}

/* Gives back some chunks, and all the rest with the last; true: there are more. */
static bool gather_free_some(struct kv_call *c)
{
	struct gather *g = c->resume;

	for (unsigned i = 0; g->first.next && i < GATHER_CHUNKS_PER_PIECE; i++) {
		struct gather_chunk *chunk = g->first.next;

		g->first.next = chunk->next;
		kv_memory_free(c->w, chunk);
	}
	if (g->first.next)
		return true;
	kv_memory_free(c->w, g);
	c->resume = NULL;
	return false;
}

static void gather_end(struct kv_call *c)
{
	while (gather_free_some(c))
		;
}

static void gather_cancel(struct kv_call *c)
{
	c->unfinished = c->resume && gather_free_some(c);
}

/* A gathering of @c for argument @pattern (0: everything); NULL: no memory, and answered. */
static struct gather *gather_start(struct kv_call *c, uint32_t pattern)
{
	struct gather *g = kv_memory_alloc(c->w, GATHER_BYTES);

	if (!g) {
		kv_data_refused(c, -ENOMEM);
		return NULL;
	}
	*g = (struct gather){
		.call = c,
		.scan = {.db = c->db, .fn = gather_item, .ctx = g},
		.first.size = GATHER_BYTES - (uint32_t)offsetof(struct gather, first.bytes),
	};
	g->last = &g->first;
	if (pattern && !(c->argv[pattern].len == 1 && c->argv[pattern].bytes[0] == '*'))
		g->pattern = pattern;
	c->resume = g;
	return g;
}

/* The cursor to go on with: the high bits say on which worker. */
static uint64_t next_cursor(const struct kv_call *c, uint64_t cursor)
{
	uint64_t worker = c->w->id;

	if (!cursor && worker + 1 < c->w->n_workers)
		worker++;
	else if (!cursor)
		return 0;
	return worker << KV_CURSOR_BITS | cursor;
}

/* Starts the answer: what was gathered follows, a chunk per piece. */
static void gather_answer(struct kv_call *c, struct gather *g)
{
	char text[NUMBER_INT_TEXT_MAX];

	if (g->is_scan) {
		kv_reply_array(c->reply, 2);
		kv_reply_bulk(c->reply, text,
			number_format_int(text, (int64_t)next_cursor(c, g->scan.cursor)));
	}
	kv_reply_array(c->reply, g->n);
	g->sending = true;
}

/* A piece of visiting keys; then of answering. */
static void gather_go(struct kv_call *c)
{
	struct gather *g = c->resume;
	struct gather_chunk *chunk;

	g->call = c;
	if (!g->sending) {
		g->scan.count = (uint32_t)MIN_OF(g->left, (uint64_t)GATHER_ITEMS_PER_PIECE);
		kv_shard_scan(c->shard, &g->scan);
		g->left -= g->scan.count;
		if (g->no_memory) {
			kv_data_refused(c, -ENOMEM);
			gather_end(c);
			return;
		}
		if (g->scan.cursor && g->left) {
			c->unfinished = true;
			return;
		}
		gather_answer(c, g);
		kv_reply_raw(c->reply, g->first.bytes, g->first.len);
	} else {
		chunk = g->first.next;
		kv_reply_raw(c->reply, chunk->bytes, chunk->len);
		g->first.next = chunk->next;
		kv_memory_free(c->w, chunk);
	}
	c->unfinished = g->first.next;
	if (!c->unfinished)
		gather_end(c);
}

void kv_cmd_keys(struct kv_call *c)
{
	if (c->cancel) {
		gather_cancel(c);
		return;
	}
	if (!c->resume) {
		struct gather *g = gather_start(c, 1);

		if (!g)
			return;
		g->left = UINT64_MAX;
	}
	gather_go(c);
}

bool kv_scan_cursor(const struct resp_arg *a, uint64_t *cursor)
{
	uint32_t len = (uint32_t)strnlen((const char *)a->bytes, a->len);
	bool negative = false;
	uint32_t i = 0;

	/* As strtoul: a sign may come first, and nothing at all is 0. */
	*cursor = 0;
	if (!len)
		return true;
	if (a->bytes[0] == '-' || a->bytes[0] == '+')
		negative = a->bytes[i++] == '-';
	if (i == len)
		return false;
	for (; i < len; i++) {
		if (a->bytes[i] < '0' || a->bytes[i] > '9')
			return false;
		if (__builtin_mul_overflow(*cursor, 10, cursor) ||
			__builtin_add_overflow(*cursor, (uint64_t)a->bytes[i] - '0', cursor))
			return false;
	}
	if (negative)
		*cursor = 0 - *cursor;
	return true;
}

struct scan_options {
	int64_t count;
	uint32_t pattern; /* number of the argument, 0: none */
	bool no_type;
};

/* Reads SCAN's options; false: the reply says what is wrong. */
static bool scan_parse(struct kv_call *c, struct scan_options *o)
{
	for (uint32_t arg = 2; arg < c->argc; arg += 2) {
		bool has_value = arg + 1 < c->argc;

		if (has_value && kv_arg_is(c, arg, "count")) {
			if (!kv_data_int(c, arg + 1, &o->count))
				return false;
			has_value = o->count > 0;
		} else if (has_value && kv_arg_is(c, arg, "match")) {
			o->pattern = arg + 1;
		} else if (has_value && kv_arg_is(c, arg, "type")) {
			o->no_type = !kv_arg_is(c, arg + 1, "string");
		} else {
			has_value = false;
		}
		if (!has_value) {
			kv_reply_error(c->reply, KV_SYNTAX_ERROR);
			return false;
		}
	}
	return true;
}

void kv_cmd_scan(struct kv_call *c)
{
	struct scan_options o = {.count = SCAN_COUNT_DEFAULT};
	struct gather *g;
	uint64_t cursor;

	if (c->cancel) {
		gather_cancel(c);
		return;
	}
	if (c->resume) {
		gather_go(c);
		return;
	}
	if (!kv_scan_cursor(&c->argv[1], &cursor)) {
		kv_reply_error(c->reply, "ERR invalid cursor");
		return;
	}
	if (!scan_parse(c, &o))
		return;
	g = gather_start(c, o.pattern);
	if (!g)
		return;
	g->is_scan = true;
	g->no_type = o.no_type;
	g->left = (uint64_t)o.count;
	g->scan.cursor = cursor & ((1ull << KV_CURSOR_BITS) - 1);
	gather_go(c);
}

void kv_cmd_randomkey(struct kv_call *c)
{
	struct kv_item *it = kv_shard_random(c->shard, c->db);
	const uint8_t *key;
	uint32_t len;

	if (!it) {
		kv_reply_null(c->reply);
		return;
	}
	key = kv_item_key(it, &len);
	kv_reply_bulk(c->reply, key, len);
}

void kv_cmd_dbsize(struct kv_call *c)
{
	kv_reply_int(c->reply, (int64_t)kv_shard_size(c->shard, c->db));
}

/* Both ways are the same here: keys are gone at once, their memory comes back later. */
static void flush(struct kv_call *c, uint8_t db)
{
	if (c->argc > 2 ||
		(c->argc == 2 && !kv_arg_is(c, 1, "sync") && !kv_arg_is(c, 1, "async"))) {
		kv_reply_error(c->reply, KV_SYNTAX_ERROR);
		return;
	}
	kv_shard_flush(c->shard, db);
	kv_reply_ok(c->reply);
}

void kv_cmd_flushdb(struct kv_call *c)
{
	flush(c, c->db);
}

void kv_cmd_flushall(struct kv_call *c)
{
	flush(c, UINT8_MAX);
}
