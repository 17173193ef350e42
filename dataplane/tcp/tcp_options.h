/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP options: MSS (RFC 9293 3.7.1, 6691), window scale and time stamps (RFC 7323), SACK-permitted
 * and SACK (RFC 2018), user timeout is ignored. Pure. Thread: any.
 */
#ifndef DATAPLANE_TCP_TCP_OPTIONS_H
#define DATAPLANE_TCP_TCP_OPTIONS_H

#include "lib/base/base.h"

#define TCP_OPTIONS_BYTES_MAX 40
#define TCP_SACK_BLOCKS_MAX   4
#define TCP_WSCALE_MAX        14 /* RFC 7323 2.3 */

/* A range of sequence numbers, end excluded. */
struct tcp_range {
	uint32_t start;
	uint32_t end;
};

/* What the options of one segment say. */
struct tcp_options {
	bool has_mss;
	bool has_wscale;
	bool has_ts;
	bool sack_permitted;
	uint8_t wscale; /* clamped to TCP_WSCALE_MAX */
	uint8_t n_sacks;
	uint16_t mss_bytes;
	uint32_t ts_val;
	uint32_t ts_ecr;
	struct tcp_range sacks[TCP_SACK_BLOCKS_MAX];
};

/*
 * Reads the @bytes of options at @p. Unknown options are skipped; an option of a wrong length or
 * one that leaves the header ends the reading: what stood before it counts. False then, which
 * callers count but do not punish (RFC 9293 3.1: robustness). Options that only make sense with SYN
 * are read whatever the segment is. An MSS of 0 is none. SACK blocks are as sent, unchecked.
 */
bool tcp_options_read(const uint8_t *p, uint32_t bytes, struct tcp_options *out);

/* @out of a segment with nothing but time stamps; the blocks, which there are none of, are not
 * touched. */
static inline void tcp_options_ts(struct tcp_options *out, uint32_t ts_val, uint32_t ts_ecr)
{
	out->has_mss = out->has_wscale = out->sack_permitted = false;
	out->has_ts = true;
	out->wscale = 0;
	out->n_sacks = 0;
	out->mss_bytes = 0;
	out->ts_val = ts_val;
	out->ts_ecr = ts_ecr;
}

/*
 * Writes the options that @o has to @p (TCP_OPTIONS_BYTES_MAX bytes of room), padded to a multiple
 * of four; as many SACK blocks as still fit. How many bytes.
 */
uint32_t tcp_options_write(uint8_t *p, const struct tcp_options *o);

#endif
