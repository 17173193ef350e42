/* SPDX-License-Identifier: BSD-3-Clause */
/* FEACH: what it answers, on one worker and on several. One thread. */
#include "tests/unit/kv_records.h"

#define KEYS 3000

/* The sum of all by FEACH with @option, in @acc[3]. */
static void ask_sum(int c, uint64_t acc[3])
{
	const char *p = kv_rig_text(c, "feach records.sum reduce\r\n"), *bytes;

	assert_int_equal(records_head(&p, '*'), 2);
	assert_int_equal(records_bulk(&p, &bytes), BRAID_ACC_BYTES);
	for (unsigned i = 0; i < 3; i++)
		acc[i] = records_word(bytes, i);
	assert_string_equal(p, "*0\r\n");
}

static void a_reduce_does_not_depend_on_the_number_of_workers(void **state)
{
	for (unsigned n = 1; n <= 4; n++) {
		uint64_t acc[3];
		int c;

		records_start(n);
		c = kv_rig_connect(n - 1);
		records_fill(c, 0, KEYS);
		ask_sum(c, acc);
		assert_int_equal(acc[0], KEYS);
		assert_int_equal(acc[1], (uint64_t)KEYS * (KEYS - 1) / 2);
		assert_int_equal(acc[2], KEYS - 1);
		kv_rig_stop();
	}
}

static void pairs_come_flat_and_each_once(void **state)
{
	static uint8_t seen[KEYS];
	const char *p, *key, *value;
	int c;

	memset(seen, 0, sizeof(seen));
	records_start(3);
	c = kv_rig_connect(1);
	records_fill(c, 0, KEYS);
	p = kv_rig_text(c, "feach pairs\r\n");
	assert_int_equal(records_head(&p, '*'), 2);
	assert_memory_equal(p, "$-1\r\n", 5);
	p += 5;
	assert_int_equal(records_head(&p, '*'), 2 * KEYS);
	for (unsigned i = 0; i < KEYS; i++) {
		unsigned number;

		assert_in_range(records_bulk(&p, &key), 4, 16);
		assert_int_equal(records_bulk(&p, &value), 8);
		number = (unsigned)strtoul(key + 3, NULL, 10);
		assert_in_range(number, 0, KEYS - 1);
		assert_int_equal(records_word(value, 0), number);
		seen[number]++;
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(seen[i], 1);
	assert_string_equal(p, "");
	kv_rig_stop();
}

/* How many keys the filter in @ask keeps. */
static unsigned count_kept(int c, const char *ask)
{
	const char *p = kv_rig_text(c, ask);

	return records_head(&p, '*');
}

static void filters_and_selections_keep_what_they_should(void **state)
{
	int c;
	unsigned low, high;

	records_start(2);
	c = kv_rig_connect(0);
	records_fill(c, 0, 1000);
	assert_int_equal(count_kept(c, "feach odd\r\n"), 500);
	assert_int_equal(count_kept(c, "feach ends_in_7\r\n"), 100);
	assert_int_equal(count_kept(c, "feach odd match key1??\r\n"), 50);
	assert_int_equal(count_kept(c, "feach odd match nosuch*\r\n"), 0);
	assert_int_equal(count_kept(c, "feach odd type string class batch\r\n"), 500);
	assert_int_equal(count_kept(c, "feach odd type hash\r\n"), 0);
	low = count_kept(c, "feach odd slots 0 8191\r\n");
	high = count_kept(c, "feach odd slots 8192 16383\r\n");
	assert_int_equal(low + high, 500);
	assert_true(low > 150 && high > 150);
	low = count_kept(c, "feach in_low_slot\r\n");
	assert_int_equal(low, count_kept(c, "feach in_low_slot slots 0 8191\r\n"));
	assert_int_equal(count_kept(c, "feach in_low_slot slots 8192 16383\r\n"), 0);
	assert_int_equal(count_kept(c, "feach odd slots 12182 12182\r\n"), 0); /* of "foo" */
	records_set(c, "foo", 1);
	assert_int_equal(count_kept(c, "feach odd slots 12182 12182\r\n"), 1);
	assert_string_equal(kv_rig_text(c, "select 1\r\n"), "+OK\r\n");
	assert_int_equal(count_kept(c, "feach odd\r\n"), 0);
	kv_rig_stop();
}

static void records_that_are_over_are_left_out(void **state)
{
	const char *p, *bytes;
	int c;

	records_start(1);
	kv_shard_expire_actively(kv_rig_worker(0)->kv->shard, false);
	c = kv_rig_connect(0);
	records_fill(c, 0, 10);
	kv_rig_text(c, "pexpire key3 50\r\npexpire key4 100000\r\n");
	assert_int_equal(count_kept(c, "feach odd\r\n"), 5);
	kv_rig_advance_ms(100);
	assert_int_equal(count_kept(c, "feach odd\r\n"), 4);
	p = kv_rig_text(c, "feach about match key4\r\n");
	assert_int_equal(records_head(&p, '*'), 2);
	p += 5;
	assert_int_equal(records_head(&p, '*'), 2);
	records_bulk(&p, &bytes);
	assert_int_equal(records_bulk(&p, &bytes), 16);
	assert_int_equal(records_word(bytes, 0), kv_key_slot((const uint8_t *)"key4", 4));
	assert_int_equal(records_word(bytes, 1), 1);
	kv_rig_stop();
}

static void a_fault_ends_it_and_names_key_and_line(void **state)
{
	const char *reply;
	int c;

	records_start(2);
	c = kv_rig_connect(0);
	records_fill(c, 0, 100);
	kv_rig_words(c, "SET", "bad \"one\"\n", "xyz", NULL);
	reply = kv_rig_text(c, "feach sum reduce\r\n");
	assert_non_null(
		strstr(reply, "-FAULT key \"bad \\\"one\\\"\\x0a\": records.sum: line 16, "));
	assert_non_null(strstr(reply, "the value is not what the program is for"));
	kv_rig_stop();
}

static void what_makes_no_sense_is_refused(void **state)
{
	int c;

	records_start(1);
	c = kv_rig_connect(0);
	KV_STEPS(c, {"feach", "-ERR wrong number of arguments for 'feach' command\r\n"},
		{"feach odd match", "-ERR syntax error\r\n"},
		{"feach odd foo", "-ERR syntax error\r\n"},
		{"feach odd slots 1", "-ERR syntax error\r\n"},
		{"feach odd slots 1 x", "-ERR value is not an integer or out of range\r\n"},
		{"feach odd slots 5 4",
			"-ERR SLOTS takes the first and the last one, from 0 to 16383\r\n"},
		{"feach odd class urgent", "-ERR CLASS is latency, normal or batch\r\n"},
		{"feach twice", "-ERR records.twice is of section map: records are for each and "
				"filter\r\n"},
		{"feach odd reduce", "-ERR records.odd is of section filter: REDUCE is for "
				     "functions of section each\r\n"},
		{"feach odd stream", "-ERR STREAM needs RESP3: say HELLO 3 first\r\n"},
		{"multi", "+OK\r\n"},
		{"feach odd", "-ERR Command not allowed inside a transaction\r\n"},
		{"discard", "+OK\r\n"}, {"ping", "+PONG\r\n"});
	assert_memory_equal(kv_rig_text(c, "feach nosuch\r\n"), "-ERR ", 5);
	kv_rig_stop();
}

static void a_stream_comes_as_pushes_before_the_reply(void **state)
{
	const char *p, *bytes;
	unsigned n = 0;
	int c;

	records_start(2);
	c = kv_rig_connect(0);
	records_fill(c, 0, 500);
	kv_rig_text(c, "hello 3\r\n");
	p = kv_rig_text(c, "feach pairs stream\r\n");
	while (*p == '>') {
		unsigned some;

		assert_int_equal(records_head(&p, '>'), 3);
		records_bulk(&p, &bytes);
		assert_memory_equal(bytes, "job-pairs", 9);
		records_head(&p, ':');
		some = records_head(&p, '*');
		assert_int_equal(some % 2, 0);
		for (unsigned i = 0; i < some; i++)
			records_bulk(&p, &bytes);
		n += some / 2;
	}
	assert_int_equal(n, 500);
	assert_string_equal(p, "*2\r\n_\r\n:500\r\n");
	kv_rig_stop();
}

static void a_client_that_leaves_takes_its_job_along(void **state)
{
	static const char ask[] = "feach pairs\r\n";
	uint64_t before;
	int c, other;

	records_start(2);
	c = kv_rig_connect(0);
	other = kv_rig_connect(1);
	records_fill(other, 0, KEYS);
	kv_rig_run();
	before = records_used(2);
	for (unsigned turns = 0; turns < 12; turns++) {
		kv_client_input(
			kv_rig_worker(0), kv_rig_client(c), (const uint8_t *)ask, sizeof(ask) - 1);
		for (unsigned i = 0; i < turns; i++) {
			worker_turn(kv_rig_worker(0));
			worker_turn(kv_rig_worker(1));
		}
		kv_rig_abort(c);
		kv_rig_run();
		assert_int_equal(records_used(2), before);
		assert_int_equal(kv_jobs_running(kv_rig_worker(0)), 0);
		c = kv_rig_connect(0);
	}
	assert_string_equal(kv_rig_text(other, "ping\r\n"), "+PONG\r\n");
	kv_rig_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reduce_does_not_depend_on_the_number_of_workers),
		cmocka_unit_test(pairs_come_flat_and_each_once),
		cmocka_unit_test(filters_and_selections_keep_what_they_should),
		cmocka_unit_test(records_that_are_over_are_left_out),
		cmocka_unit_test(a_fault_ends_it_and_names_key_and_line),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(a_stream_comes_as_pushes_before_the_reply),
		cmocka_unit_test(a_client_that_leaves_takes_its_job_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
