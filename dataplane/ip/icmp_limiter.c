/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How often a source prefix is answered with an error (RFC 1812 4.3.2.8, RFC 4443 2.4 f). Prefixes
 * that a keyed hash puts into the same bucket share it: no attacker can choose whom, and however
 * many sources there are, a worker sends at most what all its buckets give. An error not sent
 * counts as generated and dropped, so that the limit shows and the accounts balance. Thread:
 * worker.
 */
#include "dataplane/ip/icmp_limiter.h"

#include <endian.h>
#include <string.h>

#include "lib/hash/flow_hash.h"

#define PREFIX4_MASK_BE htobe32(0xffffff00u)

/* Takes a token for the source prefix @prefix from the buckets of its family. */
static bool allow(struct worker *w, uint64_t *full_at_ns, uint64_t prefix)
{
	uint64_t hash = flow_hash_pair(w->flow_key, prefix, 0);

	if (LIKELY(icmp_limiter_take(&full_at_ns[hash % ICMP_LIMIT_BUCKETS], w->now_ns)))
		return true;
	w->stats->generated_pkts++;
	w->stats->drops[DROP_icmp_error_limited]++;
	return false;
}

bool icmp_limiter_allow4(struct worker *w, uint32_t src_be)
{
	return allow(w, w->icmp_limiter->full4_at_ns, src_be & PREFIX4_MASK_BE);
}

bool icmp_limiter_allow6(struct worker *w, const uint8_t src[16])
{
	uint64_t prefix;

	memcpy(&prefix, src, sizeof(prefix));
	return allow(w, w->icmp_limiter->full6_at_ns, prefix);
}
