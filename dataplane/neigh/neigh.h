/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours: who answers to an address on a link (ARP, RFC 826; neighbour discovery and
 * unreachability detection, RFC 4861 section 7.3, used for IPv4 as well; duplicate address
 * detection, RFC 4862 section 5.4, and IPv4 announcements, RFC 5227). The main thread owns the
 * table and its state machine; workers find a neighbour's next hop in it and read its MAC from
 * nexthop.lladdr. Thread: main, where a function does not say worker.
 */
#ifndef DATAPLANE_NEIGH_NEIGH_H
#define DATAPLANE_NEIGH_NEIGH_H

#include "dataplane/core/worker.h"
#include "lib/api/api.h"

#define NEIGH_MAX            8192 /* entries of both families; each takes a next-hop number */
#define NEIGH_STATIC_MAX     4096 /* of the configuration */
#define NEIGH_HOLD_MAX       16   /* packets held per neighbour: the oldest gives way */
#define NEIGH_HOLD_TOTAL_MAX 2048 /* packets held in all */
#define NEIGH_PROBES_MAX     3
#define NEIGH_RETRANS_NS     NSEC_PER_SEC
#define NEIGH_REACHABLE_NS   (30 * NSEC_PER_SEC) /* times 0.5 to 1.5, RFC 4861 6.3.2 */
#define NEIGH_DELAY_NS       (5 * NSEC_PER_SEC)
#define NEIGH_GC_NS          (600 * NSEC_PER_SEC) /* an unused, unpinned stale entry ends */
#define NEIGH_FAILED_NS      (3 * NSEC_PER_SEC)   /* a failed one is asked again after this */

/* Creates the table. 0, or -ENOMEM with a sentence. */
int neigh_init(struct base_error *err);

/* Drops held packets and frees. */
void neigh_fini(void);

/* For world.neighbors. */
const struct neigh_table *neigh_table(void);

/* Worker: the next-hop number of @addr_be on interface @iface, or 0. */
uint32_t neigh_lookup4(const struct neigh_table *t, uint16_t iface, uint32_t addr_be);

/* Worker: likewise for IPv6. */
uint32_t neigh_lookup6(const struct neigh_table *t, uint16_t iface, const uint8_t addr[16]);

/*
 * The next-hop number of neighbour @addr on @iface, pinned for a route until neigh_unpin: created
 * INCOMPLETE (it is resolved on first use) if need be. 0 when the table is full.
 */
uint16_t neigh_pin(uint16_t iface, const struct ip_addr *addr);

/* Ends one pin. Only after no published world leads to @nexthop. */
void neigh_unpin(uint16_t nexthop);

/* Makes the neighbour permanent with @mac; 0 or -ENOSPC. */
int neigh_static_set(uint16_t iface, const struct ip_addr *addr, const uint8_t mac[6]);

/* Makes it an ordinary, unresolved neighbour again. 0 or -ENOENT. */
int neigh_static_del(uint16_t iface, const struct ip_addr *addr);

/*
 * Follows a change of the interface table, after @next is published: entries of interfaces that
 * went or whose subnets no longer contain them end (unpinned) or go back to INCOMPLETE; new
 * addresses are announced (IPv4: gratuitous ARP) or start duplicate address detection (IPv6).
 */
void neigh_interfaces_changed(struct worker *main_worker, const struct world *next);

/*
 * The links of @ports, a bit for each by index, came up, perhaps elsewhere: own addresses on them
 * are announced anew, and neighbours known there are checked on their next use.
 */
void neigh_links_up(struct worker *main_worker, uint32_t ports);

/* Called for each published interface whose link came up, for announcements of addresses that are
 * not the interface's own; NULL: nobody cares. */
extern void (*neigh_link_came_up)(uint16_t iface);

/* Tells all on the link of published interface @iface that @addr is here, if the balancer serves it
 * and it is in a subnet there. Whether that was so. */
bool neigh_announce(uint16_t iface, const struct ip_addr *addr);

/* Result of duplicate address detection is delivered here: (interface number, address, unique). The
 * owner of the interface table publishes the address as usable, or as a duplicate, which is no
 * longer ours. Called from a timer, so that a new world may be published at once; with a duplicate
 * only while no commit goes on, so that routes may be changed too. */
extern void (*neigh_dad_done)(uint16_t iface, const struct ip_addr *addr, bool unique);

/* Entries in use. */
uint32_t neigh_count(void);

/* Packets held. */
uint32_t neigh_held(void);

/* Up to @n entries after *@cursor (0 starts, 0 at the end); returns how many. */
size_t neigh_dump(uint64_t *cursor, uint64_t now_ns, struct api_neighbor_info *out, size_t n);

/* Stages a static neighbour of the configuration: 0, or a negative errno with a sentence. */
int neigh_stage(const struct api_neighbor *want, struct base_error *err);

/* The hooks of struct module that follow a generation (neigh_stage.c): forgets what was staged. */
void neigh_stage_forget(void);
/* Refuses a neighbour that is there twice; counts. */
int neigh_stage_check(struct api_commit_reply *counts, struct base_error *err);
/* Pins the staged neighbours, so that they have a place in the table. */
int neigh_stage_prepare(unsigned quantum, struct base_error *err);
/* Undoes neigh_stage_prepare(). */
int neigh_stage_rollback(unsigned quantum);
/* Gives @next the table. */
void neigh_stage_apply(struct world *next);
/* Follows the interfaces of the published world, then sets and ends static neighbours. */
int neigh_stage_published(unsigned quantum);
/* Forgets which neighbours are static. */
void neigh_stage_fini(void);

/* Runs on main: a stale neighbour was used by a worker (mailbox.def). */
void neigh_on_used(struct worker *w, uint64_t nexthop);

#endif
