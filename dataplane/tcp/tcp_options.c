/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and writing TCP options (RFC 9293 3.1, 3.2; RFC 7323 2 and 3; RFC 2018 2 and 3). Thread:
 * any.
 */
#include <endian.h>
#include <string.h>

#include "dataplane/tcp/tcp_options.h"

enum tcp_option_kind {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_WSCALE = 3,
	OPTION_SACK_PERMITTED = 4,
	OPTION_SACK = 5,
	OPTION_TS = 8,
};

#define MSS_BYTES            4
#define WSCALE_BYTES         3
#define SACK_PERMITTED_BYTES 2
#define TS_BYTES             10
#define SACK_BYTES           2 /* and eight per block */
#define BLOCK_BYTES          8
#define TS_ONLY_BYTES        12
#define TS_ONLY_HEAD         0x0101080au /* two NOPs, kind and length of time stamps */

/* A SYN of most stacks: MSS, SACK-permitted and time stamps, NOP and window scale. */
#define SYN_BYTES       20
#define SYN_MSS_HEAD    0x0204u
#define SYN_TS_HEAD     0x0402080au
#define SYN_WSCALE_HEAD 0x010303u

static inline uint32_t read_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline uint8_t *write_be32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static bool read_mss(const uint8_t *p, uint8_t len, struct tcp_options *out)
{
	if (len != MSS_BYTES)
		return false;
	out->mss_bytes = (uint16_t)(p[2] << 8 | p[3]);
	out->has_mss = out->mss_bytes != 0;
	return true;
}

static bool read_wscale(const uint8_t *p, uint8_t len, struct tcp_options *out)
{
	if (len != WSCALE_BYTES)
		return false;
	out->has_wscale = true;
	out->wscale = MIN_OF(p[2], (uint8_t)TCP_WSCALE_MAX);
	return true;
}

static bool read_ts(const uint8_t *p, uint8_t len, struct tcp_options *out)
{
	if (len != TS_BYTES)
		return false;
	out->has_ts = true;
	out->ts_val = read_be32(p + 2);
	out->ts_ecr = read_be32(p + 6);
	return true;
}

/* Blocks of a second SACK option in the same segment come behind those of the first. */
static bool read_sack(const uint8_t *p, uint8_t len, struct tcp_options *out)
{
	if (len < SACK_BYTES + BLOCK_BYTES || (len - SACK_BYTES) % BLOCK_BYTES != 0)
		return false;
	for (uint8_t at = SACK_BYTES; at < len && out->n_sacks < TCP_SACK_BLOCKS_MAX;
		at += BLOCK_BYTES) {
		struct tcp_range *r = &out->sacks[out->n_sacks++];

		r->start = read_be32(p + at);
		r->end = read_be32(p + at + 4);
	}
	return true;
}

/* Reads one option of kind @p[0] and @len bytes, which are there; false: its length is wrong. */
static bool read_one(const uint8_t *p, uint8_t len, struct tcp_options *out)
{
	switch (p[0]) {
	case OPTION_MSS:
		return read_mss(p, len, out);
	case OPTION_WSCALE:
		return read_wscale(p, len, out);
	case OPTION_SACK_PERMITTED:
		if (len != SACK_PERMITTED_BYTES)
			return false;
		out->sack_permitted = true;
		return true;
	case OPTION_SACK:
		return read_sack(p, len, out);
	case OPTION_TS:
		return read_ts(p, len, out);
	default:
		return true;
	}
}

/* Whether these SYN_BYTES are the options of the usual SYN; read then. */
static inline bool read_usual_syn(const uint8_t *p, struct tcp_options *out)
{
	if (read_be32(p) >> 16 != SYN_MSS_HEAD || read_be32(p + 4) != SYN_TS_HEAD ||
		read_be32(p + 16) >> 8 != SYN_WSCALE_HEAD)
		return false;
	out->sack_permitted = true;
	return read_mss(p, MSS_BYTES, out) && read_ts(p + 6, TS_BYTES, out) &&
	       read_wscale(p + 17, WSCALE_BYTES, out);
}

bool tcp_options_read(const uint8_t *p, uint32_t bytes, struct tcp_options *out)
{
	uint32_t at = 0;

	*out = (struct tcp_options){0};
	/* What nearly all segments carry: time stamps alone, aligned (RFC 7323 A). */
	if (LIKELY(bytes == TS_ONLY_BYTES && read_be32(p) == TS_ONLY_HEAD))
		return read_ts(p + 2, TS_BYTES, out);
	if (bytes == SYN_BYTES && read_usual_syn(p, out))
		return true;
	while (at < bytes && p[at] != OPTION_END) {
		uint8_t len;

		if (p[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 2 > bytes)
			return false;
		len = p[at + 1];
		if (len < 2 || len > bytes - at || !read_one(p + at, len, out))
			return false;
		at += len;
	}
	return true;
}

/* SACK-permitted takes the place of the padding of the time stamps where both are sent. */
static uint8_t *write_ts(uint8_t *p, const struct tcp_options *o)
{
	if (!o->has_ts && !o->sack_permitted)
		return p;
	*p++ = o->sack_permitted ? OPTION_SACK_PERMITTED : OPTION_NOP;
	*p++ = o->sack_permitted ? SACK_PERMITTED_BYTES : OPTION_NOP;
	if (!o->has_ts) {
		*p++ = OPTION_NOP;
		*p++ = OPTION_NOP;
		return p;
	}
	*p++ = OPTION_TS;
	*p++ = TS_BYTES;
	p = write_be32(p, o->ts_val);
	return write_be32(p, o->ts_ecr);
}

static uint8_t *write_sacks(uint8_t *p, uint32_t room, const struct tcp_options *o)
{
	uint32_t n = MIN_OF((uint32_t)o->n_sacks, (uint32_t)TCP_SACK_BLOCKS_MAX);

	if (room < 4 + BLOCK_BYTES)
		return p;
	n = MIN_OF(n, (room - 4) / BLOCK_BYTES);
	if (n == 0)
		return p;
	*p++ = OPTION_NOP;
	*p++ = OPTION_NOP;
	*p++ = OPTION_SACK;
	*p++ = (uint8_t)(SACK_BYTES + n * BLOCK_BYTES);
	for (uint32_t i = 0; i < n; i++) {
		p = write_be32(p, o->sacks[i].start);
		p = write_be32(p, o->sacks[i].end);
	}
	return p;
}

uint32_t tcp_options_write(uint8_t *p, const struct tcp_options *o)
{
	uint8_t *start = p;

	if (o->has_mss) {
		*p++ = OPTION_MSS;
		*p++ = MSS_BYTES;
		*p++ = (uint8_t)(o->mss_bytes >> 8);
		*p++ = (uint8_t)o->mss_bytes;
	}
	p = write_ts(p, o);
	if (o->has_wscale) {
		*p++ = OPTION_NOP;
		*p++ = OPTION_WSCALE;
		*p++ = WSCALE_BYTES;
		*p++ = o->wscale;
	}
	p = write_sacks(p, TCP_OPTIONS_BYTES_MAX - (uint32_t)(p - start), o);
	return (uint32_t)(p - start);
}
