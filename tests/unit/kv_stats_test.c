/* SPDX-License-Identifier: BSD-3-Clause */
/* The store's part of the shared counters: in agreement with what clients did, never going back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

static const struct stats_kv *told(unsigned worker)
{
	return &kv_rig_worker(worker)->stats->kv;
}

static void what_clients_did_is_told_within_a_tenth_of_a_second(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set a 1", "+OK\r\n"}, {"set b 2 ex 1000", "+OK\r\n"},
		{"get a", "$1\r\n1\r\n"}, {"get none", "$-1\r\n"}, {"ping", "+PONG\r\n"},
		{"nope", "-ERR unknown command 'nope', with args beginning with: \r\n"});
	kv_rig_advance_ms(101);
	assert_int_equal(told(0)->commands, kv_rig_worker(0)->kv->stats.commands);
	assert_int_equal(told(0)->reads, 2);
	assert_int_equal(told(0)->writes, 2);
	assert_int_equal(told(0)->hits, 1);
	assert_int_equal(told(0)->misses, 1);
	assert_int_equal(told(0)->effects, 2);
	assert_int_equal(told(0)->error_replies, 1);
	assert_int_equal(told(0)->keys, 2);
	assert_int_equal(told(0)->expires, 1);
	assert_int_equal(told(0)->clients, 1);
	assert_int_equal(told(0)->connections, 1);
	assert_true(told(0)->used_bytes > 0);
	assert_int_equal(told(0)->limit_bytes, KV_STEPS_MEMORY);
	assert_true(told(0)->input_bytes == kv_rig_worker(0)->kv->stats.input_bytes);
}

static void resetstat_does_not_take_anything_back(void **state)
{
	int c = kv_rig_connect(0);
	uint64_t commands;

	KV_STEPS(c, {"set a 1", "+OK\r\n"}, {"get a", "$1\r\n1\r\n"});
	kv_rig_advance_ms(101);
	commands = told(0)->commands;
	/* One is counted between the last telling and the reset. */
	KV_STEPS(c, {"get a", "$1\r\n1\r\n"}, {"config resetstat", "+OK\r\n"});
	assert_true(told(0)->commands > commands);
	assert_int_equal(told(0)->hits, 2);
	KV_STEPS(c, {"get a", "$1\r\n1\r\n"});
	kv_rig_advance_ms(101);
	assert_int_equal(told(0)->hits, 3);
	assert_int_equal(told(0)->reads, 3);
	assert_int_equal(told(0)->writes, 1);
}

static int start_three(void **state)
{
	struct kv_settings settings;

	kv_settings_default(&settings, 3 * KV_STEPS_MEMORY);
	kv_rig_start_with(&settings, 3);
	return 0;
}

static void each_worker_tells_its_slots_and_keys(void **state)
{
	int c = kv_rig_connect(0);
	uint64_t slots = 0, keys = 0;
	char line[64];

	for (unsigned i = 0; i < 300; i++) {
		snprintf(line, sizeof(line), "set key:%u x\r\n", i);
		assert_string_equal(kv_rig_text(c, line), "+OK\r\n");
	}
	kv_rig_advance_ms(101);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(told(i)->first_slot, slots);
		slots += told(i)->slots;
		keys += told(i)->keys;
		assert_true(told(i)->keys > 50);
	}
	assert_int_equal(slots, KV_SLOTS);
	assert_int_equal(keys, 300);
	assert_int_equal(told(0)->local + told(0)->forwarded, 300);
	assert_int_equal(told(1)->served + told(2)->served, told(0)->forwarded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(what_clients_did_is_told_within_a_tenth_of_a_second),
		KV_STEPS_TEST(resetstat_does_not_take_anything_back),
		cmocka_unit_test_setup_teardown(
			each_worker_tells_its_slots_and_keys, start_three, kv_steps_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
