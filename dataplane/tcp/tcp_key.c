/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of a connection as a key, its hash for tables, and what a peer must not be able to
 * predict of other connections: initial sequence numbers (RFC 6528) and time stamps. Thread: any.
 */
#include <string.h>

#include "dataplane/tcp/tcp_table.h"
#include "lib/hash/flow_hash.h"
#include "lib/hash/siphash.h"

#define ISN_TICK_NS 4000 /* RFC 9293 3.4.1 */

uint64_t tcp_key_hash(const struct tcp_key *k, const uint64_t secret[2])
{
	uint32_t ports = (uint32_t)k->remote_port_be << 16 | k->local_port_be, remote, local;

	if (UNLIKELY(k->family != 4))
		return flow_hash_ip6(secret, k->remote, k->local, k->family, ports);
	memcpy(&remote, k->remote, sizeof(remote));
	memcpy(&local, k->local, sizeof(local));
	return flow_hash_ip4(secret, remote, local, k->family, ports);
}

bool tcp_key_equal(const struct tcp_key *a, const struct tcp_key *b)
{
	uint64_t x[5], y[5];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4])) == 0;
}

/* The ends as they are hashed: a third of the bytes for IPv4; the length tells both apart. */
static inline size_t ends_of(const struct tcp_key *k, uint8_t out[36])
{
	size_t n = k->family == 4 ? 4 : 16;

	memcpy(out, k->remote, n);
	memcpy(out + n, k->local, n);
	memcpy(out + 2 * n, &k->remote_port_be, 4);
	return 2 * n + 4;
}

uint32_t tcp_ts_offset(const struct tcp_key *k, const uint64_t secret[2])
{
	uint8_t ends[36];

	return (uint32_t)siphash_1_3(secret, ends, ends_of(k, ends));
}

uint32_t tcp_isn(const struct tcp_key *k, const uint64_t secret[2], uint64_t now_ns)
{
	uint8_t ends[36];
	size_t n = ends_of(k, ends);

	return (uint32_t)(now_ns / ISN_TICK_NS) + (uint32_t)siphash_2_4(secret, ends, n);
}
