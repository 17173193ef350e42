/* SPDX-License-Identifier: BSD-3-Clause */
/* Expiry in virtual time: nobody sees a key after its time, and it is deleted within 2 ms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/kv_shard_rig.h"

#define KEYS    20000
#define TURN_NS (20 * NSEC_PER_USEC)
#define BYTES   (16u << 20)

static struct rig rig;
static uint64_t deadlines_ms[KEYS];
static uint64_t deleted, latest_ns;

static int start(void **state)
{
	rig_start(&rig, BYTES, KV_NOEVICTION);
	deleted = latest_ns = 0;
	return 0;
}

static int stop(void **state)
{
	rig_stop(&rig);
	return 0;
}

/* Nanoseconds from the end of the millisecond @time_ms to now. */
static uint64_t late_ns(uint64_t time_ms)
{
	return rig.w->now_ns - (time_ms + 1 - RIG_WALL_MS) * NSEC_PER_MSEC;
}

static void on_effect(void *ctx, const struct kv_effect *e)
{
	uint64_t late;

	if (e->kind != KV_EFFECT_DEL)
		return;
	assert_int_equal(e->why, KV_WHY_EXPIRED);
	late = late_ns(deadlines_ms[strtoul((const char *)e->key, NULL, 10)]);
	assert_true((int64_t)late >= 0);
	latest_ns = MAX_OF(latest_ns, late);
	deleted++;
}

static void set(unsigned number, uint64_t expiry_ms)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", number);
	deadlines_ms[number] = expiry_ms;
	assert_int_equal(rig_set(&rig, name, "value", expiry_ms), 0);
}

static void run_to(uint64_t time_ms)
{
	while (rig_now_ms(&rig) < time_ms) {
		rig.w->now_ns += TURN_NS;
		rig_turn(&rig, 20);
	}
}

static void keys_nobody_touches_are_deleted_within_two_milliseconds(void **state)
{
	static const struct kv_observer observer = {.on_effect = on_effect};
	uint64_t base_ms = rig_now_ms(&rig);

	kv_shard_observe(rig.s, &observer);
	for (unsigned i = 0; i < KEYS; i++)
		set(i, base_ms + 1 + worker_random(rig.w) % (i % 2 ? 5000 : 300));
	assert_true(kv_shard_expires(rig.s, 0) == KEYS);
	run_to(base_ms + 5005);
	assert_true(deleted == KEYS);
	assert_true(latest_ns <= 2 * NSEC_PER_MSEC);
	assert_true(kv_shard_size(rig.s, 0) == 0 && kv_shard_expires(rig.s, 0) == 0);
	assert_true(kv_shard_counters(rig.s)->expired == KEYS);
}

static void a_key_lives_through_the_millisecond_of_its_expiry_as_in_redis(void **state)
{
	uint64_t now_ms = rig_now_ms(&rig);

	set(1, now_ms + 5);
	rig.w->now_ns += 6 * NSEC_PER_MSEC - 1;
	assert_non_null(rig_find(&rig, "1"));
	rig.w->now_ns += 1;
	assert_null(rig_find(&rig, "1"));
	assert_true(kv_shard_size(rig.s, 0) == 0);
}

static void an_expiry_put_off_counts_and_one_brought_forward_too(void **state)
{
	uint64_t base_ms = rig_now_ms(&rig);
	struct kv_key later = rig_key(&rig, "1"), sooner = rig_key(&rig, "2");
	struct kv_key never = rig_key(&rig, "3");

	set(1, base_ms + 50);
	set(2, base_ms + 5000);
	set(3, base_ms + 50);
	assert_int_equal(kv_shard_expire(rig.s, &later, base_ms + 1000), 0);
	assert_int_equal(kv_shard_expire(rig.s, &sooner, base_ms + 20), 0);
	assert_int_equal(kv_shard_expire(rig.s, &never, 0), 0);
	assert_true(kv_shard_expires(rig.s, 0) == 2);
	run_to(base_ms + 23);
	assert_true(kv_shard_size(rig.s, 0) == 2);
	run_to(base_ms + 900);
	assert_true(kv_shard_size(rig.s, 0) == 2);
	run_to(base_ms + 1003);
	assert_true(kv_shard_size(rig.s, 0) == 1);
	assert_non_null(rig_find(&rig, "3"));
}

static void an_expiry_in_the_past_deletes(void **state)
{
	struct kv_key k = rig_key(&rig, "1"), none = rig_key(&rig, "none");

	set(1, 0);
	assert_int_equal(kv_shard_expire(rig.s, &k, rig_now_ms(&rig)), 0);
	assert_null(rig_find(&rig, "1"));
	assert_int_equal(kv_shard_expire(rig.s, &none, 1), -ENOENT);
	assert_true(kv_shard_counters(rig.s)->expired == 0);
}

static void a_time_at_the_end_of_time_never_comes(void **state)
{
	static const uint64_t times[] = {INT64_MAX, UINT64_MAX, UINT64_MAX - 1, 1ULL << 62};
	uint64_t base_ms = rig_now_ms(&rig);

	for (unsigned i = 0; i < ARRAY_SIZE(times); i++)
		set(i, times[i]);
	run_to(base_ms + 500);
	for (unsigned i = 0; i < ARRAY_SIZE(times); i++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", i);
		assert_true(kv_item_expiry_ms(rig_find(&rig, name)) == times[i]);
	}
}

static void a_clock_set_forward_expires_what_it_passed(void **state)
{
	uint64_t base_ms = rig_now_ms(&rig);

	for (unsigned i = 0; i < 100; i++)
		set(i, base_ms + 3600000 + i);
	rig.w->wall_offset_ns += (int64_t)(4000000 * NSEC_PER_MSEC);
	assert_null(rig_find(&rig, "7"));
	for (unsigned i = 0; i < 200; i++) {
		rig.w->now_ns += NSEC_PER_MSEC;
		rig_turn(&rig, 20);
	}
	assert_true(kv_shard_size(rig.s, 0) == 0);
}

static void a_clock_set_back_keeps_keys_alive(void **state)
{
	uint64_t base_ms = rig_now_ms(&rig);

	set(1, base_ms + 1000);
	run_to(base_ms + 900);
	rig.w->wall_offset_ns -= (int64_t)(500 * NSEC_PER_MSEC);
	set(2, base_ms + 450);
	run_to(base_ms + 449);
	assert_true(kv_shard_size(rig.s, 0) == 2);
	run_to(base_ms + 452);
	assert_null(rig_find(&rig, "2"));
	run_to(base_ms + 1003);
	assert_true(kv_shard_size(rig.s, 0) == 0);
}

static void a_piece_of_work_deletes_a_few_keys_only(void **state)
{
	uint64_t size;

	for (unsigned i = 0; i < 1000; i++)
		set(i, rig_now_ms(&rig) + 1);
	rig.w->now_ns += 3 * NSEC_PER_MSEC;
	for (size = 1000; size > 0; size = kv_shard_size(rig.s, 0)) {
		kv_shard_work(rig.s);
		assert_in_range(size - kv_shard_size(rig.s, 0), 0, 16);
	}
}

static void without_expiry_a_key_pays_nothing_for_it(void **state)
{
	struct kv_item *it;

	set(1, 0);
	it = rig_find(&rig, "1");
	assert_int_equal(kv_item_size_bytes(it), sizeof(*it) + 1 + strlen("value"));
	set(2, rig_now_ms(&rig) + 1000);
	assert_int_equal(kv_item_size_bytes(rig_find(&rig, "2")) - kv_item_size_bytes(it), 18);
}

#define EXPIRY_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXPIRY_TEST(keys_nobody_touches_are_deleted_within_two_milliseconds),
		EXPIRY_TEST(a_key_lives_through_the_millisecond_of_its_expiry_as_in_redis),
		EXPIRY_TEST(an_expiry_put_off_counts_and_one_brought_forward_too),
		EXPIRY_TEST(an_expiry_in_the_past_deletes),
		EXPIRY_TEST(a_time_at_the_end_of_time_never_comes),
		EXPIRY_TEST(a_clock_set_forward_expires_what_it_passed),
		EXPIRY_TEST(a_clock_set_back_keeps_keys_alive),
		EXPIRY_TEST(a_piece_of_work_deletes_a_few_keys_only),
		EXPIRY_TEST(without_expiry_a_key_pays_nothing_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
