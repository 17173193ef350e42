/* SPDX-License-Identifier: BSD-3-Clause */
/* The route index: growth, deletion in the middle of clusters, covering routes, numbers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "lib/fib/fib.h"
#include "lib/fib/fib_routes.h"

#define ROUTES_MAX 50000u

/* Keys that differ in address, in length, or in both. */
static struct fib_key numbered_key(unsigned family, uint32_t i)
{
	unsigned len = family == 4 ? 20 + i % 13 : 40 + i % 89;
	uint64_t top = (uint64_t)(i / 3 + 1) << 44;

	return fib_key_cut(top, family == 6 ? (uint64_t)i << 40 : 0, len);
}

static void the_index_finds_exactly_what_is_in_it_while_it_grows_and_shrinks(void **state)
{
	for (unsigned family = 4; family <= 6; family += 2) {
		struct fib_routes r;
		uint32_t in = 0;

		assert_int_equal(fib_routes_init(&r, family, ROUTES_MAX), 0);
		for (uint32_t i = 0; i < ROUTES_MAX; i++) {
			struct fib_key key = numbered_key(family, i);

			if (fib_routes_find(&r, &key) != FIB_ROUTE_NONE)
				continue;
			assert_int_equal(fib_routes_reserve(&r), 0);
			fib_routes_insert(&r, &key, (key.len + 1) << FIB_DEPTH_SHIFT | (i + 1));
			in++;
		}
		assert_in_range(in, ROUTES_MAX / 4, ROUTES_MAX);
		assert_int_equal(r.count, in);
		for (uint32_t i = 0; i < ROUTES_MAX; i += 2) {
			struct fib_key key = numbered_key(family, i);
			uint32_t id = fib_routes_find(&r, &key);

			if (id != FIB_ROUTE_NONE)
				fib_routes_remove(&r, id);
			assert_int_equal(fib_routes_find(&r, &key), FIB_ROUTE_NONE);
		}
		for (uint32_t id = 0; id < r.used; id++) {
			struct fib_key key;

			if (!r.entries[id])
				continue;
			key = fib_routes_key(&r, id);
			assert_int_equal(fib_routes_find(&r, &key), id);
			fib_routes_remove(&r, id);
		}
		assert_int_equal(r.count, 0);
		assert_int_equal(r.lengths[0] | r.lengths[1] | r.lengths[2], 0);
		fib_routes_fini(&r);
	}
}

static void the_last_free_route_is_the_limit_and_numbers_are_used_again(void **state)
{
	struct fib_routes r;
	struct fib_key key;

	assert_int_equal(fib_routes_init(&r, 4, 3), 0);
	for (uint32_t i = 0; i < 3; i++) {
		key = fib_key_cut((uint64_t)(i + 1) << 40, 0, 24);
		assert_int_equal(fib_routes_reserve(&r), 0);
		fib_routes_insert(&r, &key, 25u << FIB_DEPTH_SHIFT | (i + 1));
	}
	assert_int_equal(fib_routes_reserve(&r), -ENOSPC);
	fib_routes_remove(&r, 1);
	assert_int_equal(fib_routes_reserve(&r), 0);
	fib_routes_insert(&r, &key, 25u << FIB_DEPTH_SHIFT | 9);
	assert_int_equal(r.used, 3);
	assert_int_equal(r.entries[1] & FIB_INDEX_MASK, 9);
	fib_routes_fini(&r);
}

static void the_longest_covering_route_within_a_bound_is_found(void **state)
{
	static const unsigned lengths[] = {0, 1, 32, 63, 64, 65, 127, 128};
	struct fib_routes r;
	struct fib_key host = fib_key_cut(0x20010db8ffffffff, 0xffffffffffffffff, 128);

	assert_int_equal(fib_routes_init(&r, 6, 16), 0);
	assert_int_equal(fib_routes_cover(&r, &host, 128), FIB_ROUTE_NONE);
	for (uint32_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct fib_key key = fib_key_cut(host.hi, host.lo, lengths[i]);

		assert_int_equal(fib_routes_reserve(&r), 0);
		fib_routes_insert(&r, &key, (key.len + 1) << FIB_DEPTH_SHIFT | (i + 1));
	}
	for (unsigned bound = 0; bound <= 128; bound++) {
		uint32_t id = fib_routes_cover(&r, &host, bound);
		uint32_t want = 0;

		while (want + 1 < ARRAY_SIZE(lengths) && lengths[want + 1] <= bound)
			want++;
		assert_int_equal(id, want);
	}
	fib_routes_fini(&r);
}

static void a_prefix_survives_the_way_through_its_key(void **state)
{
	static const char *const texts[] = {"0.0.0.0/0", "255.255.255.255/32", "10.128.0.0/9",
		"::/0", "2001:db8::/33", "2001:db8::8000:0:0:0/65", "::1/128"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ip_addr in;
		struct ip_addr out;
		struct fib_key key;

		assert_int_equal(ip_addr_parse_prefix(texts[i], &in), 0);
		key = fib_key_from(&in);
		out = fib_key_prefix(&key, in.family);
		assert_true(ip_addr_equal(&in, &out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_index_finds_exactly_what_is_in_it_while_it_grows_and_shrinks),
		cmocka_unit_test(the_last_free_route_is_the_limit_and_numbers_are_used_again),
		cmocka_unit_test(the_longest_covering_route_within_a_bound_is_found),
		cmocka_unit_test(a_prefix_survives_the_way_through_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
