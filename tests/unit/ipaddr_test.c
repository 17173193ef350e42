/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses and prefixes: text both ways, masks, cover, kinds; MACs. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/ipaddr.h"

static struct ip_addr address(const char *text)
{
	struct ip_addr addr;

	if (strchr(text, '/'))
		assert_int_equal(ip_addr_parse_prefix(text, &addr), 0);
	else
		assert_int_equal(ip_addr_parse(text, &addr), 0);
	return addr;
}

static void the_layout_is_that_of_the_api(void **state)
{
	assert_int_equal(sizeof(struct ip_addr), 20);
	assert_int_equal(offsetof(struct ip_addr, bytes), 4);
}

static void text_comes_back_as_it_was(void **state)
{
	static const char *const texts[] = {"192.0.2.1", "0.0.0.0", "2001:db8::1",
		"::", "192.0.2.1/24", "0.0.0.0/0", "2001:db8::1/64", "::/0",
		"2001:db8:1:2:3:4:5:6/127"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ip_addr addr = address(texts[i]);
		char text[IPADDR_TEXT_MAX];

		assert_string_equal(ip_addr_format(&addr, text), texts[i]);
	}
}

static void a_plain_address_is_written_without_its_length(void **state)
{
	struct ip_addr addr = address("192.0.2.1/32");
	char text[IPADDR_TEXT_MAX];

	assert_string_equal(ip_addr_format(&addr, text), "192.0.2.1");
	addr = address("192.0.2.1/24");
	assert_string_equal(ip_addr_format_host(&addr, text), "192.0.2.1");
	addr = (struct ip_addr){0};
	assert_string_equal(ip_addr_format(&addr, text), "");
}

static void the_longest_text_fits(void **state)
{
	struct ip_addr addr = {.family = 6, .prefix_len = 127};
	char text[IPADDR_TEXT_MAX];

	memset(addr.bytes, 0xff, sizeof(addr.bytes));
	assert_string_equal(
		ip_addr_format(&addr, text), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127");
}

static void bad_text_leaves_no_address(void **state)
{
	static const char *const texts[] = {"", "1.2.3", "1.2.3.256", "1.2.3.4 ", "1.2.3.4/24", "x",
		"2001:db8::1::", "fe80::1%lan"};
	static const struct ip_addr none;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ip_addr addr;

		memset(&addr, 0xff, sizeof(addr));
		assert_true(ip_addr_parse(texts[i], &addr) < 0);
		assert_memory_equal(&addr, &none, sizeof(addr));
	}
}

static void bad_prefixes_leave_no_address(void **state)
{
	static const char *const texts[] = {"", "/", "1.2.3.4", "1.2.3.4/", "1.2.3.4/33",
		"1.2.3.4/024", "1.2.3.4/00", "1.2.3.4/-1", "1.2.3.4/1x", "1.2.3.4/24/8", "/24",
		"::/129", "::/0128", "1.2.3.4/ 24",
		"1111111111111111111111111111111111111111111111111111111111111111111111/24"};
	static const struct ip_addr none;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ip_addr addr;

		memset(&addr, 0xff, sizeof(addr));
		if (ip_addr_parse_prefix(texts[i], &addr) == 0)
			fail_msg("\"%s\" was taken", texts[i]);
		assert_memory_equal(&addr, &none, sizeof(addr));
	}
}

static void masks_clear_every_host_bit_and_no_other(void **state)
{
	for (unsigned family = 4; family <= 6; family += 2) {
		for (unsigned len = 0; len <= ip_addr_bits(family); len++) {
			struct ip_addr addr = {
				.family = (uint8_t)family, .prefix_len = (uint8_t)len};
			unsigned n = ip_addr_bits(family) / 8, ones = 0;

			memset(addr.bytes, 0xff, n);
			assert_int_equal(ip_addr_has_host_bits(&addr), len < ip_addr_bits(family));
			ip_addr_mask(&addr);
			assert_false(ip_addr_has_host_bits(&addr));
			while (ones < n * 8 && addr.bytes[ones / 8] & 0x80 >> ones % 8)
				ones++;
			assert_int_equal(ones, len);
			for (unsigned bit = len; bit < 128; bit++)
				assert_false(addr.bytes[bit / 8] & 0x80 >> bit % 8);
		}
	}
}

static void a_prefix_covers_what_shares_its_bits(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool is_covered;
	} cases[] = {
		{"192.0.2.1/24", "192.0.2.255", true},
		{"192.0.2.1/24", "192.0.3.0", false},
		{"192.0.2.1/25", "192.0.2.128", false},
		{"192.0.2.1/32", "192.0.2.1", true},
		{"192.0.2.1/32", "192.0.2.0", false},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "::", false},
		{"::/0", "ffff::", true},
		{"::/0", "0.0.0.0", false},
		{"2001:db8::/33", "2001:db8:7fff::", true},
		{"2001:db8::/33", "2001:db8:8000::", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr prefix = address(cases[i].prefix), addr = address(cases[i].addr);

		assert_int_equal(ip_addr_covers(&prefix, &addr), cases[i].is_covered);
	}
}

static void equality_looks_at_the_length_and_same_host_does_not(void **state)
{
	struct ip_addr a = address("192.0.2.1/24"), b = address("192.0.2.1"), c = address("::");
	struct ip_addr zero = address("0.0.0.0");

	assert_false(ip_addr_equal(&a, &b));
	assert_true(ip_addr_same_host(&a, &b));
	assert_true(ip_addr_equal(&a, &a));
	assert_false(ip_addr_same_host(&c, &zero));
}

static void kinds_of_addresses_end_at_their_borders(void **state)
{
	static const struct {
		const char *text;
		bool is_multicast, is_link_local, is_zero;
	} cases[] = {
		{"223.255.255.255", false, false, false},
		{"224.0.0.0", true, false, false},
		{"239.255.255.255", true, false, false},
		{"240.0.0.0", false, false, false},
		{"0.0.0.0", false, false, true},
		{"169.254.0.1", false, false, false},
		{"::", false, false, true},
		{"::1", false, false, false},
		{"fe7f::", false, false, false},
		{"fe80::", false, true, false},
		{"febf::1", false, true, false},
		{"fec0::", false, false, false},
		{"feff::", false, false, false},
		{"ff00::", true, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr addr = address(cases[i].text);

		assert_int_equal(ip_addr_is_multicast(&addr), cases[i].is_multicast);
		assert_int_equal(ip_addr_is_link_local(&addr), cases[i].is_link_local);
		assert_int_equal(ip_addr_is_zero(&addr), cases[i].is_zero);
	}
}

static void words_and_bytes_make_the_same_addresses_as_text(void **state)
{
	static const uint8_t bytes[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	struct ip_addr v4 = ip_addr_v4(htonl(0xc0000201)), v6 = ip_addr_v6(bytes);
	struct ip_addr v4_text = address("192.0.2.1"), v6_text = address("2001:db8::1");

	assert_memory_equal(&v4, &v4_text, sizeof(v4));
	assert_memory_equal(&v6, &v6_text, sizeof(v6));
	assert_int_equal(ip_addr_v4_be(&v4), htonl(0xc0000201));
}

static void macs_are_six_pairs_with_colons(void **state)
{
	static const char *const bad[] = {"", "02:00:00:00:00", "02:00:00:00:00:0",
		"02:00:00:00:00:001", "02-00-00-00-00-01", "02:00:00:00:00:0g", "0x:00:00:00:00:01",
		" 2:00:00:00:00:01", "+2:00:00:00:00:01", "02:00:00:00:00:01:"};
	static const uint8_t expected[6] = {2, 0xab, 0xcd, 0, 0xff, 0xfe};
	uint8_t mac[6];
	char text[18];

	assert_int_equal(mac_parse("02:aB:Cd:00:ff:fe", mac), 0);
	assert_memory_equal(mac, expected, sizeof(mac));
	assert_string_equal(mac_format(mac, text), "02:ab:cd:00:ff:fe");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(mac_parse(bad[i], mac) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_layout_is_that_of_the_api),
		cmocka_unit_test(text_comes_back_as_it_was),
		cmocka_unit_test(a_plain_address_is_written_without_its_length),
		cmocka_unit_test(the_longest_text_fits),
		cmocka_unit_test(bad_text_leaves_no_address),
		cmocka_unit_test(bad_prefixes_leave_no_address),
		cmocka_unit_test(masks_clear_every_host_bit_and_no_other),
		cmocka_unit_test(a_prefix_covers_what_shares_its_bits),
		cmocka_unit_test(equality_looks_at_the_length_and_same_host_does_not),
		cmocka_unit_test(kinds_of_addresses_end_at_their_borders),
		cmocka_unit_test(words_and_bytes_make_the_same_addresses_as_text),
		cmocka_unit_test(macs_are_six_pairs_with_colons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
