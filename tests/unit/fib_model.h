/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plainest longest-prefix match there is, a list that is searched from end to end, as the
 * reference of the FIB's unit tests and fuzz target; and random addresses that nest often.
 */
#ifndef TESTS_UNIT_FIB_MODEL_H
#define TESTS_UNIT_FIB_MODEL_H

#include <string.h>

#include "lib/fib/fib.h"

#define MODEL_ROUTES_MAX 512

struct fib_model {
	size_t count;
	struct fib_route routes[MODEL_ROUTES_MAX];
};

static inline struct fib_route *fib_model_find(struct fib_model *m, const struct ip_addr *prefix)
{
	for (size_t i = 0; i < m->count; i++)
		if (ip_addr_equal(&m->routes[i].prefix, prefix))
			return &m->routes[i];
	return NULL;
}

/* Adds or replaces; the old next hop or 0. The caller keeps within MODEL_ROUTES_MAX. */
static inline uint32_t fib_model_add(
	struct fib_model *m, const struct ip_addr *prefix, uint32_t nexthop)
{
	struct fib_route *r = fib_model_find(m, prefix);
	uint32_t old = r ? r->nexthop : 0;

	if (!r) {
		BRAID_ASSERT(m->count < MODEL_ROUTES_MAX);
		r = &m->routes[m->count++];
	}
	*r = (struct fib_route){.prefix = *prefix, .nexthop = nexthop};
	return old;
}

/* Deletes; the old next hop, or 0 when there was no such route. */
static inline uint32_t fib_model_del(struct fib_model *m, const struct ip_addr *prefix)
{
	struct fib_route *r = fib_model_find(m, prefix);
	uint32_t old = r ? r->nexthop : 0;

	if (r)
		*r = m->routes[--m->count];
	return old;
}

/* The longest match of @addr, or NULL. */
static inline const struct fib_route *fib_model_match(
	const struct fib_model *m, const struct ip_addr *addr)
{
	const struct fib_route *best = NULL;

	for (size_t i = 0; i < m->count; i++) {
		const struct fib_route *r = &m->routes[i];

		if (ip_addr_covers(&r->prefix, addr) &&
			(!best || r->prefix.prefix_len > best->prefix.prefix_len))
			best = r;
	}
	return best;
}

/* What the bulk lookup of @family says for one address. */
static inline uint32_t fib_lookup_one(const struct fib_table *t, const struct ip_addr *addr)
{
	const uint8_t *bytes = addr->bytes;
	uint32_t host = __builtin_bswap32(ip_addr_v4_be(addr));
	uint32_t nexthop = 0;

	if (addr->family == 4)
		fib_lookup4_bulk(t, &host, &nexthop, 1);
	else
		fib_lookup6_bulk(t, &bytes, &nexthop, 1);
	return nexthop;
}

/* The next number of a small generator (Marsaglia's xorshift64*), never in need of a seed of 0. */
static inline uint64_t fib_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

/* An address of few possible values per byte, so that prefixes of it nest and share groups. */
static inline struct ip_addr fib_random_addr(uint64_t *state, unsigned family)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
	struct ip_addr a = {.family = (uint8_t)family, .prefix_len = (uint8_t)ip_addr_bits(family)};

	for (unsigned i = 0; i < a.prefix_len / 8u; i++) {
		uint64_t r = fib_random(state) >> 33;

		if (i < 3)
			a.bytes[i] = (uint8_t)(10 + r % 2);
		else if (r % 8 == 0)
			a.bytes[i] = (uint8_t)(r >> 8);
		else
			a.bytes[i] = values[(r >> 3) % (i < 8 ? 2 : ARRAY_SIZE(values))];
	}
	return a;
}

/* A prefix of a random address and any length, half of them about the levels' ends. */
static inline struct ip_addr fib_random_prefix(uint64_t *state, unsigned family)
{
	struct ip_addr p = fib_random_addr(state, family);
	unsigned bits = p.prefix_len;
	unsigned len = (unsigned)(fib_random(state) >> 40) % (bits + 1);

	if (fib_random(state) >> 63)
		len = MIN_OF((len + 7) / 8 * 8 + (unsigned)(fib_random(state) >> 40) % 2, bits);
	p.prefix_len = (uint8_t)len;
	ip_addr_mask(&p);
	return p;
}

#endif
