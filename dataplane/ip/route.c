/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both FIBs through a generation: own routes are marked, what has no mark of this generation is
 * deleted, then what is new or different is written, all on the standby sides. Deletions come
 * first, so that a full table can be exchanged. Every step notes what it replaced and is undone in
 * reverse order. Thread: main.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/generation.h"
#include "dataplane/core/nexthop.h"
#include "dataplane/ip/route_impl.h"
#include "dataplane/link/link.h"

#define SWEEP_BATCH     64
#define HOP_COST        64   /* cheap things that filling the buckets of one hop takes */
#define ITEMS_PER_PAGE  4    /* cheap things that copying a page takes */
#define PUBLISH_QUANTUM 4096 /* of a change without a commit */

struct route_rib route_rib;

int route_init(const struct route_limits *limits, struct base_error *err)
{
	route_rib = (struct route_rib){.epoch = 1};
	route_rib.fibs[0] = fib_create(4, limits->routes4, limits->groups4, err);
	if (route_rib.fibs[0])
		route_rib.fibs[1] = fib_create(6, limits->routes6, limits->groups6, err);
	if (route_rib.fibs[1])
		return 0;
	route_fini();
	return -ENOMEM;
}

void route_fini(void)
{
	route_forget();
	nexthop_set_fini();
	fib_destroy(route_rib.fibs[0]);
	fib_destroy(route_rib.fibs[1]);
	route_rib = (struct route_rib){};
}

uint32_t route_match(const struct ip_addr *addr, struct ip_addr *matched)
{
	return fib_match(route_fib(addr), addr, matched);
}

void route_gauges(struct stats_gauges *gauges)
{
	struct fib_usage usage4, usage6;

	fib_usage_get(route_rib.fibs[0], &usage4);
	fib_usage_get(route_rib.fibs[1], &usage6);
	gauges->routes4 = usage4.routes;
	gauges->routes6 = usage6.routes;
	gauges->route_bytes = usage4.bytes + usage6.bytes;
}

/* Whether a static route with exactly this prefix is staged. */
static bool route_is_staged(const struct ip_addr *prefix)
{
	const struct fib *fib = route_fib(prefix);

	if (route_is_static(fib_find(fib, prefix)))
		return fib_mark_get(fib, prefix) == route_rib.epoch;
	return route_list_find(&route_rib.changes, prefix) != NULL;
}

static int route_refuse_own(const struct route_own *own, struct base_error *err)
{
	static const char *const what[] = {
		[RANK_LOCAL] = "an own address",
		[RANK_BROADCAST] = "the network or broadcast address",
		[RANK_CONNECTED] = "a subnet",
	};
	char text[IPADDR_TEXT_MAX];

	if (own->rank == RANK_SERVICE)
		return base_error_set(err, EEXIST,
			"route %s is the VIP of a service or a prefix of the NAT pool already: "
			"remove one of them",
			ip_addr_format(&own->prefix, text));
	return base_error_set(err, EEXIST,
		"route %s is %s of interface \"%s\" already: remove the route, or change the "
		"address "
		"of the interface",
		ip_addr_format(&own->prefix, text), what[own->rank],
		iface_staged()[own->target.key->hops[0].iface].name);
}

int route_check(struct api_commit_reply *counts, struct base_error *err)
{
	int ret = route_own_create(err);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < route_rib.n_own; i++)
		if (route_is_staged(&route_rib.own[i].prefix))
			return route_refuse_own(&route_rib.own[i], err);
	counts->routes = route_rib.counts;
	counts->routes.removed = route_rib.n_static[0] + route_rib.n_static[1] -
				 route_rib.counts.kept - route_rib.counts.changed;
	route_rib.phase = ROUTE_OWN;
	return 0;
}

/* Notes that a route of @family leads to @number no longer (@was) or from now on (@now); 0: none.
 */
static void route_account(unsigned family, uint32_t was, uint32_t now)
{
	if (was) {
		nexthop_set_unref((uint16_t)was);
		route_rib.n_static[family] -= route_is_static(was);
	}
	if (now) {
		nexthop_set_ref((uint16_t)now);
		route_rib.n_static[family] += route_is_static(now);
	}
}

/* Marks the own routes that are installed as they should be, lists the others. */
static int route_prepare_own(struct base_error *err)
{
	for (uint32_t i = 0; i < route_rib.n_own; i++) {
		const struct route_own *own = &route_rib.own[i];
		struct fib *fib = route_fib(&own->prefix);
		uint32_t installed = fib_find(fib, &own->prefix);
		struct route_change *c;

		if (installed) {
			fib_mark_set(fib, &own->prefix, route_rib.epoch);
			route_rib.marked_own[route_family(&own->prefix)]++;
		}
		if (installed && installed == own->target.number)
			continue;
		c = route_list_add(&route_rib.own_changes, &own->prefix);
		if (!c)
			return base_error_set(
				err, ENOMEM, "no memory for the routes of the interfaces");
		c->target = ROUTE_TARGET_OWN + i;
	}
	return 0;
}

/* Deletes up to about @quantum routes of @family that this generation does not name: 1 to go on, 0
 * at the end. */
static int route_sweep(unsigned family, unsigned quantum, struct base_error *err)
{
	struct fib *fib = route_rib.fibs[family];
	struct fib_route batch[SWEEP_BATCH];
	struct fib_usage usage;

	fib_usage_get(fib, &usage);
	if (usage.routes == route_rib.marked_static[family] + route_rib.marked_own[family])
		return 0;
	for (unsigned spent = 0; spent < quantum; spent += SWEEP_BATCH) {
		size_t n = fib_dump(fib, &route_rib.cursor, batch, SWEEP_BATCH);

		if (n == 0)
			return 0;
		for (size_t i = 0; i < n; i++) {
			struct route_change *c;

			if (batch[i].mark == route_rib.epoch)
				continue;
			c = route_list_add(&route_rib.deletes, &batch[i].prefix);
			if (!c)
				return base_error_set(
					err, ENOMEM, "no memory to note the routes to remove");
			fib_del(fib, &c->prefix, &c->old);
			route_account(family, c->old, 0);
		}
	}
	return 1;
}

/* The number of @t, made if need be at @*cost. 0 with a sentence. */
static uint16_t route_target_number(struct route_target *t, unsigned *cost, struct base_error *err)
{
	if (t->number == 0) {
		/* Another set of this generation may have turned out to be the same. */
		t->number = nexthop_set_find(t->key);
		if (t->number == 0)
			t->number = nexthop_set_create(t->key, iface_staged(), err);
		*cost += t->key->n_hops * HOP_COST;
	}
	return t->number;
}

static int route_refuse_full(const struct ip_addr *prefix, struct base_error *err)
{
	struct fib_usage usage;
	char text[IPADDR_TEXT_MAX];

	fib_usage_get(route_fib(prefix), &usage);
	return base_error_set(err, ENOSPC,
		"no room for route %s: the IPv%u table holds %u routes and %u of %u groups: use "
		"fewer "
		"or shorter prefixes (nothing was changed)",
		ip_addr_format(prefix, text), prefix->family, usage.routes, usage.groups,
		usage.groups_max);
}

/* Writes the changes of @l from *@done on, for about @quantum: 1 to go on, 0 at the end. */
static int route_change_list(
	const struct route_list *l, uint32_t *done, unsigned quantum, struct base_error *err)
{
	for (unsigned cost = 0; cost < quantum && *done < l->n; cost++) {
		struct route_change *c = route_list_at(l, *done);
		struct route_target *t =
			c->target >= ROUTE_TARGET_OWN
				? &route_rib.own[c->target - ROUTE_TARGET_OWN].target
				: &route_rib.targets[c->target];
		uint16_t number = route_target_number(t, &cost, err);
		struct fib *fib = route_fib(&c->prefix);

		if (number == 0)
			return -ENOSPC;
		if (fib_add(fib, &c->prefix, number, &c->old) < 0)
			return route_refuse_full(&c->prefix, err);
		if (c->old == 0)
			fib_mark_set(fib, &c->prefix, route_rib.epoch);
		route_account(route_family(&c->prefix), c->old, number);
		++*done;
	}
	return *done < l->n;
}

/* Does one quantum of the present phase: 1 to go on with it, 0 when it is done. */
static int route_prepare_phase(unsigned quantum, struct base_error *err)
{
	switch (route_rib.phase) {
	case ROUTE_OWN:
		return route_prepare_own(err);
	case ROUTE_SWEEP4:
		return route_sweep(0, quantum, err);
	case ROUTE_SWEEP6:
		return route_sweep(1, quantum, err);
	case ROUTE_CHANGE_OWN:
		return route_change_list(&route_rib.own_changes, &route_rib.done_own, quantum, err);
	case ROUTE_CHANGE:
		return route_change_list(&route_rib.changes, &route_rib.done, quantum, err);
	case ROUTE_READY:
		break;
	}
	return 0;
}

int route_prepare(unsigned quantum, struct base_error *err)
{
	int ret = route_prepare_phase(quantum, err);

	if (ret != 0)
		return ret;
	route_rib.cursor = 0;
	if (route_rib.phase != ROUTE_READY)
		route_rib.phase++;
	return route_rib.phase != ROUTE_READY;
}

/* Takes back up to @quantum changes of @l: true at the end. */
static bool route_undo_list(const struct route_list *l, uint32_t *done, unsigned quantum)
{
	for (; quantum > 0 && *done > 0; quantum--) {
		const struct route_change *c = route_list_at(l, --*done);
		struct fib *fib = route_fib(&c->prefix);
		uint32_t now;
		int ret = c->old ? fib_add(fib, &c->prefix, c->old, &now)
				 : fib_del(fib, &c->prefix, &now);

		/* What was there before has room: the table grows to no more than it was. */
		BRAID_ASSERT(ret == 0);
		route_account(route_family(&c->prefix), now, c->old);
	}
	return *done == 0;
}

int route_rollback(unsigned quantum)
{
	struct route_list *deletes = &route_rib.deletes;

	if (!route_undo_list(&route_rib.changes, &route_rib.done, quantum) ||
		!route_undo_list(&route_rib.own_changes, &route_rib.done_own, quantum) ||
		!route_undo_list(deletes, &deletes->n, quantum))
		return 1;
	route_list_clear(deletes);
	route_list_clear(&route_rib.own_changes);
	memset(route_rib.marked_own, 0, sizeof(route_rib.marked_own));
	nexthop_set_sweep();
	for (unsigned i = 0; route_rib.targets && i < ROUTE_TARGETS_MAX; i++)
		if (route_rib.targets[i].key)
			route_rib.targets[i].number = nexthop_set_find(route_rib.targets[i].key);
	return 0;
}

void route_apply(struct world *next)
{
	for (unsigned f = 0; f < ARRAY_SIZE(route_rib.fibs); f++)
		if (fib_dirty(route_rib.fibs[f]))
			fib_flip(route_rib.fibs[f]);
	next->fib4 = *fib_active(route_rib.fibs[0]);
	next->fib6 = *fib_active(route_rib.fibs[1]);
	route_rib.released = false;
	route_rib.done = route_rib.done_own = 0;
	memset(route_rib.marked_own, 0, sizeof(route_rib.marked_own));
}

int route_published(unsigned quantum)
{
	size_t pages = quantum / ITEMS_PER_PAGE + 1;

	if (!route_rib.released)
		nexthop_set_sweep();
	route_rib.released = true;
	return fib_sync(route_rib.fibs[0], pages) > 0 || fib_sync(route_rib.fibs[1], pages) > 0;
}

/* Makes *@own the route on both sides. 0, or a negative errno with a sentence. */
static int route_own_change(struct route_own *own, struct base_error *err)
{
	struct world *next = world_draft();
	struct fib *fib = route_fib(&own->prefix);
	unsigned cost = 0;
	uint32_t was;
	int ret;

	if (!next)
		return base_error_set(err, ENOMEM, "no memory for the next world");
	if (route_target_number(&own->target, &cost, err) == 0) {
		free(next);
		return -ENOSPC;
	}
	ret = fib_add(fib, &own->prefix, own->target.number, &was);
	/* An own address has a route, in whose place there is room. */
	BRAID_ASSERT(ret == 0 && was != 0);
	route_account(route_family(&own->prefix), was, own->target.number);
	route_apply(next);
	world_publish(next);
	while (route_published(PUBLISH_QUANTUM) > 0)
		;
	return 0;
}

void route_on_duplicate(uint16_t iface, const struct ip_addr *addr)
{
	const struct iface_address *a = route_own_published(iface, addr);
	struct route_own own;
	struct base_error err;
	char text[IPADDR_TEXT_MAX];
	int ret;

	BRAID_ASSERT(!generation_busy());
	if (!a || ip_addr_is_link_local(addr))
		return;
	if (route_own_host(&own, iface, &a->addr))
		ret = route_own_change(&own, &err);
	else
		ret = base_error_set(&err, ENOMEM, "no memory for its next hop");
	if (ret < 0)
		fprintf(stderr,
			"braid-dataplane: the station that has %s cannot be reached before the "
			"next change of the configuration: %s\n",
			ip_addr_format_host(addr, text), err.text);
	free(own.target.key);
}
