/* SPDX-License-Identifier: BSD-3-Clause */
/* The groups of a FIB: when they appear, when they go, and what happens when none is left. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/fib_model.h"

static struct ip_addr prefix_of(const char *text)
{
	struct ip_addr p;

	assert_int_equal(ip_addr_parse_prefix(text, &p), 0);
	return p;
}

static uint32_t groups_of(const struct fib *fib)
{
	struct fib_usage usage;

	fib_usage_get(fib, &usage);
	return usage.groups;
}

static uint32_t published(struct fib *fib, const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	fib_flip(fib);
	while (fib_sync(fib, 1) > 0)
		;
	return fib_lookup_one(fib_active(fib), &a);
}

static void a_prefix_takes_one_group_for_each_stride_it_needs(void **state)
{
	static const struct {
		const char *prefix;
		uint32_t groups;
	} cases[] = {
		{"::/0", 0},
		{"8000::/1", 0},
		{"2001:d00::/24", 0},
		{"2001:d80::/25", 1},
		{"2001:db8::/32", 1},
		{"2001:db8::/33", 2},
		{"2001:db8::/48", 3},
		{"2001:db8::/64", 5},
		{"2001:db8::/127", 13},
		{"2001:db8::/128", 13},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fib *fib = fib_create(6, 16, 16, NULL);
		struct ip_addr p = prefix_of(cases[i].prefix);

		assert_int_equal(fib_add(fib, &p, 1, NULL), 0);
		assert_int_equal(groups_of(fib), cases[i].groups);
		assert_int_equal(fib_add(fib, &p, 2, NULL), 0);
		assert_int_equal(groups_of(fib), cases[i].groups);
		assert_int_equal(fib_del(fib, &p, NULL), 0);
		assert_int_equal(groups_of(fib), 0);
		fib_destroy(fib);
	}
}

static void a_group_stays_until_its_last_route_goes(void **state)
{
	struct fib *fib = fib_create(4, 16, 16, NULL);
	struct ip_addr covering = prefix_of("10.1.0.0/16");
	struct ip_addr host = prefix_of("10.1.2.3/32");
	struct ip_addr half = prefix_of("10.1.2.0/25");

	fib_add(fib, &host, 1, NULL);
	fib_add(fib, &half, 2, NULL);
	fib_add(fib, &covering, 3, NULL);
	assert_int_equal(groups_of(fib), 1);
	fib_del(fib, &host, NULL);
	assert_int_equal(groups_of(fib), 1);
	assert_int_equal(published(fib, "10.1.2.3"), 2);
	fib_del(fib, &half, NULL);
	assert_int_equal(groups_of(fib), 0);
	assert_int_equal(published(fib, "10.1.2.3"), 3);
	fib_del(fib, &covering, NULL);
	assert_int_equal(published(fib, "10.1.2.3"), 0);
	fib_destroy(fib);
}

static void a_group_freed_and_taken_again_shows_nothing_of_its_past(void **state)
{
	struct fib *fib = fib_create(4, 16, 1, NULL);
	struct ip_addr first = prefix_of("10.1.2.0/25");
	struct ip_addr second = prefix_of("10.9.9.0/32");

	fib_add(fib, &first, 1, NULL);
	assert_int_equal(published(fib, "10.1.2.1"), 1);
	fib_del(fib, &first, NULL);
	assert_int_equal(fib_add(fib, &second, 2, NULL), 0);
	/* Readers still see the group's former use until the flip. */
	assert_int_equal(fib_active(fib)->groups[1], 26u << FIB_DEPTH_SHIFT | 1);
	assert_int_equal(published(fib, "10.1.2.1"), 0);
	assert_int_equal(published(fib, "10.9.9.1"), 0);
	assert_int_equal(published(fib, "10.9.9.0"), 2);
	fib_destroy(fib);
}

/* Every entry of the direct table and the groups, as a sum that changes with any of them. */
static uint64_t fingerprint(const struct fib *fib)
{
	const struct fib_table *t = fib_active(fib);
	uint64_t sum = t->default_nexthop;

	for (uint32_t i = 0x200000; i < 0x200200; i++)
		sum = sum * 0x100000001b3 + t->tbl24[i];
	for (uint32_t i = 0; i < 8 * FIB_GROUP_ENTRIES; i++)
		sum = sum * 0x100000001b3 + t->groups[i];
	return sum;
}

static void running_out_of_groups_leaves_everything_unchanged(void **state)
{
	struct fib *fib = fib_create(6, 100, 9, NULL);
	struct ip_addr covering = prefix_of("2000::/17");
	struct ip_addr base = prefix_of("2000:1::/64");
	struct ip_addr other = prefix_of("2000:1:1::/64");
	struct ip_addr far = prefix_of("2000:100::/48");
	struct ip_addr a;
	uint64_t before;

	assert_int_equal(fib_add(fib, &base, 1, NULL), 0);
	assert_int_equal(fib_add(fib, &covering, 2, NULL), 0);
	assert_int_equal(fib_add(fib, &other, 3, NULL), 0);
	assert_int_equal(groups_of(fib), 7);
	assert_int_equal(published(fib, "2000:1:1::1"), 3);
	before = fingerprint(fib);
	assert_int_equal(fib_add(fib, &far, 4, NULL), -ENOSPC);
	assert_false(fib_dirty(fib));
	assert_int_equal(groups_of(fib), 7);
	assert_int_equal(fib_find(fib, &far), 0);
	assert_int_equal(ip_addr_parse("2000:100::1", &a), 0);
	assert_int_equal(fib_match(fib, &a, NULL), 2);
	assert_int_equal(published(fib, "2000:100::1"), 2);
	assert_int_equal(fingerprint(fib), before);
	fib_del(fib, &other, NULL);
	assert_int_equal(fib_add(fib, &far, 4, NULL), 0);
	assert_int_equal(published(fib, "2000:100::1"), 4);
	fib_destroy(fib);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_takes_one_group_for_each_stride_it_needs),
		cmocka_unit_test(a_group_stays_until_its_last_route_goes),
		cmocka_unit_test(a_group_freed_and_taken_again_shows_nothing_of_its_past),
		cmocka_unit_test(running_out_of_groups_leaves_everything_unchanged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
