/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must hold between services and the rest of the file, all of it being read: modes that the
 * NAT pool allows, backends that are others and can be reached. Main threads only.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/conf/conf_claims.h"

#define IP6_HEADER_BYTES 40
#define UDP_HEADER_BYTES 8
#define IP6_MTU_MIN      1280

/* Services of mode nat have addresses to translate to. */
static int check_modes(const struct conf_claims *c)
{
	const struct conf *conf = c->l->conf;

	for (uint32_t i = 0; i < conf->n_services; i++) {
		const struct conf_service *s = &conf->services[i];
		bool is_ip6 = s->vip.family == 6;

		if (s->mode == CONF_LB_NAT && !c->has_pool[is_ip6])
			return conf_fail(c->l, c->l->lb_places.modes[i],
				"mode nat of service \"%s\" needs source addresses: there is no "
				"IPv%u address in the pool (nat: {pool: [%s]})",
				s->name, s->vip.family,
				is_ip6 ? "\"2001:db8:f::/124\"" : "203.0.113.200/29");
	}
	return 0;
}

/* Fails when a neighbor has an address that the balancer answers for. */
static int check_neighbors(const struct conf_claims *c)
{
	const struct conf *conf = c->l->conf;
	char text[IPADDR_TEXT_MAX], of[CONF_CLAIM_BYTES];

	for (uint32_t i = 0; i < conf->n_neighbors; i++) {
		const struct conf_neighbor *neighbor = &conf->neighbors[i];
		const struct conf_claim *claim = conf_claims_find(c, &neighbor->address);

		if (claim)
			return conf_fail(c->l, neighbor->place,
				"neighbor %s is also %s at line %u (remove one of them)",
				ip_addr_format_host(&neighbor->address, text),
				conf_claim_text(claim, of), claim->place.line);
	}
	return 0;
}

/* What a mode puts in front of an IPv6 packet (RFC 2473; GUE: a UDP header as well). */
static unsigned tunnel_bytes(enum conf_lb_mode mode)
{
	switch (mode) {
	case CONF_LB_IPIP:
		return IP6_HEADER_BYTES;
	case CONF_LB_GUE:
		return IP6_HEADER_BYTES + UDP_HEADER_BYTES;
	case CONF_LB_NAT:
	case CONF_LB_DSR:
		return 0;
	}
	return 0;
}

/* The interface by which a next hop is reached, or NULL. */
static const struct conf_interface *interface_to(struct conf_loader *l, const struct conf_hop *hop)
{
	const struct conf_node *node = &l->conf->node;
	uint8_t prefix_len;
	uint32_t target;

	for (unsigned i = 0; i < node->n_interfaces; i++)
		if (!strcmp(node->interfaces[i].name, hop->interface))
			return &node->interfaces[i];
	target = conf_routes_match(l, &hop->address, &prefix_len);
	if (!(target & CONF_IS_CONNECTED))
		return NULL;
	return &node->interfaces[l->rib.connected[target & ~CONF_IS_CONNECTED].interface];
}

/*
 * Fails when a tunnel by way of @out (NULL: unknown) has no room for the packets that every IPv6
 * link must take (RFC 8200 section 5): nobody would learn why those get lost.
 */
static int check_room(
	struct conf_loader *l, const struct conf_backend *backend, const struct conf_interface *out)
{
	const struct conf_service *service = &l->conf->services[backend->service];
	unsigned bytes = tunnel_bytes(service->mode);
	char text[IPADDR_TEXT_MAX];

	if (backend->address.family == 4 || bytes == 0 || !out || out->mtu >= IP6_MTU_MIN + bytes)
		return 0;
	return conf_fail(l, backend->place,
		"backend %s: mtu %u of interface \"%s\" leaves %u bytes to a packet in a tunnel of "
		"mode %s, and IPv6 needs %u (raise that mtu to %u, or use dsr or nat)",
		ip_addr_format_host(&backend->address, text), out->mtu, out->name, out->mtu - bytes,
		conf_mode_words[service->mode], IP6_MTU_MIN, IP6_MTU_MIN + bytes);
}

/* Fails when a backend on connected subnet number @connected cannot be a host there. */
static int check_connected(
	struct conf_loader *l, const struct conf_backend *backend, uint32_t connected)
{
	uint8_t prefix_len = l->rib.connected[connected].prefix.prefix_len;
	struct ip_addr in_subnet = backend->address;
	char text[IPADDR_TEXT_MAX];
	const char *why;

	in_subnet.prefix_len = prefix_len;
	why = conf_check_not_a_host(&in_subnet);
	ip_addr_format_host(&backend->address, text);
	if (prefix_len == ip_addr_bits(in_subnet.family))
		return conf_fail(l, backend->place,
			"backend %s is an address of this node (use that of another host)", text);
	if (why)
		return conf_fail(l, backend->place,
			"backend %s is %s of its subnet (use that of a host)", text, why);
	return check_room(
		l, backend, &l->conf->node.interfaces[l->rib.connected[connected].interface]);
}

/* As check_room(), for all next hops of a route. */
static int check_room_by(struct conf_loader *l, const struct conf_backend *backend,
	const struct conf_nexthop *nexthop)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < nexthop->n_hops; i++)
		rc = check_room(l, backend, interface_to(l, &nexthop->hops[i]));
	return rc;
}

/* Fails unless packets to a backend have a way, of the kind its service's mode needs. */
static int check_way(struct conf_loader *l, const struct conf_backend *backend)
{
	const struct conf *conf = l->conf;
	bool is_dsr = conf->services[backend->service].mode == CONF_LB_DSR;
	uint8_t prefix_len;
	uint32_t target = conf_routes_match(l, &backend->address, &prefix_len);
	char text[IPADDR_TEXT_MAX], where[CONF_WHERE_BYTES];
	const struct conf_nexthop *nexthop;

	if (target & CONF_IS_CONNECTED)
		return check_connected(l, backend, target & ~CONF_IS_CONNECTED);
	ip_addr_format_host(&backend->address, text);
	if (is_dsr)
		return conf_fail(l, backend->place,
			"backend %s is in no connected subnet, which mode dsr needs (add an "
			"interface address whose subnet contains it, or use ipip, gue or nat)",
			text);
	if (!target)
		return conf_fail(l, backend->place,
			"backend %s cannot be reached (add a route to it, or an interface address "
			"whose subnet contains it)",
			text);
	nexthop = &conf->nexthops[conf->routes[target - 1].nexthop];
	if (nexthop->action != CONF_ACTION_VIA)
		return conf_fail(l, backend->place,
			"backend %s cannot be reached: the route at %s discards what goes there "
			"(change the route or the backend)",
			text, conf_routes_where(l, target, where));
	return check_room_by(l, backend, nexthop);
}

static int check_backend(const struct conf_claims *c, const struct conf_backend *backend)
{
	const struct conf_claim *claim = conf_claims_find(c, &backend->address);
	char text[IPADDR_TEXT_MAX], of[CONF_CLAIM_BYTES];

	ip_addr_format_host(&backend->address, text);
	if (claim)
		return conf_fail(c->l, backend->place,
			"backend %s is an address of %s (use that of a host)", text,
			conf_claim_text(claim, of));
	if (ip_addr_is_link_local(&backend->address))
		return conf_fail(c->l, backend->place,
			"backend %s is link-local (use an address that is routed)", text);
	return check_way(c->l, backend);
}

/* Service, address, port. */
static int compare_backends(const struct conf_backend *a, const struct conf_backend *b)
{
	int order = a->service - b->service;

	if (!order)
		order = conf_compare_prefixes(&a->address, &b->address);
	return order ? order : a->port - b->port;
}

static int compare_backend_pointers(const void *a, const void *b)
{
	const struct conf_backend *x = *(const struct conf_backend *const *)a;
	const struct conf_backend *y = *(const struct conf_backend *const *)b;
	int order = compare_backends(x, y);

	return order ? order : conf_compare_places(&x->place, &y->place);
}

/* Fails when a service has a backend twice. */
static int check_backends_differ(struct conf_loader *l)
{
	const struct conf *conf = l->conf;
	const struct conf_backend **sorted = calloc(conf->n_backends, sizeof(*sorted));
	char text[IPADDR_TEXT_MAX];
	int rc = 0;

	if (!sorted)
		return conf_fail_memory(l);
	for (uint32_t i = 0; i < conf->n_backends; i++)
		sorted[i] = &conf->backends[i];
	qsort(sorted, conf->n_backends, sizeof(*sorted), compare_backend_pointers);
	for (uint32_t i = 1; rc == 0 && i < conf->n_backends; i++)
		if (compare_backends(sorted[i - 1], sorted[i]) == 0)
			rc = conf_fail(l, sorted[i]->place,
				"backend %s, port %u, is twice in service \"%s\" (use weight for "
				"a larger share)",
				ip_addr_format_host(&sorted[i]->address, text), sorted[i]->port,
				conf->services[sorted[i]->service].name);
	free(sorted);
	return rc;
}

static int check_backends(const struct conf_claims *c)
{
	const struct conf *conf = c->l->conf;
	int rc = 0;

	if (conf->n_backends == 0)
		return 0;
	for (uint32_t i = 0; rc == 0 && i < conf->n_backends; i++)
		rc = check_backend(c, &conf->backends[i]);
	return rc < 0 ? rc : check_backends_differ(c->l);
}

int conf_check_lb(struct conf_loader *l)
{
	struct conf_claims c = {.l = l};
	int rc;

	if (l->conf->n_pool + l->conf->n_services == 0)
		return 0;
	rc = conf_claims_init(&c);
	if (rc == 0)
		rc = conf_claims_check(&c);
	if (rc == 0)
		rc = check_modes(&c);
	if (rc == 0)
		rc = conf_check_pool(l);
	if (rc == 0)
		rc = check_neighbors(&c);
	if (rc == 0)
		rc = check_backends(&c);
	free(c.sorted);
	return rc;
}
