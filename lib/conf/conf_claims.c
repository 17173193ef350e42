/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the balancer claims, sorted, so that overlaps are neighbours and one search finds who has an
 * address: claims against each other, against interfaces and against routes. Main threads only.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf/conf_claims.h"

int conf_compare_places(const struct conf_place *a, const struct conf_place *b)
{
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->column < b->column ? -1 : a->column > b->column;
}

int conf_compare_prefixes(const struct ip_addr *a, const struct ip_addr *b)
{
	int by_bytes;

	if (a->family != b->family)
		return a->family - b->family;
	by_bytes = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return by_bytes ? by_bytes : a->prefix_len - b->prefix_len;
}

/* Protocol and port of two claims, the pool's before others. */
static int compare_services(const struct conf_service *a, const struct conf_service *b)
{
	if (!a || !b)
		return !b - !a;
	if (a->protocol != b->protocol)
		return a->protocol - b->protocol;
	return a->port - b->port;
}

static int compare_claims(const void *a, const void *b)
{
	const struct conf_claim *x = a, *y = b;
	int order = conf_compare_prefixes(&x->prefix, &y->prefix);

	if (!order)
		order = compare_services(x->service, y->service);
	return order ? order : conf_compare_places(&x->place, &y->place);
}

int conf_claims_init(struct conf_claims *c)
{
	const struct conf *conf = c->l->conf;
	const struct conf_lb_places *places = &c->l->lb_places;

	c->sorted = calloc(conf->n_pool + conf->n_services, sizeof(*c->sorted));
	if (!c->sorted)
		return conf_fail_memory(c->l);
	for (uint32_t i = 0; i < conf->n_pool; i++) {
		c->has_pool[conf->pool[i].family == 6] = true;
		c->sorted[c->n++] = (struct conf_claim){
			.prefix = conf->pool[i],
			.place = places->pool[i],
		};
	}
	for (uint32_t i = 0; i < conf->n_services; i++)
		c->sorted[c->n++] = (struct conf_claim){
			.prefix = conf->services[i].vip,
			.service = &conf->services[i],
			.place = places->vips[i],
		};
	qsort(c->sorted, c->n, sizeof(*c->sorted), compare_claims);
	return 0;
}

/* Claims do not overlap: if any covers the address it is the last that does not stand after it. */
const struct conf_claim *conf_claims_find(const struct conf_claims *c, const struct ip_addr *addr)
{
	struct ip_addr host = *addr;
	uint32_t low = 0, high = c->n;

	host.prefix_len = (uint8_t)ip_addr_bits(host.family);
	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (conf_compare_prefixes(&c->sorted[middle].prefix, &host) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !ip_addr_covers(&c->sorted[low - 1].prefix, &host))
		return NULL;
	return &c->sorted[low - 1];
}

char *conf_claim_text(const struct conf_claim *claim, char buf[CONF_CLAIM_BYTES])
{
	char prefix[IPADDR_TEXT_MAX];

	ip_addr_format(&claim->prefix, prefix);
	if (claim->service)
		snprintf(buf, CONF_CLAIM_BYTES, "vip %s of service \"%s\"", prefix,
			claim->service->name);
	else
		snprintf(buf, CONF_CLAIM_BYTES, "nat pool %s", prefix);
	return buf;
}

static const char *service_protocol(const struct conf_service *service)
{
	return service->protocol == IPPROTO_TCP ? "tcp" : "udp";
}

/* Fails when two claims that are neighbours in the order cannot both be. */
static int check_pair(struct conf_loader *l, const struct conf_claim *a, const struct conf_claim *b)
{
	char first[CONF_CLAIM_BYTES], second[CONF_CLAIM_BYTES], port[8] = "any";
	const struct conf_service *s = b->service;

	if (!ip_addr_covers(&a->prefix, &b->prefix))
		return 0;
	if (a->service && s && ip_addr_equal(&a->prefix, &b->prefix)) {
		if (compare_services(a->service, s) != 0)
			return 0;
		if (s->port)
			snprintf(port, sizeof(port), "%u", s->port);
		return conf_fail(l, b->place,
			"%s, protocol %s, port %s, is already that of service \"%s\" at line %u "
			"(move the backends there, or change one of them)",
			conf_claim_text(b, second), service_protocol(s), port, a->service->name,
			a->place.line);
	}
	if (conf_compare_places(&a->place, &b->place) > 0) {
		const struct conf_claim *swap = a;

		a = b;
		b = swap;
	}
	return conf_fail(l, b->place, "%s overlaps %s at line %u (give each its own addresses)",
		conf_claim_text(b, second), conf_claim_text(a, first), a->place.line);
}

/* Fails when @addr, which is @what of @interface, is claimed. */
static int check_unclaimed(const struct conf_claims *c, const struct conf_interface *interface,
	const struct ip_addr *addr, const char *what)
{
	const struct conf_claim *claim = conf_claims_find(c, addr);
	char text[CONF_CLAIM_BYTES], host[IPADDR_TEXT_MAX];

	if (!claim)
		return 0;
	conf_claim_text(claim, text);
	if (claim->prefix.prefix_len == ip_addr_bits(addr->family))
		return conf_fail(c->l, claim->place,
			"%s is %s of interface \"%s\" (use an address of its own)", text, what,
			interface->name);
	return conf_fail(c->l, claim->place,
		"%s contains %s, %s of interface \"%s\" (use addresses of its own)", text,
		ip_addr_format_host(addr, host), what, interface->name);
}

static int check_interface(const struct conf_claims *c, const struct conf_interface *interface)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < interface->n_addresses; i++) {
		const struct ip_addr *own = &interface->addresses[i];
		struct ip_addr first = *own, last = *own;

		rc = check_unclaimed(c, interface, own, "an address");
		ip_addr_mask(&first);
		conf_check_last(&last);
		if (rc == 0 && conf_check_not_a_host(&first))
			rc = check_unclaimed(
				c, interface, &first, "the first address of the subnet");
		if (rc == 0 && conf_check_not_a_host(&last))
			rc = check_unclaimed(
				c, interface, &last, "the broadcast address of the subnet");
	}
	return rc;
}

/* Fails when a claim is the prefix of a route too. */
static int check_not_routed(const struct conf_claims *c, const struct conf_claim *claim)
{
	char text[CONF_CLAIM_BYTES], where[CONF_WHERE_BYTES];
	uint32_t target = conf_routes_find(c->l, &claim->prefix);

	if (!target)
		return 0;
	BRAID_ASSERT(!(target & CONF_IS_CONNECTED));
	return conf_fail(c->l, claim->place, "%s is also a route, at %s (remove one of them)",
		conf_claim_text(claim, text), conf_routes_where(c->l, target, where));
}

/* Moves to the next prefix of that length. */
static void advance(struct ip_addr *prefix)
{
	unsigned bit = prefix->prefix_len;
	unsigned carry = bit ? 1U << (7 - (bit - 1) % 8) : 0;

	for (unsigned i = bit ? (bit - 1) / 8 + 1 : 0; carry && i > 0; i--) {
		carry += prefix->bytes[i - 1];
		prefix->bytes[i - 1] = (uint8_t)carry;
		carry >>= 8;
	}
}

/* Fails when a route leads to a part of a prefix of the pool: replies would not come back. */
static int check_no_route_into(const struct conf_claims *c, unsigned index)
{
	const struct ip_addr *pool = &c->l->conf->pool[index];
	char text[IPADDR_TEXT_MAX], part_text[IPADDR_TEXT_MAX], where[CONF_WHERE_BYTES];
	unsigned bits = ip_addr_bits(pool->family);

	for (unsigned len = pool->prefix_len + 1U; len <= bits; len++) {
		struct ip_addr part = *pool;

		part.prefix_len = (uint8_t)len;
		for (unsigned i = 0; i < 1U << (len - pool->prefix_len); i++, advance(&part)) {
			uint32_t target = conf_routes_find(c->l, &part);

			if (!target)
				continue;
			BRAID_ASSERT(!(target & CONF_IS_CONNECTED));
			return conf_fail(c->l, c->l->lb_places.pool[index],
				"replies to nat pool %s would leave by route %s at %s (remove that "
				"route)",
				ip_addr_format(pool, text), ip_addr_format(&part, part_text),
				conf_routes_where(c->l, target, where));
		}
	}
	return 0;
}

/* The dataplane has room for the pool. */
static int check_pool_size(const struct conf_claims *c)
{
	const struct conf *conf = c->l->conf;
	char text[IPADDR_TEXT_MAX];
	uint32_t n = 0;

	for (unsigned i = 0; i < conf->n_pool; i++) {
		const struct ip_addr *prefix = &conf->pool[i];
		unsigned bits = ip_addr_bits(prefix->family) - prefix->prefix_len;

		/* Compared before it is shifted: a prefix may have 2^112 addresses. */
		if (bits < 32)
			n += MIN_OF(1U << bits, CONF_POOL_ADDRESSES + 1U);
		if (bits >= 32 || n > CONF_POOL_ADDRESSES)
			return conf_fail(c->l, c->l->lb_places.pool[i],
				"nat pool %s makes more than %d addresses (use a longer prefix)",
				ip_addr_format(prefix, text), CONF_POOL_ADDRESSES);
	}
	return 0;
}

int conf_claims_check(const struct conf_claims *c)
{
	const struct conf_node *node = &c->l->conf->node;
	int rc = check_pool_size(c);

	for (uint32_t i = 1; rc == 0 && i < c->n; i++)
		rc = check_pair(c->l, &c->sorted[i - 1], &c->sorted[i]);
	for (unsigned i = 0; rc == 0 && i < node->n_interfaces; i++)
		rc = check_interface(c, &node->interfaces[i]);
	for (uint32_t i = 0; rc == 0 && i < c->n; i++)
		rc = check_not_routed(c, &c->sorted[i]);
	for (unsigned i = 0; rc == 0 && i < c->l->conf->n_pool; i++)
		rc = check_no_route_into(c, i);
	return rc;
}
