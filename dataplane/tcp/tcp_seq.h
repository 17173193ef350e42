/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequence numbers modulo 2^32 (RFC 9293 3.4): distances below 2^31 only. Thread:
 * any. */
#ifndef DATAPLANE_TCP_TCP_SEQ_H
#define DATAPLANE_TCP_TCP_SEQ_H

#include "lib/base/base.h"

/* a < b. */
static inline bool tcp_seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* a <= b. */
static inline bool tcp_seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

/* The later of both. */
static inline uint32_t tcp_seq_max(uint32_t a, uint32_t b)
{
	return tcp_seq_lt(a, b) ? b : a;
}

/* The earlier of both. */
static inline uint32_t tcp_seq_min(uint32_t a, uint32_t b)
{
	return tcp_seq_lt(a, b) ? a : b;
}

#endif
