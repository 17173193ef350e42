/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP options against a plain reader that knows no short cut; and what was read is written and read
 * again. The input is the options as on the wire, in a buffer of exactly their size.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/tcp/tcp_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Lengths of the options of RFC 9293, 7323 and 2018 that are fixed; 0: none of them. */
static unsigned fixed_bytes(uint8_t kind)
{
	static const uint8_t bytes[] = {[2] = 4, [3] = 3, [4] = 2, [8] = 10};

	return kind < ARRAY_SIZE(bytes) ? bytes[kind] : 0;
}

static void plain_one(const uint8_t *p, unsigned len, struct tcp_options *o)
{
	if (p[0] == 2) {
		o->mss_bytes = (uint16_t)(p[2] * 256 + p[3]);
		o->has_mss = o->mss_bytes > 0;
	} else if (p[0] == 3) {
		o->has_wscale = true;
		o->wscale = p[2] > 14 ? 14 : p[2];
	} else if (p[0] == 4) {
		o->sack_permitted = true;
	} else if (p[0] == 8) {
		o->has_ts = true;
		o->ts_val = be32(p + 2);
		o->ts_ecr = be32(p + 6);
	} else if (p[0] == 5) {
		for (unsigned i = 0; i < (len - 2) / 8 && o->n_sacks < 4; i++)
			o->sacks[o->n_sacks++] =
				(struct tcp_range){be32(p + 2 + 8 * i), be32(p + 6 + 8 * i)};
	}
}

static bool plain_read(const uint8_t *p, unsigned bytes, struct tcp_options *o)
{
	unsigned at = 0;

	memset(o, 0, sizeof(*o));
	for (; at < bytes; at++) {
		unsigned len;

		if (p[at] == 0)
			return true;
		if (p[at] == 1)
			continue;
		if (at + 1 == bytes)
			return false;
		len = p[at + 1];
		if (len < 2 || at + len > bytes)
			return false;
		if (fixed_bytes(p[at]) != 0 && len != fixed_bytes(p[at]))
			return false;
		if (p[at] == 5 && (len < 10 || len % 8 != 2))
			return false;
		plain_one(p + at, len, o);
		at += len - 1;
	}
	return true;
}

static void compare(const struct tcp_options *a, const struct tcp_options *b)
{
	BRAID_ASSERT(a->has_mss == b->has_mss && a->mss_bytes == b->mss_bytes);
	BRAID_ASSERT(a->has_wscale == b->has_wscale && a->wscale == b->wscale);
	BRAID_ASSERT(a->has_ts == b->has_ts && a->ts_val == b->ts_val && a->ts_ecr == b->ts_ecr);
	BRAID_ASSERT(a->sack_permitted == b->sack_permitted && a->n_sacks == b->n_sacks);
	BRAID_ASSERT(memcmp(a->sacks, b->sacks, a->n_sacks * sizeof(a->sacks[0])) == 0);
}

/* What is written is read as it was, but for the blocks that found no room. */
static void write_and_read(const struct tcp_options *o)
{
	uint8_t *p = malloc(TCP_OPTIONS_BYTES_MAX), *exact;
	struct tcp_options again, want = *o;
	uint32_t used = o->has_mss * 4u + o->has_wscale * 4u;
	uint32_t bytes;

	BRAID_ASSERT(p);
	used += o->has_ts ? 12 : o->sack_permitted * 4u;
	if (want.n_sacks > 0)
		want.n_sacks = (uint8_t)MIN_OF((uint32_t)o->n_sacks, (36 - used) / 8);
	bytes = tcp_options_write(p, o);
	BRAID_ASSERT(bytes <= TCP_OPTIONS_BYTES_MAX && bytes % 4 == 0);
	BRAID_ASSERT(bytes == used + (want.n_sacks ? 4 + want.n_sacks * 8u : 0));
	exact = malloc(bytes);
	BRAID_ASSERT(exact || bytes == 0);
	memcpy(exact, p, bytes);
	BRAID_ASSERT(tcp_options_read(exact, bytes, &again));
	compare(&again, &want);
	free(exact);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t bytes = (uint32_t)MIN_OF(size, (size_t)TCP_OPTIONS_BYTES_MAX);
	uint8_t *p = malloc(bytes);
	struct tcp_options got, want;

	BRAID_ASSERT(p || bytes == 0);
	memcpy(p, data, bytes);
	BRAID_ASSERT(tcp_options_read(p, bytes, &got) == plain_read(p, bytes, &want));
	free(p);
	compare(&got, &want);
	write_and_read(&got);
	return 0;
}
