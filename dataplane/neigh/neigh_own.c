/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of an own address: duplicate address detection for IPv6 (RFC 4862 5.4), announcements to
 * the link (RFC 5227 2.3; RFC 4861 7.2.6), and its defence against another station that uses it
 * (RFC 5227 2.4 b: one announcement, at most every ten seconds). One timer per address.
 * Thread: main.
 */
#include "dataplane/core/generation.h"
#include "dataplane/link/link.h"
#include "dataplane/neigh/neigh_impl.h"

enum neigh_own_phase {
	NEIGH_OWN_FREE,
	NEIGH_OWN_DAD_WAIT, /* a random time before the probe */
	NEIGH_OWN_DAD_SENT,
	NEIGH_OWN_DAD_FAILED, /* not reported yet; then it is not ours, so free */
	NEIGH_OWN_ANNOUNCE,
	NEIGH_OWN_SETTLED,
};

struct neigh_own {
	struct wheel_timer timer;
	uint64_t defended_ns; /* 0: never */
	struct ip_addr addr;
	uint16_t iface;
	uint8_t phase; /* enum neigh_own_phase */
	uint8_t announcements;
	uint8_t mac[6]; /* of the interface when the address was last announced */
};

static struct neigh_own owns[WORLD_INTERFACES_MAX][WORLD_ADDRESSES_MAX];

void (*neigh_dad_done)(uint16_t iface, const struct ip_addr *addr, bool unique);

static struct neigh_own *neigh_own_find(uint16_t iface, const struct ip_addr *addr)
{
	for (unsigned k = 0; k < WORLD_ADDRESSES_MAX; k++) {
		struct neigh_own *o = &owns[iface][k];

		if (o->phase != NEIGH_OWN_FREE && ip_addr_same_host(&o->addr, addr))
			return o;
	}
	return NULL;
}

static void neigh_own_announce(struct worker *w, const struct neigh_own *o)
{
	const struct iface *i = neigh_iface(o->iface);

	if (i == NULL)
		return;
	if (o->addr.family == 4)
		neigh_arp_announce(w, i, &o->addr);
	else
		neigh_nd_announce(w, i, &o->addr);
}

/* Announces, and arms the timer for the next one or settles. */
static void neigh_own_announce_next(struct worker *w, struct neigh_own *o)
{
	neigh_own_announce(w, o);
	o->phase = NEIGH_OWN_SETTLED;
	if (++o->announcements < NEIGH_ANNOUNCEMENTS) {
		o->phase = NEIGH_OWN_ANNOUNCE;
		wheel_add(w->wheel, &o->timer, w->now_ns + NEIGH_ANNOUNCE_NS);
	}
}

/* Reports the result, upon which a new world may be published: only from a timer, never while a
 * stage uses the old one. */
static void neigh_own_dad_result(struct worker *w, struct neigh_own *o, bool unique)
{
	struct ip_addr addr = o->addr;
	uint16_t iface = o->iface;

	o->phase = unique ? NEIGH_OWN_SETTLED : NEIGH_OWN_FREE;
	if (neigh_dad_done != NULL)
		neigh_dad_done(iface, &addr, unique);
	/* The owner of the interface table may have taken the address back meanwhile. */
	o = neigh_own_find(iface, &addr);
	if (unique && o != NULL && o->phase == NEIGH_OWN_SETTLED)
		neigh_own_announce_next(w, o);
}

static bool neigh_own_has_link(const struct iface *i)
{
	return i != NULL && port_link_up(i->port);
}

static void neigh_own_on_timer(void *worker, struct wheel_timer *t)
{
	struct worker *w = worker;
	struct neigh_own *o = CONTAINER_OF(t, struct neigh_own, timer);
	const struct iface *i = neigh_iface(o->iface);

	/* On a dead link silence proves nothing: detection begins when there is a link. */
	if (!neigh_own_has_link(i) &&
		(o->phase == NEIGH_OWN_DAD_WAIT || o->phase == NEIGH_OWN_DAD_SENT)) {
		o->phase = NEIGH_OWN_DAD_WAIT;
		wheel_add(w->wheel, t, w->now_ns + NEIGH_RETRANS_NS);
		return;
	}
	switch ((enum neigh_own_phase)o->phase) {
	case NEIGH_OWN_DAD_WAIT:
		neigh_nd_probe(w, i, &o->addr);
		o->phase = NEIGH_OWN_DAD_SENT;
		wheel_add(w->wheel, t, w->now_ns + NEIGH_RETRANS_NS);
		break;
	case NEIGH_OWN_DAD_SENT:
		neigh_own_dad_result(w, o, true);
		break;
	case NEIGH_OWN_DAD_FAILED:
		/* Its route has to change, and the tables are the commit's while one goes on. */
		if (generation_busy())
			wheel_add(w->wheel, t, w->now_ns + NEIGH_DAD_REPORT_NS);
		else
			neigh_own_dad_result(w, o, false);
		break;
	case NEIGH_OWN_ANNOUNCE:
		neigh_own_announce_next(w, o);
		break;
	case NEIGH_OWN_FREE:
	case NEIGH_OWN_SETTLED:
		break;
	}
}

void neigh_own_conflict(struct worker *w, uint16_t iface, const struct ip_addr *addr)
{
	struct neigh_own *o = neigh_own_find(iface, addr);

	if (o == NULL)
		return;
	switch ((enum neigh_own_phase)o->phase) {
	case NEIGH_OWN_DAD_WAIT:
	case NEIGH_OWN_DAD_SENT:
		o->phase = NEIGH_OWN_DAD_FAILED;
		wheel_add(w->wheel, &o->timer, 0);
		break;
	case NEIGH_OWN_ANNOUNCE:
	case NEIGH_OWN_SETTLED:
		if (o->defended_ns != 0 && w->now_ns - o->defended_ns < NEIGH_DEFEND_NS)
			break;
		o->defended_ns = w->now_ns;
		neigh_own_announce(w, o);
		break;
	case NEIGH_OWN_FREE:
	case NEIGH_OWN_DAD_FAILED:
		break;
	}
}

/* Begins the life of @a on @i in slot @o, or begins it anew. */
static void neigh_own_start(
	struct worker *w, struct neigh_own *o, const struct iface *i, const struct iface_address *a)
{
	wheel_del(w->wheel, &o->timer);
	*o = (struct neigh_own){
		.timer = {.fn = neigh_own_on_timer},
		.addr = a->addr,
		.iface = i->number,
	};
	memcpy(o->mac, i->mac, sizeof(o->mac));
	if (a->addr.family == 4 || a->usable) {
		neigh_own_announce_next(w, o);
		return;
	}
	o->phase = NEIGH_OWN_DAD_WAIT;
	wheel_add(w->wheel, &o->timer, w->now_ns + worker_random(w) % NEIGH_DAD_DELAY_MAX_NS);
}

static void neigh_own_end(struct worker *w, struct neigh_own *o)
{
	wheel_del(w->wheel, &o->timer);
	o->phase = NEIGH_OWN_FREE;
}

/* Starts the address @a of @i unless it is known, or known to be another station's. */
static void neigh_own_follow(struct worker *w, const struct iface *i, const struct iface_address *a)
{
	struct neigh_own *o = neigh_own_find(i->number, &a->addr);

	if (a->duplicate || (o != NULL && memcmp(o->mac, i->mac, sizeof(o->mac)) == 0))
		return;
	for (unsigned k = 0; k < WORLD_ADDRESSES_MAX && o == NULL; k++) {
		if (owns[i->number][k].phase == NEIGH_OWN_FREE)
			o = &owns[i->number][k];
	}
	BRAID_ASSERT(o != NULL);
	neigh_own_start(w, o, i, a);
}

void neigh_own_changed(struct worker *w, const struct world *next)
{
	for (unsigned n = 0; n < WORLD_INTERFACES_MAX; n++) {
		const struct iface *i = &next->ifaces[n];

		for (unsigned k = 0; k < WORLD_ADDRESSES_MAX; k++) {
			struct neigh_own *o = &owns[n][k];

			if (o->phase != NEIGH_OWN_FREE &&
				(!i->up || neigh_subnet_own(i, &o->addr) == NULL))
				neigh_own_end(w, o);
		}
		for (unsigned k = 0; i->up && k < i->n_addresses; k++)
			neigh_own_follow(w, i, &i->addresses[k]);
	}
}

void neigh_own_link_up(struct worker *w, uint16_t iface)
{
	for (unsigned k = 0; k < WORLD_ADDRESSES_MAX; k++) {
		struct neigh_own *o = &owns[iface][k];

		if (o->phase != NEIGH_OWN_ANNOUNCE && o->phase != NEIGH_OWN_SETTLED)
			continue;
		o->announcements = 0;
		neigh_own_announce_next(w, o);
	}
}

void neigh_own_fini(void)
{
	if (workers[0] == NULL)
		return;
	for (unsigned n = 0; n < WORLD_INTERFACES_MAX; n++) {
		for (unsigned k = 0; k < WORLD_ADDRESSES_MAX; k++)
			neigh_own_end(neigh_main(), &owns[n][k]);
	}
}
