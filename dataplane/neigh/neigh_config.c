/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the configuration asks of the neighbour table: pins of routes, static neighbours, changes of
 * interfaces; and what the API shows of it. Thread: main.
 */
#include <errno.h>

#include "dataplane/neigh/neigh_impl.h"

uint16_t neigh_pin(uint16_t iface, const struct ip_addr *addr)
{
	struct neigh *e = neigh_get(iface, addr, NEIGH_BY_CONFIG);

	if (e == NULL)
		return 0;
	e->pins++;
	neigh_list_update(e);
	return e->nexthop;
}

void neigh_unpin(uint16_t nexthop)
{
	struct neigh *e = neigh_of_nexthop(nexthop);

	BRAID_ASSERT(e != NULL && e->pins > 0);
	if (--e->pins == 0)
		neigh_state_unpinned(neigh_main(), e);
}

int neigh_static_set(uint16_t iface, const struct ip_addr *addr, const uint8_t mac[6])
{
	struct neigh *e = neigh_get(iface, addr, NEIGH_BY_CONFIG);

	if (e == NULL)
		return -ENOSPC;
	neigh_state_permanent(neigh_main(), e, mac);
	return 0;
}

/* Forgets what is known about @e, and @e itself unless a route holds it. */
static void neigh_reset(struct worker *w, struct neigh *e, enum drop_reason reason)
{
	neigh_hold_drop(w, e, reason);
	if (e->pins == 0)
		neigh_delete(w, e);
	else
		neigh_state_idle(w, e);
}

int neigh_static_del(uint16_t iface, const struct ip_addr *addr)
{
	struct neigh *e = neigh_find(iface, addr);

	if (e == NULL || e->state != API_NEIGHBOR_PERMANENT)
		return -ENOENT;
	neigh_reset(neigh_main(), e, DROP_neigh_gone);
	return 0;
}

void neigh_interfaces_changed(struct worker *main_worker, const struct world *next)
{
	for (uint32_t i = 1; i <= NEIGH_MAX; i++) {
		struct neigh *e = neigh_entry(i);
		const struct iface *iface;

		if (e == NULL)
			continue;
		iface = &next->ifaces[e->iface];
		if (!iface->up ||
			(e->state != API_NEIGHBOR_PERMANENT && !neigh_subnet_host(iface, &e->addr)))
			neigh_reset(main_worker, e, DROP_neigh_gone);
	}
	neigh_own_changed(main_worker, next);
}

void neigh_links_up(struct worker *main_worker, uint32_t ports)
{
	uint64_t ifaces = 0; /* a bit for each by number */

	for (uint16_t n = 0; n < WORLD_INTERFACES_MAX; n++) {
		const struct iface *i = neigh_iface(n);

		if (i == NULL || !(ports & 1u << i->port))
			continue;
		ifaces |= 1ULL << n;
		neigh_own_link_up(main_worker, n);
		if (neigh_link_came_up)
			neigh_link_came_up(n);
	}
	for (uint32_t i = 1; ifaces != 0 && i <= NEIGH_MAX; i++) {
		struct neigh *e = neigh_entry(i);

		if (e != NULL && (ifaces & 1ULL << e->iface))
			neigh_state_doubt(main_worker, e);
	}
}

size_t neigh_dump(uint64_t *cursor, uint64_t now_ns, struct api_neighbor_info *out, size_t n)
{
	size_t found = 0;
	uint64_t i = *cursor;

	while (i < NEIGH_MAX && found < n) {
		const struct neigh *e = neigh_entry((uint32_t)++i);
		struct api_neighbor_info *info = &out[found];

		if (e == NULL)
			continue;
		*info = (struct api_neighbor_info){
			.address = e->addr,
			.state = e->state,
			.held = e->held,
			.nexthop = e->nexthop,
		};
		if (now_ns > e->confirmed_ns)
			info->age_ms = (uint32_t)MIN_OF(
				(now_ns - e->confirmed_ns) / NSEC_PER_MSEC, UINT32_MAX);
		base_strlcpy(info->interface, world_current->ifaces[e->iface].name,
			sizeof(info->interface));
		memcpy(info->mac, e->mac, sizeof(info->mac));
		found++;
	}
	*cursor = i < NEIGH_MAX ? i : 0;
	return found;
}
