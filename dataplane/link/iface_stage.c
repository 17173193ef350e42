/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks desired interfaces and lays them down in the staged table, and says on which staged link a
 * host is. RFC 1122 3.2.1.3, RFC 3021, RFC 4291 2.5.1 and 2.6.1, RFC 6164. Thread: main.
 */
#include <errno.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "dataplane/link/iface_impl.h"
#include "dataplane/link/port.h"

bool iface_addr_ok(const struct ip_addr *addr)
{
	static const uint8_t zero[12];

	if ((addr->family != 4 && addr->family != 6) || addr->zero[0] || addr->zero[1] ||
		addr->prefix_len > ip_addr_bits(addr->family))
		return false;
	return addr->family == 6 || memcmp(addr->bytes + 4, zero, sizeof(zero)) == 0;
}

const char *iface_unusable(const struct ip_addr *addr)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t loopback6[16] = {[15] = 1};

	if (ip_addr_is_zero(addr))
		return "the unspecified address";
	if (ip_addr_is_multicast(addr))
		return "a multicast address";
	if (addr->family == 6 && memcmp(addr->bytes, loopback6, sizeof(loopback6)) == 0)
		return "the loopback address";
	if (addr->family == 6)
		return memcmp(addr->bytes, mapped, sizeof(mapped)) == 0 ? "an IPv4-mapped address"
									: NULL;
	if (addr->bytes[0] == 0)
		return "in 0.0.0.0/8";
	if (addr->bytes[0] == 127)
		return "a loopback address";
	return addr->bytes[0] >= 240 ? "in the reserved 240.0.0.0/4" : NULL;
}

/* Why @addr is no host of the subnet that its prefix_len says, or NULL. */
static const char *iface_not_a_host(const struct ip_addr *addr)
{
	uint32_t hosts, all;

	if (addr->prefix_len + 1u >= ip_addr_bits(addr->family))
		return NULL;
	if (!ip_addr_has_host_bits(addr))
		return addr->family == 4 ? "the network address"
					 : "the subnet-router anycast address";
	all = UINT32_MAX >> addr->prefix_len % 32;
	hosts = rte_be_to_cpu_32(ip_addr_v4_be(addr)) & all;
	return addr->family == 4 && hosts == all ? "the broadcast address" : NULL;
}

/* The names of all ports, for a suggestion. */
static const char *iface_suggest_port(const char *name)
{
	const char *names[WORLD_PORTS_MAX];
	unsigned n = 0;

	while (n < port_count()) {
		names[n] = port_get(n)->name;
		n++;
	}
	return base_suggest(name, names, n);
}

/* Checks what can be seen of @want alone. */
static int iface_check_form(const struct api_interface *want, struct base_error *err)
{
	if (!api_string_ok(want->name, sizeof(want->name)) || want->name[0] == '\0')
		return base_error_set(err, EINVAL, "interface without a proper name");
	if (!api_string_ok(want->port, sizeof(want->port)))
		return base_error_set(
			err, EINVAL, "interface \"%s\": its port's name is not text", want->name);
	if (want->vlan > 4094)
		return base_error_set(err, EINVAL,
			"interface \"%s\": vlan %u: choose 1 to 4094, or 0 for untagged",
			want->name, want->vlan);
	if (want->n_addresses > API_ADDRESSES_MAX)
		return base_error_set(err, E2BIG, "interface \"%s\": %u addresses, at most %u",
			want->name, want->n_addresses, API_ADDRESSES_MAX);
	if (want->mtu < IFACE_MTU_MIN || want->mtu > IFACE_MTU_MAX)
		return base_error_set(err, EINVAL, "interface \"%s\": mtu %u: choose %u to %u",
			want->name, want->mtu, IFACE_MTU_MIN, IFACE_MTU_MAX);
	return 0;
}

/* Checks @want against its port and the interfaces staged before. */
static int iface_check_place(
	const struct api_interface *want, const struct port *port, struct base_error *err)
{
	const struct iface *all = iface_staged();

	if (!port) {
		const char *guess = iface_suggest_port(want->port);

		return base_error_set(err, ENODEV,
			"interface \"%s\": there is no port \"%s\"%s%s%s: ports come from the file "
			"that braid-dataplane was started with",
			want->name, want->port, guess ? " (did you mean \"" : "",
			guess ? guess : "", guess ? "\"?)" : "");
	}
	if (want->mtu > port->mtu)
		return base_error_set(err, EINVAL,
			"interface \"%s\": mtu %u is above that of port \"%s\", %u: lower it, or "
			"raise the port's and restart braid-dataplane",
			want->name, want->mtu, port->name, port->mtu);
	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++) {
		if (!all[i].up)
			continue;
		if (strcmp(all[i].name, want->name) == 0)
			return base_error_set(err, EEXIST,
				"interface \"%s\" is there twice: remove one", want->name);
		if (all[i].port == port->index && all[i].vlan == want->vlan)
			return base_error_set(err, EEXIST,
				"interfaces \"%s\" and \"%s\" both have vlan %u of port \"%s\": "
				"give "
				"one another vlan",
				all[i].name, want->name, want->vlan, port->name);
	}
	return 0;
}

/* -EEXIST when @addr or its subnet is taken by another interface, or @addr by @self. */
static int iface_check_new(
	const struct iface *self, const struct ip_addr *addr, struct base_error *err)
{
	const struct iface *all = iface_staged();
	struct ip_addr subnet = *addr;
	char text[IPADDR_TEXT_MAX];

	ip_addr_mask(&subnet);
	for (unsigned n = 0; n < WORLD_INTERFACES_MAX * WORLD_ADDRESSES_MAX; n++) {
		const struct iface *i = &all[n / WORLD_ADDRESSES_MAX];
		unsigned k = n % WORLD_ADDRESSES_MAX;
		struct ip_addr other;

		if (k >= i->n_addresses || (i != self && ip_addr_is_link_local(addr)))
			continue;
		other = i->addresses[k].addr;
		if (ip_addr_same_host(&other, addr))
			return base_error_set(err, EEXIST,
				"address %s is on interface \"%s\" and on \"%s\": remove one",
				ip_addr_format_host(addr, text), i->name, self->name);
		ip_addr_mask(&other);
		if (i != self && ip_addr_equal(&other, &subnet))
			return base_error_set(err, EEXIST,
				"subnet %s is on interface \"%s\" and on \"%s\": a subnet can be "
				"on "
				"one interface only",
				ip_addr_format(&subnet, text), i->name, self->name);
	}
	return 0;
}

/* Checks @addr and gives it to staged interface @i. */
static int iface_add_address(struct iface *i, const struct ip_addr *addr, struct base_error *err)
{
	char text[IPADDR_TEXT_MAX];
	const char *why;
	int ret;

	if (!iface_addr_ok(addr))
		return base_error_set(
			err, EINVAL, "interface \"%s\": an address is malformed", i->name);
	ip_addr_format(addr, text);
	why = iface_unusable(addr);
	if (why)
		return base_error_set(err, EINVAL,
			"interface \"%s\": %s is %s: no interface can have it", i->name, text, why);
	if (addr->prefix_len == 0)
		return base_error_set(err, EINVAL,
			"interface \"%s\": %s has everything as its subnet: give a prefix length",
			i->name, text);
	why = iface_not_a_host(addr);
	if (why)
		return base_error_set(err, EINVAL,
			"interface \"%s\": %s is %s of its subnet: use another address in it",
			i->name, text, why);
	if (addr->family == 6 && i->mtu < IFACE_MTU_MIN_IP6)
		return base_error_set(err, EINVAL,
			"interface \"%s\": IPv6 address %s needs an mtu of at least %u, not %u",
			i->name, text, IFACE_MTU_MIN_IP6, i->mtu);
	ret = iface_check_new(i, addr, err);
	if (ret == 0)
		i->addresses[i->n_addresses++] = (struct iface_address){
			.addr = *addr,
			.usable = addr->family == 4,
		};
	return ret;
}

/* Gives @i the link-local address made from its MAC (RFC 4291 appendix A) unless it has it. */
static void iface_add_link_local(struct iface *i)
{
	uint8_t bytes[16] = {0xfe, 0x80, [11] = 0xff, [12] = 0xfe};
	struct ip_addr addr;

	memcpy(bytes + 8, i->mac, 3);
	memcpy(bytes + 13, i->mac + 3, 3);
	bytes[8] ^= 2;
	addr = ip_addr_v6(bytes);
	addr.prefix_len = 64;
	for (unsigned k = 0; k < i->n_addresses; k++)
		if (ip_addr_same_host(&i->addresses[k].addr, &addr))
			return;
	BRAID_ASSERT(i->n_addresses < WORLD_ADDRESSES_MAX);
	i->addresses[i->n_addresses++] = (struct iface_address){.addr = addr, .automatic = true};
}

/*
 * The number for @want: the one it has, or one that is free in the published world too, so that
 * nothing on its way is taken for that of another interface. WORLD_NO_INTERFACE: there is none.
 */
static uint16_t iface_number(const struct api_interface *want, const struct port *port)
{
	const struct iface *live = world_current->ifaces, *all = iface_staged();
	uint16_t free_number = WORLD_NO_INTERFACE;

	for (uint16_t i = 0; i < WORLD_INTERFACES_MAX; i++) {
		if (live[i].up && live[i].port == port->index && live[i].vlan == want->vlan &&
			strcmp(live[i].name, want->name) == 0)
			return i;
		if (!live[i].up && !all[i].up && free_number == WORLD_NO_INTERFACE)
			free_number = i;
	}
	return free_number;
}

/* The last eight bytes of an untagged Ethernet header from @mac. */
static uint64_t iface_l2_tail(const uint8_t mac[6], uint16_t ethertype)
{
	uint16_t type_be = rte_cpu_to_be_16(ethertype);
	uint64_t tail;

	memcpy(&tail, mac, 6);
	memcpy((uint8_t *)&tail + 6, &type_be, 2);
	return tail;
}

static void iface_fill(struct iface *i, const struct api_interface *want, const struct port *port)
{
	*i = (struct iface){
		.l2_len = want->vlan ? 18 : 14,
		.number = (uint16_t)(i - iface_table_staged()->ifaces),
		.port = port->index,
		.vlan = want->vlan,
		.mtu = want->mtu,
		.offloads = port->offload.flags,
		.tso_segments_max = port->offload.tso_segments_max,
		.l2_tail_ip4 = iface_l2_tail(port->mac, RTE_ETHER_TYPE_IPV4),
		.l2_tail_ip6 = iface_l2_tail(port->mac, RTE_ETHER_TYPE_IPV6),
	};
	i->tcp_mtu = port_offload_mtu(port, i->mtu, i->l2_len);
	memcpy(i->mac, port->mac, sizeof(i->mac));
	base_strlcpy(i->name, want->name, sizeof(i->name));
}

/* Lets frames of the port and VLAN come to @i. */
static void iface_map(struct iface_table *t, const struct iface *i)
{
	if (i->vlan == 0) {
		t->untagged[i->port] = i->number;
		return;
	}
	if (!t->tagged[i->port]) {
		for (unsigned v = 0; v < WORLD_VLANS; v++)
			t->vlans[i->port][v] = WORLD_NO_INTERFACE;
		t->tagged[i->port] = true;
	}
	t->vlans[i->port][i->vlan] = i->number;
}

int iface_stage(const struct api_interface *want, struct base_error *err)
{
	struct iface_table *t = iface_table_staged();
	const struct port *port;
	struct iface *i;
	uint16_t number;
	int ret = iface_check_form(want, err);

	if (ret < 0)
		return ret;
	port = port_find(want->port);
	ret = iface_check_place(want, port, err);
	if (ret < 0)
		return ret;
	if (t->used)
		return base_error_set(err, EPROTO,
			"interface \"%s\": interfaces come before neighbours, next hops and routes",
			want->name);
	number = iface_number(want, port);
	if (number == WORLD_NO_INTERFACE)
		return base_error_set(err, ENOSPC,
			"interface \"%s\": %u interfaces are the limit, those that are going away "
			"included: remove them in a change of its own first",
			want->name, WORLD_INTERFACES_MAX);
	i = &t->ifaces[number];
	iface_fill(i, want, port);
	for (unsigned k = 0; ret == 0 && k < want->n_addresses; k++)
		ret = iface_add_address(i, &want->addresses[k], err);
	if (ret < 0) {
		*i = (struct iface){};
		return ret;
	}
	if (i->mtu >= IFACE_MTU_MIN_IP6)
		iface_add_link_local(i);
	i->up = true;
	iface_map(t, i);
	return 0;
}

/* Looks for @host on the link of @i: 1 it can be there, 0 it is not, or a negative errno with a
 * sentence. */
static int iface_try_reach(
	const struct iface *i, const struct iface_host *host, struct base_error *err)
{
	int found = 0;
	char text[IPADDR_TEXT_MAX];

	for (unsigned k = 0; k < i->n_addresses; k++) {
		struct ip_addr subnet = i->addresses[k].addr;
		const char *why;

		if (!ip_addr_covers(&subnet, &host->addr))
			continue;
		if (ip_addr_same_host(&subnet, &host->addr))
			return base_error_set(err, EINVAL,
				"%s %s is an address of this node (interface \"%s\"): give that of "
				"another host",
				host->noun, ip_addr_format_host(&host->addr, text), i->name);
		memcpy(subnet.bytes, host->addr.bytes, sizeof(subnet.bytes));
		why = iface_not_a_host(&subnet);
		if (why)
			return base_error_set(err, EINVAL,
				"%s %s is %s of its subnet on interface \"%s\": give that of a "
				"host",
				host->noun, ip_addr_format_host(&host->addr, text), why, i->name);
		found = 1;
	}
	return found;
}

static int iface_reach_by_subnet(const struct iface_host *host, struct base_error *err)
{
	const struct iface *all = iface_staged(), *best = NULL;
	char text[IPADDR_TEXT_MAX];
	unsigned best_len = 0;

	if (ip_addr_is_link_local(&host->addr))
		return base_error_set(err, EINVAL,
			"%s %s is link-local: name the interface it is behind", host->noun,
			ip_addr_format_host(&host->addr, text));
	for (unsigned n = 0; n < WORLD_INTERFACES_MAX * WORLD_ADDRESSES_MAX; n++) {
		const struct iface *i = &all[n / WORLD_ADDRESSES_MAX];
		unsigned k = n % WORLD_ADDRESSES_MAX;

		if (!i->up || k >= i->n_addresses ||
			!ip_addr_covers(&i->addresses[k].addr, &host->addr) ||
			i->addresses[k].addr.prefix_len < best_len)
			continue;
		best = i;
		best_len = i->addresses[k].addr.prefix_len;
	}
	if (!best)
		return base_error_set(err, ENETUNREACH,
			"%s %s cannot be reached: give an interface an address whose subnet "
			"contains "
			"it",
			host->noun, ip_addr_format_host(&host->addr, text));
	return iface_try_reach(best, host, err) < 0 ? -EINVAL : best->number;
}

int iface_staged_reach(const struct iface_host *host, struct base_error *err)
{
	char text[IPADDR_TEXT_MAX];
	const struct iface *i;
	const char *why;
	int ret;

	iface_table_staged()->used = true;
	if (!iface_addr_ok(&host->addr) || host->addr.prefix_len != ip_addr_bits(host->addr.family))
		return base_error_set(err, EINVAL, "%s with a malformed address", host->noun);
	ip_addr_format_host(&host->addr, text);
	why = iface_unusable(&host->addr);
	if (why)
		return base_error_set(
			err, EINVAL, "%s %s is %s: give that of a host", host->noun, text, why);
	if (host->interface[0] == '\0')
		return iface_reach_by_subnet(host, err);
	i = iface_staged_find(host->interface);
	if (!i)
		return base_error_set(err, ENODEV,
			"%s %s: there is no interface \"%s\" in this configuration", host->noun,
			text, host->interface);
	ret = iface_try_reach(i, host, err);
	if (ret < 0)
		return ret;
	if (ret == 0)
		return base_error_set(err, ENETUNREACH,
			"%s %s is in no subnet of interface \"%s\": give it an address whose "
			"subnet "
			"contains %s",
			host->noun, text, i->name, text);
	return i->number;
}
