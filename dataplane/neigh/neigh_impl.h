/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of neigh share: the table that workers read, the entries behind it that only the
 * main thread touches, and the steps between the files. Thread: main, where a function does not say
 * worker.
 */
#ifndef DATAPLANE_NEIGH_NEIGH_IMPL_H
#define DATAPLANE_NEIGH_NEIGH_IMPL_H

#include <string.h>
#include <sys/queue.h>

#include "dataplane/neigh/neigh.h"
#include "lib/hash/flow_hash.h"

#define NEIGH_BUCKETS          8192 /* chains; a power of two */
#define NEIGH_UNRESOLVED_MAX   2048 /* entries that packets to addresses without an answer take */
#define NEIGH_FREE_LOW         512  /* with fewer free, the oldest idle ones go ... */
#define NEIGH_FREE_GOAL        1024 /* ... until so many are free */
#define NEIGH_EVICT_MAX        1024 /* entries that one reclaim evicts */
#define NEIGH_RECLAIM_NS       (10 * NSEC_PER_MSEC) /* at most one grace period in this time */
#define NEIGH_ANNOUNCEMENTS    2                    /* RFC 5227 ANNOUNCE_NUM; also for IPv6 */
#define NEIGH_ANNOUNCE_NS      (2 * NSEC_PER_SEC)   /* RFC 5227 ANNOUNCE_INTERVAL */
#define NEIGH_DEFEND_NS        (10 * NSEC_PER_SEC)  /* RFC 5227 DEFEND_INTERVAL */
#define NEIGH_DAD_DELAY_MAX_NS (100 * NSEC_PER_MSEC)
#define NEIGH_DAD_REPORT_NS    (10 * NSEC_PER_MSEC) /* between attempts to report a duplicate */

/* What a worker reads. All but @next is immutable while the slot is in a chain. */
struct neigh_slot {
	uint64_t
		addr[2]; /* as it lies in the packet; IPv4 in the first four bytes, the rest zero */
	uint32_t scope;  /* neigh_scope() */
	uint16_t nexthop;
	_Atomic uint16_t next; /* slot number, 0 ends the chain */
	uint64_t pad;
};

/* Chains of slots under a keyed hash. One writer; a removed slot keeps its @next until a grace
 * period has passed, so that a reader on it finds its way. */
struct neigh_table {
	uint64_t key[2]; /* secret, per boot */
	_Atomic uint16_t heads[NEIGH_BUCKETS];
	struct neigh_slot slots[NEIGH_MAX + 1] CACHE_ALIGNED; /* slot 0 is never used */
};

struct neigh_list {
	TAILQ_HEAD(, neigh) head;
	uint32_t n;
};

/* The main thread's side of slot number `this - neigh_entries`. */
struct neigh {
	struct wheel_timer timer;       /* of the state */
	struct wheel_timer flush_timer; /* held packets are left over because a lane was full */
	TAILQ_ENTRY(neigh) link;
	struct neigh_list *list; /* the one it is in, or NULL */
	uint64_t confirmed_ns;   /* last proof of reachability; creation at first */
	uint32_t pins;
	uint16_t nexthop; /* 0: the entry is free */
	uint16_t iface;
	struct ip_addr addr;
	uint16_t hold_first; /* numbers in the pool of neigh_hold.c */
	uint16_t hold_last;
	uint8_t held;
	uint8_t state; /* enum api_neighbor_state */
	uint8_t probes;
	uint8_t mac[6];
};

/* What a message from the link says about a neighbour's MAC (RFC 4861 7.2.3, 7.2.5). */
struct neigh_claim {
	const uint8_t *mac; /* NULL: the message names none */
	bool solicited;     /* answers our question: proves reachability in both directions */
	bool override;      /* may replace a different MAC */
};

/* Why a neighbour is created: packets to unknown addresses may not take all the room. */
enum neigh_origin { NEIGH_BY_PACKET, NEIGH_BY_LINK, NEIGH_BY_CONFIG };

/* Interface and family in one word. */
static inline uint32_t neigh_scope(uint16_t iface, unsigned family)
{
	return (uint32_t)family << 16 | iface;
}

/* The chain of an address. The scope may cancel out against address bits only between interfaces
 * and families, which nobody outside chooses. */
static inline unsigned neigh_bucket(
	const struct neigh_table *t, uint32_t scope, const uint64_t addr[2])
{
	return flow_hash_pair(t->key, addr[0] ^ (uint64_t)scope << 32, addr[1]) % NEIGH_BUCKETS;
}

/* The slot number of an address, or 0. Any thread. */
static inline uint16_t neigh_find_slot(
	const struct neigh_table *t, uint32_t scope, const uint64_t addr[2])
{
	unsigned b = neigh_bucket(t, scope, addr);
	uint16_t i = atomic_load_explicit(&t->heads[b], memory_order_acquire);

	while (i != 0) {
		const struct neigh_slot *s = &t->slots[i];

		if (s->scope == scope && s->addr[0] == addr[0] && s->addr[1] == addr[1])
			return i;
		i = atomic_load_explicit(&s->next, memory_order_acquire);
	}
	return 0;
}

/* Whether no neighbour can have @mac: a group's, zero or @own. */
static inline bool neigh_bad_mac(const uint8_t mac[6], const uint8_t own[6])
{
	static const uint8_t zero[6];

	return (mac[0] & 1) || memcmp(mac, zero, 6) == 0 || memcmp(mac, own, 6) == 0;
}

/* The worker of the main thread. */
static inline struct worker *neigh_main(void)
{
	return workers[workers[0]->main_id];
}

/* Interface @number of the published world, or NULL when it is not up. */
static inline const struct iface *neigh_iface(uint16_t number)
{
	const struct iface *i = &world_current->ifaces[number];

	return number < WORLD_INTERFACES_MAX && i->up ? i : NULL;
}

/* neigh.c: entries */

/* The entry of @addr on @iface, or NULL. */
struct neigh *neigh_find(uint16_t iface, const struct ip_addr *addr);

/* The entry that owns next hop @nexthop, or NULL. */
struct neigh *neigh_of_nexthop(uint64_t nexthop);

/* The entry of @addr on @iface, created INCOMPLETE and idle if need be; NULL when there is no room.
 */
struct neigh *neigh_get(uint16_t iface, const struct ip_addr *addr, enum neigh_origin origin);

/* Takes @e out of the table; its number is reused after a grace period. Held packets are dropped as
 * neigh_gone. */
void neigh_delete(struct worker *w, struct neigh *e);

/* Puts @e into the list of its state, which decides whether and when it may be evicted. */
void neigh_list_update(struct neigh *e);

/* Entry number @i (1..NEIGH_MAX) if it is in use, else NULL. */
struct neigh *neigh_entry(uint32_t i);

/* neigh_state.c: RFC 4861 7.3 */

/* Callback of neigh.timer. */
void neigh_on_timer(void *worker, struct wheel_timer *t);

/* Forgets the MAC and waits for use. */
void neigh_state_idle(struct worker *w, struct neigh *e);

/* Sends the first solicitation to all. */
void neigh_state_resolve(struct worker *w, struct neigh *e);

/* Known from the configuration. */
void neigh_state_permanent(struct worker *w, struct neigh *e, const uint8_t mac[6]);

/* The pins of @e went to zero: idle entries end, stale ones age. */
void neigh_state_unpinned(struct worker *w, struct neigh *e);

/* What is known about @e may be wrong by now: it is to be checked on its next use. */
void neigh_state_doubt(struct worker *w, struct neigh *e);

/* A packet is about to be sent to @e: a stale one is due for a check. */
void neigh_state_used(struct worker *w, struct neigh *e);

/* Whether @e has a MAC. */
bool neigh_state_valid(const struct neigh *e);

/* Takes in what a message says about @e. Returns whether it was of use: false for a message that
 * RFC 4861 7.2.5 says to discard. */
bool neigh_state_learn(struct worker *w, struct neigh *e, const struct neigh_claim *claim);

/* neigh_hold.c: packets that wait */

/* Empties the pool. */
void neigh_hold_init(void);

/* Callback of neigh.flush_timer. */
void neigh_hold_on_timer(void *worker, struct wheel_timer *t);

/* Sends what @e holds if it has a MAC, answers it as unreachable otherwise. */
void neigh_hold_flush(struct worker *w, struct neigh *e);

/* Drops what @e holds for @reason. */
void neigh_hold_drop(struct worker *w, struct neigh *e, enum drop_reason reason);

/* neigh_own.c: own addresses */

/* Stops all announcements and detections. */
void neigh_own_fini(void);

/* Another station uses own address @addr of interface @iface: fails its duplicate address
 * detection, or defends it. */
void neigh_own_conflict(struct worker *w, uint16_t iface, const struct ip_addr *addr);

/* Follows a change of interfaces: see neigh_interfaces_changed. */
void neigh_own_changed(struct worker *w, const struct world *next);

/* Announces the addresses of interface @iface that are in use. */
void neigh_own_link_up(struct worker *w, uint16_t iface);

/* neigh_subnet.c: addresses of an interface */

/* The own address of @i equal to @addr, usable or tentative, or NULL; a duplicate is another
 * station's. Any thread. */
const struct iface_address *neigh_subnet_own(const struct iface *i, const struct ip_addr *addr);

/* Whether a host other than ourselves may have @addr on the link of @i. Any thread. */
bool neigh_subnet_host(const struct iface *i, const struct ip_addr *addr);

/* The own address to ask for @target with, or NULL. Any thread. */
const struct ip_addr *neigh_subnet_source(const struct iface *i, const struct ip_addr *target);

/* neigh_service.c */

/* Whether the balancer serves @addr in @world, and it lies in a subnet of @i: then the node answers
 * for it there. Any thread. */
bool neigh_serves(const struct world *world, const struct iface *i, const struct ip_addr *addr);

/* arp_main.c, nd_main.c: what we say */

/* Asks for @target from @i, at @mac or (NULL) at all. */
void neigh_arp_solicit(
	struct worker *w, const struct iface *i, const struct ip_addr *target, const uint8_t *mac);

/* Tells all on the link of @i that @addr is ours. */
void neigh_arp_announce(struct worker *w, const struct iface *i, const struct ip_addr *addr);

/* Likewise for IPv6. */
void neigh_nd_solicit(
	struct worker *w, const struct iface *i, const struct ip_addr *target, const uint8_t *mac);

/* Likewise for IPv6. */
void neigh_nd_announce(struct worker *w, const struct iface *i, const struct ip_addr *addr);

/* Asks whether somebody else has @addr (RFC 4862 5.4.2). */
void neigh_nd_probe(struct worker *w, const struct iface *i, const struct ip_addr *addr);

#endif
