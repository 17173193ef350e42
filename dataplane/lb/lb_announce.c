/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VIPs and addresses of the NAT pool that lie in a connected subnet are announced to its link (RFC
 * 5227 2.3; RFC 4861 7.2.6): once when they appear, and when the link comes up. A few at a time,
 * and only short prefixes address by address: for the others hosts have to ask. Thread: main.
 */
#include <endian.h>
#include <string.h>

#include "dataplane/lb/lb_main.h"
#include "dataplane/neigh/neigh.h"

#define ANNOUNCE_HOSTS_MAX 16 /* addresses of a prefix */
#define ANNOUNCE_FRAMES    32 /* per step */
#define ANNOUNCE_STEP_NS   (10 * NSEC_PER_MSEC)

static uint64_t due[LB_FRONTS_MAX]; /* a bit for each interface that is to hear of the front */
static unsigned cursor;
static struct wheel_timer timer;

static struct worker *lb_announce_worker(void)
{
	return workers[workers[0]->main_id];
}

/* Says on interface @iface that the addresses of @prefix are here that belong there. How many. */
static unsigned lb_announce_prefix(uint16_t iface, const struct ip_addr *prefix)
{
	unsigned bits = ip_addr_bits(prefix->family), count = 0;
	unsigned n = 1u << (bits - prefix->prefix_len);

	for (unsigned k = 0; k < n; k++) {
		struct ip_addr a = *prefix;

		a.prefix_len = (uint8_t)bits;
		a.bytes[bits / 8 - 1] |= (uint8_t)k;
		count += neigh_announce(iface, &a);
	}
	return count;
}

/* Whether the addresses of @front are few enough to be named. */
static bool lb_announce_is_short(const struct lb_front *front)
{
	unsigned bits = ip_addr_bits(front->prefix.family);

	return front->prefix.family != 0 &&
	       1ULL << (bits - MAX_OF(front->prefix.prefix_len, bits - 8)) <= ANNOUNCE_HOSTS_MAX;
}

/* Announces front @f where it is due, about @most addresses: how many. */
static unsigned lb_announce_front(unsigned f, unsigned most)
{
	const struct lb_front *front = &lb_main.now->fronts[f];
	unsigned count = 0;

	if (!lb_announce_is_short(front))
		due[f] = 0;
	while (due[f] != 0 && count < most) {
		uint16_t iface = (uint16_t)__builtin_ctzll(due[f]);

		count += lb_announce_prefix(iface, &front->prefix);
		due[f] &= due[f] - 1;
	}
	return count;
}

static void lb_announce_on_timer(void *worker, struct wheel_timer *t)
{
	struct worker *w = worker;
	unsigned left = ANNOUNCE_FRAMES;

	while (cursor < LB_FRONTS_MAX && left > 0) {
		left -= MIN_OF(left, lb_announce_front(cursor, left));
		if (due[cursor] == 0)
			cursor++;
	}
	if (cursor < LB_FRONTS_MAX)
		wheel_add(w->wheel, t, w->now_ns + ANNOUNCE_STEP_NS);
}

/* Goes through all fronts, from the first on. */
static void lb_announce_start(void)
{
	cursor = 0;
	wheel_add(lb_announce_worker()->wheel, &timer, 0);
}

static void lb_announce_on_link(uint16_t iface)
{
	for (unsigned f = 0; lb_main.now && f < LB_FRONTS_MAX; f++)
		if (lb_announce_is_short(&lb_main.now->fronts[f]))
			due[f] |= 1ULL << iface;
	if (lb_main.now)
		lb_announce_start();
}

void lb_announce_new(const struct lb_block *old, const struct lb_block *now)
{
	bool any = false;

	for (unsigned f = 0; f < LB_FRONTS_MAX; f++) {
		const struct lb_front *front = &now->fronts[f];

		if (!lb_announce_is_short(front) ||
			(old && ip_addr_equal(&old->fronts[f].prefix, &front->prefix)))
			continue;
		due[f] = UINT64_MAX;
		any = true;
	}
	if (any)
		lb_announce_start();
}

void lb_announce_init(void)
{
	timer.fn = lb_announce_on_timer;
	neigh_link_came_up = lb_announce_on_link;
}

void lb_announce_fini(void)
{
	neigh_link_came_up = NULL;
	wheel_del(lb_announce_worker()->wheel, &timer);
	memset(due, 0, sizeof(due));
}
