/* SPDX-License-Identifier: BSD-3-Clause */
/* The two sides of a FIB: what readers see when, and how much is copied. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/fib_model.h"

static void readers_see_a_batch_only_after_the_flip(void **state)
{
	struct fib *fib = fib_create(4, 1000, 16, NULL);
	const struct fib_table *before = fib_active(fib);
	struct ip_addr a;

	for (uint32_t i = 0; i < 256; i++) {
		struct ip_addr p = ip_addr_v4(__builtin_bswap32(0x0a000000 | i << 16));

		p.prefix_len = 16;
		assert_int_equal(fib_add(fib, &p, i + 1, NULL), 0);
	}
	ip_addr_parse("10.7.0.1", &a);
	assert_int_equal(fib_lookup_one(fib_active(fib), &a), 0);
	assert_true(fib_dirty(fib));
	fib_flip(fib);
	assert_ptr_not_equal(fib_active(fib), before);
	assert_int_equal(fib_lookup_one(fib_active(fib), &a), 8);
	/* A reader that is late still finds the former side whole. */
	assert_int_equal(fib_lookup_one(before, &a), 0);
	fib_destroy(fib);
}

static void sync_copies_the_changed_pages_in_the_asked_portions(void **state)
{
	struct fib *fib = fib_create(4, 1000, 16, NULL);
	const struct fib_table *other;
	struct ip_addr p;
	size_t left;

	/* 10/8 is 65536 entries or 64 pages, 172.16/14 is one page, 192.0.2/24 is in one. */
	ip_addr_parse_prefix("10.0.0.0/8", &p);
	fib_add(fib, &p, 1, NULL);
	ip_addr_parse_prefix("172.16.0.0/14", &p);
	fib_add(fib, &p, 2, NULL);
	ip_addr_parse_prefix("192.0.2.0/24", &p);
	fib_add(fib, &p, 3, NULL);
	other = fib_active(fib);
	assert_int_equal(fib_sync(fib, SIZE_MAX), 0); /* nothing to do before a flip */
	assert_true(fib_dirty(fib));
	fib_flip(fib);
	for (left = 66; left > 7; left -= 7)
		assert_int_equal(fib_sync(fib, 7), left - 7);
	assert_int_equal(fib_sync(fib, 7), 0);
	assert_false(fib_dirty(fib));
	assert_memory_equal(
		other->tbl24, fib_active(fib)->tbl24, (1u << 24) * sizeof(*other->tbl24));
	fib_destroy(fib);
}

static void a_replace_by_the_same_next_hop_dirties_nothing(void **state)
{
	struct fib *fib = fib_create(6, 1000, 16, NULL);
	struct ip_addr p;

	ip_addr_parse_prefix("2001:db8::/32", &p);
	fib_add(fib, &p, 1, NULL);
	fib_flip(fib);
	fib_sync(fib, SIZE_MAX);
	fib_add(fib, &p, 1, NULL);
	assert_false(fib_dirty(fib));
	fib_add(fib, &p, 2, NULL);
	assert_true(fib_dirty(fib));
	fib_destroy(fib);
}

static void an_empty_fib_costs_no_table_memory(void **state)
{
	static const struct {
		unsigned family;
		const char *prefix;
		uint64_t bytes_max;
	} cases[] = {
		{4, "10.0.0.0/8", 5 << 20},
		{6, "2001:db8::/32", 5 << 20},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fib *fib = fib_create(cases[i].family, 1000000, 100000, NULL);
		struct fib_usage usage;
		struct ip_addr p;

		fib_usage_get(fib, &usage);
		assert_true(usage.bytes < 16384);
		ip_addr_parse_prefix(cases[i].prefix, &p);
		fib_add(fib, &p, 1, NULL);
		fib_usage_get(fib, &usage);
		assert_in_range(usage.bytes, 8192, cases[i].bytes_max);
		assert_int_equal(usage.routes, 1);
		assert_int_equal(usage.groups_max, 100000);
		fib_destroy(fib);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_see_a_batch_only_after_the_flip),
		cmocka_unit_test(sync_copies_the_changed_pages_in_the_asked_portions),
		cmocka_unit_test(a_replace_by_the_same_next_hop_dirties_nothing),
		cmocka_unit_test(an_empty_fib_costs_no_table_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
