/* SPDX-License-Identifier: BSD-3-Clause */
/* The draw of buckets among equal paths, in integers. Thread: main. */
#include <string.h>

#include "dataplane/ip/ecmp.h"
#include "lib/hash/flow_hash.h"

#define FRACTION_BITS 24

/* No secret: every node and every run draws the same. Who shares a bucket is decided by the keyed
 * hash of the flow. */
static const uint64_t ecmp_key[2] = {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL};

uint32_t ecmp_neg_log2(uint64_t h)
{
	unsigned zeros = (unsigned)__builtin_clzll(h);
	uint64_t x = (h << zeros) >> 32; /* 1 <= x / 2^31 < 2 */
	uint32_t log = 63 - zeros;
	uint32_t neg;

	/* Squaring doubles the logarithm: what overflows is its next binary digit. */
	for (unsigned bit = 0; bit < FRACTION_BITS; bit++) {
		x = (x * x) >> 31;
		log = log << 1 | (uint32_t)(x >> 32);
		x >>= x >> 32;
	}
	neg = (64u << FRACTION_BITS) - log;
	return neg ? neg : 1;
}

/* A number that stands for the hop in all draws. */
static uint64_t ecmp_hop_id(const struct ecmp_hop *hop)
{
	uint64_t addr[2], name[2];

	memcpy(addr, hop->addr.bytes, sizeof(addr));
	memcpy(name, hop->name, sizeof(name));
	return flow_hash_pair(ecmp_key,
		flow_hash_pair(ecmp_key, addr[0] ^ hop->addr.family, addr[1]),
		flow_hash_pair(ecmp_key, name[0], name[1]));
}

void ecmp_fill(const struct ecmp_hop *hops, unsigned n, uint16_t buckets[WORLD_ECMP_BUCKETS])
{
	uint64_t ids[API_HOPS_MAX];

	BRAID_ASSERT(n >= 1 && n <= API_HOPS_MAX);
	for (unsigned k = 0; k < n; k++)
		ids[k] = ecmp_hop_id(&hops[k]);
	for (unsigned b = 0; b < WORLD_ECMP_BUCKETS; b++) {
		uint64_t best = 0;
		unsigned winner = 0;

		for (unsigned k = 0; k < n; k++) {
			uint64_t h = flow_hash_pair(ecmp_key, ids[k], b);
			uint64_t score = ecmp_neg_log2(h | 1);

			/* The largest -weight / ln(h) has the smallest -log2(h) / weight. Equal
			 * ones are told apart by the hop, not by its place in the list. */
			if (k > 0 &&
				(score * hops[winner].weight > best * hops[k].weight ||
					(score * hops[winner].weight == best * hops[k].weight &&
						ids[k] > ids[winner])))
				continue;
			best = score;
			winner = k;
		}
		buckets[b] = (uint16_t)winner;
	}
}
