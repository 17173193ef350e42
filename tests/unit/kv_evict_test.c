/* SPDX-License-Identifier: BSD-3-Clause */
/* Eviction: what goes first under each policy, and that the limit holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/kv_shard_rig.h"

#define BYTES (4u << 20)
#define LIMIT (1u << 20)
#define KEYS  40000

static struct rig rig;

static int stop(void **state)
{
	rig_stop(&rig);
	return 0;
}

static void start(enum kv_policy policy)
{
	rig_start(&rig, BYTES, policy);
	kv_shard_limit_set(rig.s, LIMIT, policy);
}

static int set(unsigned number, uint64_t expiry_ms)
{
	char name[16];

	snprintf(name, sizeof(name), "key:%u", number);
	return rig_set(&rig, name, "a value of no particular length, but not short", expiry_ms);
}

static bool has(unsigned number)
{
	struct kv_key k;
	char name[16];

	snprintf(name, sizeof(name), "key:%u", number);
	k = rig_key(&rig, name);
	return kv_shard_find(rig.s, &k, 0) != NULL;
}

static void touch(unsigned number)
{
	char name[16];

	snprintf(name, sizeof(name), "key:%u", number);
	(void)rig_find(&rig, name);
}

static unsigned count(unsigned from, unsigned to)
{
	unsigned n = 0;

	for (unsigned i = from; i < to; i++)
		n += has(i);
	return n;
}

static void the_limit_holds_under_every_policy_that_evicts(void **state)
{
	for (unsigned policy = KV_ALLKEYS_LRU; policy <= KV_VOLATILE_TTL; policy++) {
		start((enum kv_policy)policy);
		for (unsigned i = 0; i < KEYS; i++) {
			assert_int_equal(set(i, rig_now_ms(&rig) + 100000 + i), 0);
			assert_true(kv_shard_used_bytes(rig.s) <= LIMIT);
		}
		assert_true(kv_shard_counters(rig.s)->evicted > KEYS / 2);
		assert_true(kv_shard_size(rig.s, 0) + kv_shard_counters(rig.s)->evicted == KEYS);
		assert_true(has(KEYS - 1));
		rig_stop(&rig);
	}
}

static void without_eviction_a_full_shard_refuses_and_keeps_everything(void **state)
{
	unsigned n = 0;

	start(KV_NOEVICTION);
	while (set(n, 0) == 0)
		n++;
	assert_int_equal(set(n, 0), -ENOMEM);
	assert_true(kv_shard_counters(rig.s)->refused_oom >= 2);
	assert_int_equal(count(0, n), n);
	assert_true(kv_shard_used_bytes(rig.s) > LIMIT * 95 / 100);
	/* What is there can still be changed in place. */
	assert_int_equal(set(0, 0), 0);
	stop(state);
}

static void volatile_policies_spare_keys_without_expiry(void **state)
{
	for (unsigned policy = KV_VOLATILE_LRU; policy <= KV_VOLATILE_TTL; policy++) {
		unsigned n = 0;

		start((enum kv_policy)policy);
		for (unsigned i = 0; i < 1000; i++)
			assert_int_equal(set(i, 0), 0);
		for (unsigned i = 1000; i < KEYS; i++)
			assert_int_equal(set(i, rig_now_ms(&rig) + 1000000), 0);
		assert_int_equal(count(0, 1000), 1000);
		for (unsigned i = KEYS; set(i, 0) == 0; i++)
			n++;
		assert_true(kv_shard_expires(rig.s, 0) == 0); /* all that may go has gone */
		assert_int_equal(count(0, 1000), 1000);
		assert_int_equal(count(KEYS, KEYS + n), n);
		stop(state);
	}
}

static void lru_keeps_what_was_used_lately(void **state)
{
	unsigned used, unused;

	start(KV_ALLKEYS_LRU);
	for (unsigned i = 0; i < 6000; i++)
		assert_int_equal(set(i, 0), 0);
	rig.w->now_ns += 10 * NSEC_PER_SEC;
	for (unsigned i = 0; i < 6000; i += 2)
		touch(i);
	rig.w->now_ns += 10 * NSEC_PER_SEC;
	for (unsigned i = 6000; kv_shard_counters(rig.s)->evicted < 2000; i++)
		assert_int_equal(set(i, 0), 0);
	used = unused = 0;
	for (unsigned i = 0; i < 6000; i++)
		*(i % 2 ? &unused : &used) += has(i);
	/* New keys are in the samples too, so it cannot be perfect. */
	assert_true(used > 2500);
	assert_true((3000 - unused) > 4 * (3000 - used));
	stop(state);
}

static void lfu_keeps_what_is_used_often(void **state)
{
	unsigned often = 0, seldom = 0;

	start(KV_ALLKEYS_LFU);
	for (unsigned i = 0; i < 6000; i++)
		assert_int_equal(set(i, 0), 0);
	for (unsigned round = 0; round < 100; round++)
		for (unsigned i = 0; i < 6000; i += 2)
			touch(i);
	assert_true(kv_shard_frequency(rig.s, rig_find(&rig, "key:0")) > 8);
	for (unsigned i = 6000; kv_shard_counters(rig.s)->evicted < 2000; i++) {
		assert_int_equal(set(i, 0), 0);
		for (unsigned use = 0; use < 10; use++)
			touch(i);
	}
	for (unsigned i = 0; i < 6000; i++)
		*(i % 2 ? &seldom : &often) += has(i);
	assert_true(often > 2900);
	assert_true(seldom < 1800);
	stop(state);
}

static void frequency_fades_with_time(void **state)
{
	uint8_t before;

	start(KV_ALLKEYS_LFU);
	assert_int_equal(set(0, 0), 0);
	for (unsigned i = 0; i < 1000; i++)
		touch(0);
	before = kv_shard_frequency(rig.s, rig_find(&rig, "key:0"));
	assert_in_range(before, 10, 60);
	rig.w->now_ns += 5 * 70 * NSEC_PER_SEC;
	assert_in_range(kv_shard_frequency(rig.s, rig_find(&rig, "key:0")), before - 6, before - 4);
	stop(state);
}

static void ttl_evicts_what_expires_first(void **state)
{
	start(KV_VOLATILE_TTL);
	for (unsigned i = 0; i < 6000; i++)
		assert_int_equal(set(i, rig_now_ms(&rig) + 1000000 + (6000 - i) * 1000), 0);
	for (unsigned i = 6000; kv_shard_counters(rig.s)->evicted < 2000; i++)
		assert_int_equal(set(i, rig_now_ms(&rig) + 100000000), 0);
	assert_true(count(0, 3000) > 2000);
	assert_true(count(4500, 6000) < 800);
	stop(state);
}

static void idle_time_counts_from_the_last_use(void **state)
{
	start(KV_ALLKEYS_LRU);
	assert_int_equal(set(0, 0), 0);
	rig.w->now_ns += 100 * NSEC_PER_SEC;
	assert_true(has(0)); /* looks without touching */
	struct kv_key k = rig_key(&rig, "key:0");

	assert_in_range(kv_shard_idle_s(rig.s, kv_shard_find(rig.s, &k, 0)), 99, 100);
	touch(0);
	assert_int_equal(kv_shard_idle_s(rig.s, kv_shard_find(rig.s, &k, 0)), 0);
	stop(state);
}

static void a_cache_of_small_values_takes_larger_ones(void **state)
{
	static char value[3000];
	char name[16];

	rig_start(&rig, BYTES, KV_ALLKEYS_LRU);
	for (unsigned i = 0; i < KEYS * 2; i++)
		assert_int_equal(set(i, 0), 0);
	assert_true(kv_shard_counters(rig.s)->evicted > 0);
	memset(value, 'x', sizeof(value) - 1);
	for (unsigned i = 0; i < 5000; i++) {
		value[sizeof(value) - 1 - (i % 50) * 50 - 1] = 0;
		snprintf(name, sizeof(name), "large:%u", i);
		assert_int_equal(rig_set(&rig, name, value, 0), 0);
		value[strlen(value)] = 'x';
	}
}

static void a_pinned_item_is_not_evicted(void **state)
{
	struct kv_item *it;

	start(KV_ALLKEYS_RANDOM);
	assert_int_equal(set(0, 0), 0);
	it = rig_find(&rig, "key:0");
	kv_shard_pin(rig.s, it);
	for (unsigned i = 1; i < KEYS; i++)
		assert_int_equal(set(i, 0), 0);
	assert_true(has(0));
	kv_shard_unpin(rig.s, it);
	stop(state);
}

static void what_expires_first_may_be_pinned(void **state)
{
	uint64_t soon_ms;
	struct kv_item *it;

	start(KV_VOLATILE_TTL);
	soon_ms = rig_now_ms(&rig) + 1000;
	assert_int_equal(set(0, soon_ms), 0);
	it = rig_find(&rig, "key:0");
	kv_shard_pin(rig.s, it);
	for (unsigned i = 1; i < KEYS; i++)
		assert_int_equal(set(i, soon_ms + 100000 + i), 0);
	assert_true(has(0));
	kv_shard_unpin(rig.s, it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_holds_under_every_policy_that_evicts),
		cmocka_unit_test(without_eviction_a_full_shard_refuses_and_keeps_everything),
		cmocka_unit_test(volatile_policies_spare_keys_without_expiry),
		cmocka_unit_test(lru_keeps_what_was_used_lately),
		cmocka_unit_test(lfu_keeps_what_is_used_often),
		cmocka_unit_test(frequency_fades_with_time),
		cmocka_unit_test(ttl_evicts_what_expires_first),
		cmocka_unit_test(idle_time_counts_from_the_last_use),
		cmocka_unit_test_setup_teardown(
			a_cache_of_small_values_takes_larger_ones, NULL, stop),
		cmocka_unit_test(a_pinned_item_is_not_evicted),
		cmocka_unit_test_teardown(what_expires_first_may_be_pinned, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
