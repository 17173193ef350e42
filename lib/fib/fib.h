/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Longest-prefix match for IPv4 and IPv6: a 24-bit direct table followed by 8-bit strides
 * (DIR-24-8, Gupta, Lin, McKeown, INFOCOM 1998), in two copies kept left-right so that a batch of a
 * million changes appears to readers as one step.
 *
 * The builder (main thread) changes the standby copy only. fib_flip() makes it the active one; the
 * caller publishes fib_active() to the workers, waits for a grace period and then lets fib_sync()
 * copy the pages that differ to the other side. Workers see `const struct fib_table *` only.
 *
 * Every entry keeps the length of the prefix that filled it, so the tables need no tree beside
 * them: an exact-match hash of the routes is enough to add, delete and dump.
 */
#ifndef LIB_FIB_FIB_H
#define LIB_FIB_FIB_H

#include "lib/base/base.h"
#include "lib/base/ipaddr.h"

/*
 * An entry is one word: bits 0-22 next hop or group number, bit 23 "extended" (the number names a
 * group of 256 entries of the next stride), bits 24-31 length of the prefix that filled it plus
 * one (0 in an extended entry). 0 means no prefix but the default route matches.
 */
#define FIB_INDEX_MASK    0x007fffffu
#define FIB_EXTENDED      0x00800000u
#define FIB_DEPTH_SHIFT   24
#define FIB_GROUP_ENTRIES 256u
#define FIB_NEXTHOP_MAX   FIB_INDEX_MASK
#define FIB_BURST_MAX     256u /* addresses in one bulk lookup */

/* What workers read: one side of a FIB. Immutable while it is the active side. */
struct fib_table {
	uint32_t *tbl24;          /* 2^24 entries */
	uint32_t *groups;         /* group g is groups[g * 256 ... g * 256 + 255] */
	uint32_t default_nexthop; /* for a zero entry; 0 when there is no default route */
	bool wide;                /* this CPU can gather 16 entries at once (AVX-512) */
};

struct fib;

/* Memory and size figures for `show` and metrics. */
struct fib_usage {
	uint32_t routes;
	uint32_t groups;     /* in use, per side */
	uint32_t groups_max; /* limit, per side */
	uint64_t bytes;      /* resident for both sides and the route hash, estimated */
};

/*
 * Creates an empty FIB for @family (4 or 6). Next hop 0 is reserved: a lookup that matches nothing
 * gives 0. At most @groups_max groups and @routes_max routes; memory is reserved now and touched as
 * it is used. NULL with a sentence in @err on failure.
 */
struct fib *fib_create(
	unsigned family, uint32_t routes_max, uint32_t groups_max, struct base_error *err);

/* Frees both sides. No reader may be left. */
void fib_destroy(struct fib *fib);

/*
 * Adds or replaces the route @prefix -> @nexthop (1..FIB_NEXTHOP_MAX) on the standby side.
 * Returns 0 (then *@old, if given, is the replaced next hop or 0) or -ENOSPC when out of routes or
 * groups: nothing is changed then.
 */
int fib_add(struct fib *fib, const struct ip_addr *prefix, uint32_t nexthop, uint32_t *old);

/* Deletes the route on the standby side: 0 and *@old, or -ENOENT. */
int fib_del(struct fib *fib, const struct ip_addr *prefix, uint32_t *old);

/* Exact match among all routes, pending ones included. The next hop, or 0. */
uint32_t fib_find(const struct fib *fib, const struct ip_addr *prefix);

/* Longest match among all routes by the route hash, not by the tables: the next hop or 0, *@matched
 * the prefix. For `explain`, and as the independent side of tests. */
uint32_t fib_match(const struct fib *fib, const struct ip_addr *addr, struct ip_addr *matched);

/*
 * A small number kept with each route for its owner (mark and sweep by generation). fib_add sets
 * it to 0 for a new route and keeps it for a replaced one. -ENOENT when there is no such route.
 */
int fib_mark_set(struct fib *fib, const struct ip_addr *prefix, uint32_t mark);

/* The mark of the route @prefix, 0 when there is no such route. */
uint32_t fib_mark_get(const struct fib *fib, const struct ip_addr *prefix);

/* One route of a dump. */
struct fib_route {
	struct ip_addr prefix;
	uint32_t nexthop;
	uint32_t mark;
};

/*
 * Iterates in no particular order: *@cursor starts at 0, up to @n routes are written to @out, the
 * number is returned, 0 at the end. Routes added or deleted meanwhile may or may not be seen;
 * deleting a route that was just returned is safe and skips nothing.
 */
size_t fib_dump(const struct fib *fib, uint64_t *cursor, struct fib_route *out, size_t n);

/* The side that readers use. */
const struct fib_table *fib_active(const struct fib *fib);

/* Whether the standby side differs from the active one. */
bool fib_dirty(const struct fib *fib);

/*
 * Makes the standby side active. The caller publishes it, waits for a grace period, then calls
 * fib_sync() until it returns 0; until then no fib_add/fib_del is allowed (asserted).
 */
void fib_flip(struct fib *fib);

/* Copies up to @pages_max dirty 4 KiB pages to the standby side; returns how many are left. */
size_t fib_sync(struct fib *fib, size_t pages_max);

/* Fills *@usage. */
void fib_usage_get(const struct fib *fib, struct fib_usage *usage);

/*
 * Looks up @n IPv4 addresses in HOST byte order: nexthops[i] is the longest match's next hop, or 0.
 * The fastest variant this CPU runs is chosen once at fib_create (AVX-512 gather, else scalar);
 * both give the same answers (differential test).
 */
void fib_lookup4_bulk(
	const struct fib_table *t, const uint32_t *addrs, uint32_t *nexthops, unsigned n);

/* Looks up @n IPv6 addresses given by pointers to their 16 bytes in network order. */
void fib_lookup6_bulk(
	const struct fib_table *t, const uint8_t *const *addrs, uint32_t *nexthops, unsigned n);

#endif
