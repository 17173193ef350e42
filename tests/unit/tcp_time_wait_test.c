/* SPDX-License-Identifier: BSD-3-Clause */
/* TIME-WAIT: found, expired, evicted, taken out, reused. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_table.h"

static struct tcp_time_waits *t;

static int stop(void **state)
{
	tcp_time_waits_destroy(t);
	t = NULL;
	return 0;
}

static struct tcp_time_wait record(unsigned i)
{
	return (struct tcp_time_wait){.key = {.remote_port_be = (uint16_t)i, .family = 4},
		.snd_nxt = i,
		.rcv_nxt = 1000 + i};
}

/* Few hashes, so that chains are long. */
static uint64_t hash_of(unsigned i)
{
	return i * 0x9e3779b97f4a7c15ULL >> 62;
}

static bool add(unsigned i, uint32_t now_s)
{
	struct tcp_time_wait r = record(i);

	return tcp_time_waits_add(t, &r, hash_of(i), now_s);
}

static struct tcp_time_wait *find(unsigned i, uint32_t now_s)
{
	struct tcp_key k = record(i).key;
	struct tcp_time_wait *r = tcp_time_waits_find(t, &k, hash_of(i), now_s);

	assert_true(!r || r->snd_nxt == i);
	return r;
}

static void a_record_is_found_until_it_expires(void **state)
{
	t = tcp_time_waits_create(10);
	assert_false(add(7, 5));
	assert_non_null(find(7, 5));
	assert_non_null(find(7, 64));
	assert_null(find(7, 65));
	assert_null(find(8, 5));
}

static void a_fin_that_comes_again_starts_the_wait_anew(void **state)
{
	t = tcp_time_waits_create(10);
	add(7, 0);
	tcp_time_waits_restart(find(7, 50), 50);
	assert_non_null(find(7, 109));
	assert_null(find(7, 110));
}

static void a_full_table_gives_up_the_oldest(void **state)
{
	t = tcp_time_waits_create(4);
	for (unsigned i = 0; i < 4; i++)
		assert_false(add(i, i));
	assert_true(add(4, 4));
	assert_null(find(0, 4));
	for (unsigned i = 1; i <= 4; i++)
		assert_non_null(find(i, 4));
	assert_int_equal(tcp_time_waits_count(t), 4);
}

static void expired_records_make_room_without_a_word(void **state)
{
	t = tcp_time_waits_create(4);
	for (unsigned i = 0; i < 4; i++)
		add(i, 0);
	for (unsigned i = 4; i < 8; i++)
		assert_false(add(i, 60));
	for (unsigned i = 0; i < 8; i++)
		assert_true((find(i, 60) != NULL) == (i >= 4));
}

static void a_record_taken_out_leaves_the_others_of_its_chain(void **state)
{
	for (unsigned out = 0; out < 16; out++) {
		t = tcp_time_waits_create(16);
		for (unsigned i = 0; i < 16; i++)
			add(i, 0);
		tcp_time_waits_del(t, find(out, 0));
		for (unsigned i = 0; i < 16; i++)
			assert_true((find(i, 0) != NULL) == (i != out));
		assert_int_equal(tcp_time_waits_count(t), 15);
		stop(NULL);
	}
}

static void random_use_is_like_a_list(void **state)
{
	uint32_t expiry_s[64] = {0}, now_s = 0;

	t = tcp_time_waits_create(200);
	srand(1);
	for (unsigned n = 0; n < 200000; n++) {
		unsigned i = (unsigned)rand() % 64;
		struct tcp_time_wait *r = find(i, now_s);

		assert_true((r != NULL) == (expiry_s[i] > now_s));
		if (!r) {
			assert_false(add(i, now_s));
			expiry_s[i] = now_s + 60;
		} else if (rand() % 2) {
			tcp_time_waits_del(t, r);
			expiry_s[i] = 0;
		}
		now_s += rand() % 4 == 0;
		assert_true(tcp_time_waits_count(t) <= 200);
	}
}

static void a_small_table_in_random_use_never_loses_the_newest(void **state)
{
	t = tcp_time_waits_create(3);
	srand(2);
	for (unsigned n = 0; n < 20000; n++) {
		unsigned i = (unsigned)rand() % 50;
		struct tcp_time_wait *r = find(i, n / 50);

		if (r)
			tcp_time_waits_del(t, r);
		add(i, n / 50);
		assert_non_null(find(i, n / 50));
		assert_true(tcp_time_waits_count(t) <= 3);
	}
}

struct reuse_case {
	const char *name;
	bool had_ts;
	bool has_ts;
	uint32_t ts;  /* the last one was 1000 */
	uint32_t seq; /* 5000 was expected */
	bool may;
};

/* RFC 6191 section 2, rule by rule. */
static const struct reuse_case reuses[] = {
	{"newer time stamp", true, true, 1001, 4000, true},
	{"newer time stamp, newer sequence", true, true, 1001, 6000, true},
	{"same time stamp, newer sequence", true, true, 1000, 5001, true},
	{"same time stamp, same sequence", true, true, 1000, 5000, false},
	{"same time stamp, older sequence", true, true, 1000, 4999, false},
	{"older time stamp, newer sequence", true, true, 999, 6000, false},
	{"time stamps are new", false, true, 1, 4000, true},
	{"time stamps are gone, newer sequence", true, false, 0, 5001, true},
	{"time stamps are gone, older sequence", true, false, 0, 4999, false},
	{"never time stamps, newer sequence", false, false, 0, 5001, true},
	{"never time stamps, same sequence", false, false, 0, 5000, false},
	{"time stamp wraps", true, true, 0x80000000u + 900, 4000, true},
	{"time stamp half way round is old", true, true, 0x80000000u + 1001, 6000, false},
};

static void a_connection_is_reused_by_the_rules_of_rfc_6191(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(reuses); i++) {
		const struct reuse_case *c = &reuses[i];
		struct tcp_time_wait r = {.rcv_nxt = 5000,
			.ts_recent = 1000,
			.expiry_s = 60 | (c->had_ts ? TCP_TIME_WAIT_HAS_TS : 0)};
		struct tcp_options o = {.has_ts = c->has_ts, .ts_val = c->ts};

		if (tcp_time_wait_reusable(&r, c->seq, &o) != c->may)
			fail_msg("%s", c->name);
	}
}

static void what_is_known_of_time_stamps_stays(void **state)
{
	struct tcp_time_wait r = record(1);

	t = tcp_time_waits_create(1);
	r.expiry_s = TCP_TIME_WAIT_HAS_TS;
	r.ts_recent = 77;
	tcp_time_waits_add(t, &r, hash_of(1), 3);
	assert_int_equal(find(1, 3)->expiry_s, TCP_TIME_WAIT_HAS_TS | 63);
	tcp_time_waits_restart(find(1, 3), 10);
	assert_int_equal(find(1, 3)->expiry_s, TCP_TIME_WAIT_HAS_TS | 70);
	assert_int_equal(find(1, 3)->ts_recent, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_record_is_found_until_it_expires, stop),
		cmocka_unit_test_teardown(a_fin_that_comes_again_starts_the_wait_anew, stop),
		cmocka_unit_test_teardown(a_full_table_gives_up_the_oldest, stop),
		cmocka_unit_test_teardown(expired_records_make_room_without_a_word, stop),
		cmocka_unit_test_teardown(a_record_taken_out_leaves_the_others_of_its_chain, stop),
		cmocka_unit_test_teardown(random_use_is_like_a_list, stop),
		cmocka_unit_test_teardown(a_small_table_in_random_use_never_loses_the_newest, stop),
		cmocka_unit_test_teardown(a_connection_is_reused_by_the_rules_of_rfc_6191, stop),
		cmocka_unit_test_teardown(what_is_known_of_time_stamps_stays, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
