/* SPDX-License-Identifier: BSD-3-Clause */
/* The operations of a FIB: limits, add, replace, delete, match, marks and dump. */
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

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static void publish(struct fib *fib)
{
	fib_flip(fib);
	while (fib_sync(fib, SIZE_MAX) > 0)
		;
}

static void limits_out_of_range_are_refused_with_a_sentence(void **state)
{
	static const struct {
		uint32_t routes_max;
		uint32_t groups_max;
	} cases[] = {{0, 10}, {UINT32_MAX, 10}, {10, 0}, {10, FIB_INDEX_MASK + 1}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct base_error err = {};

		assert_null(fib_create(4, cases[i].routes_max, cases[i].groups_max, &err));
		assert_non_null(strstr(err.text, "choose 1 to"));
	}
}

static void the_longest_prefix_wins_whatever_the_order(void **state)
{
	static const char *const prefixes[][4] = {
		{"0.0.0.0/0", "10.0.0.0/8", "10.1.2.0/24", "10.1.2.128/32"},
		{"::/0", "2001:db8::/32", "2001:db8:0:1::/64", "2001:db8:0:1::80/128"},
	};
	static const char *const addrs[][4] = {
		{"11.0.0.1", "10.1.3.0", "10.1.2.129", "10.1.2.128"},
		{"2001:db9::", "2001:db8:0:2::80", "2001:db8:0:1::81", "2001:db8:0:1::80"},
	};

	for (unsigned f = 0; f < 2; f++) {
		for (unsigned first = 0; first < 4; first++) {
			struct fib *fib = fib_create(f ? 6 : 4, 16, 64, NULL);

			for (unsigned i = 0; i < 4; i++) {
				struct ip_addr p = prefix_of(prefixes[f][(first + i * 3) % 4]);

				assert_int_equal(
					fib_add(fib, &p, 1 + (first + i * 3) % 4, NULL), 0);
			}
			publish(fib);
			for (unsigned i = 0; i < 4; i++) {
				struct ip_addr a = addr_of(addrs[f][i]);

				assert_int_equal(fib_lookup_one(fib_active(fib), &a), i + 1);
				assert_int_equal(fib_match(fib, &a, NULL), i + 1);
			}
			fib_destroy(fib);
		}
	}
}

static void host_bits_of_a_prefix_are_ignored(void **state)
{
	struct fib *fib = fib_create(4, 16, 16, NULL);
	struct ip_addr with = prefix_of("10.0.0.77/24");
	struct ip_addr without = prefix_of("10.0.0.0/24");
	uint32_t old = 0;

	assert_int_equal(fib_add(fib, &with, 3, NULL), 0);
	assert_int_equal(fib_find(fib, &without), 3);
	assert_int_equal(fib_add(fib, &without, 4, &old), 0);
	assert_int_equal(old, 3);
	assert_int_equal(fib_del(fib, &with, &old), 0);
	assert_int_equal(old, 4);
	assert_int_equal(fib_del(fib, &with, &old), -ENOENT);
	fib_destroy(fib);
}

static void a_default_route_serves_what_nothing_else_matches(void **state)
{
	struct fib *fib = fib_create(6, 16, 16, NULL);
	struct ip_addr all = prefix_of("::/0");
	struct ip_addr half = prefix_of("8000::/1");
	struct ip_addr a = addr_of("2001:db8::1");
	struct fib_usage usage;

	assert_int_equal(fib_lookup_one(fib_active(fib), &a), 0);
	fib_add(fib, &all, 9, NULL);
	fib_add(fib, &half, 8, NULL);
	fib_del(fib, &half, NULL);
	assert_true(fib_dirty(fib));
	publish(fib);
	assert_int_equal(fib_lookup_one(fib_active(fib), &a), 9);
	a = addr_of("ff02::1");
	assert_int_equal(fib_lookup_one(fib_active(fib), &a), 9);
	fib_del(fib, &all, NULL);
	assert_true(fib_dirty(fib));
	publish(fib);
	assert_int_equal(fib_lookup_one(fib_active(fib), &a), 0);
	assert_false(fib_dirty(fib));
	fib_usage_get(fib, &usage);
	assert_int_equal(usage.routes, 0);
	fib_destroy(fib);
}

static void a_deleted_route_uncovers_the_next_shorter_one_at_every_length(void **state)
{
	struct fib *fib = fib_create(4, 128, 16, NULL);
	struct ip_addr a = addr_of("170.170.170.170");

	/* Both halves of every length, so that the other half never shows what covers this one. */
	for (unsigned len = 0; len <= 32; len++) {
		struct ip_addr p = a;
		struct ip_addr beside = a;

		p.prefix_len = beside.prefix_len = (uint8_t)len;
		assert_int_equal(fib_add(fib, &p, 100 + len, NULL), 0);
		if (len > 0) {
			beside.bytes[(len - 1) / 8] ^= (uint8_t)(0x80 >> (len - 1) % 8);
			assert_int_equal(fib_add(fib, &beside, 200 + len, NULL), 0);
		}
	}
	for (unsigned len = 33; len-- > 0;) {
		struct ip_addr p = a;

		publish(fib);
		assert_int_equal(fib_lookup_one(fib_active(fib), &a), 100 + len);
		p.prefix_len = (uint8_t)len;
		assert_int_equal(fib_del(fib, &p, NULL), 0);
	}
	publish(fib);
	assert_int_equal(fib_lookup_one(fib_active(fib), &a), 0);
	fib_destroy(fib);
}

static void a_changed_default_route_shows_where_routes_were_deleted(void **state)
{
	static const char *const halves[] = {"::/1", "8000::/1"};
	struct fib *fib = fib_create(6, 16, 16, NULL);
	struct ip_addr all = prefix_of("::/0");
	struct ip_addr a = addr_of("ff02::1");

	fib_add(fib, &all, 9, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(halves); i++) {
		struct ip_addr half = prefix_of(halves[i]);

		fib_add(fib, &half, 1 + i, NULL);
		if (i == 1)
			fib_del(fib, &half, NULL);
	}
	fib_add(fib, &all, 10, NULL);
	publish(fib);
	assert_int_equal(fib_lookup_one(fib_active(fib), &a), 10);
	fib_destroy(fib);
}

static void adding_beyond_the_route_limit_changes_nothing(void **state)
{
	struct fib *fib = fib_create(4, 2, 16, NULL);
	struct ip_addr first = prefix_of("10.0.0.0/8");
	struct ip_addr second = prefix_of("10.0.0.0/9");
	struct ip_addr third = prefix_of("10.0.0.0/10");
	struct ip_addr a = addr_of("10.0.0.1");

	fib_add(fib, &first, 1, NULL);
	fib_add(fib, &second, 2, NULL);
	assert_int_equal(fib_add(fib, &third, 3, NULL), -ENOSPC);
	assert_int_equal(fib_find(fib, &third), 0);
	assert_int_equal(fib_add(fib, &second, 5, NULL), 0);
	publish(fib);
	assert_int_equal(fib_lookup_one(fib_active(fib), &a), 5);
	fib_del(fib, &first, NULL);
	assert_int_equal(fib_add(fib, &third, 3, NULL), 0);
	fib_destroy(fib);
}

static void a_mark_is_kept_by_replace_and_cleared_by_a_new_route(void **state)
{
	struct fib *fib = fib_create(4, 16, 16, NULL);
	struct ip_addr p = prefix_of("192.0.2.0/25");
	struct ip_addr other = prefix_of("192.0.2.128/25");
	struct fib_route route;
	uint64_t cursor = 0;

	assert_int_equal(fib_mark_set(fib, &p, 7), -ENOENT);
	fib_add(fib, &p, 1, NULL);
	assert_int_equal(fib_mark_set(fib, &p, 7), 0);
	fib_add(fib, &p, 2, NULL);
	assert_int_equal(fib_dump(fib, &cursor, &route, 1), 1);
	assert_int_equal(route.mark, 7);
	assert_int_equal(route.nexthop, 2);
	assert_true(ip_addr_equal(&route.prefix, &p));
	assert_int_equal(fib_dump(fib, &cursor, &route, 1), 0);
	fib_add(fib, &other, 3, NULL);
	fib_del(fib, &other, NULL);
	fib_del(fib, &p, NULL);
	fib_add(fib, &p, 2, NULL);
	cursor = 0;
	assert_int_equal(fib_dump(fib, &cursor, &route, 1), 1);
	assert_int_equal(route.mark, 0);
	fib_destroy(fib);
}

/* A /24 by number, as many as are asked for. */
static struct ip_addr numbered_prefix(uint32_t i)
{
	struct ip_addr p = ip_addr_v4(__builtin_bswap32(i << 8));

	p.prefix_len = 24;
	return p;
}

static void a_dump_that_deletes_what_it_returns_sees_every_route_once(void **state)
{
	enum { ROUTES = 5000 };
	static uint8_t seen[ROUTES];
	struct fib *fib = fib_create(4, 2 * ROUTES, 16, NULL);
	struct fib_route batch[37];
	uint64_t cursor = 0;
	uint32_t total = 0;
	size_t n;

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < ROUTES; i++) {
		struct ip_addr p = numbered_prefix(i);

		assert_int_equal(fib_add(fib, &p, i + 1, NULL), 0);
	}
	while ((n = fib_dump(fib, &cursor, batch, ARRAY_SIZE(batch))) > 0) {
		for (size_t i = 0; i < n; i++) {
			struct ip_addr p = numbered_prefix(batch[i].nexthop - 1);

			assert_true(ip_addr_equal(&p, &batch[i].prefix));
			assert_int_equal(seen[batch[i].nexthop - 1]++, 0);
			total++;
			if (i % 3)
				assert_int_equal(fib_del(fib, &p, NULL), 0);
		}
	}
	assert_int_equal(total, ROUTES);
	fib_destroy(fib);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_out_of_range_are_refused_with_a_sentence),
		cmocka_unit_test(the_longest_prefix_wins_whatever_the_order),
		cmocka_unit_test(host_bits_of_a_prefix_are_ignored),
		cmocka_unit_test(a_default_route_serves_what_nothing_else_matches),
		cmocka_unit_test(a_deleted_route_uncovers_the_next_shorter_one_at_every_length),
		cmocka_unit_test(a_changed_default_route_shows_where_routes_were_deleted),
		cmocka_unit_test(adding_beyond_the_route_limit_changes_nothing),
		cmocka_unit_test(a_mark_is_kept_by_replace_and_cleared_by_a_new_route),
		cmocka_unit_test(a_dump_that_deletes_what_it_returns_sees_every_route_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
