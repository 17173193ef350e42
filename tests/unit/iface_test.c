/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces from desire to world: what is refused and why, what stays, which link a host is on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/nexthop.h"
#include "dataplane/core/worker.h"
#include "dataplane/link/iface.h"
#include "dataplane/link/port.h"

/* One desired interface as text: addresses up to the first NULL. */
struct desire {
	const char *name;
	const char *port;
	uint16_t vlan;
	uint16_t mtu;
	const char *addresses[5];
};

static const struct desire lan = {"lan", "lan", 0, 1500, {"192.0.2.1/24", "2001:db8::1/64"}};
static const struct desire wan = {"wan", "wan", 0, 1500, {"198.51.100.1/24"}};
static const struct desire lan10 = {"lan.10", "lan", 10, 1400, {"10.0.0.1/30"}};

static int start(void **state)
{
	static const uint8_t mac1[6] = {2, 0, 0, 0, 0, 1}, mac2[6] = {2, 0, 0, 0, 0, 2};

	assert_int_equal(nexthop_init(NULL), 0);
	assert_int_equal(world_init(NULL), 0);
	assert_non_null(port_declare("lan", mac1, 1500));
	assert_non_null(port_declare("wan", mac2, 9000));
	return 0;
}

static int end(void **state)
{
	iface_forget();
	iface_fini();
	port_fini();
	world_fini();
	nexthop_fini();
	return 0;
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	if (ip_addr_parse(text, &a) < 0)
		assert_int_equal(ip_addr_parse_prefix(text, &a), 0);
	return a;
}

static int stage(const struct desire *d, struct base_error *err)
{
	struct api_interface want = {.vlan = d->vlan, .mtu = d->mtu};

	base_strlcpy(want.name, d->name, sizeof(want.name));
	base_strlcpy(want.port, d->port, sizeof(want.port));
	for (; d->addresses[want.n_addresses]; want.n_addresses++)
		want.addresses[want.n_addresses] = addr(d->addresses[want.n_addresses]);
	return iface_stage(&want, err);
}

/* Publishes what is staged; the counts. */
static struct api_commit_counts publish(void)
{
	struct api_commit_reply counts = {};
	struct world *next = world_draft();

	assert_int_equal(iface_check(&counts, NULL), 0);
	iface_apply(next);
	world_publish(next);
	assert_int_equal(iface_published(1), 0);
	return counts.interfaces;
}

static const struct iface *find(const char *name)
{
	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++)
		if (world_current->ifaces[i].up && strcmp(world_current->ifaces[i].name, name) == 0)
			return &world_current->ifaces[i];
	return NULL;
}

static void an_interface_comes_with_all_that_workers_need(void **state)
{
	static const uint8_t tail4[8] = {2, 0, 0, 0, 0, 1, 0x08, 0x00};
	static const uint8_t tail6[8] = {2, 0, 0, 0, 0, 1, 0x86, 0xdd};
	struct ip_addr link_local = addr("fe80::ff:fe00:1");
	const struct iface *i;

	assert_int_equal(stage(&lan, NULL), 0);
	assert_int_equal(publish().added, 1);
	i = find("lan");
	assert_non_null(i);
	assert_int_equal(i->number, i - world_current->ifaces);
	assert_int_equal(i->l2_len, 14);
	assert_int_equal(i->mtu, 1500);
	assert_memory_equal(&i->l2_tail_ip4, tail4, 8);
	assert_memory_equal(&i->l2_tail_ip6, tail6, 8);
	assert_int_equal(i->n_addresses, 3);
	assert_true(i->addresses[0].usable);
	assert_false(i->addresses[1].usable);
	assert_true(ip_addr_same_host(&i->addresses[2].addr, &link_local));
	assert_int_equal(i->addresses[2].addr.prefix_len, 64);
	assert_true(i->addresses[2].automatic);
	assert_false(i->addresses[2].usable);
}

static void frames_are_mapped_by_port_and_vlan(void **state)
{
	const struct port_map *port;

	stage(&lan, NULL);
	stage(&lan10, NULL);
	publish();
	port = &world_current->ports[port_find("lan")->index];
	assert_true(port->up);
	assert_int_equal(port->untagged, find("lan")->number);
	assert_non_null(port->vlans);
	assert_int_equal(port->vlans[10], find("lan.10")->number);
	assert_int_equal(port->vlans[11], WORLD_NO_INTERFACE);
	assert_int_equal(find("lan.10")->l2_len, 18);
	port = &world_current->ports[port_find("wan")->index];
	assert_true(port->up);
	assert_int_equal(port->untagged, WORLD_NO_INTERFACE);
	assert_null(port->vlans);
	assert_false(world_current->ports[2].up);
}

static void numbers_stay_with_name_port_and_vlan(void **state)
{
	struct desire moved = lan10, smaller = wan;
	struct api_commit_counts c;
	uint16_t lan_number, wan_number, lan10_number;

	stage(&lan, NULL);
	stage(&wan, NULL);
	stage(&lan10, NULL);
	c = publish();
	assert_int_equal(c.added, 3);
	lan_number = find("lan")->number;
	wan_number = find("wan")->number;
	lan10_number = find("lan.10")->number;
	moved.vlan = 11;
	smaller.mtu = 1280;
	stage(&moved, NULL);
	stage(&smaller, NULL);
	stage(&lan, NULL);
	c = publish();
	assert_int_equal(c.added, 0);
	assert_int_equal(c.changed, 2);
	assert_int_equal(c.kept, 1);
	assert_int_equal(find("lan")->number, lan_number);
	assert_int_equal(find("wan")->number, wan_number);
	assert_int_equal(find("wan")->mtu, 1280);
	assert_int_not_equal(find("lan.10")->number, lan10_number);
	stage(&wan, NULL);
	c = publish();
	assert_int_equal(c.removed, 2);
	assert_int_equal(find("wan")->number, wan_number);
	assert_null(find("lan"));
}

static void a_number_going_away_is_not_given_out_at_once(void **state)
{
	struct desire d = {.port = "wan", .mtu = 1500};
	struct base_error err;
	char name[16];

	d.name = name;
	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++) {
		snprintf(name, sizeof(name), "wan.%u", i + 1);
		d.vlan = (uint16_t)(i + 1);
		assert_int_equal(stage(&d, NULL), 0);
	}
	publish();
	assert_int_equal(stage(&wan, &err), -ENOSPC);
	assert_string_equal(err.text, "interface \"wan\": 64 interfaces are the limit, those that "
				      "are going away included: "
				      "remove them in a change of its own first");
	publish();
	assert_int_equal(stage(&wan, NULL), 0);
}

static void ipv6_is_usable_once_it_is_known_to_be_unique(void **state)
{
	struct ip_addr own = addr("2001:db8::1"), other = addr("2001:db8::2");
	struct desire more = lan;
	const struct iface *i;

	more.addresses[2] = "2001:db8::2/64";
	stage(&more, NULL);
	publish();
	i = find("lan");
	assert_int_equal(iface_address_state(i->number, 1), API_ADDRESS_TENTATIVE);
	iface_dad_done(i->number, &own, true);
	i = find("lan");
	assert_true(i->addresses[1].usable);
	assert_int_equal(iface_address_state(i->number, 1), API_ADDRESS_PREFERRED);
	assert_false(i->addresses[2].usable);
	iface_dad_done(i->number, &other, false);
	assert_false(find("lan")->addresses[2].usable);
	assert_true(find("lan")->addresses[2].duplicate);
	assert_int_equal(iface_address_state(i->number, 2), API_ADDRESS_DUPLICATE);
	/* The next generation names them in another order: what is known stays known. */
	more.addresses[1] = "2001:db8::2/64";
	more.addresses[2] = "2001:db8::1/64";
	stage(&more, NULL);
	assert_int_equal(publish().kept, 1);
	i = find("lan");
	assert_int_equal(iface_address_state(i->number, 1), API_ADDRESS_DUPLICATE);
	assert_int_equal(iface_address_state(i->number, 2), API_ADDRESS_PREFERRED);
	assert_true(i->addresses[2].usable);
	/* One that went and came back is looked for anew. */
	stage(&wan, NULL);
	publish();
	stage(&more, NULL);
	publish();
	assert_int_equal(iface_address_state(find("lan")->number, 1), API_ADDRESS_TENTATIVE);
}

static void a_late_result_for_an_address_that_is_gone_changes_nothing(void **state)
{
	struct ip_addr own = addr("2001:db8::1");
	const struct world *before;

	iface_dad_done(0, &own, true);
	stage(&wan, NULL);
	publish();
	before = world_current;
	iface_dad_done(find("wan")->number, &own, true);
	iface_dad_done(63, &own, true);
	assert_ptr_equal(world_current, before);
}

static void bad_interfaces_are_refused_with_a_remedy(void **state)
{
	static const struct {
		struct desire want;
		int status;
		const char *sentence;
	} cases[] = {
		{{"x", "lam", 0, 1500, {}}, -ENODEV,
			"interface \"x\": there is no port \"lam\" (did you mean \"lan\"?): ports "
			"come "
			"from the file that braid-dataplane was started with"},
		{{"", "lan", 0, 1500, {}}, -EINVAL, "interface without a proper name"},
		{{"lan", "wan", 0, 1500, {}}, -EEXIST,
			"interface \"lan\" is there twice: remove one"},
		{{"x", "lan", 0, 1500, {}}, -EEXIST,
			"interfaces \"lan\" and \"x\" both have vlan 0 of port \"lan\": give one "
			"another vlan"},
		{{"x", "wan", 4095, 1500, {}}, -EINVAL,
			"interface \"x\": vlan 4095: choose 1 to 4094, or 0 for untagged"},
		{{"x", "lan", 5, 1501, {}}, -EINVAL,
			"interface \"x\": mtu 1501 is above that of port \"lan\", 1500: lower it, "
			"or "
			"raise the port's and restart braid-dataplane"},
		{{"x", "wan", 5, 575, {}}, -EINVAL, "interface \"x\": mtu 575: choose 576 to 9600"},
		{{"x", "wan", 5, 1279, {"2001:db8:5::1/64"}}, -EINVAL,
			"interface \"x\": IPv6 address 2001:db8:5::1/64 needs an mtu of at least "
			"1280, "
			"not 1279"},
		{{"x", "wan", 5, 1500, {"192.0.2.1/32"}}, -EEXIST,
			"address 192.0.2.1 is on interface \"lan\" and on \"x\": remove one"},
		{{"x", "wan", 5, 1500, {"10.0.0.1/24", "10.0.0.1/24"}}, -EEXIST,
			"address 10.0.0.1 is on interface \"x\" and on \"x\": remove one"},
		{{"x", "wan", 5, 1500, {"192.0.2.9/24"}}, -EEXIST,
			"subnet 192.0.2.0/24 is on interface \"lan\" and on \"x\": a subnet can be "
			"on "
			"one interface only"},
		{{"x", "wan", 5, 1500, {"10.0.0.0/24"}}, -EINVAL,
			"interface \"x\": 10.0.0.0/24 is the network address of its subnet: use "
			"another address in it"},
		{{"x", "wan", 5, 1500, {"10.0.0.255/24"}}, -EINVAL,
			"interface \"x\": 10.0.0.255/24 is the broadcast address of its subnet: "
			"use "
			"another address in it"},
		{{"x", "wan", 5, 1500, {"2001:db8:5::/64"}}, -EINVAL,
			"interface \"x\": 2001:db8:5::/64 is the subnet-router anycast address of "
			"its "
			"subnet: use another address in it"},
		{{"x", "wan", 5, 1500, {"224.0.0.1/24"}}, -EINVAL,
			"interface \"x\": 224.0.0.1/24 is a multicast address: no interface can "
			"have "
			"it"},
		{{"x", "wan", 5, 1500, {"127.0.0.1/8"}}, -EINVAL,
			"interface \"x\": 127.0.0.1/8 is a loopback address: no interface can have "
			"it"},
		{{"x", "wan", 5, 1500, {"10.0.0.1/0"}}, -EINVAL,
			"interface \"x\": 10.0.0.1/0 has everything as its subnet: give a prefix "
			"length"},
	};

	assert_int_equal(stage(&lan, NULL), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct base_error err = {};

		assert_int_equal(stage(&cases[i].want, &err), cases[i].status);
		assert_string_equal(err.text, cases[i].sentence);
	}
	assert_int_equal(publish().added, 1);
}

static void edges_without_network_and_broadcast_are_accepted(void **state)
{
	static const struct desire odd = {"odd", "wan", 7, 1500,
		{"10.1.0.0/31", "10.2.0.255/32", "2001:db8:7::/127", "fe80::1/64"}};
	static const struct desire small = {"small", "wan", 8, 576, {"10.3.0.1/24"}};

	assert_int_equal(stage(&odd, NULL), 0);
	assert_int_equal(stage(&small, NULL), 0);
	publish();
	assert_int_equal(find("odd")->n_addresses, 5);
	/* Too small for IPv6: no link-local address either. */
	assert_int_equal(find("small")->n_addresses, 1);
}

static void a_malformed_address_is_refused(void **state)
{
	struct api_interface want = {.name = "x", .port = "wan", .mtu = 1500, .n_addresses = 1};
	struct base_error err;

	want.addresses[0] = addr("10.0.0.1/24");
	want.addresses[0].bytes[9] = 1;
	assert_int_equal(iface_stage(&want, &err), -EINVAL);
	assert_string_equal(err.text, "interface \"x\": an address is malformed");
	want.addresses[0] = addr("10.0.0.1/24");
	want.addresses[0].prefix_len = 33;
	assert_int_equal(iface_stage(&want, NULL), -EINVAL);
	want.addresses[0].family = 5;
	assert_int_equal(iface_stage(&want, NULL), -EINVAL);
	want.n_addresses = API_ADDRESSES_MAX + 1;
	assert_int_equal(iface_stage(&want, NULL), -E2BIG);
	memset(want.port, 'x', sizeof(want.port));
	assert_int_equal(iface_stage(&want, NULL), -EINVAL);
	memset(want.name, 'x', sizeof(want.name));
	assert_int_equal(iface_stage(&want, NULL), -EINVAL);
}

static void a_host_is_on_the_link_whose_subnet_contains_it(void **state)
{
	static const struct desire inner = {"inner", "wan", 9, 1500, {"192.0.2.130/25"}};
	static const struct {
		const char *interface;
		const char *address;
		const char *where; /* NULL: refused with the sentence */
		const char *sentence;
	} cases[] = {
		{"", "192.0.2.9", "lan", NULL},
		{"", "192.0.2.200", "inner", NULL},
		{"lan", "192.0.2.200", "lan", NULL},
		{"", "2001:db8::9", "lan", NULL},
		{"lan", "fe80::9", "lan", NULL},
		{"", "203.0.113.1", NULL,
			"next hop 203.0.113.1 cannot be reached: give an interface an address "
			"whose "
			"subnet contains it"},
		{"inner", "192.0.2.9", NULL,
			"next hop 192.0.2.9 is in no subnet of interface \"inner\": give it an "
			"address "
			"whose subnet contains 192.0.2.9"},
		{"gone", "192.0.2.9", NULL,
			"next hop 192.0.2.9: there is no interface \"gone\" in this configuration"},
		{"", "192.0.2.1", NULL,
			"next hop 192.0.2.1 is an address of this node (interface \"lan\"): give "
			"that "
			"of another host"},
		{"", "192.0.2.0", NULL,
			"next hop 192.0.2.0 is the network address of its subnet on interface "
			"\"lan\": "
			"give that of a host"},
		{"", "192.0.2.255", NULL,
			"next hop 192.0.2.255 is the broadcast address of its subnet on interface "
			"\"inner\": give that of a host"},
		{"", "fe80::9", NULL,
			"next hop fe80::9 is link-local: name the interface it is behind"},
		{"", "224.0.0.5", NULL,
			"next hop 224.0.0.5 is a multicast address: give that of a host"},
		{"", "0.0.0.0", NULL,
			"next hop 0.0.0.0 is the unspecified address: give that of a host"},
		{"", "192.0.2.9/24", NULL, "next hop with a malformed address"},
	};

	stage(&lan, NULL);
	stage(&inner, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct iface_host host = {.noun = "next hop",
			.interface = cases[i].interface,
			.addr = addr(cases[i].address)};
		struct base_error err = {};
		int ret = iface_staged_reach(&host, &err);

		if (cases[i].where) {
			assert_int_equal(ret, iface_staged_find(cases[i].where)->number);
			continue;
		}
		assert_true(ret < 0);
		assert_string_equal(err.text, cases[i].sentence);
	}
}

static void interfaces_come_first(void **state)
{
	struct iface_host host = {.noun = "next hop", .interface = "", .addr = addr("192.0.2.9")};
	struct base_error err;

	stage(&lan, NULL);
	assert_true(iface_staged_reach(&host, NULL) >= 0);
	assert_int_equal(stage(&wan, &err), -EPROTO);
	assert_string_equal(err.text,
		"interface \"wan\": interfaces come before neighbours, next hops and routes");
	iface_forget();
	assert_int_equal(stage(&wan, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_interface_comes_with_all_that_workers_need, start, end),
		cmocka_unit_test_setup_teardown(frames_are_mapped_by_port_and_vlan, start, end),
		cmocka_unit_test_setup_teardown(numbers_stay_with_name_port_and_vlan, start, end),
		cmocka_unit_test_setup_teardown(
			a_number_going_away_is_not_given_out_at_once, start, end),
		cmocka_unit_test_setup_teardown(
			ipv6_is_usable_once_it_is_known_to_be_unique, start, end),
		cmocka_unit_test_setup_teardown(
			a_late_result_for_an_address_that_is_gone_changes_nothing, start, end),
		cmocka_unit_test_setup_teardown(
			bad_interfaces_are_refused_with_a_remedy, start, end),
		cmocka_unit_test_setup_teardown(
			edges_without_network_and_broadcast_are_accepted, start, end),
		cmocka_unit_test_setup_teardown(a_malformed_address_is_refused, start, end),
		cmocka_unit_test_setup_teardown(
			a_host_is_on_the_link_whose_subnet_contains_it, start, end),
		cmocka_unit_test_setup_teardown(interfaces_come_first, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
