/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Differential test of a FIB: bulk lookups, fib_match() and a linear search must agree on random
 * nested prefixes, on both sides, while routes come, change and go.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/fib_model.h"

#define STEPS       3000
#define PROBES      FIB_BURST_MAX
#define ROUTES_CAP  300
#define CHECK_EVERY 10

struct scene {
	unsigned family;
	uint64_t random;
	struct fib *fib;
	struct fib_model pending;   /* what was asked for */
	struct fib_model published; /* what readers must see */
	struct ip_addr addrs[PROBES];
};

/* Half random addresses, half the first or last address of a route or the one just outside. */
static void probes_choose(struct scene *s)
{
	for (size_t i = 0; i < PROBES; i++) {
		struct ip_addr *a = &s->addrs[i];
		const struct fib_model *m = i % 4 < 2 ? &s->pending : &s->published;
		unsigned bits = ip_addr_bits(s->family);
		uint64_t r = fib_random(&s->random) >> 20;

		*a = fib_random_addr(&s->random, s->family);
		if (i % 2 == 0 || m->count == 0)
			continue;
		*a = m->routes[r % m->count].prefix;
		for (unsigned bit = a->prefix_len; bit < bits && (r >> 10) % 2; bit++)
			a->bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		if ((r >> 11) % 4 == 0 && a->prefix_len > 0)
			a->bytes[(a->prefix_len - 1) / 8] ^=
				(uint8_t)(0x80 >> (a->prefix_len - 1) % 8);
		a->prefix_len = (uint8_t)bits;
	}
}

/* All probes, in bursts of random length; what follows a burst must stay untouched. */
static void lookup_bursts(struct scene *s, const struct fib_table *t, uint32_t *nexthops)
{
	uint32_t host[PROBES];
	const uint8_t *bytes[PROBES];
	unsigned n;

	for (unsigned i = 0; i < PROBES; i++) {
		host[i] = __builtin_bswap32(ip_addr_v4_be(&s->addrs[i]));
		bytes[i] = s->addrs[i].bytes;
		nexthops[i] = UINT32_MAX;
	}
	for (unsigned i = 0; i < PROBES; i += n) {
		n = (unsigned)(fib_random(&s->random) >> 40) % (PROBES - i + 1);
		if (s->family == 4)
			fib_lookup4_bulk(t, host + i, nexthops + i, n);
		else
			fib_lookup6_bulk(t, bytes + i, nexthops + i, n);
		if (i + n < PROBES)
			assert_int_equal(nexthops[i + n], UINT32_MAX);
	}
}

static void views_check(struct scene *s)
{
	struct fib_table scalar = *fib_active(s->fib);
	uint32_t seen[PROBES];
	uint32_t seen_scalar[PROBES];

	probes_choose(s);
	lookup_bursts(s, fib_active(s->fib), seen);
	scalar.wide = false;
	lookup_bursts(s, &scalar, seen_scalar);
	assert_memory_equal(seen, seen_scalar, sizeof(seen));
	for (size_t i = 0; i < PROBES; i++) {
		const struct fib_route *want = fib_model_match(&s->published, &s->addrs[i]);
		const struct fib_route *next = fib_model_match(&s->pending, &s->addrs[i]);
		struct ip_addr matched = {};
		uint32_t nexthop = fib_match(s->fib, &s->addrs[i], &matched);

		assert_int_equal(seen[i], want ? want->nexthop : 0);
		assert_int_equal(nexthop, next ? next->nexthop : 0);
		if (next)
			assert_true(ip_addr_equal(&matched, &next->prefix));
	}
}

static void route_change(struct scene *s)
{
	struct ip_addr p = fib_random_prefix(&s->random, s->family);
	uint32_t nexthop = 1 + (uint32_t)(fib_random(&s->random) >> 41);
	bool add = fib_random(&s->random) >> 60 < (s->pending.count < ROUTES_CAP ? 10 : 4);
	struct fib_route *known = NULL;
	uint32_t old = 77;

	if (s->pending.count && fib_random(&s->random) >> 62)
		known = &s->pending.routes[(fib_random(&s->random) >> 20) % s->pending.count];
	if (known)
		p = known->prefix;
	if (add && (known || s->pending.count < MODEL_ROUTES_MAX)) {
		assert_int_equal(fib_add(s->fib, &p, nexthop, &old), 0);
		assert_int_equal(old, fib_model_add(&s->pending, &p, nexthop));
		assert_int_equal(fib_find(s->fib, &p), nexthop);
	} else {
		uint32_t want = fib_model_del(&s->pending, &p);

		assert_int_equal(fib_del(s->fib, &p, &old), want ? 0 : -ENOENT);
		assert_int_equal(old, want ? want : 77);
		assert_int_equal(fib_find(s->fib, &p), 0);
	}
}

/* Publishes, checking the readers' view after the flip, between the pieces of the copy and after.
 */
static void publish(struct scene *s)
{
	fib_flip(s->fib);
	s->published = s->pending;
	views_check(s);
	while (fib_sync(s->fib, 3) > 0)
		;
	assert_false(fib_dirty(s->fib));
	views_check(s);
}

static void run(unsigned family, uint64_t seed)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct fib_usage usage;

	s->family = family;
	s->random = seed;
	s->fib = fib_create(family, MODEL_ROUTES_MAX, 8192, NULL);
	assert_non_null(s->fib);
	for (unsigned step = 0; step < STEPS; step++) {
		route_change(s);
		if (step % CHECK_EVERY == 0)
			views_check(s);
		if (fib_random(&s->random) >> 58 == 0)
			publish(s);
	}
	while (s->pending.count) {
		struct ip_addr p = s->pending.routes[s->pending.count / 2].prefix;

		assert_int_equal(fib_del(s->fib, &p, NULL), 0);
		fib_model_del(&s->pending, &p);
		if (s->pending.count % CHECK_EVERY == 0)
			publish(s);
	}
	fib_usage_get(s->fib, &usage);
	assert_int_equal(usage.routes, 0);
	assert_int_equal(usage.groups, 0);
	fib_destroy(s->fib);
	free(s);
}

static void ipv4_lookups_agree_with_a_linear_search(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		run(4, seed);
}

static void ipv6_lookups_agree_with_a_linear_search(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		run(6, seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_lookups_agree_with_a_linear_search),
		cmocka_unit_test(ipv6_lookups_agree_with_a_linear_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
