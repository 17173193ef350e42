/* SPDX-License-Identifier: BSD-3-Clause */
/* SYN cookies: what they keep, how long, and who can make them. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_seq.h"
#include "dataplane/tcp/tcp_table.h"

#define STEP_NS (TCP_COOKIE_STEP_S * NSEC_PER_SEC)
#define ISN     0x89abcdefu

static const uint64_t secret[2] = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};
static const struct tcp_key key = {.remote = {192, 0, 2, 1},
	.local = {192, 0, 2, 2},
	.remote_port_be = 1234,
	.local_port_be = 6379,
	.family = 4};

static bool check(uint32_t cookie, const uint32_t *ts_ecr, uint64_t now_ns, struct tcp_cookie *c)
{
	struct tcp_cookie_ack a = {.key = &key,
		.peer_isn = ISN,
		.isn = cookie,
		.has_ts = ts_ecr != NULL,
		.ts_ecr = ts_ecr ? *ts_ecr : 0};

	return tcp_cookie_check(&a, secret, now_ns, c);
}

static void segment_sizes_are_rounded_down(void **state)
{
	static const struct {
		uint16_t asked;
		uint16_t kept;
	} cases[] = {{0, 88}, {64, 88}, {88, 88}, {535, 88}, {536, 536}, {1219, 536}, {1220, 1220},
		{1359, 1300}, {1360, 1360}, {1440, 1440}, {1459, 1440}, {1460, 1460}, {8939, 1460},
		{8940, 8940}, {65535, 8940}};
	struct tcp_cookie c;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tcp_cookie asked = {.mss_bytes = cases[i].asked};

		assert_true(check(tcp_cookie_make(&key, ISN, &asked, secret, STEP_NS * 5), NULL,
			STEP_NS * 5, &c));
		assert_int_equal(c.mss_bytes, cases[i].kept);
		assert_false(c.has_wscale || c.sack_permitted || c.ecn);
	}
}

static void options_come_back_with_the_time_stamp(void **state)
{
	struct tcp_cookie got;

	for (unsigned i = 0; i < 16 * 4; i++) {
		struct tcp_cookie c = {.mss_bytes = 1460,
			.wscale = (uint8_t)(i & 15),
			.has_wscale = (i & 15) != 15,
			.sack_permitted = i & 16,
			.ecn = i & 32};
		uint32_t cookie = tcp_cookie_make(&key, ISN, &c, secret, 0), ts;

		for (uint32_t clock = 0xffffff80u; clock != 200; clock++) {
			ts = tcp_cookie_ts(clock, &c);
			assert_true(clock - ts < 64);
		}
		assert_true(check(cookie, &ts, 0, &got));
		assert_int_equal(got.has_wscale, c.has_wscale);
		assert_int_equal(got.wscale, c.has_wscale ? c.wscale : 0);
		assert_int_equal(got.sack_permitted, c.sack_permitted);
		assert_int_equal(got.ecn, c.ecn);
	}
}

static void a_cookie_lives_for_its_step_and_the_next(void **state)
{
	struct tcp_cookie c = {.mss_bytes = 1460}, got;

	for (uint64_t step = 0; step < 5; step++) {
		uint64_t made_ns = step * STEP_NS + STEP_NS / 2;
		uint32_t cookie = tcp_cookie_make(&key, ISN, &c, secret, made_ns);

		assert_true(check(cookie, NULL, made_ns, &got));
		assert_true(check(cookie, NULL, (step + 2) * STEP_NS - 1, &got));
		for (uint64_t later = 2; later < 20; later++)
			assert_false(check(cookie, NULL, (step + later) * STEP_NS, &got));
		if (step > 0)
			assert_false(check(cookie, NULL, step * STEP_NS - 1, &got));
	}
}

static void a_cookie_is_good_for_nobody_else(void **state)
{
	struct tcp_cookie c = {.mss_bytes = 1460}, got;
	uint32_t cookie = tcp_cookie_make(&key, ISN, &c, secret, 0);
	const uint64_t other_secret[2] = {secret[0] ^ 1, secret[1]};
	struct tcp_cookie_ack a = {.key = &key, .peer_isn = ISN, .isn = cookie};

	assert_true(tcp_cookie_check(&a, secret, 0, &got));
	assert_false(tcp_cookie_check(&a, other_secret, 0, &got));
	a.peer_isn++;
	assert_false(tcp_cookie_check(&a, secret, 0, &got));
	a.peer_isn--;
	for (size_t i = 0; i < sizeof(key); i++) {
		struct tcp_key other = key;

		((uint8_t *)&other)[i] ^= 4;
		a.key = &other;
		assert_false(tcp_cookie_check(&a, secret, 0, &got));
	}
}

static void changed_bits_are_noticed(void **state)
{
	struct tcp_cookie c = {.mss_bytes = 1460}, got;
	uint32_t cookie = tcp_cookie_make(&key, ISN, &c, secret, STEP_NS);

	for (unsigned bit = 0; bit < 32; bit++)
		assert_false(check(cookie ^ 1u << bit, NULL, STEP_NS, &got));
}

static void guesses_are_wrong(void **state)
{
	struct tcp_cookie got;
	unsigned good = 0;

	for (uint32_t i = 0; i < 1u << 20; i++)
		good += check(i * 4093, NULL, STEP_NS * 9, &got);
	assert_true(good <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segment_sizes_are_rounded_down),
		cmocka_unit_test(options_come_back_with_the_time_stamp),
		cmocka_unit_test(a_cookie_lives_for_its_step_and_the_next),
		cmocka_unit_test(a_cookie_is_good_for_nobody_else),
		cmocka_unit_test(changed_bits_are_noticed),
		cmocka_unit_test(guesses_are_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
