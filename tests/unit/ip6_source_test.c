/* SPDX-License-Identifier: BSD-3-Clause */
/* Which own IPv6 address speaks to whom, and which addresses are own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/ip/ip.h"
#include "dataplane/ip/ip6_impl.h"

#define LAN  0
#define WAN  1
#define BARE 2 /* link-local only */
#define OFF  3 /* down */
#define NEW  4 /* all tentative */

/* The addresses of the test node. */
static const struct {
	unsigned iface;
	const char *address;
	bool tentative;
} own[] = {
	{LAN, "192.0.2.1/24", false},
	{LAN, "fe80::a/64", false},
	{LAN, "2001:db8::1/64", false},
	{LAN, "2001:db8:0:0:8000::1/80", false},
	{LAN, "fd00::1/64", false},
	{LAN, "2001:db8:5::1/64", true},
	{WAN, "2001:db8:1::1/64", false},
	{WAN, "fe80::b/64", false},
	{BARE, "fe80::c/64", false},
	{OFF, "2001:db8:2::1/64", false},
	{NEW, "fe80::d/64", true},
	{NEW, "2001:db8:3::1/64", true},
};

static struct iface *ifaces;
static struct world world;

static struct ip_addr parse(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(text, &addr), 0);
	return addr;
}

static int make_world(void **state)
{
	ifaces = aligned_alloc(CACHE_LINE_BYTES, WORLD_INTERFACES_MAX * sizeof(*ifaces));
	assert_non_null(ifaces);
	memset(ifaces, 0, WORLD_INTERFACES_MAX * sizeof(*ifaces));
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		struct iface *ifc = &ifaces[own[i].iface];
		struct iface_address *a = &ifc->addresses[ifc->n_addresses++];

		ifc->up = own[i].iface != OFF;
		assert_int_equal(ip_addr_parse_prefix(own[i].address, &a->addr), 0);
		a->usable = !own[i].tentative;
	}
	world.ifaces = ifaces;
	return 0;
}

static int free_world(void **state)
{
	free(ifaces);
	return 0;
}

static void a_source_has_the_scope_and_the_longest_match(void **state)
{
	static const struct {
		unsigned iface;
		const char *dst, *src; /* NULL: none */
	} cases[] = {
		{LAN, "2001:db8::99", "2001:db8::1"},
		{LAN, "2001:db8:0:0:8000::99", "2001:db8:0:0:8000::1"},
		{LAN, "2a00::1", "2001:db8::1"},
		{LAN, "fd00::99", "fd00::1"},
		{LAN, "fdff::99", "fd00::1"},
		{LAN, "fe80::99", "fe80::a"},
		{LAN, "ff02::1", "fe80::a"},
		{LAN, "ff05::1", "fd00::1"},
		{LAN, "2001:db8:1::1", "2001:db8::1"},
		{LAN, "2001:db8:5::99", "2001:db8::1"},
		{WAN, "2001:db8::99", "2001:db8:1::1"},
		{WAN, "fe80::99", "fe80::b"},
		{BARE, "fe80::99", "fe80::c"},
		{BARE, "2001:db8::99", "2001:db8::1"},
		{BARE, "2001:db8:2::99", "2001:db8::1"},
		{NEW, "2001:db8:3::99", "2001:db8::1"},
		{NEW, "fe80::99", NULL},
		{OFF + 10, "fe80::99", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr dst = parse(cases[i].dst), expected;
		uint8_t src[16] = {0};
		int ret = ip6_source_select(&world, (uint16_t)cases[i].iface, dst.bytes, src);

		if (cases[i].src == NULL) {
			assert_int_equal(ret, -EADDRNOTAVAIL);
			continue;
		}
		expected = parse(cases[i].src);
		if (ret != 0 || memcmp(src, expected.bytes, 16) != 0)
			fail_msg("interface %u to %s: %d", cases[i].iface, cases[i].dst, ret);
	}
}

static void without_a_global_address_nothing_speaks_beyond_the_link(void **state)
{
	struct ip_addr dst = parse("2001:db8::99");
	uint8_t src[16];

	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++)
		ifaces[i].up = i == BARE;
	assert_int_equal(ip6_source_select(&world, BARE, dst.bytes, src), -EADDRNOTAVAIL);
}

static void link_local_addresses_are_own_on_their_interface_only(void **state)
{
	assert_non_null(ip6_own_address(&world, LAN, parse("fe80::a").bytes));
	assert_null(ip6_own_address(&world, LAN, parse("fe80::b").bytes));
	assert_non_null(ip6_own_address(&world, WAN, parse("fe80::b").bytes));
	assert_false(ip6_own_address(&world, NEW, parse("fe80::d").bytes)->usable);
	for (unsigned i = 0; i < ifaces[NEW].n_addresses; i++)
		ifaces[NEW].addresses[i].duplicate = true;
	assert_null(ip6_own_address(&world, NEW, parse("fe80::d").bytes));
}

static void other_addresses_are_own_by_the_route_table(void **state)
{
	struct ip_addr lan = parse("2001:db8::1"), tentative = parse("2001:db8:5::1");
	struct fib *fib = fib_create(6, 100, 100, NULL);
	struct nexthop *nexthops = aligned_alloc(CACHE_LINE_BYTES, 8 * sizeof(*nexthops));

	assert_non_null(fib);
	assert_non_null(nexthops);
	memset(nexthops, 0, 8 * sizeof(*nexthops));
	nexthops[5].kind = NEXTHOP_LOCAL;
	nexthops[5].iface = LAN;
	nexthops[6].kind = NEXTHOP_NEIGHBOR;
	assert_int_equal(fib_add(fib, &lan, 5, NULL), 0);
	assert_int_equal(fib_add(fib, &tentative, 5, NULL), 0);
	lan.bytes[15] = 9;
	assert_int_equal(fib_add(fib, &lan, 6, NULL), 0);
	fib_flip(fib);
	world.fib6 = *fib_active(fib);
	world.nexthops = nexthops;
	assert_true(ip6_own_address(&world, WAN, parse("2001:db8::1").bytes)->usable);
	assert_false(ip6_own_address(&world, WAN, parse("2001:db8:5::1").bytes)->usable);
	assert_null(ip6_own_address(&world, WAN, parse("2001:db8::9").bytes));
	assert_null(ip6_own_address(&world, WAN, parse("2001:db8:1::1").bytes));
	fib_destroy(fib);
	free(nexthops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_source_has_the_scope_and_the_longest_match, make_world, free_world),
		cmocka_unit_test_setup_teardown(
			without_a_global_address_nothing_speaks_beyond_the_link, make_world,
			free_world),
		cmocka_unit_test_setup_teardown(
			link_local_addresses_are_own_on_their_interface_only, make_world,
			free_world),
		cmocka_unit_test_setup_teardown(
			other_addresses_are_own_by_the_route_table, make_world, free_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
