/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbour unreachability detection (RFC 4861 section 7.3 and appendix C), for IPv4 as for IPv6.
 * Workers tell of the first packet through a stale entry; everything else happens here, one timer
 * per neighbour. Probing ends with one question to all, so that a host that came back with another
 * MAC is found before its packets are lost (RFC 7048). Thread: main.
 */
#include "dataplane/core/nexthop.h"
#include "dataplane/neigh/neigh_impl.h"

bool neigh_state_valid(const struct neigh *e)
{
	switch ((enum api_neighbor_state)e->state) {
	case API_NEIGHBOR_INCOMPLETE:
	case API_NEIGHBOR_FAILED:
		return false;
	case API_NEIGHBOR_REACHABLE:
	case API_NEIGHBOR_STALE:
	case API_NEIGHBOR_DELAY:
	case API_NEIGHBOR_PROBE:
	case API_NEIGHBOR_PERMANENT:
		return true;
	}
	return false;
}

/* Shows workers the MAC as far as the state allows. */
static void neigh_publish_lladdr(const struct neigh *e)
{
	uint64_t lladdr = 0;

	if (neigh_state_valid(e)) {
		memcpy(&lladdr, e->mac, sizeof(e->mac));
		lladdr |= NEXTHOP_LLADDR_VALID;
	}
	if (e->state == API_NEIGHBOR_STALE)
		lladdr |= NEXTHOP_LLADDR_STALE;
	atomic_store_explicit(&nexthop_array()[e->nexthop].lladdr, lladdr, memory_order_release);
}

/* Enters @state, which lasts @lasts_ns (0: until something happens). */
static void neigh_enter(
	struct worker *w, struct neigh *e, enum api_neighbor_state state, uint64_t lasts_ns)
{
	e->state = (uint8_t)state;
	neigh_list_update(e);
	neigh_publish_lladdr(e);
	if (lasts_ns == 0)
		wheel_del(w->wheel, &e->timer);
	else
		wheel_add(w->wheel, &e->timer, w->now_ns + lasts_ns);
}

static void neigh_enter_reachable(struct worker *w, struct neigh *e)
{
	uint64_t jitter = worker_random(w) % NEIGH_REACHABLE_NS;

	e->confirmed_ns = w->now_ns;
	neigh_enter(w, e, API_NEIGHBOR_REACHABLE, NEIGH_REACHABLE_NS / 2 + jitter);
}

/* Asks for @e, at its MAC or at all. */
static void neigh_solicit(struct worker *w, const struct neigh *e, bool unicast)
{
	const struct iface *i = neigh_iface(e->iface);
	const uint8_t *mac = unicast ? e->mac : NULL;

	if (i == NULL)
		return;
	if (e->addr.family == 4)
		neigh_arp_solicit(w, i, &e->addr, mac);
	else
		neigh_nd_solicit(w, i, &e->addr, mac);
}

void neigh_state_idle(struct worker *w, struct neigh *e)
{
	memset(e->mac, 0, sizeof(e->mac));
	e->probes = 0;
	neigh_enter(w, e, API_NEIGHBOR_INCOMPLETE, 0);
}

void neigh_state_resolve(struct worker *w, struct neigh *e)
{
	e->probes = 1;
	neigh_enter(w, e, API_NEIGHBOR_INCOMPLETE, NEIGH_RETRANS_NS);
	neigh_solicit(w, e, false);
}

void neigh_state_permanent(struct worker *w, struct neigh *e, const uint8_t mac[6])
{
	memcpy(e->mac, mac, sizeof(e->mac));
	e->confirmed_ns = w->now_ns;
	neigh_enter(w, e, API_NEIGHBOR_PERMANENT, 0);
	neigh_hold_flush(w, e);
}

void neigh_state_unpinned(struct worker *w, struct neigh *e)
{
	neigh_list_update(e);
	if (wheel_pending(&e->timer))
		return;
	if (e->state == API_NEIGHBOR_INCOMPLETE)
		neigh_delete(w, e);
	else if (e->state == API_NEIGHBOR_STALE)
		wheel_add(w->wheel, &e->timer, w->now_ns + NEIGH_GC_NS);
}

void neigh_state_doubt(struct worker *w, struct neigh *e)
{
	if (e->state == API_NEIGHBOR_REACHABLE)
		neigh_enter(w, e, API_NEIGHBOR_STALE, NEIGH_GC_NS);
}

void neigh_state_used(struct worker *w, struct neigh *e)
{
	if (e->state == API_NEIGHBOR_STALE)
		neigh_enter(w, e, API_NEIGHBOR_DELAY, NEIGH_DELAY_NS);
}

void neigh_on_used(struct worker *w, uint64_t nexthop)
{
	struct neigh *e = neigh_of_nexthop(nexthop);

	if (e != NULL)
		neigh_state_used(w, e);
}

static void neigh_fail(struct worker *w, struct neigh *e)
{
	memset(e->mac, 0, sizeof(e->mac));
	neigh_enter(w, e, API_NEIGHBOR_FAILED, NEIGH_FAILED_NS);
	neigh_hold_flush(w, e);
}

/* Asks again, or gives up. */
static void neigh_retry(struct worker *w, struct neigh *e)
{
	bool probing = e->state == API_NEIGHBOR_PROBE;

	if (e->probes >= NEIGH_PROBES_MAX + probing) {
		neigh_fail(w, e);
		return;
	}
	neigh_enter(w, e, (enum api_neighbor_state)e->state, NEIGH_RETRANS_NS);
	neigh_solicit(w, e, probing && e->probes < NEIGH_PROBES_MAX);
	e->probes++;
}

void neigh_on_timer(void *worker, struct wheel_timer *t)
{
	struct worker *w = worker;
	struct neigh *e = CONTAINER_OF(t, struct neigh, timer);

	switch ((enum api_neighbor_state)e->state) {
	case API_NEIGHBOR_INCOMPLETE:
	case API_NEIGHBOR_PROBE:
		neigh_retry(w, e);
		break;
	case API_NEIGHBOR_REACHABLE:
		neigh_enter(w, e, API_NEIGHBOR_STALE, NEIGH_GC_NS);
		break;
	case API_NEIGHBOR_STALE:
		if (e->pins == 0)
			neigh_delete(w, e);
		break;
	case API_NEIGHBOR_DELAY:
		e->probes = 0;
		e->state = API_NEIGHBOR_PROBE;
		neigh_retry(w, e);
		break;
	case API_NEIGHBOR_FAILED:
		if (e->pins == 0)
			neigh_delete(w, e);
		else
			neigh_state_idle(w, e);
		break;
	case API_NEIGHBOR_PERMANENT:
		break;
	}
}

/* RFC 4861 7.2.5 for a neighbour without a MAC: any that is named will do. */
static bool neigh_learn_first(struct worker *w, struct neigh *e, const struct neigh_claim *claim)
{
	if (claim->mac == NULL)
		return false;
	memcpy(e->mac, claim->mac, sizeof(e->mac));
	if (claim->solicited)
		neigh_enter_reachable(w, e);
	else
		neigh_enter(w, e, API_NEIGHBOR_STALE, NEIGH_GC_NS);
	if (e->held > 0) {
		neigh_state_used(w, e);
		neigh_hold_flush(w, e);
	}
	return true;
}

bool neigh_state_learn(struct worker *w, struct neigh *e, const struct neigh_claim *claim)
{
	bool differs = claim->mac != NULL && memcmp(claim->mac, e->mac, sizeof(e->mac)) != 0;

	if (e->state == API_NEIGHBOR_PERMANENT)
		return true;
	if (!neigh_state_valid(e))
		return neigh_learn_first(w, e, claim);
	if (differs && !claim->override) {
		/* Two stations claim the address, or the MAC changed: find out on the next use. */
		neigh_state_doubt(w, e);
		return true;
	}
	if (differs)
		memcpy(e->mac, claim->mac, sizeof(e->mac));
	if (claim->solicited)
		neigh_enter_reachable(w, e);
	else if (differs)
		neigh_enter(w, e, API_NEIGHBOR_STALE, NEIGH_GC_NS);
	return true;
}
