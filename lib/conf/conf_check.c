/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must hold between the parts of a configuration: names and addresses only once, MTUs that
 * fit, neighbours and next hops on a connected subnet. Main threads only. RFC 1122 section 3.2.1.3,
 * RFC 3021, RFC 4291 section 2.6.1, RFC 6164, RFC 8200 section 5.
 */
#include <string.h>

#include "lib/conf/conf_impl.h"
#include "lib/conf/conf_scan.h"

#define MTU_MIN_IP6 1280

const char *conf_check_unusable(const struct ip_addr *addr)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t loopback6[16] = {[15] = 1};

	if (ip_addr_is_zero(addr))
		return "the unspecified address";
	if (ip_addr_is_multicast(addr))
		return "a multicast address";
	if (addr->family == 4) {
		if (addr->bytes[0] == 0)
			return "in 0.0.0.0/8";
		if (addr->bytes[0] == 127)
			return "a loopback address";
		if (addr->bytes[0] >= 240)
			return "in the reserved 240.0.0.0/4";
		return NULL;
	}
	if (!memcmp(addr->bytes, loopback6, sizeof(loopback6)))
		return "the loopback address";
	if (!memcmp(addr->bytes, mapped, sizeof(mapped)))
		return "an IPv4-mapped address";
	return NULL;
}

void conf_check_last(struct ip_addr *addr)
{
	for (unsigned bit = addr->prefix_len; bit < ip_addr_bits(addr->family); bit++)
		addr->bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

/* Whether all host bits of an IPv4 subnet are set. */
static bool is_broadcast(const struct ip_addr *addr)
{
	struct ip_addr last = *addr;

	conf_check_last(&last);
	return addr->family == 4 && ip_addr_same_host(&last, addr);
}

const char *conf_check_not_a_host(const struct ip_addr *addr)
{
	if (addr->prefix_len + 1U >= ip_addr_bits(addr->family))
		return NULL;
	if (!ip_addr_has_host_bits(addr))
		return addr->family == 4 ? "the network address"
					 : "the subnet-router anycast address";
	return is_broadcast(addr) ? "the broadcast address" : NULL;
}

int conf_check_name(
	struct conf_loader *l, const struct conf_interface *self, struct conf_place place)
{
	const struct conf_node *node = &l->conf->node;

	for (unsigned i = 0; i < node->n_interfaces; i++) {
		const struct conf_interface *other = &node->interfaces[i];

		if (other != self && !strcmp(other->name, self->name))
			return conf_fail(l, place,
				"the name \"%s\" is taken by the interface at line %u", self->name,
				other->place.line);
	}
	return 0;
}

int conf_check_vlan(
	struct conf_loader *l, const struct conf_interface *self, struct conf_place place)
{
	const struct conf_node *node = &l->conf->node;

	for (unsigned i = 0; i < node->n_interfaces; i++) {
		const struct conf_interface *other = &node->interfaces[i];

		if (other != self && other->port == self->port && other->vlan == self->vlan)
			return conf_fail(l, place,
				"vlan %u is already that of another interface of this port (line "
				"%u)",
				self->vlan, l->vlan_places[i].line);
	}
	return 0;
}

static bool has_ip6(const struct conf_interface *interface)
{
	for (unsigned i = 0; i < interface->n_addresses; i++)
		if (interface->addresses[i].family == 6)
			return true;
	return false;
}

int conf_check_mtus(struct conf_loader *l, struct conf_port *port)
{
	struct conf_node *node = &l->conf->node;
	struct conf_place port_place = {0};

	for (unsigned i = 0; i < node->n_interfaces; i++) {
		struct conf_interface *interface = &node->interfaces[i];
		struct conf_place place = l->mtu_places[i];

		if (&node->ports[interface->port] != port)
			continue;
		if (interface->mtu > port->mtu)
			return conf_fail(l, place,
				"mtu %u of interface \"%s\" is above its port's, which is %u",
				interface->mtu, interface->name, port->mtu);
		if (interface->mtu == 0)
			interface->mtu = port->mtu;
		if (interface->vlan == 0)
			port_place = place;
		if (interface->mtu < MTU_MIN_IP6 && has_ip6(interface))
			return conf_fail(l, place.line ? place : port_place,
				"mtu %u of interface \"%s\" is below %d, the least its IPv6 "
				"addresses need",
				interface->mtu, interface->name, MTU_MIN_IP6);
	}
	return 0;
}

/* Fails when @addr is on some interface already, or its subnet on another one than @self. */
static int check_address_is_new(struct conf_loader *l, const struct ip_addr *addr,
	struct conf_place place, const struct conf_interface *self)
{
	const struct conf_node *node = &l->conf->node;
	char text[IPADDR_TEXT_MAX];
	struct ip_addr subnet = *addr;

	ip_addr_mask(&subnet);
	for (unsigned i = 0; i < node->n_interfaces; i++) {
		const struct conf_interface *other = &node->interfaces[i];

		for (unsigned j = 0; j < other->n_addresses; j++) {
			uint32_t line = l->address_places[i][j].line;
			struct ip_addr other_subnet = other->addresses[j];

			if (ip_addr_same_host(addr, &other->addresses[j]))
				return conf_fail(l, place,
					"address %s is already at line %u (remove one of them)",
					ip_addr_format_host(addr, text), line);
			ip_addr_mask(&other_subnet);
			if (other != self && ip_addr_equal(&subnet, &other_subnet) &&
				!ip_addr_is_link_local(addr))
				return conf_fail(l, place,
					"subnet %s is already that of another interface (line %u)",
					ip_addr_format(&subnet, text), line);
		}
	}
	return 0;
}

int conf_check_add_address(
	struct conf_loader *l, const struct conf_value *value, struct conf_interface *interface)
{
	const char *text = conf_value_text(l, value), *end = text + value->text_len;
	char quoted[CONF_QUOTE_BYTES];
	struct ip_addr addr;
	const char *why;
	int rc;

	conf_quote(text, value->text_len, quoted);
	if (conf_scan_address(text, end, &addr) == end)
		return conf_fail(l, value->place,
			"address \"%s\" has no prefix length (write %s/%u if that is its subnet)",
			quoted, quoted, addr.family == 4 ? 24 : 64);
	if (conf_scan_prefix(text, end, &addr) != end)
		return conf_fail(l, value->place,
			"address \"%s\" must be ADDRESS/LENGTH: 192.0.2.1/24 or 2001:db8::1/64",
			quoted);
	why = conf_check_unusable(&addr);
	if (why)
		return conf_fail(l, value->place, "address %s is %s, which no interface can have",
			quoted, why);
	if (addr.prefix_len == 0)
		return conf_fail(
			l, value->place, "address %s has the whole internet as its subnet", quoted);
	why = conf_check_not_a_host(&addr);
	if (why)
		return conf_fail(l, value->place,
			"address %s is %s of its subnet (use another address in it)", quoted, why);
	rc = check_address_is_new(l, &addr, value->place, interface);
	if (rc < 0)
		return rc;
	l->address_places[interface - l->conf->node.interfaces][interface->n_addresses] =
		value->place;
	interface->addresses[interface->n_addresses++] = addr;
	return 0;
}

int conf_check_interface(struct conf_loader *l, const char *name, struct conf_place place)
{
	const struct conf_node *node = &l->conf->node;
	const char *names[CONF_INTERFACES_MAX];
	const char *suggestion;

	for (unsigned i = 0; i < node->n_interfaces; i++) {
		if (!strcmp(node->interfaces[i].name, name))
			return 0;
		names[i] = node->interfaces[i].name;
	}
	suggestion = base_suggest(name, names, node->n_interfaces);
	if (suggestion)
		return conf_fail(l, place, "there is no interface \"%s\" (did you mean \"%s\"?)",
			name, suggestion);
	return conf_fail(l, place, "there is no interface \"%s\" (add it under node.ports)", name);
}

/* What a host on a connected subnet is, in messages. */
struct host {
	const char *noun;
	const struct ip_addr *address;
	const char *interface; /* empty: any */
	struct conf_place place;
};

/* Fails unless the host is a neighbour on a connected subnet, other than this node. */
static int check_host(struct conf_loader *l, const struct host *host)
{
	const struct conf_node *node = &l->conf->node;
	char text[IPADDR_TEXT_MAX];
	const char *why = NULL;
	bool is_connected = ip_addr_is_link_local(host->address);

	ip_addr_format_host(host->address, text);
	if (is_connected && !host->interface[0])
		return conf_fail(l, host->place,
			"%s %s is link-local: name the interface it is behind (interface)",
			host->noun, text);
	for (unsigned i = 0; i < node->n_interfaces; i++) {
		const struct conf_interface *interface = &node->interfaces[i];

		for (unsigned j = 0; j < interface->n_addresses; j++) {
			struct ip_addr subnet = interface->addresses[j];

			if (ip_addr_same_host(&subnet, host->address))
				return conf_fail(l, host->place,
					"%s %s is an address of this node (interface \"%s\")",
					host->noun, text, interface->name);
			if (!ip_addr_covers(&subnet, host->address))
				continue;
			memcpy(subnet.bytes, host->address->bytes, sizeof(subnet.bytes));
			if (!why)
				why = conf_check_not_a_host(&subnet);
			if (!host->interface[0] || !strcmp(host->interface, interface->name))
				is_connected = true;
		}
	}
	if (!is_connected && host->interface[0])
		return conf_fail(l, host->place,
			"%s %s is in no subnet of interface \"%s\" (add an address to it whose "
			"subnet contains %s)",
			host->noun, text, host->interface, text);
	if (!is_connected)
		return conf_fail(l, host->place,
			"%s %s cannot be reached (add an interface address whose subnet contains "
			"it)",
			host->noun, text);
	if (why)
		return conf_fail(
			l, host->place, "%s %s is %s of its subnet", host->noun, text, why);
	return 0;
}

int conf_check_neighbor(struct conf_loader *l, const struct conf_neighbor *neighbor)
{
	const struct conf *conf = l->conf;
	char text[IPADDR_TEXT_MAX];
	struct host host = {
		.noun = "neighbor",
		.address = &neighbor->address,
		.interface = neighbor->interface,
		.place = l->neighbor_address_place,
	};

	for (const struct conf_neighbor *n = conf->neighbors; n != neighbor; n++)
		if (ip_addr_same_host(&n->address, &neighbor->address) &&
			!strcmp(n->interface, neighbor->interface))
			return conf_fail(l, host.place,
				"neighbor %s on interface \"%s\" is already at line %u (remove one "
				"of them)",
				ip_addr_format_host(&neighbor->address, text), neighbor->interface,
				n->place.line);
	return check_host(l, &host);
}

int conf_check_hops(struct conf_loader *l, const struct conf_draft *draft)
{
	char text[IPADDR_TEXT_MAX];

	for (unsigned i = 0; i < draft->n_hops; i++) {
		const struct conf_hop *hop = &draft->hops[i], *before = hop - 1;
		struct host host = {
			.noun = "next hop",
			.address = &hop->address,
			.interface = hop->interface,
			.place = draft->hop_places[i],
		};
		int rc;

		if (i > 0 && ip_addr_same_host(&before->address, &hop->address) &&
			!strcmp(before->interface, hop->interface))
			return conf_fail(l, host.place,
				"next hop %s is twice in this route (use weight for a larger "
				"share)",
				ip_addr_format_host(&hop->address, text));
		rc = check_host(l, &host);
		if (rc < 0)
			return rc;
	}
	return 0;
}
