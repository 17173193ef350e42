/* SPDX-License-Identifier: BSD-3-Clause */
/* Which addresses belong on a link, and which own one asks for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/neigh/neigh_impl.h"
#include "tests/unit/neigh_iface.h"

static struct iface iface_of_tests(void)
{
	static const char *const addresses[] = {"192.0.2.1/24", "198.51.100.0/31", "203.0.113.9/32",
		"2001:db8::1/64", "fe80::1/64", "2001:db8:1::1/64?", "2001:db8::9/64!",
		"2001:db8:3::9/128!", NULL};

	return neigh_iface_with(addresses);
}

static struct ip_addr parse(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static void only_hosts_of_the_subnets_may_be_neighbours(void **state)
{
	static const struct {
		const char *addr;
		bool host;
	} cases[] = {
		{"192.0.2.2", true},
		{"192.0.2.254", true},
		{"192.0.2.1", false},   /* ourselves */
		{"192.0.2.0", false},   /* network */
		{"192.0.2.255", false}, /* broadcast */
		{"192.0.3.2", false},
		{"198.51.100.1", true}, /* a /31 has no broadcast address */
		{"198.51.100.0", false},
		{"203.0.113.9", false},
		{"203.0.113.10", false},
		{"224.0.0.1", false},
		{"0.0.0.0", false},
		{"255.255.255.255", false},
		{"2001:db8::2", true},
		{"2001:db8::1", false},
		{"2001:db8:1::2", true}, /* the subnet is there, though the address is tentative */
		{"2001:db8:1::1", false},
		{"2001:db8:2::2", false},
		{"2001:db8::9", true}, /* duplicates belong to the other station */
		{"2001:db8:3::9", true},
		{"2001:db8:3::8", false},
		{"fe80::2", true},
		{"fe80:1::2", true},
		{"fe80::1", false},
		{"ff02::1", false},
		{"::", false},
	};
	struct iface i = iface_of_tests();

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct ip_addr a = parse(cases[k].addr);

		if (neigh_subnet_host(&i, &a) != cases[k].host)
			fail_msg("%s", cases[k].addr);
	}
}

static void the_source_is_in_the_subnet_or_local_to_the_link(void **state)
{
	static const struct {
		const char *target, *source;
	} cases[] = {
		{"192.0.2.2", "192.0.2.1"},
		{"198.51.100.1", "198.51.100.0"},
		{"10.0.0.1", "192.0.2.1"},
		{"2001:db8::2", "2001:db8::1"},
		{"fe80::2", "fe80::1"},
		{"2001:db8:1::2", "fe80::1"}, /* its own subnet's address is tentative */
		{"2001:db8:2::2", "fe80::1"},
	};
	struct iface i = iface_of_tests();

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct ip_addr target = parse(cases[k].target);
		struct ip_addr expected = parse(cases[k].source);
		const struct ip_addr *source = neigh_subnet_source(&i, &target);

		if (source == NULL || !ip_addr_same_host(source, &expected))
			fail_msg("%s", cases[k].target);
	}
}

static void a_duplicate_is_no_own_address(void **state)
{
	struct iface i = iface_of_tests();
	struct ip_addr own = parse("2001:db8::1"), tentative = parse("2001:db8:1::1");
	struct ip_addr duplicate = parse("2001:db8::9");

	assert_non_null(neigh_subnet_own(&i, &own));
	assert_non_null(neigh_subnet_own(&i, &tentative));
	assert_null(neigh_subnet_own(&i, &duplicate));
}

static void without_a_usable_address_nobody_is_asked(void **state)
{
	static const char *const addresses[] = {"2001:db8::1/64?", NULL};
	struct iface i = neigh_iface_with(addresses);
	struct ip_addr v6 = parse("2001:db8::2"), v4 = parse("192.0.2.2");

	assert_null(neigh_subnet_source(&i, &v6));
	assert_null(neigh_subnet_source(&i, &v4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_hosts_of_the_subnets_may_be_neighbours),
		cmocka_unit_test(the_source_is_in_the_subnet_or_local_to_the_link),
		cmocka_unit_test(a_duplicate_is_no_own_address),
		cmocka_unit_test(without_a_usable_address_nobody_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
