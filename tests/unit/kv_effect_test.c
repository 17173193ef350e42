/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Effects: those of a long random workload with expiry and eviction, replayed into an empty shard,
 * give the same shard, byte for byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/kv_shard_rig.h"

#define OPERATIONS 150000
#define KEYS       4000
#define VALUE_MAX  20000

static struct rig rig, copy;
static uint64_t kinds[KV_EFFECT_END + 1], whys[KV_WHY_EVICTED + 1], last_version;
static unsigned depth, compared;

static int start(void **state)
{
	rig_start(&rig, 8u << 20, KV_ALLKEYS_LRU);
	rig_start(&copy, 32u << 20, KV_NOEVICTION);
	kv_shard_limit_set(rig.s, 2u << 20, KV_ALLKEYS_LRU);
	memset(kinds, 0, sizeof(kinds));
	memset(whys, 0, sizeof(whys));
	last_version = depth = compared = 0;
	return 0;
}

static int stop(void **state)
{
	rig_stop(&rig);
	rig_stop(&copy);
	return 0;
}

static void on_effect(void *ctx, const struct kv_effect *e)
{
	assert_true(e->version == ++last_version);
	kinds[e->kind]++;
	whys[e->why] += e->kind == KV_EFFECT_DEL;
	depth += e->kind == KV_EFFECT_BEGIN;
	depth -= e->kind == KV_EFFECT_END;
	assert_in_range(depth, 0, 1);
	assert_int_equal(kv_shard_replay(copy.s, e), 0);
}

static const struct kv_observer observer = {.on_effect = on_effect};

static uint64_t pick(uint64_t n)
{
	return worker_random(rig.w) % n;
}

static void one_operation(void)
{
	static uint8_t value[VALUE_MAX];
	static char name[32];
	uint64_t now_ms = rig_now_ms(&rig);
	struct kv_write v = {.value = value, .form = (uint8_t)pick(4)};
	struct kv_patch p = {.bytes = value, .len = (uint32_t)pick(100)};
	struct kv_key k;
	uint32_t total;

	kv_key_make(rig.s, &k, (uint8_t)pick(3), name,
		(uint32_t)snprintf(name, sizeof(name), "key:%lu", (unsigned long)pick(KEYS)));
	v.len = (uint32_t)pick(pick(50) ? 200 : VALUE_MAX);
	memset(value, (int)pick(256), v.len);
	switch (pick(10)) {
	case 0:
		v.expiry_ms = now_ms + pick(3000);
		(void)kv_shard_set(rig.s, &k, &v, NULL);
		break;
	case 1:
		v.keep_expiry = true;
		(void)kv_shard_set(rig.s, &k, &v, NULL);
		break;
	case 2:
	case 3:
		p.offset = (uint32_t)pick(300);
		(void)kv_shard_write(rig.s, &k, &p, &total);
		break;
	case 4:
		(void)kv_shard_del(rig.s, &k);
		break;
	case 5:
		(void)kv_shard_expire(rig.s, &k, pick(4) ? now_ms + pick(5000) - 100 : 0);
		break;
	case 6:
		(void)kv_shard_find(rig.s, &k, KV_LOOK_READ | KV_LOOK_TOUCH);
		break;
	default:
		(void)kv_shard_set(rig.s, &k, &v, NULL);
		break;
	}
}

static void swap(void)
{
	uint8_t db = (uint8_t)pick(4);

	kv_shard_swap(rig.s, db, (uint8_t)pick(4));
}

static uint8_t comparing_db;

/* Compares @it with what @ctx, the other shard, has under its key. */
static void compare(void *ctx, const struct kv_item *it)
{
	struct rig *other = ctx;
	struct kv_key k;
	const struct kv_item *found;
	const uint8_t *key, *value, *others;
	uint32_t key_len, len, others_len;

	key = kv_item_key(it, &key_len);
	kv_key_make(other->s, &k, comparing_db, key, key_len);
	found = kv_shard_find(other->s, &k, 0);
	assert_non_null(found);
	value = kv_item_value(it, &len);
	others = kv_item_value(found, &others_len);
	assert_int_equal(len, others_len);
	assert_memory_equal(value, others, len);
	assert_true(kv_item_expiry_ms(it) == kv_item_expiry_ms(found));
	assert_int_equal(kv_item_form(it), kv_item_form(found));
	assert_int_equal(it->flags & KV_ITEM_DIRTY, 0);
	compared++;
}

static void compare_all(struct rig *from, struct rig *with)
{
	for (uint8_t db = 0; db < KV_DATABASES; db++) {
		struct kv_scan scan = {.db = db, .count = 100, .fn = compare, .ctx = with};

		comparing_db = db;
		assert_true(kv_shard_size(from->s, db) == kv_shard_size(with->s, db));
		do {
			kv_shard_scan(from->s, &scan);
		} while (scan.cursor);
	}
}

static void replaying_a_long_random_workload_gives_the_same_shard(void **state)
{
	kv_shard_observe(rig.s, &observer);
	for (unsigned i = 0; i < OPERATIONS; i++) {
		unsigned n = pick(20) ? 1 : 5;

		if (n > 1)
			kv_shard_begin(rig.s);
		for (unsigned j = 0; j < n; j++)
			one_operation();
		if (n > 1)
			kv_shard_end(rig.s);
		rig.w->now_ns += pick(200) * NSEC_PER_USEC;
		rig_turn(&rig, 3);
		/* The copy has its own clock, which is behind: it must not decide by it. */
		copy.w->now_ns = rig.w->now_ns - MIN_OF(rig.w->now_ns, 50 * NSEC_PER_MSEC);
		rig_turn(&copy, 3);
		if (pick(20000) == 0)
			kv_shard_flush(rig.s, (uint8_t)pick(3));
		if (pick(1000) == 0)
			swap();
		if (i % 50000 == 49999)
			compare_all(&rig, &copy);
	}
	kv_shard_flush(rig.s, 15);
	/* What is over goes now, not while it is looked up to be compared. */
	rig_turn(&rig, 10000);
	compare_all(&rig, &copy);
	compare_all(&copy, &rig);
	assert_true(compared > 2000);
	for (unsigned kind = 0; kind <= KV_EFFECT_END; kind++)
		assert_true(kinds[kind] > 0);
	assert_true(kinds[KV_EFFECT_BEGIN] == kinds[KV_EFFECT_END]);
	assert_true(whys[KV_WHY_EXPIRED] > 1000 && whys[KV_WHY_EVICTED] > 1000);
	assert_true(kv_shard_counters(rig.s)->effects == last_version);
}

static void a_gap_in_the_versions_is_refused(void **state)
{
	struct kv_effect e = {.version = 2, .kind = KV_EFFECT_FLUSH};

	assert_int_equal(kv_shard_replay(copy.s, &e), -EINVAL);
	e.version = 1;
	assert_int_equal(kv_shard_replay(copy.s, &e), 0);
	assert_int_equal(kv_shard_replay(copy.s, &e), -EINVAL);
}

static void a_transaction_without_effects_leaves_no_trace(void **state)
{
	kv_shard_observe(rig.s, &observer);
	kv_shard_begin(rig.s);
	(void)rig_find(&rig, "nothing");
	kv_shard_end(rig.s);
	assert_true(last_version == 0);
	kv_shard_begin(rig.s);
	kv_shard_begin(rig.s);
	assert_int_equal(rig_set(&rig, "a", "1", 0), 0);
	kv_shard_end(rig.s);
	assert_int_equal(rig_set(&rig, "b", "2", 0), 0);
	kv_shard_end(rig.s);
	assert_true(last_version == 4);
	assert_true(kinds[KV_EFFECT_BEGIN] == 1 && kinds[KV_EFFECT_END] == 1);
}

static unsigned dirty;

static void see_dirty(void *ctx, const struct kv_effect *e)
{
	struct kv_key k = rig_key(&rig, "a");
	struct kv_place at;
	const struct kv_item *it = kv_index_find(&rig.s->dbs[0].index, &k, &at);

	dirty += it && it->flags & KV_ITEM_DIRTY;
}

static void an_item_is_dirty_until_its_effect_is_out(void **state)
{
	static const struct kv_observer sees = {.on_effect = see_dirty};
	struct kv_key k = rig_key(&rig, "a");

	dirty = 0;
	kv_shard_observe(rig.s, &sees);
	assert_int_equal(rig_set(&rig, "a", "1", 0), 0);
	assert_int_equal(kv_shard_expire(rig.s, &k, rig_now_ms(&rig) + 100), 0);
	assert_int_equal(dirty, 2);
	assert_int_equal(rig_find(&rig, "a")->flags & KV_ITEM_DIRTY, 0);
}

#define EFFECT_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EFFECT_TEST(replaying_a_long_random_workload_gives_the_same_shard),
		EFFECT_TEST(a_gap_in_the_versions_is_refused),
		EFFECT_TEST(a_transaction_without_effects_leaves_no_trace),
		EFFECT_TEST(an_item_is_dirty_until_its_effect_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
