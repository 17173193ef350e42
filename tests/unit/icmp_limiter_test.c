/* SPDX-License-Identifier: BSD-3-Clause */
/* The rate limit of ICMP errors: burst, rate, prefixes, families, accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/ip/icmp_limiter.h"
#include "lib/base/ipaddr.h"

static struct stats_worker stats;
static struct worker *w;

static int setup(void **state)
{
	w = aligned_alloc(CACHE_LINE_BYTES, sizeof(*w));
	if (w == NULL)
		return -1;
	memset(w, 0, sizeof(*w));
	memset(&stats, 0, sizeof(stats));
	w->stats = &stats;
	w->now_ns = 1000 * NSEC_PER_SEC;
	w->flow_key[0] = 0x0123456789abcdefULL;
	w->flow_key[1] = 0xfedcba9876543210ULL;
	return icmp_limiter_init(w);
}

static int teardown(void **state)
{
	icmp_limiter_fini(w);
	free(w);
	return 0;
}

static bool allow(const char *src)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(src, &addr), 0);
	return addr.family == 4 ? icmp_limiter_allow4(w, ip_addr_v4_be(&addr))
				: icmp_limiter_allow6(w, addr.bytes);
}

/* How many of @n tries at once are allowed. */
static unsigned count(const char *src, unsigned n)
{
	unsigned allowed = 0;

	while (n-- > 0)
		allowed += allow(src);
	return allowed;
}

static void a_burst_passes_and_then_the_rate(void **state)
{
	static const char *const sources[] = {"192.0.2.1", "2001:db8::1"};

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		unsigned allowed = 0;

		assert_int_equal(count(sources[i], 1000), ICMP_LIMIT_BURST);
		for (unsigned ms = 0; ms < 10000; ms++) {
			w->now_ns += NSEC_PER_MSEC;
			allowed += count(sources[i], 3);
		}
		assert_in_range(allowed, 10 * ICMP_LIMIT_PER_SEC - 1, 10 * ICMP_LIMIT_PER_SEC + 1);
	}
}

static void an_idle_bucket_fills_up_but_not_beyond_the_burst(void **state)
{
	assert_int_equal(count("192.0.2.1", 100), ICMP_LIMIT_BURST);
	w->now_ns += 5 * ICMP_LIMIT_INTERVAL_NS;
	assert_int_equal(count("192.0.2.1", 100), 5);
	w->now_ns += 3600 * NSEC_PER_SEC;
	assert_int_equal(count("192.0.2.1", 100), ICMP_LIMIT_BURST);
}

static void sources_of_one_prefix_share_and_others_do_not(void **state)
{
	count("192.0.2.1", 100);
	assert_false(allow("192.0.2.255"));
	assert_true(allow("192.0.3.1"));
	count("2001:db8::1", 100);
	assert_false(allow("2001:db8::ffff:0:0:1"));
	assert_true(allow("2001:db8:0:1::1"));
}

static void the_families_do_not_share_buckets(void **state)
{
	for (unsigned i = 0; i < 65536; i++)
		for (unsigned k = 0; k < ICMP_LIMIT_BURST; k++)
			icmp_limiter_allow4(w, htobe32(i << 8));
	assert_false(allow("192.0.2.1"));
	assert_int_equal(count("2001:db8::1", 100), ICMP_LIMIT_BURST);
}

static void any_number_of_prefixes_gets_no_more_than_all_buckets(void **state)
{
	unsigned allowed = 0;

	for (uint32_t i = 0; i < 1u << 20; i++)
		allowed += icmp_limiter_allow4(w, htobe32(i << 8));
	assert_int_equal(allowed, ICMP_LIMIT_BUCKETS * ICMP_LIMIT_BURST);
}

static void which_prefixes_share_a_bucket_depends_on_the_key(void **state)
{
	unsigned moved = 0;

	for (unsigned i = 0; i < 64; i++) {
		uint64_t before[ICMP_LIMIT_BUCKETS];

		memset(w->icmp_limiter, 0, sizeof(*w->icmp_limiter));
		icmp_limiter_allow4(w, htobe32(i << 8));
		memcpy(before, w->icmp_limiter->full4_at_ns, sizeof(before));
		memset(w->icmp_limiter, 0, sizeof(*w->icmp_limiter));
		w->flow_key[0] ^= 1;
		icmp_limiter_allow4(w, htobe32(i << 8));
		w->flow_key[0] ^= 1;
		moved += memcmp(before, w->icmp_limiter->full4_at_ns, sizeof(before)) != 0;
	}
	assert_in_range(moved, 60, 64);
}

static void an_error_not_sent_is_counted_on_both_sides(void **state)
{
	count("192.0.2.1", ICMP_LIMIT_BURST);
	assert_int_equal(stats.generated_pkts, 0);
	assert_int_equal(stats.drops[DROP_icmp_error_limited], 0);
	count("192.0.2.1", 7);
	assert_int_equal(stats.generated_pkts, 7);
	assert_int_equal(stats.drops[DROP_icmp_error_limited], 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_burst_passes_and_then_the_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_idle_bucket_fills_up_but_not_beyond_the_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(
			sources_of_one_prefix_share_and_others_do_not, setup, teardown),
		cmocka_unit_test_setup_teardown(the_families_do_not_share_buckets, setup, teardown),
		cmocka_unit_test_setup_teardown(
			any_number_of_prefixes_gets_no_more_than_all_buckets, setup, teardown),
		cmocka_unit_test_setup_teardown(
			which_prefixes_share_a_bucket_depends_on_the_key, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_error_not_sent_is_counted_on_both_sides, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
