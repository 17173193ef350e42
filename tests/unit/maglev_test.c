/* SPDX-License-Identifier: BSD-3-Clause */
/* Maglev tables: shares, order, what moves when backends change, the same table everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/hash/maglev.h"

#define ENTRIES_MAX 1000u

static uint16_t table[MAGLEV_SIZE], other[MAGLEV_SIZE];
static uint32_t shares[UINT16_MAX + 1];
static uint64_t seed;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static int setup(void **state)
{
	seed = 0x9e3779b97f4a7c15ULL;
	return 0;
}

/* @n entries with random identities; numbers and weights are given by the caller later. */
static void make(struct maglev_entry *entries, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		entries[i] = (struct maglev_entry){
			.identity = next_random(), .number = (uint16_t)i, .weight = 1};
}

static void shuffle(struct maglev_entry *entries, uint32_t n)
{
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = (uint32_t)(next_random() % i);
		struct maglev_entry e = entries[i - 1];

		entries[i - 1] = entries[j];
		entries[j] = e;
	}
}

static void count_shares(void)
{
	memset(shares, 0, sizeof(shares));
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		shares[table[i]]++;
}

static void shares_follow_weights(void **state)
{
	static const struct {
		uint32_t n;
		uint16_t weights[4]; /* in turn */
	} cases[] = {
		{1, {1, 1, 1, 1}},
		{2, {1, 1, 1, 1}},
		{3, {1, 2, 3, 1}},
		{4, {255, 1, 0, 128}},
		{8, {7, 11, 13, 100}},
		{100, {1, 1, 1, 1}},
		{100, {3, 1, 2, 1}},
		{100, {255, 100, 200, 50}},
	};
	struct maglev_entry entries[100];

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		uint32_t n = cases[c].n, sum = 0;

		make(entries, n);
		for (uint32_t i = 0; i < n; i++) {
			entries[i].weight = cases[c].weights[i % 4];
			sum += entries[i].weight;
		}
		assert_int_equal(maglev_build(table, entries, n, NULL), 0);
		count_shares();
		for (uint32_t i = 0; i < n; i++) {
			double want = (double)MAGLEV_SIZE * entries[i].weight / sum;
			double off = shares[entries[i].number] - want;

			assert_true(off * off <= 1.01 || off * off <= want * want * 0.0001);
		}
	}
}

static void the_order_of_backends_does_not_matter(void **state)
{
	struct maglev_entry entries[50];

	make(entries, 50);
	for (unsigned i = 0; i < 50; i++)
		entries[i].weight = (uint16_t)(next_random() % 20);
	assert_int_equal(maglev_build(table, entries, 50, NULL), 0);
	for (unsigned round = 0; round < 5; round++) {
		shuffle(entries, 50);
		assert_int_equal(maglev_build(other, entries, 50, NULL), 0);
		assert_memory_equal(table, other, sizeof(table));
	}
}

/* How many entries of those that backend @gone did not have differ between the tables. */
static uint32_t moved_without(uint16_t gone)
{
	uint32_t moved = 0;

	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		moved += table[i] != gone && table[i] != other[i];
	return moved;
}

static void most_entries_stay_when_one_backend_goes(void **state)
{
	static const uint32_t sizes[] = {2, 3, 10, 50, 100, 1000};
	static struct maglev_entry entries[ENTRIES_MAX];

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		uint32_t n = sizes[s];
		uint16_t gone;

		make(entries, n);
		assert_int_equal(maglev_build(table, entries, n, NULL), 0);
		gone = entries[n - 1].number;
		assert_int_equal(maglev_build(other, entries, n - 1, NULL), 0);
		assert_in_range(moved_without(gone), 0, MAGLEV_SIZE / 50);
		/* Weight 0 is the same as not being there. */
		entries[n - 1].weight = 0;
		assert_int_equal(maglev_build(table, entries, n, NULL), 0);
		assert_memory_equal(table, other, sizeof(table));
	}
}

static void members_of_all_builds_agree(void **state)
{
	struct maglev_entry entries[40];
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (unsigned i = 0; i < 40; i++)
		entries[i] = (struct maglev_entry){
			.identity = i * 0x9e3779b97f4a7c15ULL,
			.number = (uint16_t)(1000 + i),
			.weight = (uint16_t)(i % 7),
		};
	assert_int_equal(maglev_build(table, entries, 40, NULL), 0);
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		hash = (hash ^ table[i]) * 0x100000001b3ULL;
	/* Computed by another program, straight from the paper. */
	assert_true(hash == 0xea9af2401637ef17ULL);
}

static void what_cannot_be_built_is_refused(void **state)
{
	static struct maglev_entry many[MAGLEV_ENTRIES_MAX + 1];
	struct maglev_entry twice[3] = {{7, 1, 1}, {8, 2, 1}, {7, 3, 1}};
	struct maglev_entry none[2] = {{7, 1, 0}, {8, 2, 0}};
	struct maglev_entry heavy[1] = {{7, 1, MAGLEV_WEIGHT_MAX + 1}};
	const struct {
		struct maglev_entry *entries;
		uint32_t n;
	} cases[] = {{twice, 3}, {none, 2}, {none, 0}, {heavy, 1}, {many, MAGLEV_ENTRIES_MAX + 1}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct base_error err = {{0}};

		assert_int_equal(maglev_build(table, cases[i].entries, cases[i].n, &err), -22);
		assert_true(strlen(err.text) > 10);
	}
}

static void a_thousand_backends_take_little_time(void **state)
{
	static struct maglev_entry entries[ENTRIES_MAX];
	double best_ms = 1e9;

	for (unsigned round = 0; round < 10; round++) {
		struct timespec from, to;
		double ms;

		make(entries, ENTRIES_MAX);
		clock_gettime(CLOCK_MONOTONIC, &from);
		assert_int_equal(maglev_build(table, entries, ENTRIES_MAX, NULL), 0);
		clock_gettime(CLOCK_MONOTONIC, &to);
		ms = (double)(to.tv_sec - from.tv_sec) * 1e3 +
		     (double)(to.tv_nsec - from.tv_nsec) / 1e6;
		best_ms = ms < best_ms ? ms : best_ms;
	}
	count_shares();
	for (uint32_t i = 0; i < ENTRIES_MAX; i++)
		assert_in_range(
			shares[i], MAGLEV_SIZE / ENTRIES_MAX, MAGLEV_SIZE / ENTRIES_MAX + 1);
	printf("%u entries for %u backends: %.2f ms at best\n", MAGLEV_SIZE, ENTRIES_MAX, best_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(shares_follow_weights, setup),
		cmocka_unit_test_setup(the_order_of_backends_does_not_matter, setup),
		cmocka_unit_test_setup(most_entries_stay_when_one_backend_goes, setup),
		cmocka_unit_test(members_of_all_builds_agree),
		cmocka_unit_test(what_cannot_be_built_is_refused),
		cmocka_unit_test_setup(a_thousand_backends_take_little_time, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
