/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of a shard: classes, slabs, runs, and that all of it comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/kv/kv_arena.h"

#define BYTES  (8u << 20)
#define BLOCKS 3000
#define ROUNDS 200000

static struct kv_arena arena;
static uint64_t rng = 88172645463325252ULL;

static uint64_t random_word(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static int start(void **state)
{
	struct base_error err = {};

	return kv_arena_init(&arena, BYTES, &err);
}

static int stop(void **state)
{
	kv_arena_fini(&arena);
	return 0;
}

static void check_empty(void)
{
	assert_true(arena.used_bytes == 0);
	assert_int_equal(arena.free_pages, arena.n_pages - arena.first_page);
	/* One run again: all of it can be had at once. */
	void *all =
		kv_arena_alloc(&arena, (uint64_t)arena.free_pages << KV_PAGE_SHIFT, KV_FOR_OTHERS);

	assert_non_null(all);
	assert_int_equal(arena.free_pages, 0);
	assert_null(kv_arena_alloc(&arena, 1, KV_FOR_OTHERS));
	kv_arena_free(&arena, all);
}

static void a_class_wastes_at_most_a_ninth_of_a_block(void **state)
{
	for (uint32_t bytes = 1; bytes <= KV_SLAB_BLOCK_MAX; bytes++) {
		unsigned class = kv_class_of(bytes);
		uint32_t block = kv_class_bytes(class);

		assert_in_range(class, 1, KV_CLASSES - 1);
		assert_true(block >= bytes && block % 8 == 0);
		assert_true(class <= 2 || kv_class_bytes(class - 1) < bytes);
		if (bytes > 64)
			assert_true((block - bytes) * 9 <= block);
	}
}

static void a_slab_wastes_at_most_a_thirtysecond_of_itself(void **state)
{
	for (unsigned c = 2; c < KV_CLASSES; c++) {
		const struct kv_class *class = &arena.classes[KV_FOR_ITEMS][c];
		uint32_t slab = (uint32_t) class->pages << KV_PAGE_SHIFT;

		assert_true(class->blocks >= 4);
		assert_true(slab - class->blocks * class->bytes <= slab / 32);
	}
}

/* What random allocations were given, and with what they filled it. */
static struct {
	uint8_t *p;
	uint32_t bytes;
	uint8_t fill;
} blocks[BLOCKS];

static uint32_t random_bytes(void)
{
	static const uint32_t max[] = {64, 200, 1000, 5000, 40000, 300000};

	return 1 + (uint32_t)(random_word() % max[random_word() % 6 * (random_word() % 4 != 0)]);
}

static void block_end(unsigned i)
{
	for (uint32_t at = 0; at < blocks[i].bytes; at += 1 + at / 7)
		assert_int_equal(blocks[i].p[at], blocks[i].fill);
	assert_int_equal(blocks[i].p[blocks[i].bytes - 1], blocks[i].fill);
	kv_arena_free(&arena, blocks[i].p);
	blocks[i].p = NULL;
}

static void blocks_never_overlap_and_all_memory_comes_back(void **state)
{
	uint64_t used = 0, refused = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned i = (unsigned)(random_word() % BLOCKS);

		if (blocks[i].p) {
			used -= kv_arena_block_bytes(&arena, blocks[i].p);
			block_end(i);
			continue;
		}
		blocks[i].bytes = random_bytes();
		blocks[i].p = kv_arena_alloc(
			&arena, blocks[i].bytes, round % 2 ? KV_FOR_ITEMS : KV_FOR_OTHERS);
		if (!blocks[i].p) {
			refused++;
			continue;
		}
		assert_int_equal((uintptr_t)blocks[i].p % 8, 0);
		assert_ptr_equal(
			kv_arena_at(&arena, kv_arena_ref(&arena, blocks[i].p)), blocks[i].p);
		assert_true(kv_arena_block_bytes(&arena, blocks[i].p) ==
			    kv_arena_rounded(blocks[i].bytes));
		used += kv_arena_block_bytes(&arena, blocks[i].p);
		blocks[i].fill = (uint8_t)random_word();
		memset(blocks[i].p, blocks[i].fill, blocks[i].bytes);
		assert_true(arena.used_bytes == used);
	}
	assert_true(refused > 0); /* it was full at times */
	for (unsigned i = 0; i < BLOCKS; i++)
		if (blocks[i].p)
			block_end(i);
	check_empty();
}

static void a_run_grows_and_shrinks_in_place(void **state)
{
	uint8_t *first = kv_arena_alloc(&arena, 100000, KV_FOR_ITEMS);
	uint8_t *second = kv_arena_alloc(&arena, 100000, KV_FOR_ITEMS);

	assert_non_null(first);
	assert_non_null(second);
	memset(first, 7, 100000);
	if (second > first)
		assert_false(kv_arena_resize(&arena, first, 110000));
	kv_arena_free(&arena, second);
	assert_true(kv_arena_resize(&arena, first, 1000000));
	assert_true(arena.used_bytes == kv_arena_rounded(1000000));
	assert_int_equal(first[99999], 7);
	memset(first, 7, 1000000);
	assert_true(kv_arena_resize(&arena, first, 50000));
	assert_true(arena.used_bytes == kv_arena_rounded(50000));
	assert_false(kv_arena_resize(&arena, first, 100)); /* belongs into a slab now */
	kv_arena_free(&arena, first);
	check_empty();
}

static void a_spare_slab_has_few_blocks_and_others_have_room_for_them(void **state)
{
	enum { N = 400 };
	static void *p[N];
	uint32_t page, used;

	assert_int_equal(kv_arena_spare(&arena), 0);
	for (unsigned i = 0; i < N; i++)
		p[i] = kv_arena_alloc(&arena, 100, KV_FOR_ITEMS);
	for (unsigned i = 0; i < N; i++)
		if (i % 39 != 0 && i > 39) {
			kv_arena_free(&arena, p[i]);
			p[i] = NULL;
		}
	page = kv_arena_spare(&arena);
	assert_true(page != 0);
	used = arena.pages[page].used;
	assert_in_range(used, 1, 3);
	/* Nothing is allocated from it. */
	for (unsigned i = 0; i < N; i++)
		if (!p[i]) {
			p[i] = kv_arena_alloc(&arena, 100, KV_FOR_ITEMS);
			assert_true(kv_arena_head(&arena, p[i]) != page);
		}
	assert_int_equal(arena.pages[page].used, used);
	kv_arena_spare_keep(&arena, page);
	for (unsigned i = 0; i < N; i++)
		kv_arena_free(&arena, p[i]);
	check_empty();
}

static void a_size_that_references_cannot_reach_is_refused(void **state)
{
	struct base_error err = {};
	struct kv_arena other;

	assert_int_equal(kv_arena_init(&other, KV_ARENA_BYTES_MAX + 1, &err), -22);
	assert_non_null(strstr(err.text, "store.memory"));
	assert_int_equal(kv_arena_init(&other, 1000, &err), -22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_class_wastes_at_most_a_ninth_of_a_block),
		cmocka_unit_test(a_slab_wastes_at_most_a_thirtysecond_of_itself),
		cmocka_unit_test(blocks_never_overlap_and_all_memory_comes_back),
		cmocka_unit_test(a_run_grows_and_shrinks_in_place),
		cmocka_unit_test(a_spare_slab_has_few_blocks_and_others_have_room_for_them),
		cmocka_unit_test(a_size_that_references_cannot_reach_is_refused),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
