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

/* A keyed hash of the ends that nobody can foretell. */
static uint64_t hidden_of(const struct tcp_key *k, const uint64_t secret[2])
{
	uint32_t remote, local, ports;

	if (UNLIKELY(k->family != 4))
		return siphash_2_4(secret, k, offsetof(struct tcp_key, family));
	/* A third of the bytes; the length tells both families apart. */
	memcpy(&remote, k->remote, sizeof(remote));
	memcpy(&local, k->local, sizeof(local));
	memcpy(&ports, &k->remote_port_be, sizeof(ports));
	return siphash_2_4_12(
		secret, (uint64_t)le32toh(local) << 32 | le32toh(remote), le32toh(ports));
}

struct tcp_start tcp_start_of(const struct tcp_key *k, const uint64_t secret[2], uint64_t now_ns)
{
	uint64_t hidden = hidden_of(k, secret);

	return (struct tcp_start){
		.isn = (uint32_t)(now_ns / ISN_TICK_NS) + (uint32_t)hidden,
		.ts_offset = (uint32_t)(hidden >> 32),
	};
}
