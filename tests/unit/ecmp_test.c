/* SPDX-License-Identifier: BSD-3-Clause */
/* The draw among equal paths: shares follow the weights, and only the buckets that must move do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "dataplane/ip/ecmp.h"

/* Hop number @k of the tests: 192.0.2.k or, for even ones, 2001:db8::k, on interface "lan" or
 * "wan". */
static struct ecmp_hop hop(unsigned k, uint16_t weight)
{
	struct ecmp_hop h = {.weight = weight};
	char text[IPADDR_TEXT_MAX];

	snprintf(text, sizeof(text), k % 2 ? "192.0.2.%u" : "2001:db8::%x", k);
	assert_int_equal(ip_addr_parse(text, &h.addr), 0);
	base_strlcpy(h.name, k % 3 ? "lan" : "wan", sizeof(h.name));
	return h;
}

static void count(const uint16_t *buckets, unsigned *counts, unsigned n)
{
	memset(counts, 0, n * sizeof(*counts));
	for (unsigned b = 0; b < WORLD_ECMP_BUCKETS; b++) {
		assert_in_range(buckets[b], 0, n - 1);
		counts[buckets[b]]++;
	}
}

static void the_logarithm_is_right(void **state)
{
	assert_int_equal(ecmp_neg_log2(1), 64u << 24);
	assert_int_equal(ecmp_neg_log2(1ULL << 63), 1u << 24);
	assert_int_equal(ecmp_neg_log2(3ULL << 62), 6963174); /* log2(4/3) * 2^24, rounded up */
	assert_int_equal(ecmp_neg_log2(UINT64_MAX), 1);
	for (uint64_t h = 1; h < UINT64_MAX / 3; h = h * 3 + 1) {
		double want = 64 - log2((double)h);

		assert_true(fabs((double)ecmp_neg_log2(h) / (1 << 24) - want) < 1e-6);
	}
}

static void shares_follow_the_weights(void **state)
{
	static const struct {
		unsigned n;
		uint16_t weights[5];
	} cases[] = {
		{1, {7}},
		{2, {1, 1}},
		{2, {3, 1}},
		{3, {1, 2, 5}},
		{5, {1, 1, 1, 1, 1}},
		{2, {255, 1}},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ecmp_hop hops[5];
		uint16_t buckets[WORLD_ECMP_BUCKETS];
		unsigned counts[5], sum = 0;

		for (unsigned k = 0; k < cases[i].n; k++) {
			hops[k] = hop(10 * i + k + 1, cases[i].weights[k]);
			sum += cases[i].weights[k];
		}
		ecmp_fill(hops, cases[i].n, buckets);
		count(buckets, counts, cases[i].n);
		for (unsigned k = 0; k < cases[i].n; k++) {
			double p = (double)cases[i].weights[k] / sum;
			double deviation = sqrt(WORLD_ECMP_BUCKETS * p * (1 - p));

			/* Four standard deviations of a fair draw. */
			assert_true(fabs(counts[k] - WORLD_ECMP_BUCKETS * p) <= 4 * deviation + 1);
		}
	}
}

static void the_order_of_the_hops_does_not_matter(void **state)
{
	uint16_t forward[WORLD_ECMP_BUCKETS], backward[WORLD_ECMP_BUCKETS];
	struct ecmp_hop hops[8], turned[8];

	for (unsigned k = 0; k < 8; k++) {
		hops[k] = hop(k + 1, (uint16_t)(k % 3 + 1));
		turned[7 - k] = hops[k];
	}
	ecmp_fill(hops, 8, forward);
	ecmp_fill(turned, 8, backward);
	for (unsigned b = 0; b < WORLD_ECMP_BUCKETS; b++)
		assert_int_equal(forward[b], 7 - backward[b]);
}

static void a_removed_hop_moves_only_its_own_buckets(void **state)
{
	for (unsigned n = 2; n <= API_HOPS_MAX; n += 5) {
		uint16_t before[WORLD_ECMP_BUCKETS], after[WORLD_ECMP_BUCKETS];
		struct ecmp_hop hops[API_HOPS_MAX];
		unsigned gone = n / 2, moved = 0, had = 0;

		for (unsigned k = 0; k < n; k++)
			hops[k] = hop(k + 1, (uint16_t)(k % 4 + 1));
		ecmp_fill(hops, n, before);
		memmove(&hops[gone], &hops[gone + 1], (n - gone - 1) * sizeof(hops[0]));
		ecmp_fill(hops, n - 1, after);
		for (unsigned b = 0; b < WORLD_ECMP_BUCKETS; b++) {
			unsigned now = after[b] + (after[b] >= gone);

			had += before[b] == gone;
			moved += now != before[b];
			if (before[b] != gone)
				assert_int_equal(now, before[b]);
		}
		assert_int_equal(moved, had);
		assert_true(had > 0);
	}
}

static void an_added_hop_takes_buckets_and_moves_no_other(void **state)
{
	uint16_t before[WORLD_ECMP_BUCKETS], after[WORLD_ECMP_BUCKETS];
	struct ecmp_hop hops[9];
	unsigned taken = 0;

	for (unsigned k = 0; k < 9; k++)
		hops[k] = hop(k + 1, 2);
	ecmp_fill(hops, 8, before);
	ecmp_fill(hops, 9, after);
	for (unsigned b = 0; b < WORLD_ECMP_BUCKETS; b++) {
		taken += after[b] == 8;
		if (after[b] != 8)
			assert_int_equal(after[b], before[b]);
	}
	assert_in_range(taken, WORLD_ECMP_BUCKETS / 9 / 2, WORLD_ECMP_BUCKETS / 9 * 2);
}

static void a_larger_weight_only_draws_buckets_to_itself(void **state)
{
	uint16_t before[WORLD_ECMP_BUCKETS], after[WORLD_ECMP_BUCKETS];
	struct ecmp_hop hops[4];

	for (unsigned k = 0; k < 4; k++)
		hops[k] = hop(k + 1, 2);
	ecmp_fill(hops, 4, before);
	hops[1].weight = 5;
	ecmp_fill(hops, 4, after);
	for (unsigned b = 0; b < WORLD_ECMP_BUCKETS; b++)
		if (after[b] != 1)
			assert_int_equal(after[b], before[b]);
}

static void the_same_address_on_another_interface_draws_anew(void **state)
{
	uint16_t buckets[WORLD_ECMP_BUCKETS];
	struct ecmp_hop hops[2] = {hop(1, 1), hop(1, 1)};
	unsigned counts[2];

	base_strlcpy(hops[1].name, "other", sizeof(hops[1].name));
	ecmp_fill(hops, 2, buckets);
	count(buckets, counts, 2);
	assert_in_range(counts[0], 448, 576);
}

/* The draw is part of the contract between nodes of one service: it must never change unnoticed. */
static void the_draw_is_the_same_on_every_machine(void **state)
{
	static const uint16_t want[16] = {2, 1, 2, 1, 2, 2, 1, 0, 2, 0, 0, 1, 2, 1, 2, 1};
	uint16_t buckets[WORLD_ECMP_BUCKETS];
	struct ecmp_hop hops[3] = {hop(1, 1), hop(2, 2), hop(3, 3)};

	ecmp_fill(hops, 3, buckets);
	assert_memory_equal(buckets, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_logarithm_is_right),
		cmocka_unit_test(shares_follow_the_weights),
		cmocka_unit_test(the_order_of_the_hops_does_not_matter),
		cmocka_unit_test(a_removed_hop_moves_only_its_own_buckets),
		cmocka_unit_test(an_added_hop_takes_buckets_and_moves_no_other),
		cmocka_unit_test(a_larger_weight_only_draws_buckets_to_itself),
		cmocka_unit_test(the_same_address_on_another_interface_draws_anew),
		cmocka_unit_test(the_draw_is_the_same_on_every_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
