/* SPDX-License-Identifier: BSD-3-Clause */
/* The index of a database: what is put in is found, whatever size it has or is about to have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/kv/kv_index.h"

#define BYTES (64u << 20)
#define KEYS  200000

static struct kv_arena arena;
static struct key_hash secret;
static struct kv_index ix;
static struct kv_item *items[KEYS];
static uint8_t seen[KEYS];

static int start(void **state)
{
	struct base_error err = {};

	key_hash_init(&secret, (const uint8_t *)"0123456789abcdef");
	if (kv_arena_init(&arena, BYTES, &err))
		return -1;
	kv_index_init(&ix, &arena, &secret);
	memset(items, 0, sizeof(items));
	return 0;
}

static int stop(void **state)
{
	kv_arena_fini(&arena);
	return 0;
}

static struct kv_key key_of(unsigned number)
{
	static char name[16];
	struct kv_key k = {
		.bytes = (uint8_t *)name,
		.len = (uint32_t)snprintf(name, sizeof(name), "k%u", number),
	};

	k.hash = key_hash_of(&secret, k.bytes, k.len);
	return k;
}

static void put(unsigned number)
{
	struct kv_key k = key_of(number);
	struct kv_item *it = kv_arena_alloc(&arena, sizeof(*it) + k.len, KV_FOR_ITEMS);

	assert_non_null(it);
	*it = (struct kv_item){.key_len = k.len};
	memcpy(kv_item_key_bytes(it), k.bytes, k.len);
	assert_int_equal(kv_index_reserve(&ix), 0);
	assert_int_equal(kv_index_insert(&ix, k.hash, kv_arena_ref(&arena, it)), 0);
	items[number] = it;
}

static void take(unsigned number)
{
	struct kv_key k = key_of(number);
	struct kv_place at;

	assert_ptr_equal(kv_index_find(&ix, &k, &at), items[number]);
	kv_index_remove(&ix, &at);
	kv_arena_free(&arena, items[number]);
	items[number] = NULL;
}

static void check(unsigned number)
{
	struct kv_key k = key_of(number);
	struct kv_place at;

	kv_index_prefetch(&ix, k.hash);
	assert_ptr_equal(kv_index_find(&ix, &k, &at), items[number]);
	if (items[number]) {
		assert_ptr_equal(kv_index_find_hash(&ix, k.hash), items[number]);
		assert_true(
			kv_index_find_ref(&ix, k.hash, kv_arena_ref(&arena, items[number]), &at));
	}
}

static void every_key_is_found_while_the_index_grows(void **state)
{
	unsigned resizing = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		put(i);
		check(i);
		check(i * 7919u % KEYS);
		resizing += ix.n_new != 0;
	}
	assert_true(ix.count == KEYS);
	assert_true(resizing > KEYS / 10); /* it was often seen in between */
	for (unsigned i = 0; i < KEYS; i++)
		check(i);
}

static void a_key_costs_at_most_eight_bytes_of_index(void **state)
{
	for (unsigned i = 0; i < KEYS; i++) {
		put(i);
		if (i > 20000)
			assert_true(kv_index_bytes(&ix) < (uint64_t)i * 8 + KV_SEGMENT_BYTES);
	}
}

static void it_shrinks_when_it_is_nearly_empty(void **state)
{
	uint32_t full;

	for (unsigned i = 0; i < KEYS; i++)
		put(i);
	while (kv_index_resize_step(&ix, 64))
		;
	full = ix.present;
	for (unsigned i = 0; i < KEYS; i++) {
		if (i % 50 == 0)
			continue;
		take(i);
		kv_index_resize_step(&ix, 1);
		check(i * 7919u % KEYS);
	}
	while (kv_index_resize_step(&ix, 64))
		;
	assert_true(ix.present * 10 < full);
	for (unsigned i = 0; i < KEYS; i++)
		check(i);
}

/* Looks up keys from @first on, all at once. */
static void check_bulk(unsigned first)
{
	static char names[KV_BULK_MAX][16];
	struct kv_item *found[KV_BULK_MAX];
	const struct kv_key *all[KV_BULK_MAX];
	struct kv_key keys[KV_BULK_MAX];

	for (unsigned i = 0; i < KV_BULK_MAX; i++) {
		keys[i] = key_of((first + i) % KEYS);
		memcpy(names[i], keys[i].bytes, keys[i].len);
		keys[i].bytes = (uint8_t *)names[i];
		all[i] = &keys[i];
	}
	kv_index_fetch_bulk(&ix, all, KV_BULK_MAX);
	kv_index_find_bulk(&ix, all, KV_BULK_MAX, found);
	for (unsigned i = 0; i < KV_BULK_MAX; i++)
		assert_ptr_equal(found[i], items[(first + i) % KEYS]);
}

static void bulk_finds_what_single_lookups_find(void **state)
{
	unsigned resizing = 0;

	check_bulk(0); /* of an empty index */
	for (unsigned i = 1; i < KEYS; i += 2) {
		put(i);
		if (i % 16 != 1)
			continue;
		check_bulk(i);
		check_bulk(i * 7919u % KEYS);
		resizing += ix.n_new != 0;
	}
	assert_true(resizing > KEYS / 16 / 10); /* it was often seen in between */
	for (unsigned i = 0; i < KEYS; i += KV_BULK_MAX)
		check_bulk(i);
	for (unsigned i = 0; i < KEYS; i += 3) {
		if (items[i])
			take(i);
		if (i % 16 == 0)
			check_bulk(i);
	}
}

/* As many as a small index holds without growing, so that many lie behind their homes. */
static void bulk_finds_keys_far_from_their_homes(void **state)
{
	unsigned behind = 0, next = 0;
	struct kv_place at;

	for (unsigned homes = 0; homes < 2000; next++) {
		put(next);
		homes = ix.n;
	}
	for (; ix.n_new || ix.count < (uint64_t)ix.n * KV_BUCKET_SLOTS * 84 / 100; next++)
		put(next);
	for (unsigned i = 0; i < next; i++) {
		struct kv_key k = key_of(i);

		assert_ptr_equal(kv_index_find(&ix, &k, &at), items[i]);
		behind += at.number > at.home + 1;
	}
	assert_true(behind > 100);
	for (unsigned i = 0; i < next; i += KV_BULK_MAX / 2)
		check_bulk(i);
}

static void visited(void *ctx, struct kv_item *it, uint64_t hash)
{
	seen[strtoul((const char *)kv_item_key_bytes(it) + 1, NULL, 10)]++;
	assert_true(kv_index_hash(&ix, it) == hash);
}

/* Keys come and go during a walk, so that it grows or shrinks meanwhile; those that stay are seen
 * once each. */
static void walk_with(bool growing, unsigned stay)
{
	struct kv_index_walk walk = {.buckets = 3, .fn = visited};
	uint32_t before = ix.n;
	unsigned next = stay;

	memset(seen, 0, sizeof(seen));
	while (walk.from < 1ULL << 32) {
		walk.from = kv_index_walk(&ix, &walk);
		for (unsigned i = 0; i < 30 && next < KEYS; i++, next++) {
			if (growing)
				put(next);
			else
				take(next);
			kv_index_resize_step(&ix, 2);
		}
	}
	assert_true(growing ? ix.n > before * 2 : ix.n < before / 2 || ix.n_new);
	for (unsigned i = 0; i < stay; i++)
		assert_int_equal(seen[i], 1);
	for (unsigned i = stay; i < KEYS; i++)
		assert_in_range(seen[i], 0, 1);
}

static void a_walk_sees_each_key_that_stays_exactly_once_while_it_grows(void **state)
{
	for (unsigned i = 0; i < 20000; i++)
		put(i);
	walk_with(true, 20000);
}

static void a_walk_sees_each_key_that_stays_exactly_once_while_it_shrinks(void **state)
{
	for (unsigned i = 0; i < KEYS; i++)
		put(i);
	walk_with(false, 5000);
}

static void counted(void *ctx, struct kv_item *it)
{
	++*(unsigned *)ctx;
	kv_arena_free(&arena, it);
}

static void draining_gives_every_item_and_all_memory_back_in_pieces(void **state)
{
	unsigned n = 0, last = 0;
	struct kv_index_drain drain = {.free = counted, .ctx = &n};

	for (unsigned i = 0; i < 50000; i++)
		put(i);
	while (!kv_index_drain_step(&ix, &drain, 16)) {
		assert_in_range(n - last, 0, 16);
		last = n;
	}
	assert_int_equal(n, 50000);
	assert_true(arena.used_bytes == 0);
}

static void without_memory_to_grow_it_fills_up_and_then_refuses(void **state)
{
	static void *kept[30000];
	unsigned n = 0, i = 0;

	for (; n < 5000; n++)
		put(n);
	while (kv_index_resize_step(&ix, 64))
		;
	/* Only blocks of the size of items can be had from now on. */
	for (unsigned j = 0; j < ARRAY_SIZE(kept); j++)
		kept[j] = kv_arena_alloc(&arena, 18, KV_FOR_ITEMS);
	while (kv_arena_alloc(&arena, 4000, KV_FOR_OTHERS))
		;
	while (kv_index_reserve(&ix) == 0) {
		kv_arena_free(&arena, kept[i++]);
		put(n++);
	}
	assert_true(ix.count >= (uint64_t)ix.n * KV_BUCKET_SLOTS * 96 / 100);
	for (i = 0; i < n; i++)
		check(i);
	take(0);
	assert_int_equal(kv_index_reserve(&ix), 0);
}

static void every_change_is_counted_by_the_version_of_the_home(void **state)
{
	struct kv_key k = key_of(1);
	uint32_t version;
	struct kv_place at;

	put(1);
	version = kv_index_bucket(&ix, kv_index_home(&ix, k.hash))->version;
	kv_index_changed(&ix, k.hash);
	assert_int_equal(kv_index_bucket(&ix, kv_index_home(&ix, k.hash))->version, version + 1);
	assert_non_null(kv_index_find(&ix, &k, &at));
	take(1);
	assert_int_equal(at.bucket->version, version + 2);
}

#define INDEX_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INDEX_TEST(every_key_is_found_while_the_index_grows),
		INDEX_TEST(a_key_costs_at_most_eight_bytes_of_index),
		INDEX_TEST(it_shrinks_when_it_is_nearly_empty),
		INDEX_TEST(bulk_finds_what_single_lookups_find),
		INDEX_TEST(bulk_finds_keys_far_from_their_homes),
		INDEX_TEST(a_walk_sees_each_key_that_stays_exactly_once_while_it_grows),
		INDEX_TEST(a_walk_sees_each_key_that_stays_exactly_once_while_it_shrinks),
		INDEX_TEST(draining_gives_every_item_and_all_memory_back_in_pieces),
		INDEX_TEST(without_memory_to_grow_it_fills_up_and_then_refuses),
		INDEX_TEST(every_change_is_counted_by_the_version_of_the_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
