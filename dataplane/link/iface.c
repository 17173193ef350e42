/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interface tables. Three of them go round: the published one, the staged one, and the one that
 * takes the published one's place when duplicate address detection ends. Thread: main.
 */
#include <stdio.h>
#include <string.h>

#include <rte_ether.h>

#include "dataplane/link/iface_impl.h"
#include "dataplane/link/port.h"

static struct iface_table tables[3];
static struct iface_table *live;   /* of the published world; NULL before the first */
static struct iface_table *staged; /* of the next; NULL: nothing staged */
static struct iface_table *old;    /* replaced, until iface_published() */

/* A table that is not in use, empty. */
static struct iface_table *iface_table_take(void)
{
	struct iface_table *t = tables;

	while (t == live || t == staged || t == old)
		t++;
	BRAID_ASSERT(t < tables + ARRAY_SIZE(tables));
	memset(t, 0, sizeof(*t));
	for (unsigned p = 0; p < WORLD_PORTS_MAX; p++)
		t->untagged[p] = WORLD_NO_INTERFACE;
	return t;
}

struct iface_table *iface_table_staged(void)
{
	if (!staged)
		staged = iface_table_take();
	return staged;
}

const struct iface_table *iface_table_live(void)
{
	return live;
}

const struct iface *iface_staged(void)
{
	return iface_table_staged()->ifaces;
}

const struct iface *iface_staged_find(const char *name)
{
	const struct iface *all = iface_staged();

	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++)
		if (all[i].up && strcmp(all[i].name, name) == 0)
			return &all[i];
	return NULL;
}

void iface_forget(void)
{
	staged = NULL;
}

/* Whether both have the same addresses, in whatever order. */
static bool iface_same_addresses(const struct iface *a, const struct iface *b)
{
	if (a->n_addresses != b->n_addresses)
		return false;
	for (unsigned i = 0; i < a->n_addresses; i++) {
		unsigned k = 0;

		while (k < b->n_addresses &&
			!ip_addr_equal(&a->addresses[i].addr, &b->addresses[k].addr))
			k++;
		if (k == b->n_addresses)
			return false;
	}
	return true;
}

/* The interface of that name in @all, or NULL. */
static const struct iface *iface_find(const struct iface *all, const char *name)
{
	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++)
		if (all[i].up && strcmp(all[i].name, name) == 0)
			return &all[i];
	return NULL;
}

int iface_check(struct api_commit_reply *counts, struct base_error *err)
{
	const struct iface *next = iface_staged();
	struct api_commit_counts *c = &counts->interfaces;

	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++) {
		const struct iface *was = &world_current->ifaces[i], *now;

		if (was->up && !iface_find(next, was->name))
			c->removed++;
		if (!next[i].up)
			continue;
		now = &next[i];
		was = iface_find(world_current->ifaces, now->name);
		if (!was)
			c->added++;
		else if (was->number == now->number && was->mtu == now->mtu &&
			 iface_same_addresses(was, now))
			c->kept++;
		else
			c->changed++;
	}
	return 0;
}

/* What duplicate address detection found out about addresses stays known. */
static void iface_inherit(struct iface_table *next, unsigned i)
{
	struct iface *now = &next->ifaces[i];
	const struct iface *was = &live->ifaces[i];

	if (!now->up || !was->up)
		return;
	for (unsigned k = 0; k < now->n_addresses; k++) {
		for (unsigned j = 0; j < was->n_addresses; j++) {
			if (!ip_addr_same_host(&now->addresses[k].addr, &was->addresses[j].addr))
				continue;
			now->addresses[k].usable = was->addresses[j].usable;
			now->addresses[k].duplicate = was->addresses[j].duplicate;
		}
	}
}

/* Makes @next show table @t. */
static void iface_table_show(struct world *next, const struct iface_table *t)
{
	next->ifaces = t->ifaces;
	next->offloads = 0;
	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++)
		next->offloads |= t->ifaces[i].offloads;
	for (unsigned p = 0; p < WORLD_PORTS_MAX; p++) {
		const struct port *port = port_get(p);
		struct port_map *map = &next->ports[p];

		*map = (struct port_map){.up = port != NULL, .untagged = t->untagged[p]};
		if (!port)
			continue;
		memcpy(map->mac, port->mac, sizeof(map->mac));
		if (t->tagged[p])
			map->vlans = t->vlans[p];
	}
}

void iface_apply(struct world *next)
{
	struct iface_table *t = iface_table_staged();

	for (unsigned i = 0; live && i < WORLD_INTERFACES_MAX; i++)
		iface_inherit(t, i);
	iface_table_show(next, t);
	old = live;
	live = t;
	staged = NULL;
}

int iface_published(unsigned quantum)
{
	old = NULL;
	return 0;
}

enum api_address_state iface_address_state(uint16_t iface, unsigned k)
{
	const struct iface_address *a = &live->ifaces[iface].addresses[k];

	if (a->duplicate)
		return API_ADDRESS_DUPLICATE;
	return a->usable ? API_ADDRESS_PREFERRED : API_ADDRESS_TENTATIVE;
}

/* Publishes a copy of the live table in which address @k of interface @i is usable, or a
 * duplicate. */
static void iface_publish_result(uint16_t i, unsigned k, bool unique)
{
	struct world *next = world_draft();
	struct iface_table *t;

	if (!next) {
		fprintf(stderr,
			"braid-dataplane: no memory to note whether an address of %s is unique\n",
			live->ifaces[i].name);
		return;
	}
	t = iface_table_take();
	*t = *live;
	t->ifaces[i].addresses[k].usable = unique;
	t->ifaces[i].addresses[k].duplicate = !unique;
	iface_table_show(next, t);
	live = t;
	world_publish(next);
}

void iface_dad_done(uint16_t iface, const struct ip_addr *addr, bool unique)
{
	const struct iface *i = live ? &live->ifaces[iface] : NULL;
	char text[IPADDR_TEXT_MAX];

	for (unsigned k = 0; i && i->up && k < i->n_addresses; k++) {
		if (!ip_addr_same_host(&i->addresses[k].addr, addr))
			continue;
		iface_publish_result(iface, k, unique);
		if (!unique)
			fprintf(stderr,
				"braid-dataplane: another station has %s, so interface %s does not "
				"use it: give one of them another address\n",
				ip_addr_format_host(addr, text), i->name);
		return;
	}
}

void iface_fini(void)
{
	live = staged = old = NULL;
}
