/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of the store as people write them. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "control/cli/redis.h"

static const struct {
	const char *text;
	const char *host; /* NULL: it is none */
	unsigned port;
} rows[] = {
	{"192.0.2.1", "192.0.2.1", 6379},
	{"192.0.2.1:6380", "192.0.2.1", 6380},
	{"store.example", "store.example", 6379},
	{"store.example:1", "store.example", 1},
	{"2001:db8::1", "2001:db8::1", 6379},
	{"[2001:db8::1]", "2001:db8::1", 6379},
	{"[2001:db8::1]:65535", "2001:db8::1", 65535},
	{"", NULL, 0},
	{":6379", NULL, 0},
	{"[]:6379", NULL, 0},
	{"[2001:db8::1", NULL, 0},
	{"[2001:db8::1]6379", NULL, 0},
	{"192.0.2.1:", NULL, 0},
	{"192.0.2.1:0", NULL, 0},
	{"192.0.2.1:65536", NULL, 0},
	{"192.0.2.1:4294973675", NULL, 0},
	{"192.0.2.1:-1", NULL, 0},
	{"192.0.2.1: 1", NULL, 0},
	{"192.0.2.1:63x", NULL, 0},
};

static void addresses_are_a_host_and_maybe_a_port(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct redis_address a = {0};
		bool ok = redis_address_parse(rows[i].text, &a);

		if (ok != (rows[i].host != NULL))
			fail_msg("\"%s\"", rows[i].text);
		if (!ok)
			continue;
		assert_string_equal(a.host, rows[i].host);
		assert_int_equal(a.port, rows[i].port);
	}
}

static void a_host_that_is_too_long_is_none(void **state)
{
	char text[REDIS_HOST_MAX + 8];
	struct redis_address a;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'h';
	text[REDIS_HOST_MAX] = '\0';
	assert_false(redis_address_parse(text, &a));
	text[REDIS_HOST_MAX - 1] = '\0';
	assert_true(redis_address_parse(text, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_a_host_and_maybe_a_port),
		cmocka_unit_test(a_host_that_is_too_long_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
