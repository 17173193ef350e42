/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Static neighbours through a generation. They are pinned while it is prepared, so that setting
 * them after its publication cannot fail. Thread: main.
 */
#include <errno.h>
#include <stdlib.h>

#include "dataplane/link/link.h"
#include "dataplane/neigh/neigh_impl.h"

struct neigh_static {
	struct ip_addr addr;
	uint16_t iface;
	uint16_t pin; /* next hop, while pinned */
	uint8_t mac[6];
};

/* In order of neigh_static_compare() once checked. */
struct neigh_statics {
	unsigned n;
	struct neigh_static at[NEIGH_STATIC_MAX];
};

static struct neigh_statics lists[2];
static struct neigh_statics *staged = &lists[0], *installed = &lists[1];

static int neigh_static_compare(const void *a, const void *b)
{
	const struct neigh_static *x = a, *y = b;

	if (x->iface != y->iface)
		return (int)x->iface - (int)y->iface;
	return memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

int neigh_stage(const struct api_neighbor *want, struct base_error *err)
{
	static const uint8_t zero[6];
	struct iface_host host = {.noun = "neighbour", .interface = want->interface};
	char text[IPADDR_TEXT_MAX], mac[18];
	int iface;

	if (!api_string_ok(want->interface, sizeof(want->interface)) || want->interface[0] == '\0')
		return base_error_set(
			err, EINVAL, "a neighbour without the proper name of an interface");
	host.addr = want->address;
	iface = iface_staged_reach(&host, err);
	if (iface < 0)
		return iface;
	if ((want->mac[0] & 1) || memcmp(want->mac, zero, sizeof(zero)) == 0)
		return base_error_set(err, EINVAL,
			"neighbour %s on interface \"%s\": %s is no address of one station: give "
			"its "
			"own MAC",
			ip_addr_format_host(&want->address, text), want->interface,
			mac_format(want->mac, mac));
	if (staged->n == NEIGH_STATIC_MAX)
		return base_error_set(err, E2BIG,
			"more than %u static neighbours: leave some to be resolved",
			NEIGH_STATIC_MAX);
	staged->at[staged->n] = (struct neigh_static){
		.addr = want->address,
		.iface = (uint16_t)iface,
	};
	memcpy(staged->at[staged->n++].mac, want->mac, sizeof(want->mac));
	return 0;
}

void neigh_stage_forget(void)
{
	staged->n = 0;
}

static struct neigh_static *neigh_static_find(
	struct neigh_statics *list, const struct neigh_static *like)
{
	return bsearch(like, list->at, list->n, sizeof(list->at[0]), neigh_static_compare);
}

int neigh_stage_check(struct api_commit_reply *counts, struct base_error *err)
{
	struct api_commit_counts *c = &counts->neighbors;
	char text[IPADDR_TEXT_MAX];

	qsort(staged->at, staged->n, sizeof(staged->at[0]), neigh_static_compare);
	for (unsigned i = 0; i < staged->n; i++) {
		const struct neigh_static *s = &staged->at[i];
		const struct neigh_static *was = neigh_static_find(installed, s);

		if (i > 0 && neigh_static_compare(s - 1, s) == 0)
			return base_error_set(err, EEXIST,
				"neighbour %s on interface \"%s\" is there twice: remove one",
				ip_addr_format_host(&s->addr, text), iface_staged()[s->iface].name);
		if (!was)
			c->added++;
		else if (memcmp(was->mac, s->mac, sizeof(s->mac)) != 0)
			c->changed++;
		else
			c->kept++;
	}
	c->removed = installed->n - c->changed - c->kept;
	return 0;
}

int neigh_stage_rollback(unsigned quantum)
{
	for (unsigned i = 0; i < staged->n; i++) {
		if (staged->at[i].pin)
			neigh_unpin(staged->at[i].pin);
		staged->at[i].pin = 0;
	}
	return 0;
}

int neigh_stage_prepare(unsigned quantum, struct base_error *err)
{
	for (unsigned i = 0; i < staged->n; i++) {
		struct neigh_static *s = &staged->at[i];

		s->pin = neigh_pin(s->iface, &s->addr);
		if (s->pin == 0)
			return base_error_set(err, ENOSPC,
				"no room for %u static neighbours beside the %u in use of %u: give "
				"fewer",
				staged->n, neigh_count(), NEIGH_MAX);
	}
	return 0;
}

void neigh_stage_apply(struct world *next)
{
	next->neighbors = neigh_table();
}

int neigh_stage_published(unsigned quantum)
{
	struct neigh_statics *was = installed;

	neigh_interfaces_changed(neigh_main(), world_current);
	for (unsigned i = 0; i < was->n; i++)
		if (!neigh_static_find(staged, &was->at[i]))
			neigh_static_del(was->at[i].iface, &was->at[i].addr);
	for (unsigned i = 0; i < staged->n; i++) {
		const struct neigh_static *s = &staged->at[i], *old = neigh_static_find(was, s);
		int ret = 0;

		if (!old || memcmp(old->mac, s->mac, sizeof(s->mac)) != 0)
			ret = neigh_static_set(s->iface, &s->addr, s->mac);
		BRAID_ASSERT(ret == 0);
	}
	neigh_stage_rollback(quantum);
	installed = staged;
	staged = was;
	staged->n = 0;
	return 0;
}

void neigh_stage_fini(void)
{
	staged->n = installed->n = 0;
}
