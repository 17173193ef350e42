/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LCS: the longest common subsequence of two strings by the usual table of lengths, in pieces. Only
 * two rows of lengths are kept, and a bit per cell for the way back: a 32nd of what Redis takes,
 * but its limit on the table is the same. The choice among equal subsequences is Redis's. Thread:
 * worker.
 */
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_memory.h"

#include <errno.h>
#include <string.h>

#define LCS_CELLS_PER_PIECE 2048
#define LCS_STEPS_PER_PIECE 4096

struct lcs_options {
	int64_t min_match_len;
	bool len;
	bool idx;
	bool with_match_len;
};

/* Common bytes one after the other: @n of them, from the two places on. */
struct lcs_match {
	uint32_t a;
	uint32_t b;
	uint32_t n;
};

/*
 * The table has a row per byte of the longer string, so that rows are short. A cell's bit says that
 * the way back goes one byte back in `a` (else in `b`), where the bytes differ.
 */
struct lcs {
	struct kv_item *items[2]; /* pinned, NULL: the empty string */
	const uint8_t *a;
	const uint8_t *b;
	uint32_t a_len;
	uint32_t b_len;
	struct lcs_options options;
	bool a_is_row; /* rows go along b, columns along a */
	uint32_t rows;
	uint32_t columns;
	uint32_t row; /* next to compute, from 1 */
	uint32_t column;
	uint32_t *above; /* [columns + 1] lengths */
	uint32_t *current;
	uint8_t *bits;             /* [rows * columns / 8], NULL: only the length is asked */
	struct lcs_match *matches; /* [columns] at most, from the last on */
	uint8_t *text;             /* [columns] */
	uint32_t n_matches;
	uint32_t length;
	uint32_t text_at; /* bytes of text still to be found */
	uint32_t i;       /* where the way back is */
	uint32_t j;
};

/* Reads the options; false: the reply says what is wrong. */
static bool lcs_parse(struct kv_call *c, struct lcs_options *o)
{
	for (uint32_t arg = 3; arg < c->argc; arg++) {
		if (kv_arg_is(c, arg, "idx")) {
			o->idx = true;
		} else if (kv_arg_is(c, arg, "len")) {
			o->len = true;
		} else if (kv_arg_is(c, arg, "withmatchlen")) {
			o->with_match_len = true;
		} else if (kv_arg_is(c, arg, "minmatchlen") && arg + 1 < c->argc) {
			if (!kv_data_int(c, ++arg, &o->min_match_len))
				return false;
		} else {
			kv_reply_error(c->reply, KV_SYNTAX_ERROR);
			return false;
		}
	}
	if (o->len && o->idx) {
		kv_reply_error(c->reply, "ERR If you want both the length and indexes, please "
					 "just use IDX.");
		return false;
	}
	return true;
}

/* Lays @l's arrays behind it and returns the bytes of all; with @l NULL only counts them. */
static uint64_t lcs_layout(struct lcs *l, const struct lcs *sizes)
{
	uint64_t row_bytes = ((uint64_t)sizes->columns + 1) * sizeof(uint32_t);
	uint64_t match_bytes = (uint64_t)sizes->columns * sizeof(struct lcs_match);
	uint64_t bits_bytes = ((uint64_t)sizes->rows * sizes->columns + 7) / 8;

	if (sizes->options.len)
		match_bytes = bits_bytes = 0;
	if (l) {
		uint8_t *p = (uint8_t *)(l + 1);

		l->above = (uint32_t *)p;
		l->current = (uint32_t *)(p + row_bytes);
		l->matches = (struct lcs_match *)(p + 2 * row_bytes);
		l->text = p + 2 * row_bytes + match_bytes;
		l->bits = sizes->options.len ? NULL : l->text + sizes->columns;
		memset(l->above, 0, 2 * row_bytes);
	}
	return sizeof(*l) + 2 * row_bytes + match_bytes + sizes->columns + bits_bytes;
}

/* Starts on the items of keys 1 and 2; NULL: refused and answered. */
static struct lcs *lcs_start(struct kv_call *c)
{
	struct lcs sizes = {.a = (const uint8_t *)"", .b = (const uint8_t *)""};
	struct lcs *l;

	for (uint32_t i = 0; i < 2; i++) {
		struct kv_key k = kv_call_key(c, 1 + i);

		sizes.items[i] = kv_shard_find(c->shard, &k, KV_FOR_READ);
	}
	if (sizes.items[0])
		sizes.a = kv_item_value(sizes.items[0], &sizes.a_len);
	if (sizes.items[1])
		sizes.b = kv_item_value(sizes.items[1], &sizes.b_len);
	if (!lcs_parse(c, &sizes.options))
		return NULL;
	sizes.a_is_row = sizes.a_len >= sizes.b_len;
	sizes.rows = sizes.a_is_row ? sizes.a_len : sizes.b_len;
	sizes.columns = sizes.a_is_row ? sizes.b_len : sizes.a_len;
	if (((uint64_t)sizes.rows + 1) * (sizes.columns + 1) * sizeof(uint32_t) >
		KV_VALUE_BYTES_MAX) {
		kv_reply_error(c->reply, "ERR Insufficient memory, transient memory for LCS "
					 "exceeds proto-max-bulk-len");
		return NULL;
	}
	l = kv_memory_alloc(c->w, lcs_layout(NULL, &sizes));
	if (!l) {
		kv_reply_error(c->reply, "ERR Insufficient memory, failed allocating transient "
					 "memory for LCS");
		return NULL;
	}
	*l = sizes;
	lcs_layout(l, &sizes);
	l->row = l->column = 1;
	for (uint32_t i = 0; i < 2; i++)
		if (l->items[i])
			kv_shard_pin(c->shard, l->items[i]);
	c->resume = l;
	return l;
}

static void lcs_end(struct kv_call *c)
{
	struct lcs *l = c->resume;

	if (!l)
		return;
	for (uint32_t i = 0; i < 2; i++)
		if (l->items[i])
			kv_shard_unpin(c->shard, l->items[i]);
	kv_memory_free(c->w, l);
	c->resume = NULL;
}

/* Remembers whether the way back from cell number @at goes back in `a`. */
static void lcs_bit_set(struct lcs *l, uint64_t at, bool back_in_a)
{
	if (!l->bits)
		return;
	if (at % 8 == 0)
		l->bits[at / 8] = 0;
	l->bits[at / 8] |= (uint8_t)(back_in_a << at % 8);
}

/* Computes up to @cells more of the row; only in its columns. */
static void lcs_row_part(struct lcs *l, uint32_t cells)
{
	const uint8_t *along = l->a_is_row ? l->b : l->a;
	uint8_t byte = (l->a_is_row ? l->a : l->b)[l->row - 1];
	uint64_t at = (uint64_t)(l->row - 1) * l->columns;
	uint32_t end = MIN_OF(l->column + cells, l->columns + 1);

	for (uint32_t col = l->column; col < end; col++) {
		uint32_t up = l->above[col];
		uint32_t left = l->current[col - 1];

		l->current[col] = byte == along[col - 1] ? l->above[col - 1] + 1 : MAX_OF(up, left);
		lcs_bit_set(l, at + col - 1, l->a_is_row ? up > left : left > up);
	}
	l->column = end;
}

/* A piece of the table; false: it is complete. */
static bool lcs_table(struct lcs *l)
{
	uint32_t cells = 0;

	if (!l->columns)
		l->row = l->rows + 1;
	while (l->row <= l->rows && cells < LCS_CELLS_PER_PIECE) {
		uint32_t from = l->column;

		lcs_row_part(l, LCS_CELLS_PER_PIECE - cells);
		cells += l->column - from;
		if (l->column > l->columns) {
			uint32_t *row = l->above;

			l->above = l->current;
			l->current = row;
			l->column = 1;
			l->row++;
		}
	}
	return l->row <= l->rows;
}

/* Where rows and columns end the length is known, and the way back starts. */
static void lcs_turn(struct lcs *l)
{
	l->length = l->above[l->columns];
	l->text_at = l->length;
	l->i = l->a_len;
	l->j = l->b_len;
	l->row = UINT32_MAX;
	if (l->options.len)
		l->i = 0;
	else if (l->columns)
		l->matches[0].n = 0;
}

/* The match that is being followed back ends: kept if it is long enough. */
static void lcs_match_end(struct lcs *l)
{
	if (l->n_matches == l->columns)
		return;
	if (l->matches[l->n_matches].n && l->matches[l->n_matches].n >= l->options.min_match_len)
		l->n_matches++;
	if (l->n_matches < l->columns)
		l->matches[l->n_matches].n = 0;
}

/* A piece of the way back; false: it is complete. */
static bool lcs_back(struct lcs *l)
{
	for (uint32_t n = 0; n < LCS_STEPS_PER_PIECE && l->i && l->j; n++) {
		uint32_t row = l->a_is_row ? l->i : l->j;
		uint32_t column = l->a_is_row ? l->j : l->i;
		uint64_t at = (uint64_t)(row - 1) * l->columns + column - 1;

		if (l->a[l->i - 1] == l->b[l->j - 1]) {
			struct lcs_match *m = &l->matches[l->n_matches];

			m->a = --l->i;
			m->b = --l->j;
			m->n++;
			l->text[--l->text_at] = l->a[m->a];
			if (!m->a || !m->b)
				lcs_match_end(l);
			continue;
		}
		lcs_match_end(l);
		if (l->bits[at / 8] >> at % 8 & 1)
			l->i--;
		else
			l->j--;
	}
	return l->i && l->j;
}

static void lcs_reply_matches(struct kv_call *c, const struct lcs *l)
{
	kv_reply_map(c->reply, 2);
	kv_reply_text(c->reply, "matches");
	kv_reply_array(c->reply, l->n_matches);
	for (uint32_t i = 0; i < l->n_matches; i++) {
		const struct lcs_match *m = &l->matches[i];

		kv_reply_array(c->reply, l->options.with_match_len ? 3 : 2);
		kv_reply_array(c->reply, 2);
		kv_reply_int(c->reply, m->a);
		kv_reply_int(c->reply, (int64_t)m->a + m->n - 1);
		kv_reply_array(c->reply, 2);
		kv_reply_int(c->reply, m->b);
		kv_reply_int(c->reply, (int64_t)m->b + m->n - 1);
		if (l->options.with_match_len)
			kv_reply_int(c->reply, m->n);
	}
	kv_reply_text(c->reply, "len");
	kv_reply_int(c->reply, l->length);
}

void kv_cmd_lcs(struct kv_call *c)
{
	struct lcs *l = c->resume;

	if (c->cancel) {
		lcs_end(c);
		return;
	}
	if (!l) {
		l = lcs_start(c);
		if (!l)
			return;
	}
	if (l->row != UINT32_MAX) {
		c->unfinished = lcs_table(l);
		if (c->unfinished)
			return;
		lcs_turn(l);
	}
	c->unfinished = lcs_back(l);
	if (c->unfinished)
		return;
	if (l->options.idx)
		lcs_reply_matches(c, l);
	else if (l->options.len)
		kv_reply_int(c->reply, l->length);
	else
		kv_reply_bulk(c->reply, l->text, l->length);
	lcs_end(c);
}
