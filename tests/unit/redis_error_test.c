/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors of the store as sentences, and how long a full node wants to be left alone. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/redis.h"

static const struct {
	const char *text;
	const char *want;
} rows[] = {
	{"NOAUTH Authentication required.",
		"h:1 wants a password; give it in BRAID_PASSWORD, or with --password"},
	{"WRONGPASS invalid username-password pair or user is disabled.",
		"the password is not that of the store at h:1"},
	{"ERR AUTH <password> called without any password configured for the default user.",
		"h:1 has no password; leave out --password and BRAID_PASSWORD"},
	{"ERR unknown command 'FMAP', with args beginning with: 'a.b' '1' ",
		"h:1 runs no programs: it is no braid node, or an older one (ERR unknown command "
		"'FMAP', with args beginning with: 'a.b' '1' )"},
	{"BUSY 64 jobs are under way here; try again in 12 ms",
		"h:1 is full, and stayed so (BUSY 64 jobs are under way here; try again in 12 ms)"},
	{"ERR no function \"twic\"", "no function \"twic\""},
	{"FAULT key \"a\": lib.fn: line 12: a divisor is zero",
		"key \"a\": lib.fn: line 12: a divisor is zero"},
	{"SOMETHING else", "SOMETHING else"},
	{"", ""},
};

static void errors_say_what_to_do(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[512], cut[8];

		redis_explain("h:1", rows[i].text, out, sizeof(out));
		assert_string_equal(out, rows[i].want);
		redis_explain("h:1", rows[i].text, cut, sizeof(cut));
		assert_true(strlen(cut) < sizeof(cut));
	}
}

static unsigned busy(struct redis *r, int type, const char *text)
{
	redisReply reply = {.type = type, .str = (char *)(uintptr_t)text, .len = strlen(text)};

	return redis_busy_ms(r, &reply);
}

static void a_full_node_says_when_to_try_again(void **state)
{
	struct redis r = {0};

	assert_int_equal(busy(&r, REDIS_REPLY_ERROR, "BUSY full; try again in 12 ms"), 12);
	assert_int_equal(busy(&r, REDIS_REPLY_ERROR, "BUSY full; try again in 0 ms"), 1);
	assert_int_equal(busy(&r, REDIS_REPLY_ERROR, "BUSY full"), 1);
	assert_int_equal(busy(&r, REDIS_REPLY_ERROR, "BUSY full; try again in 99999999999 ms"),
		REDIS_BUSY_MS_MAX);
	assert_int_not_equal(r.busy_since_ns, 0);
	assert_int_equal(busy(&r, REDIS_REPLY_STRING, "BUSY full; try again in 12 ms"), 0);
	assert_int_equal(r.busy_since_ns, 0);
	assert_int_equal(busy(&r, REDIS_REPLY_ERROR, "ERR try again in 12 ms"), 0);
}

static void a_node_that_stays_full_is_given_up(void **state)
{
	struct redis r = {.busy_since_ns = 1};

	assert_true(redis_now_ns() > (REDIS_BUSY_S + 1) * NSEC_PER_SEC);
	assert_int_equal(busy(&r, REDIS_REPLY_ERROR, "BUSY full; try again in 12 ms"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_say_what_to_do),
		cmocka_unit_test(a_full_node_says_when_to_try_again),
		cmocka_unit_test(a_node_that_stays_full_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
