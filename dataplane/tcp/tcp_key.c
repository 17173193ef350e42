/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a peer must not be able to predict of other connections: initial sequence numbers (RFC 6528)
 * and time stamps. Thread: any.
 */
#include <string.h>

#include "dataplane/tcp/tcp_table.h"
#include "lib/hash/siphash.h"

#define ISN_TICK_NS 4000 /* RFC 9293 3.4.1 */

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
