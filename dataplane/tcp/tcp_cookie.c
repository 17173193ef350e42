/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SYN cookies (RFC 4987 3.6, A). The sequence number holds, from the top, 28 bits of SipHash, the
 * parity of the time step and the number of the segment size. One hash tells whether it is good: of
 * two steps that are valid, parity names one. Thread: any.
 */
#include "dataplane/tcp/tcp_table.h"
#include "lib/hash/siphash.h"

#define MSS_BITS    3u
#define MSS_MASK    ((1u << MSS_BITS) - 1)
#define PARITY_BIT  (1u << MSS_BITS)
#define STATE_MASK  (PARITY_BIT | MSS_MASK)
#define TS_MASK     63u
#define WSCALE_MASK 15u
#define WSCALE_NONE 15u
#define TS_SACK     16u
#define TS_ECN      32u

/* Common sizes: of Ethernet with and without tunnels, IPv6's minimum, RFC 9293's default, jumbo. */
static const uint16_t mss_table[MSS_MASK + 1] = {
	TCP_COOKIE_MSS_MIN_BYTES, 536, 1220, 1300, 1360, 1440, 1460, 8940};

/* What is signed. */
struct signed_state {
	struct tcp_key key;
	uint64_t step;
	uint32_t peer_isn;
	uint32_t state;
};
_Static_assert(sizeof(struct signed_state) == 56, "without padding");

static uint32_t sign(const struct tcp_key *k, uint32_t peer_isn, uint64_t step, uint32_t mss_index,
	const uint64_t secret[2])
{
	struct signed_state s = {
		.key = *k,
		.step = step,
		.peer_isn = peer_isn,
		.state = (step & 1 ? PARITY_BIT : 0) | mss_index,
	};

	return ((uint32_t)siphash_2_4(secret, &s, sizeof(s)) & ~STATE_MASK) | s.state;
}

static uint64_t step_of(uint64_t now_ns)
{
	return now_ns / (TCP_COOKIE_STEP_S * NSEC_PER_SEC);
}

uint32_t tcp_cookie_make(const struct tcp_key *k, uint32_t peer_isn, const struct tcp_cookie *c,
	const uint64_t secret[2], uint64_t now_ns)
{
	uint32_t index = MSS_MASK;

	while (index > 0 && mss_table[index] > c->mss_bytes)
		index--;
	return sign(k, peer_isn, step_of(now_ns), index, secret);
}

uint32_t tcp_cookie_ts(uint32_t ts_val, const struct tcp_cookie *c)
{
	uint32_t bits = c->has_wscale ? MIN_OF(c->wscale, (uint8_t)TCP_WSCALE_MAX) : WSCALE_NONE;
	uint32_t ts;

	bits |= (c->sack_permitted ? TS_SACK : 0) | (c->ecn ? TS_ECN : 0);
	ts = (ts_val & ~TS_MASK) | bits;
	return bits > (ts_val & TS_MASK) ? ts - (TS_MASK + 1) : ts;
}

static void read_ts_bits(uint32_t bits, struct tcp_cookie *c)
{
	c->has_wscale = (bits & WSCALE_MASK) != WSCALE_NONE;
	c->wscale = c->has_wscale ? (uint8_t)(bits & WSCALE_MASK) : 0;
	c->sack_permitted = bits & TS_SACK;
	c->ecn = bits & TS_ECN;
}

bool tcp_cookie_check(const struct tcp_cookie_ack *a, const uint64_t secret[2], uint64_t now_ns,
	struct tcp_cookie *c)
{
	uint64_t step = step_of(now_ns);
	uint32_t index = a->isn & MSS_MASK;

	if ((step & 1) != ((a->isn & PARITY_BIT) != 0)) {
		if (step == 0)
			return false;
		step--;
	}
	if (sign(a->key, a->peer_isn, step, index, secret) != a->isn)
		return false;
	*c = (struct tcp_cookie){.mss_bytes = mss_table[index]};
	if (a->has_ts)
		read_ts_bits(a->ts_ecr, c);
	return true;
}
