/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LZF. A byte below 32 is followed by one literal more than it says. Otherwise its upper three bits
 * are the length of a copy less two (7: the next byte is added), its lower five and the last byte
 * the distance less one. Any thread.
 */
#include "lib/wire/lzf.h"

#include <string.h>

#define LITERALS_MAX  32   /* of a run */
#define DISTANCE_MAX  8192 /* of a copy */
#define COPY_MIN      3
#define COPY_MAX      264
#define UNROLLED      16
#define COPY_LONG     7 /* in the upper bits: a byte of the length follows */
#define COPY_ROOM     4 /* bytes that must be left before a copy is written */
#define DISTANCE_BITS 5 /* of the first byte */

/* The place of the three bytes at @p in the table. */
static uint32_t slot_of(const uint8_t *p)
{
	uint32_t three = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

	return ((three >> 8) - three * 5) & (LZF_TABLE_ENTRIES - 1);
}

/* Notes that the next three bytes are here; where they were before, 0: nowhere. */
static uint32_t note(struct lzf_pack *p)
{
	uint32_t *slot = &p->table[slot_of(p->in + p->at)];
	uint32_t was = *slot;

	*slot = p->at;
	return was;
}

/* How many bytes at @from, at least three, come again here. 0: too far away, or others. */
static uint32_t match(const struct lzf_pack *p, uint32_t from)
{
	const uint8_t *a = p->in + from, *b = p->in + p->at;
	uint32_t max = p->in_len - p->at - 2, n = COPY_MIN; /* not the last two bytes, mostly */

	if (from == 0 || p->at - from > DISTANCE_MAX || memcmp(a, b, COPY_MIN) != 0)
		return 0;
	/* liblzf's loop looks at sixteen bytes at a time as long as there are more. */
	if (max > UNROLLED)
		max = MIN_OF(MAX_OF(max, (uint32_t)COPY_MIN + UNROLLED), (uint32_t)COPY_MAX);
	while (n < max && a[n] == b[n])
		n++;
	return n;
}

/* Begins a run of literals, whose head comes when it ends. */
static void run_begin(struct lzf_pack *p)
{
	p->literals = 0;
	p->made++;
}

static void run_end(struct lzf_pack *p)
{
	if (p->literals > 0)
		p->out[p->made - p->literals - 1] = (uint8_t)(p->literals - 1);
	else
		p->made--;
}

/* False: no room. */
static bool literal(struct lzf_pack *p)
{
	if (p->made >= p->out_len)
		return false;
	p->out[p->made++] = p->in[p->at++];
	if (++p->literals == LITERALS_MAX) {
		run_end(p);
		run_begin(p);
	}
	return true;
}

/* A copy of @n bytes at @from. False: no room. */
static bool copy(struct lzf_pack *p, uint32_t from, uint32_t n)
{
	uint32_t distance = p->at - from - 1, len = n - 2;

	if (p->made - !p->literals + COPY_ROOM >= p->out_len)
		return false;
	run_end(p);
	p->out[p->made++] =
		(uint8_t)(distance >> 8 | MIN_OF(len, (uint32_t)COPY_LONG) << DISTANCE_BITS);
	if (len >= COPY_LONG)
		p->out[p->made++] = (uint8_t)(len - COPY_LONG);
	p->out[p->made++] = (uint8_t)distance;
	run_begin(p);
	p->at += n;
	/* Of what was copied, the table learns the last two places. */
	if (p->at + 2 < p->in_len) {
		p->at -= 2;
		note(p);
		p->at++;
		note(p);
		p->at++;
	}
	return true;
}

/* What is left are literals. */
static enum lzf_result finish(struct lzf_pack *p)
{
	if (p->made + 3 > p->out_len)
		return LZF_FULL;
	while (p->at < p->in_len)
		literal(p);
	run_end(p);
	return LZF_DONE;
}

enum lzf_result lzf_pack_step(struct lzf_pack *p, uint32_t n)
{
	uint32_t end = p->in_len > 2 ? p->in_len - 2 : 0;
	uint32_t stop = end - p->at > n ? p->at + n : end;

	if (p->in_len == 0 || p->out_len == 0)
		return LZF_FULL;
	if (p->made == 0)
		run_begin(p);
	while (p->at < end) {
		uint32_t from, len;

		if (p->at >= stop)
			return LZF_MORE;
		from = note(p);
		len = match(p, from);
		if (!(len ? copy(p, from, len) : literal(p)))
			return LZF_FULL;
	}
	return finish(p);
}

void lzf_pack_clear(struct lzf_pack *p)
{
	if (p->at > LZF_TABLE_ENTRIES) {
		memset(p->table, 0, LZF_TABLE_ENTRIES * sizeof(*p->table));
		return;
	}
	for (uint32_t i = 0; i <= p->at && i + 2 < p->in_len; i++)
		p->table[slot_of(p->in + i)] = 0;
}

/* Copies @n bytes from @distance back, which may be among those that are copied. */
static void repeat(uint8_t *out, uint32_t distance, uint32_t n)
{
	const uint8_t *from = out - distance;

	if (distance >= n) {
		memcpy(out, from, n);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		out[i] = from[i];
}

/* One run or copy; false: it is none, or too long. */
static bool unpack_one(struct lzf_unpack *u)
{
	uint32_t head = u->in[u->at++], left = u->in_len - u->at, room = u->out_len - u->made;
	uint32_t n = head >> DISTANCE_BITS, distance;

	if (n == 0) {
		n = head + 1;
		if (n > left || n > room)
			return false;
		memcpy(u->out + u->made, u->in + u->at, n);
		u->at += n;
		u->made += n;
		return true;
	}
	if (left < 1u + (n == COPY_LONG))
		return false;
	if (n == COPY_LONG)
		n += u->in[u->at++];
	n += 2;
	distance = ((head & 31) << 8 | u->in[u->at++]) + 1;
	if (n > room || distance > u->made)
		return false;
	repeat(u->out + u->made, distance, n);
	u->made += n;
	return true;
}

enum lzf_result lzf_unpack_step(struct lzf_unpack *u, uint32_t n)
{
	uint32_t stop = u->out_len - u->made > n ? u->made + n : u->out_len;

	while (u->at < u->in_len) {
		if (u->made >= stop && u->made < u->out_len)
			return LZF_MORE;
		if (!unpack_one(u))
			return LZF_BAD;
	}
	return u->made == u->out_len ? LZF_DONE : LZF_BAD;
}
