/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bulk lookups in one side of a FIB. Each level is one pass over the burst that prefetches what the
 * next pass reads: the packets do not depend on each other, so their cache misses overlap. Any
 * worker.
 */
#include <immintrin.h>

#include "lib/fib/fib_internal.h"

#define LANES 16u /* addresses in a 512-bit register */

/* Entry @at of the group that @extended names. */
static inline const uint32_t *group_slot(const struct fib_table *t, uint32_t extended, uint8_t at)
{
	return t->groups + (size_t)(extended & FIB_INDEX_MASK) * FIB_GROUP_ENTRIES + at;
}

/* From entries to next hops. */
static inline void nexthops_finish(const struct fib_table *t, uint32_t *nexthops, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		nexthops[i] = nexthops[i] ? nexthops[i] & FIB_INDEX_MASK : t->default_nexthop;
}

static void lookup4_scalar(
	const struct fib_table *t, const uint32_t *addrs, uint32_t *nexthops, unsigned n)
{
	uint16_t deep[FIB_BURST_MAX];
	unsigned deep_count = 0;

	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(&t->tbl24[addrs[i] >> 8]);
	for (unsigned i = 0; i < n; i++) {
		nexthops[i] = t->tbl24[addrs[i] >> 8];
		deep[deep_count] = (uint16_t)i;
		if (nexthops[i] & FIB_EXTENDED) {
			__builtin_prefetch(group_slot(t, nexthops[i], (uint8_t)addrs[i]));
			deep_count++;
		}
	}
	for (unsigned i = 0; i < deep_count; i++) {
		uint32_t *nexthop = &nexthops[deep[i]];

		*nexthop = *group_slot(t, *nexthop, (uint8_t)addrs[deep[i]]);
	}
	nexthops_finish(t, nexthops, n);
}

/* The same with gathers. Numbers of groups are below 2^23, so the index of an entry fits 31 bits.
 */
__attribute__((target("avx512f"))) static void lookup4_wide(
	const struct fib_table *t, const uint32_t *addrs, uint32_t *nexthops, unsigned n)
{
	const __m512i index_mask = _mm512_set1_epi32(FIB_INDEX_MASK);
	const __m512i default_nexthop = _mm512_set1_epi32((int)t->default_nexthop);

	for (unsigned i = 0; i < n; i += LANES) {
		__mmask16 lanes = n - i < LANES ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;
		__m512i addr = _mm512_maskz_loadu_epi32(lanes, addrs + i);
		__m512i entry = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes,
			_mm512_srli_epi32(addr, 8), t->tbl24, sizeof(uint32_t));
		__mmask16 deep = _mm512_test_epi32_mask(entry, _mm512_set1_epi32(FIB_EXTENDED));

		if (deep) {
			__m512i group = _mm512_slli_epi32(_mm512_and_si512(entry, index_mask), 8);
			__m512i at = _mm512_and_si512(addr, _mm512_set1_epi32(0xff));

			entry = _mm512_mask_i32gather_epi32(entry, deep, _mm512_or_si512(group, at),
				t->groups, sizeof(uint32_t));
		}
		entry = _mm512_mask_and_epi32(
			default_nexthop, _mm512_test_epi32_mask(entry, entry), entry, index_mask);
		_mm512_mask_storeu_epi32(nexthops + i, lanes, entry);
	}
}

bool fib_lookup_has_wide(void)
{
	return __builtin_cpu_supports("avx512f");
}

void fib_lookup4_bulk(
	const struct fib_table *t, const uint32_t *addrs, uint32_t *nexthops, unsigned n)
{
	BRAID_ASSERT(n <= FIB_BURST_MAX);
	if (t->wide)
		lookup4_wide(t, addrs, nexthops, n);
	else
		lookup4_scalar(t, addrs, nexthops, n);
}

void fib_lookup6_bulk(
	const struct fib_table *t, const uint8_t *const *addrs, uint32_t *nexthops, unsigned n)
{
	const uint32_t *slots[FIB_BURST_MAX];
	uint16_t deep[FIB_BURST_MAX];
	unsigned deep_count = n;

	BRAID_ASSERT(n <= FIB_BURST_MAX);
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *a = addrs[i];

		slots[i] = &t->tbl24[(uint32_t)a[0] << 16 | (uint32_t)a[1] << 8 | a[2]];
		__builtin_prefetch(slots[i]);
		deep[i] = (uint16_t)i;
	}
	/* The last byte's entries are not extended, for no prefix is longer: this ends at byte 16.
	 */
	for (unsigned byte = 3; deep_count; byte++) {
		unsigned left = 0;

		for (unsigned i = 0; i < deep_count; i++) {
			uint16_t at = deep[i];
			uint32_t entry = *slots[i];

			nexthops[at] = entry;
			if (entry & FIB_EXTENDED) {
				slots[left] = group_slot(t, entry, addrs[at][byte]);
				__builtin_prefetch(slots[left]);
				deep[left++] = at;
			}
		}
		deep_count = left;
	}
	nexthops_finish(t, nexthops, n);
}
