/* SPDX-License-Identifier: BSD-3-Clause */
/* The fast parsers agree with the C library's on addresses, and never read past the end. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/conf/conf_scan.h"

#define ROUNDS 400000

static const char *const texts[] = {"0.0.0.0", "192.0.2.1", "255.255.255.255", "256.0.0.1", "1.2.3",
	"1.2.3.4.5", "1.2.3.", ".1.2.3", "01.2.3.4", "1.2.3.00", "1..2.3", "::", "::1",
	"1::", "2001:db8::1", "2001:DB8::A", "1:2:3:4:5:6:7:8",
	"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
	"1:2:3:4:5:6:7:8:", "1::2::3", ":::", ":", "1:", ":1", "1:::2", "12345::", "::g",
	"::ffff:192.0.2.1", "64:ff9b::192.0.2.33", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4",
	"::1.2.3", "::1.2.3.4:5", "1.2.3.4::", "::01.2.3.4", "::00001", "::0001",
	"1:2:3:4::5:6:7:8", "", " ", "fe80::1%eth0"};

/* Compares with inet_pton over a copy of exactly @len bytes, so that a sanitizer sees overruns. */
static void check_against_library(const char *text, size_t len)
{
	char terminated[128];
	char *exact = malloc(len ? len : 1);
	uint8_t bytes[16] = {0};
	struct ip_addr addr;
	unsigned family = 0;
	bool is_whole;

	memcpy(exact, text, len);
	memcpy(terminated, text, len);
	terminated[len] = '\0';
	if (inet_pton(AF_INET, terminated, bytes) == 1)
		family = 4;
	else if (inet_pton(AF_INET6, terminated, bytes) == 1)
		family = 6;
	is_whole = conf_scan_address(exact, exact + len, &addr) == exact + len;
	if (is_whole != (family != 0))
		fail_msg("\"%s\": the library says family %u", terminated, family);
	if (is_whole) {
		assert_int_equal(addr.family, family);
		assert_int_equal(addr.prefix_len, ip_addr_bits(family));
		assert_memory_equal(addr.bytes, bytes, sizeof(bytes));
	}
	free(exact);
}

static void addresses_are_those_of_the_library(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_against_library(texts[i], strlen(texts[i]));
}

static void changed_addresses_are_those_of_the_library(void **state)
{
	static const char alphabet[] = "0123456789abfF::::....g/";
	uint64_t seed = 1;

	for (unsigned i = 0; i < ROUNDS; i++) {
		char text[64];
		size_t len;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		strcpy(text, texts[(seed >> 33) % ARRAY_SIZE(texts)]);
		len = strlen(text);
		for (unsigned changes = (seed >> 60) % 4 + 1; changes > 0; changes--) {
			size_t at;
			char c;

			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			at = (seed >> 40) % (len + 1);
			c = alphabet[(seed >> 55) % (sizeof(alphabet) - 1)];
			if ((seed >> 33) % 3 == 0 && at < len) {
				memmove(text + at, text + at + 1, len - at);
				len--;
			} else if ((seed >> 33) % 3 == 1 && at < len) {
				text[at] = c;
			} else if (len < sizeof(text) - 2) {
				memmove(text + at + 1, text + at, len - at + 1);
				text[at] = c;
				len++;
			}
		}
		check_against_library(text, len);
	}
}

static void an_address_ends_where_something_else_begins(void **state)
{
	static const char text[] = "192.0.2.1:80 2001:db8::1]";
	struct ip_addr addr;

	assert_ptr_equal(conf_scan_address(text, text + 25, &addr), text + 9);
	assert_ptr_equal(conf_scan_address(text + 13, text + 25, &addr), text + 24);
}

static void prefixes_have_a_length_of_their_family(void **state)
{
	static const struct {
		const char *text;
		int len; /* -1: refused */
	} cases[] = {
		{"10.0.0.0/8", 8},
		{"0.0.0.0/0", 0},
		{"10.0.0.1/32", 32},
		{"10.0.0.0/33", -1},
		{"10.0.0.0/", -1},
		{"10.0.0.0", -1},
		{"10.0.0.0/08", -1},
		{"10.0.0.0/-1", -1},
		{"10.0.0.0/ 8", -1},
		{"::/0", 0},
		{"2001:db8::/128", 128},
		{"2001:db8::/129", -1},
		{"2001:db8::/99999999999999999999", -1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *end = cases[i].text + strlen(cases[i].text);
		struct ip_addr addr;
		bool is_whole = conf_scan_prefix(cases[i].text, end, &addr) == end;

		assert_int_equal(is_whole, cases[i].len >= 0);
		if (is_whole)
			assert_int_equal(addr.prefix_len, cases[i].len);
	}
}

static void numbers_stop_at_their_limit(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool is_good;
		uint64_t value;
	} cases[] = {
		{"0", 0, true, 0},
		{"1", 0, false, 0},
		{"255", 255, true, 255},
		{"256", 255, false, 0},
		{"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, false, 0},
		{"9", 5, false, 0},
		{"007", 255, false, 0},
		{"", 255, false, 0},
		{"-1", 255, false, 0},
		{"+1", 255, false, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *end = cases[i].text + strlen(cases[i].text);
		uint64_t value = 0;
		const char *next = conf_scan_number(cases[i].text, end, cases[i].max, &value);

		assert_int_equal(next == end, cases[i].is_good);
		if (cases[i].is_good)
			assert_true(value == cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_those_of_the_library),
		cmocka_unit_test(changed_addresses_are_those_of_the_library),
		cmocka_unit_test(an_address_ends_where_something_else_begins),
		cmocka_unit_test(prefixes_have_a_length_of_their_family),
		cmocka_unit_test(numbers_stop_at_their_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
