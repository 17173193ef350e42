/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What only the whole of a generation shows to be wrong with services, backends and the NAT pool,
 * one sentence for each mistake. Changes nothing that is installed. Thread: main.
 */
#include <errno.h>
#include <string.h>

#include "dataplane/lb/lb_main.h"
#include "dataplane/link/link.h"

/* The fronts being checked, in order, and what services have for backends. */
static const struct lb_front *sorted[LB_FRONTS_MAX];
static unsigned n_sorted;
static uint32_t n_backends[LB_SERVICES_MAX], weights[LB_SERVICES_MAX];

static const char *lb_check_noun(const struct lb_front *f)
{
	return f->is_pool ? "prefix of the NAT pool" : "VIP";
}

/* Prefixes that overlap are neighbours in order, or others before them overlap too. */
static int lb_check_overlaps(struct base_error *err)
{
	char a[IPADDR_TEXT_MAX], b[IPADDR_TEXT_MAX];

	for (unsigned i = 1; i < n_sorted; i++) {
		const struct lb_front *x = sorted[i - 1], *y = sorted[i];

		if (!ip_addr_covers(&x->prefix, &y->prefix))
			continue;
		return base_error_set(err, EEXIST,
			"%s %s and %s %s overlap: services may share a VIP only whole, with other "
			"ports or protocols, and the NAT pool shares nothing",
			lb_check_noun(x), ip_addr_format(&x->prefix, a), lb_check_noun(y),
			ip_addr_format(&y->prefix, b));
	}
	return 0;
}

static int lb_check_interfaces(struct base_error *err)
{
	const struct iface *all = iface_staged();
	char a[IPADDR_TEXT_MAX], b[IPADDR_TEXT_MAX];

	for (unsigned n = 0; n < WORLD_INTERFACES_MAX * WORLD_ADDRESSES_MAX; n++) {
		const struct iface *i = &all[n / WORLD_ADDRESSES_MAX];
		unsigned k = n % WORLD_ADDRESSES_MAX;
		const struct lb_front *f;

		if (!i->up || k >= i->n_addresses)
			continue;
		f = lb_block_covering(sorted, n_sorted, &i->addresses[k].addr);
		if (f)
			return base_error_set(err, EEXIST,
				"%s %s %s address %s of interface \"%s\": give it addresses that "
				"no "
				"interface has",
				lb_check_noun(f), ip_addr_format(&f->prefix, a),
				f->prefix.prefix_len == ip_addr_bits(f->prefix.family)
					? "is the same as"
					: "contains",
				ip_addr_format_host(&i->addresses[k].addr, b), i->name);
	}
	return 0;
}

/* The interface of the staged configuration that has own address @addr, or in whose connected
 * subnet it is when @subnet; of several the one with the longest prefix. NULL: none. */
static const struct iface *lb_check_iface(const struct ip_addr *addr, bool subnet)
{
	const struct iface *all = iface_staged(), *best = NULL;
	unsigned best_len = 0;

	for (unsigned n = 0; n < WORLD_INTERFACES_MAX; n++) {
		for (unsigned k = 0; all[n].up && k < all[n].n_addresses; k++) {
			const struct ip_addr *own = &all[n].addresses[k].addr;

			if (subnet ? !ip_addr_covers(own, addr) || own->prefix_len < best_len
				   : !ip_addr_same_host(own, addr))
				continue;
			best = &all[n];
			best_len = own->prefix_len;
		}
	}
	return best;
}

int lb_connected_iface(const struct ip_addr *addr)
{
	const struct iface *i = lb_check_iface(addr, true);

	return i ? i->number : -ENETUNREACH;
}

static int lb_check_backend(const struct lb_block *b, uint16_t n, struct base_error *err)
{
	const struct lb_backend *be = &b->backends[n];
	const char *name = b->services[be->service].name;
	const struct lb_front *f = lb_block_covering(sorted, n_sorted, &be->addr);
	const struct iface *own = lb_check_iface(&be->addr, false);
	char text[IPADDR_TEXT_MAX], prefix[IPADDR_TEXT_MAX];

	ip_addr_format(&be->addr, text);
	if (f)
		return base_error_set(err, EINVAL,
			"service \"%s\": backend %s is in %s %s of this node: give the address of "
			"a server",
			name, text, lb_check_noun(f), ip_addr_format(&f->prefix, prefix));
	if (own)
		return base_error_set(err, EINVAL,
			"service \"%s\": backend %s is an address of this node (interface \"%s\"): "
			"give that of another host",
			name, text, own->name);
	if (be->mode == API_LB_DSR && !lb_check_iface(&be->addr, true))
		return base_error_set(err, ENETUNREACH,
			"service \"%s\": backend %s is in no subnet of an interface, but mode dsr "
			"only "
			"changes the MAC address: use ipip or gue, or put them on one link",
			name, text);
	return 0;
}

/* Checks the backends one by one and sums them up by service. */
static int lb_check_backends(const struct lb_block *b, struct base_error *err)
{
	memset(n_backends, 0, sizeof(n_backends));
	memset(weights, 0, sizeof(weights));
	for (uint16_t n = 0; n < LB_BACKENDS_MAX; n++) {
		const struct lb_backend *be = &b->backends[n];
		int ret;

		if (be->addr.family == 0 || be->use == API_BACKEND_REMOVED)
			continue;
		ret = lb_check_backend(b, n, err);
		if (ret < 0)
			return ret;
		n_backends[be->service]++;
		weights[be->service] += be->weight;
	}
	return 0;
}

/* Whether an interface has an address of @family that a tunnel may come from. */
static bool lb_check_has_source(const struct lb_block *b, unsigned family)
{
	const struct iface *all = iface_staged();
	const struct ip_addr *given =
		family == 4 ? &b->settings.tunnel_source4 : &b->settings.tunnel_source6;

	if (given->family != 0)
		return true;
	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++)
		for (unsigned k = 0; all[i].up && k < all[i].n_addresses; k++)
			if (all[i].addresses[k].addr.family == family &&
				!ip_addr_is_link_local(&all[i].addresses[k].addr))
				return true;
	return false;
}

static bool lb_check_has_pool(const struct lb_block *b, unsigned family)
{
	for (unsigned f = 0; f < LB_FRONTS_MAX; f++)
		if (b->fronts[f].is_pool && b->fronts[f].prefix.family == family)
			return true;
	return false;
}

/* Whether service @s could do its work. */
static int lb_check_service(const struct lb_block *b, uint16_t s, struct base_error *err)
{
	const struct lb_service *svc = &b->services[s];
	unsigned family = svc->vip.family;

	if (n_backends[s] == 0)
		return base_error_set(err, EINVAL,
			"service \"%s\" has no backends: give at least one", svc->name);
	if (weights[s] == 0)
		return base_error_set(err, EINVAL,
			"service \"%s\": all backends have weight 0, so that nobody would get a "
			"flow: "
			"give one a weight",
			svc->name);
	switch ((enum api_lb_mode)svc->mode) {
	case API_LB_NAT:
		if (lb_check_has_pool(b, family))
			break;
		return base_error_set(err, EINVAL,
			"service \"%s\": mode nat needs IPv%u addresses to send from, and the NAT "
			"pool "
			"has none: add some to nat.pool",
			svc->name, family);
	case API_LB_IPIP:
	case API_LB_GUE:
		if (lb_check_has_source(b, family))
			break;
		return base_error_set(err, EINVAL,
			"service \"%s\": its tunnels need an IPv%u address of this node, and no "
			"interface has one: give one, or a tunnel source",
			svc->name, family);
	case API_LB_DSR:
		break;
	}
	return 0;
}

/* Two services for the same packets. */
static int lb_check_twins(const struct lb_block *b, struct base_error *err)
{
	char text[IPADDR_TEXT_MAX];

	for (uint16_t s = 0; s < LB_SERVICES_MAX; s++) {
		const struct lb_service *x = &b->services[s];
		uint16_t twin;

		if (x->vip.family == 0)
			continue;
		twin = lb_service_find(&b->world, x->front, x->protocol, x->port_be);
		if (twin != s)
			return base_error_set(err, EEXIST,
				"services \"%s\" and \"%s\" have the same VIP %s, protocol and "
				"port: "
				"remove one",
				b->services[twin].name, x->name, ip_addr_format(&x->vip, text));
	}
	return 0;
}

/* Whether @b has any service. */
static bool lb_check_has_services(const struct lb_block *b)
{
	for (unsigned s = 0; s < LB_SERVICES_MAX; s++)
		if (b->services[s].vip.family != 0)
			return true;
	return false;
}

static int lb_check_block(struct lb_block *b, struct base_error *err)
{
	int ret;

	if (!b->has_settings && lb_check_has_services(b))
		return base_error_set(err, EPROTO,
			"there are services, but no settings of the balancer: send lb_set");
	n_sorted = lb_block_sort(b, sorted);
	lb_tables_index(b);
	ret = lb_check_overlaps(err);
	if (ret == 0)
		ret = lb_check_interfaces(err);
	if (ret == 0)
		ret = lb_check_twins(b, err);
	if (ret == 0)
		ret = lb_check_backends(b, err);
	for (uint16_t s = 0; ret == 0 && s < LB_SERVICES_MAX; s++)
		if (b->services[s].vip.family != 0)
			ret = lb_check_service(b, s, err);
	return ret;
}

int lb_check(struct api_commit_reply *counts, struct base_error *err)
{
	struct lb_block *b;
	int ret;

	if (!lb_main.now && !lb_main.next)
		return 0;
	b = lb_stage_block();
	if (!b)
		return base_error_set(err, ENOMEM, "no memory for the services");
	lb_stage_sweep(b);
	ret = lb_check_block(b, err);
	if (ret < 0)
		return ret;
	lb_count_changes(b, counts);
	return 0;
}
