/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The desired static routes of a generation. One that is installed as desired is only marked, so
 * that replaying a million of them costs look-ups; the others are listed as changes. Thread: main.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/nexthop.h"
#include "dataplane/ip/route_impl.h"
#include "dataplane/link/link.h"

bool route_is_static(uint32_t number)
{
	switch ((enum nexthop_kind)nexthop_array()[number].kind) {
	case NEXTHOP_NONE:
	case NEXTHOP_CONNECTED:
	case NEXTHOP_LOCAL:
	case NEXTHOP_BROADCAST:
	case NEXTHOP_SERVICE:
		return false;
	case NEXTHOP_NEIGHBOR:
	case NEXTHOP_BLACKHOLE:
	case NEXTHOP_REJECT:
	case NEXTHOP_GROUP:
		return true;
	}
	return false;
}

struct route_target *route_target_find(uint32_t id)
{
	if (!route_rib.targets || id >= ROUTE_TARGETS_MAX || !route_rib.targets[id].key)
		return NULL;
	return &route_rib.targets[id];
}

/* Checks one hop of set @id and resolves its interface. */
static int route_stage_hop(
	uint32_t id, const struct api_hop *want, struct nexthop_hop *hop, struct base_error *err)
{
	struct iface_host host = {.noun = "next hop", .interface = want->interface};
	int iface;

	if (!api_string_ok(want->interface, sizeof(want->interface)))
		return base_error_set(
			err, EINVAL, "next-hop set %u: the name of an interface is not text", id);
	if (want->weight < 1 || want->weight > 255)
		return base_error_set(err, EINVAL, "next-hop set %u: weight %u: choose 1 to 255",
			id, want->weight);
	host.addr = want->address;
	iface = iface_staged_reach(&host, err);
	if (iface < 0)
		return iface;
	*hop = (struct nexthop_hop){
		.addr = want->address,
		.iface = (uint16_t)iface,
		.weight = want->weight,
	};
	return 0;
}

/* Checks that the hops of @key, in order, differ and are of one family. */
static int route_check_hops(const struct nexthop_key *key, struct base_error *err)
{
	char text[IPADDR_TEXT_MAX];

	for (unsigned k = 1; k < key->n_hops; k++) {
		const struct nexthop_hop *a = &key->hops[k - 1], *b = &key->hops[k];

		if (a->addr.family != b->addr.family)
			return base_error_set(err, EINVAL,
				"a next-hop set has IPv4 and IPv6 addresses: make one for each");
		if (ip_addr_same_host(&a->addr, &b->addr) && a->iface == b->iface)
			return base_error_set(err, EEXIST,
				"next hop %s is twice in one route: use weight for a larger share",
				ip_addr_format_host(&a->addr, text));
	}
	return 0;
}

/* The kind of way that @want describes, or a negative errno with a sentence. */
static int route_nexthop_kind(const struct api_nexthop *want, struct base_error *err)
{
	if (want->action == API_ACTION_VIA && want->n_hops >= 1 && want->n_hops <= API_HOPS_MAX)
		return want->n_hops == 1 ? NEXTHOP_NEIGHBOR : NEXTHOP_GROUP;
	if (want->action == API_ACTION_VIA)
		return base_error_set(err, EINVAL, "next-hop set %u: %u next hops: give 1 to %u",
			want->id, want->n_hops, API_HOPS_MAX);
	if (want->n_hops != 0)
		return base_error_set(err, EINVAL,
			"next-hop set %u: blackhole and reject have no next hops", want->id);
	if (want->action == API_ACTION_BLACKHOLE)
		return NEXTHOP_BLACKHOLE;
	if (want->action == API_ACTION_REJECT)
		return NEXTHOP_REJECT;
	return base_error_set(
		err, EINVAL, "next-hop set %u: unknown action %u", want->id, want->action);
}

int route_stage_nexthop(const struct api_nexthop *want, struct base_error *err)
{
	int kind = route_nexthop_kind(want, err), ret = 0;
	struct nexthop_key *key;

	if (kind < 0)
		return kind;
	if (want->id >= ROUTE_TARGETS_MAX)
		return base_error_set(err, E2BIG,
			"next-hop set %u: at most %u different ones, numbered from 0: use fewer",
			want->id, ROUTE_TARGETS_MAX);
	if (route_target_find(want->id))
		return base_error_set(err, EEXIST, "next-hop set %u is there twice", want->id);
	if (!route_rib.targets)
		route_rib.targets = calloc(ROUTE_TARGETS_MAX, sizeof(*route_rib.targets));
	key = nexthop_key_create((enum nexthop_kind)kind, want->n_hops);
	if (!route_rib.targets || !key) {
		free(key);
		return base_error_set(err, ENOMEM, "no memory for the next-hop sets");
	}
	for (unsigned k = 0; ret == 0 && k < want->n_hops; k++)
		ret = route_stage_hop(want->id, &want->hops[k], &key->hops[k], err);
	nexthop_key_normalize(key);
	if (ret == 0)
		ret = route_check_hops(key, err);
	if (ret < 0) {
		free(key);
		return ret;
	}
	route_rib.targets[want->id] = (struct route_target){
		.key = key,
		.number = nexthop_set_find(key),
	};
	return 0;
}

/* Says what is wrong with a desired route that leads to @t (or NULL: to nowhere). */
static int route_stage_refuse(
	const struct api_route *want, const struct route_target *t, struct base_error *err)
{
	struct ip_addr masked = want->prefix;
	char text[IPADDR_TEXT_MAX], right[IPADDR_TEXT_MAX];

	if (!iface_addr_ok(&want->prefix))
		return base_error_set(err, EINVAL, "a route has a malformed prefix");
	ip_addr_format(&want->prefix, text);
	ip_addr_mask(&masked);
	if (!ip_addr_equal(&masked, &want->prefix))
		return base_error_set(err, EINVAL, "route %s has host bits set: write %s", text,
			ip_addr_format(&masked, right));
	if (!t)
		return base_error_set(err, EINVAL,
			"route %s: next-hop set %u was not sent before it", text, want->nexthop);
	return base_error_set(err, EINVAL,
		"route %s: its next hop is of the other IP version: give one of IPv%u", text,
		want->prefix.family);
}

/* Whether a route of @prefix can lead to @t. */
static bool route_stage_ok(const struct ip_addr *prefix, const struct route_target *t)
{
	return iface_addr_ok(prefix) && !ip_addr_has_host_bits(prefix) && t &&
	       (t->key->n_hops == 0 || t->key->hops[0].addr.family == prefix->family);
}

static int route_stage_twice(const struct ip_addr *prefix, struct base_error *err)
{
	char text[IPADDR_TEXT_MAX];

	return base_error_set(
		err, EEXIST, "route %s is there twice: remove one", ip_addr_format(prefix, text));
}

static int route_stage_no_memory(struct base_error *err)
{
	return base_error_set(err, ENOMEM, "no memory for %u changed routes: nothing was changed",
		route_rib.changes.n);
}

int route_stage(const struct api_route *want, struct base_error *err)
{
	const struct route_target *t = route_target_find(want->nexthop);
	struct fib *fib = route_fib(&want->prefix);
	struct route_change *c;
	uint32_t installed;

	if (!route_stage_ok(&want->prefix, t))
		return route_stage_refuse(want, t, err);
	installed = fib_find(fib, &want->prefix);
	if (route_is_static(installed)) {
		if (fib_mark_get(fib, &want->prefix) == route_rib.epoch)
			return route_stage_twice(&want->prefix, err);
		fib_mark_set(fib, &want->prefix, route_rib.epoch);
		route_rib.marked_static[route_family(&want->prefix)]++;
		if (installed == t->number) {
			route_rib.counts.kept++;
			return 0;
		}
		c = route_list_add(&route_rib.changes, &want->prefix);
		route_rib.counts.changed++;
	} else {
		if (route_list_find(&route_rib.changes, &want->prefix))
			return route_stage_twice(&want->prefix, err);
		c = route_list_add_indexed(&route_rib.changes, &want->prefix);
		route_rib.counts.added++;
	}
	if (!c)
		return route_stage_no_memory(err);
	c->target = want->nexthop;
	return 0;
}

void route_forget(void)
{
	for (unsigned i = 0; route_rib.targets && i < ROUTE_TARGETS_MAX; i++)
		free(route_rib.targets[i].key);
	free(route_rib.targets);
	route_rib.targets = NULL;
	route_own_destroy();
	route_list_clear(&route_rib.changes);
	route_list_clear(&route_rib.own_changes);
	route_list_clear(&route_rib.deletes);
	route_rib.n_services = 0;
	memset(route_rib.marked_static, 0, sizeof(route_rib.marked_static));
	route_rib.counts = (struct api_commit_counts){};
	/* What was marked in vain has an old mark from here on. */
	if (++route_rib.epoch == 0)
		route_rib.epoch = 1;
}
