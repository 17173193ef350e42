/* SPDX-License-Identifier: BSD-3-Clause */
/* A shard as commands use it: looking, changing, pinning, flushing, scanning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/kv_shard_rig.h"

#define BYTES (32u << 20)

static struct rig rig;

static int start(void **state)
{
	rig_start(&rig, BYTES, KV_NOEVICTION);
	return 0;
}

static int stop(void **state)
{
	rig_stop(&rig);
	return 0;
}

static void slots_are_those_of_redis_cluster(void **state)
{
	static const struct {
		const char *key;
		uint16_t slot;
	} cases[] = {
		{"123456789", 12739},
		{"foo", 12182},
		{"", 0},
		{"{user1000}.following", 3443},
		{"{user1000}.followers", 3443},
		{"foo{bar}{zap}", 5061},
		{"bar", 5061},
	};
	struct kv_key a, b;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(rig_key(&rig, cases[i].key).slot, cases[i].slot);
	/* Only the first pair counts, and only with something in it. */
	a = rig_key(&rig, "foo{}{bar}");
	b = rig_key(&rig, "{bar}");
	assert_int_not_equal(a.slot, b.slot);
	assert_int_equal(rig_key(&rig, "foo{{bar}}zap").slot, rig_key(&rig, "{bar").slot);
	assert_int_not_equal(rig_key(&rig, "foo{bar").slot, b.slot);
}

static void what_was_set_is_found_in_its_database_only(void **state)
{
	struct kv_key k = rig_key(&rig, "key");
	struct kv_write v = {.value = "other", .len = 5};

	assert_null(rig_find(&rig, "key"));
	assert_int_equal(rig_set(&rig, "key", "value", 0), 0);
	assert_true(rig_is(&rig, "key", "value"));
	k.db = 7;
	assert_null(kv_shard_find(rig.s, &k, 0));
	assert_int_equal(kv_shard_set(rig.s, &k, &v, NULL), 0);
	assert_true(rig_is(&rig, "key", "value"));
	assert_true(kv_shard_size(rig.s, 0) == 1 && kv_shard_size(rig.s, 7) == 1);
	assert_true(kv_shard_counters(rig.s)->hits == 2);
	assert_true(kv_shard_counters(rig.s)->misses == 1);
	assert_true(kv_shard_del(rig.s, &k));
	assert_false(kv_shard_del(rig.s, &k));
}

static void a_value_of_the_same_class_is_overwritten_in_place(void **state)
{
	const struct kv_item *before;

	assert_int_equal(rig_set(&rig, "key", "0123456789", 0), 0);
	before = rig_find(&rig, "key");
	assert_int_equal(rig_set(&rig, "key", "98765432101", 0), 0);
	assert_ptr_equal(rig_find(&rig, "key"), before);
	assert_true(rig_is(&rig, "key", "98765432101"));
	assert_int_equal(rig_set(&rig, "key", "a value of quite another length", 0), 0);
	assert_true(rig_is(&rig, "key", "a value of quite another length"));
	assert_true(kv_shard_size(rig.s, 0) == 1);
}

static void a_pinned_value_stays_whatever_happens_to_its_key(void **state)
{
	static const char *const values[] = {"short", "0123456789012345678901234567890123456789"};

	for (unsigned i = 0; i < 4; i++) {
		struct kv_key k = rig_key(&rig, "key"), beside = rig_key(&rig, "beside");
		const char *value = values[i / 2];
		struct kv_item *it;
		uint32_t len;

		assert_int_equal(rig_set(&rig, "key", value, 0), 0);
		assert_int_equal(rig_set(&rig, "beside", value, 0), 0);
		it = rig_find(&rig, "key");
		kv_shard_pin(rig.s, it);
		kv_shard_pin(rig.s, it);
		if (i % 2)
			assert_true(kv_shard_del(rig.s, &k));
		else
			assert_int_equal(rig_set(&rig, "key", "other", 0), 0);
		assert_true(kv_shard_del(rig.s, &beside));
		assert_int_equal(rig_set(&rig, "beside", "new", 0), 0);
		kv_shard_unpin(rig.s, it);
		assert_memory_equal(kv_item_value(it, &len), value, strlen(value));
		assert_int_equal(len, strlen(value));
		kv_shard_unpin(rig.s, it);
		assert_true(i % 2 ? !rig_find(&rig, "key") : rig_is(&rig, "key", "other"));
		assert_true(rig_is(&rig, "beside", "new"));
	}
}

static void writing_grows_a_value_with_zeros(void **state)
{
	struct kv_key k = rig_key(&rig, "key");
	struct kv_patch p = {.offset = 3, .bytes = "abc", .len = 3};
	const struct kv_item *it;
	uint32_t total, len;

	assert_int_equal(kv_shard_write(rig.s, &k, &p, &total), 0);
	assert_int_equal(total, 6);
	p.offset = 1;
	assert_int_equal(kv_shard_write(rig.s, &k, &p, &total), 0);
	it = rig_find(&rig, "key");
	assert_memory_equal(kv_item_value(it, &len), "\0abcbc", 6);
	assert_int_equal(kv_item_form(it), KV_FORM_PATCHED);
	p.offset = KV_VALUE_BYTES_MAX - 2;
	assert_int_equal(kv_shard_write(rig.s, &k, &p, &total), -E2BIG);
}

static void appending_to_a_large_value_copies_it_seldom(void **state)
{
	static uint8_t piece[1000];
	struct kv_key k = rig_key(&rig, "key");
	struct kv_patch p = {.bytes = piece, .len = sizeof(piece)};
	const struct kv_item *last = NULL;
	unsigned moves = 0;
	uint32_t total;

	for (unsigned i = 0; i < 5000; i++) {
		memset(piece, (int)i, sizeof(piece));
		assert_int_equal(kv_shard_write(rig.s, &k, &p, &total), 0);
		p.offset = total;
		moves += rig_find(&rig, "key") != last;
		last = rig_find(&rig, "key");
	}
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(kv_item_value(last, &total)[i * 1000u + 999], i & 255);
	assert_true(moves < 80);
}

static void a_flush_is_at_once_and_the_memory_follows_in_pieces(void **state)
{
	uint64_t used;
	unsigned pieces = 0;
	char name[16];

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(rig_set(&rig, name, "value", i % 3 ? 0 : 1), 0);
	}
	used = kv_shard_used_bytes(rig.s);
	kv_shard_flush(rig.s, 0);
	assert_true(kv_shard_size(rig.s, 0) == 0 && kv_shard_expires(rig.s, 0) == 0);
	assert_null(rig_find(&rig, "7"));
	assert_int_equal(rig_set(&rig, "7", "new", 0), 0);
	assert_true(kv_shard_used_bytes(rig.s) >= used);
	while (kv_shard_work(rig.s)) {
		assert_true(used - MIN_OF(used, kv_shard_used_bytes(rig.s)) < 40000);
		used = kv_shard_used_bytes(rig.s);
		pieces++;
	}
	assert_true(pieces > 500);
	assert_true(kv_shard_used_bytes(rig.s) < 70000); /* the index of the new key */
	assert_true(rig_is(&rig, "7", "new"));
}

static unsigned calls, nulls;

static void on_change(void *ctx, uint8_t db, const uint8_t *key, uint32_t len)
{
	calls++;
	nulls += key == NULL;
}

static void whoever_watches_hears_of_every_change(void **state)
{
	static const struct kv_observer observer = {.on_change = on_change};
	struct kv_key k = rig_key(&rig, "a");

	calls = nulls = 0;
	kv_shard_observe(rig.s, &observer);
	(void)rig_set(&rig, "a", "1", 0);
	(void)kv_shard_expire(rig.s, &k, rig_now_ms(&rig) + 10);
	(void)rig_find(&rig, "a");
	assert_int_equal(calls, 2);
	rig.w->now_ns += 20 * NSEC_PER_MSEC;
	(void)rig_find(&rig, "a");
	kv_shard_flush(rig.s, UINT8_MAX);
	assert_int_equal(calls, 4);
	assert_int_equal(nulls, 1);
}

static void a_random_key_may_be_any_and_is_never_an_expired_one(void **state)
{
	unsigned seen[20] = {};
	char name[16];
	uint32_t len;

	assert_null(kv_shard_random(rig.s, 0));
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(
			rig_set(&rig, name, "value", i < 20 ? 0 : rig_now_ms(&rig) + 1), 0);
	}
	rig.w->now_ns += 5 * NSEC_PER_MSEC;
	for (unsigned i = 0; i < 4000; i++) {
		const uint8_t *key = kv_item_key(kv_shard_random(rig.s, 0), &len);
		unsigned number = (unsigned)(key[0] - '0') * (len == 2 ? 10 : 1) +
				  (len == 2 ? (unsigned)(key[1] - '0') : 0);

		assert_in_range(number, 0, 19);
		seen[number]++;
	}
	for (unsigned i = 0; i < 20; i++)
		assert_true(seen[i] > 20);
}

/* The first that is over is deleted while the others are counted, itself once more too. */
static void many_keys_are_counted_as_if_one_by_one(void **state)
{
	static const char *const names[] = {"a", "over", "none", "b", "over", "a", "last"};
	const struct kv_key *all[ARRAY_SIZE(names)];
	struct kv_key keys[ARRAY_SIZE(names)];

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		keys[i] = rig_key(&rig, names[i]);
		all[i] = &keys[i];
		kv_shard_prefetch(rig.s, &keys[i]);
	}
	kv_shard_fetch(rig.s, all, 0);
	kv_shard_fetch(rig.s, all, ARRAY_SIZE(names)); /* nothing is there yet */
	assert_int_equal(kv_shard_count(rig.s, all, 0, KV_LOOK_READ), 0);
	assert_int_equal(kv_shard_count(rig.s, all, ARRAY_SIZE(names), 0), 0);
	assert_int_equal(rig_set(&rig, "a", "1", 0), 0);
	assert_int_equal(rig_set(&rig, "b", "2", 0), 0);
	assert_int_equal(rig_set(&rig, "last", "3", 0), 0);
	assert_int_equal(rig_set(&rig, "over", "4", rig_now_ms(&rig) + 10), 0);
	assert_int_equal(kv_shard_count(rig.s, all, ARRAY_SIZE(names), 0), 6);
	rig.w->now_ns += 20 * NSEC_PER_MSEC;
	keys[6].db = 3; /* of another database: fetched from there */
	kv_shard_fetch(rig.s, all, ARRAY_SIZE(names));
	keys[6].db = 0;
	assert_int_equal(kv_shard_size(rig.s, 0), 4);
	assert_int_equal(kv_shard_count(rig.s, all, ARRAY_SIZE(names), KV_LOOK_READ), 4);
	assert_int_equal(kv_shard_size(rig.s, 0), 3);
	assert_true(kv_shard_counters(rig.s)->hits == 4);
	assert_true(kv_shard_counters(rig.s)->misses == 3);
}

static void emptied_slabs_serve_other_sizes(void **state)
{
	enum { N = 150000 };
	static char value[200];
	char name[16];
	unsigned n = 0;

	while (n < N) {
		snprintf(name, sizeof(name), "%u", n);
		if (rig_set(&rig, name, "a small value of an item among many others", 0))
			break;
		n++;
	}
	/* One of three stays: no slab is empty by itself. */
	for (unsigned i = 0; i < n; i++) {
		struct kv_key k;

		snprintf(name, sizeof(name), "%u", i);
		k = rig_key(&rig, name);
		if (i % 3)
			assert_true(kv_shard_del(rig.s, &k));
	}
	memset(value, 'x', sizeof(value) - 1);
	for (unsigned i = 0; i < n / 6; i++) {
		snprintf(name, sizeof(name), "new:%u", i);
		assert_int_equal(rig_set(&rig, name, value, 0), 0);
	}
	for (unsigned i = 0; i < n; i += 3) {
		snprintf(name, sizeof(name), "%u", i);
		assert_true(rig_is(&rig, name, "a small value of an item among many others"));
	}
}

static void scratch_memory_counts_and_comes_back(void **state)
{
	uint64_t before = kv_shard_used_bytes(rig.s);
	void *p = kv_shard_alloc(rig.s, 100000);

	assert_non_null(p);
	assert_true(kv_shard_used_bytes(rig.s) >= before + 100000);
	assert_null(kv_shard_alloc(rig.s, 1ULL << 40));
	kv_shard_free(rig.s, p);
	assert_true(kv_shard_used_bytes(rig.s) == before);
}

#define SHARD_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHARD_TEST(slots_are_those_of_redis_cluster),
		SHARD_TEST(what_was_set_is_found_in_its_database_only),
		SHARD_TEST(a_value_of_the_same_class_is_overwritten_in_place),
		SHARD_TEST(a_pinned_value_stays_whatever_happens_to_its_key),
		SHARD_TEST(writing_grows_a_value_with_zeros),
		SHARD_TEST(appending_to_a_large_value_copies_it_seldom),
		SHARD_TEST(a_flush_is_at_once_and_the_memory_follows_in_pieces),
		SHARD_TEST(whoever_watches_hears_of_every_change),
		SHARD_TEST(a_random_key_may_be_any_and_is_never_an_expired_one),
		SHARD_TEST(many_keys_are_counted_as_if_one_by_one),
		SHARD_TEST(emptied_slabs_serve_other_sizes),
		SHARD_TEST(scratch_memory_counts_and_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
