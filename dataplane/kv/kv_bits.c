/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strings as arrays of bits, the first being the highest of the first byte: SETBIT, GETBIT,
 * BITCOUNT, BITPOS. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"

#include <string.h>

#define BITS_BYTES_PER_PIECE 32768 /* counted or searched at once */

/* The bit offset of argument @arg; false: it is none and the reply says so. */
static bool bit_offset(struct kv_call *c, uint32_t arg, uint64_t *offset)
{
	int64_t n;

	if (kv_parse_int(c->argv[arg].bytes, c->argv[arg].len, &n) && n >= 0 &&
		n >> 3 < kv_data_bytes_max(c)) {
		*offset = (uint64_t)n;
		return true;
	}
	kv_reply_error(c->reply, "ERR bit offset is not an integer or out of range");
	return false;
}

void kv_cmd_getbit(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 1);
	const uint8_t *value = NULL;
	struct kv_item *it;
	uint64_t offset;
	uint32_t len = 0;

	if (!bit_offset(c, 2, &offset))
		return;
	it = kv_shard_find(c->shard, &k, KV_FOR_READ);
	if (it)
		value = kv_item_value(it, &len);
	kv_reply_int(c->reply, offset / 8 < len ? value[offset / 8] >> (7 - offset % 8) & 1 : 0);
}

void kv_cmd_setbit(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 1);
	struct kv_patch p = {.len = 1};
	struct kv_item *it;
	uint64_t offset;
	uint8_t byte = 0;
	uint8_t mask;
	uint32_t len = 0;
	bool was;
	int64_t on;

	if (!bit_offset(c, 2, &offset))
		return;
	if (!kv_parse_int(c->argv[3].bytes, c->argv[3].len, &on) || on & ~1) {
		kv_reply_error(c->reply, "ERR bit is not an integer or out of range");
		return;
	}
	it = kv_shard_find(c->shard, &k, KV_FOR_WRITE);
	p.offset = (uint32_t)(offset / 8);
	mask = (uint8_t)(1 << (7 - offset % 8));
	if (it) {
		const uint8_t *value = kv_item_value(it, &len);

		byte = p.offset < len ? value[p.offset] : 0;
	}
	was = byte & mask;
	if (p.offset >= len || was != (bool)on) {
		int err;

		byte = on ? byte | mask : byte & ~mask;
		p.bytes = &byte;
		err = kv_shard_write(c->shard, &k, &p, &len);
		if (err) {
			kv_data_refused(c, err);
			return;
		}
	} else {
		/* Nothing changes for those who watch; Redis has made it a long string all the
		 * same. */
		it->form = KV_FORM_PATCHED;
	}
	kv_reply_int(c->reply, was);
}

/* A range of bits of a string; start > end: none. */
struct bit_range {
	int64_t start;
	int64_t end; /* inclusive */
	bool end_given;
};

/* Counts from the end and clamps to @total of the units that argument @unit says (0: bytes); false:
 * it says nothing known, and the reply says so. */
static bool range_resolve(struct kv_call *c, uint32_t unit, uint32_t len, struct bit_range *r)
{
	bool bits = unit && kv_arg_is(c, unit, "bit");
	int64_t total = bits ? (int64_t)len * 8 : len;

	if (unit && !bits && !kv_arg_is(c, unit, "byte")) {
		kv_reply_error(c->reply, KV_SYNTAX_ERROR);
		return false;
	}
	if (!r->end_given)
		r->end = total - 1;
	if (r->start < 0)
		r->start = MAX_OF(r->start + total, 0);
	if (r->end < 0 && r->end_given)
		r->end = MAX_OF(r->end + total, 0);
	r->end = MIN_OF(r->end, total - 1);
	if (!bits && r->start <= r->end) {
		r->start *= 8;
		r->end = r->end * 8 + 7;
	}
	return true;
}

/* The byte at @at of the range, those of its bits that are outside of it cleared. */
static uint8_t range_byte(const uint8_t *value, const struct bit_range *r, int64_t at)
{
	uint8_t byte = value[at];

	if (at == r->start / 8)
		byte &= (uint8_t)(0xff >> r->start % 8);
	if (at == r->end / 8)
		byte &= (uint8_t)(0xff << (7 - r->end % 8));
	return byte;
}

static uint64_t count_bits(const uint8_t *p, int64_t bytes)
{
	uint64_t count = 0;
	uint64_t word;
	int64_t i = 0;

	for (; i + 8 <= bytes; i += 8) {
		memcpy(&word, p + i, sizeof(word));
		count += (unsigned)__builtin_popcountll(word);
	}
	for (; i < bytes; i++)
		count += (unsigned)__builtin_popcount(p[i]);
	return count;
}

/* Bits of the byte at @at that are set but outside of the range. */
static uint64_t count_outside(const uint8_t *value, const struct bit_range *r, int64_t at)
{
	return (unsigned)__builtin_popcount(value[at] ^ range_byte(value, r, at));
}

/* Looks at the arguments of BITCOUNT from the third on; false: answered. */
static bool bitcount_range(struct kv_call *c, uint32_t len, struct bit_range *r)
{
	*r = (struct bit_range){.end = (int64_t)len * 8 - 1, .end_given = c->argc > 2};
	if (c->argc == 2)
		return true;
	if (c->argc != 4 && c->argc != 5) {
		kv_reply_error(c->reply, KV_SYNTAX_ERROR);
		return false;
	}
	if (!kv_data_int(c, 2, &r->start) || !kv_data_int(c, 3, &r->end))
		return false;
	if (r->start < 0 && r->end < 0 && r->start > r->end) {
		kv_reply_int(c->reply, 0);
		return false;
	}
	return range_resolve(c, c->argc == 5 ? 4 : 0, len, r);
}

/* The item of a piece: found and pinned in the first one. NULL: there is none. */
static struct kv_item *piece_item(struct kv_call *c)
{
	struct kv_key k;

	if (!c->resume) {
		k = kv_call_key(c, 1);
		c->resume = kv_shard_find(c->shard, &k, KV_FOR_READ);
		if (c->resume)
			kv_shard_pin(c->shard, c->resume);
	}
	return c->resume;
}

static void piece_end(struct kv_call *c)
{
	if (c->resume)
		kv_shard_unpin(c->shard, c->resume);
	c->resume = NULL;
}

void kv_cmd_bitcount(struct kv_call *c)
{
	struct kv_item *it = c->cancel ? NULL : piece_item(c);
	const uint8_t *value;
	struct bit_range r;
	uint32_t len;
	int64_t first;
	int64_t last;
	int64_t n;

	if (!it) {
		if (!c->cancel)
			kv_reply_int(c->reply, 0);
		piece_end(c);
		return;
	}
	value = kv_item_value(it, &len);
	if (!bitcount_range(c, len, &r)) {
		piece_end(c);
		return;
	}
	if (r.start > r.end) {
		kv_reply_int(c->reply, 0);
		piece_end(c);
		return;
	}
	first = r.start / 8;
	last = r.end / 8;
	n = MIN_OF(last + 1 - first - (int64_t)c->at, (int64_t)BITS_BYTES_PER_PIECE);
	c->sum += count_bits(value + first + c->at, n);
	c->at += (uint64_t)n;
	c->unfinished = first + (int64_t)c->at <= last;
	if (c->unfinished)
		return;
	c->sum -= count_outside(value, &r, first);
	if (first != last)
		c->sum -= count_outside(value, &r, last);
	kv_reply_int(c->reply, (int64_t)c->sum);
	piece_end(c);
}

/* Looks at the arguments of BITPOS from the fourth on; false: answered. */
static bool bitpos_range(struct kv_call *c, uint32_t len, struct bit_range *r)
{
	*r = (struct bit_range){.end_given = c->argc > 4};
	if (c->argc > 6) {
		kv_reply_error(c->reply, KV_SYNTAX_ERROR);
		return false;
	}
	if (c->argc > 3 && !kv_data_int(c, 3, &r->start))
		return false;
	if (c->argc == 6 && !kv_arg_is(c, 5, "bit") && !kv_arg_is(c, 5, "byte")) {
		kv_reply_error(c->reply, KV_SYNTAX_ERROR);
		return false;
	}
	if (c->argc > 4 && !kv_data_int(c, 4, &r->end))
		return false;
	return range_resolve(c, c->argc == 6 ? 5 : 0, len, r);
}

/* Searches a piece from byte c->at of the range on. The position, -1: it is not in the piece. */
static int64_t search_piece(
	struct kv_call *c, const uint8_t *value, const struct bit_range *r, bool bit)
{
	uint8_t skip = bit ? 0 : 0xff;
	int64_t last = r->end / 8;
	int64_t at = r->start / 8 + (int64_t)c->at;
	int64_t end = MIN_OF(at + BITS_BYTES_PER_PIECE, last + 1);

	for (; at < end; at++) {
		if (value[at] == skip)
			continue;
		for (int64_t pos = at * 8; pos < at * 8 + 8; pos++)
			if (pos >= r->start && pos <= r->end &&
				(value[at] >> (7 - pos % 8) & 1) == bit)
				return pos;
	}
	c->at = (uint64_t)(at - r->start / 8);
	c->unfinished = at <= last;
	return -1;
}

void kv_cmd_bitpos(struct kv_call *c)
{
	const uint8_t *value;
	struct bit_range r;
	struct kv_item *it;
	int64_t pos = -1;
	uint32_t len;
	int64_t bit;

	if (c->cancel) {
		piece_end(c);
		return;
	}
	if (!kv_data_int(c, 2, &bit))
		return;
	if (bit & ~1) {
		kv_reply_error(c->reply, "ERR The bit argument must be 1 or 0.");
		return;
	}
	it = piece_item(c);
	if (!it) {
		kv_reply_int(c->reply, bit ? -1 : 0);
		return;
	}
	value = kv_item_value(it, &len);
	if (!bitpos_range(c, len, &r)) {
		piece_end(c);
		return;
	}
	if (r.start <= r.end) {
		pos = search_piece(c, value, &r, bit);
		if (c->unfinished)
			return;
		/* Behind the string are zeros, unless the end of the range was given. */
		if (pos < 0 && !bit && !r.end_given)
			pos = r.end + 1;
	}
	kv_reply_int(c->reply, pos);
	piece_end(c);
}
