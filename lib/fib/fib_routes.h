/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes of one FIB: a dense array of routes, and an open-addressing index over (prefix,
 * length) that grows by doubling. A route keeps its number until it is deleted, so a dump that
 * walks the numbers is not disturbed by what happens between its steps. Main thread only.
 */
#ifndef LIB_FIB_FIB_ROUTES_H
#define LIB_FIB_FIB_ROUTES_H

#include "lib/base/ipaddr.h"

#define FIB_ROUTE_NONE   UINT32_MAX
#define FIB_ROUTES_LIMIT 0x00fffffeu /* a route number plus one is 24 bits of an index slot */
#define FIB_LENGTHS      129

/* A prefix with its host bits cleared: the first 128 bits as two words, IPv4 in the topmost 32. */
struct fib_key {
	uint64_t hi;
	uint64_t lo;
	unsigned len;
};

struct fib_routes {
	unsigned family;
	uint32_t max;
	uint32_t count;
	uint32_t used;       /* route numbers below this one have been in use */
	uint32_t free;       /* number plus one of the first free route, linked through marks; 0 */
	uint32_t index_mask; /* slots - 1 */
	uint32_t *index;     /* 0, or hash tag << 24 | route number + 1 */
	uint32_t *entries;   /* as in the tables: (length + 1) << 24 | next hop; 0 when free */
	uint32_t *marks;
	uint64_t *addrs; /* IPv4: two routes in a word; IPv6: two words for a route */
	uint64_t seed[3];
	uint64_t lengths[3];                /* bitmap of the lengths that have routes */
	uint32_t length_count[FIB_LENGTHS]; /* routes by length */
};

/* The first @len bits of @hi and @lo. */
static inline struct fib_key fib_key_cut(uint64_t hi, uint64_t lo, unsigned len)
{
	struct fib_key key = {.len = len};

	if (len > 64) {
		key.hi = hi;
		key.lo = lo & (UINT64_MAX << (128 - len));
	} else if (len > 0) {
		key.hi = hi & (UINT64_MAX << (64 - len));
	}
	return key;
}

/* The key of @prefix, host bits cleared. */
struct fib_key fib_key_from(const struct ip_addr *prefix);

/* The prefix of @key. */
struct ip_addr fib_key_prefix(const struct fib_key *key, unsigned family);

/* An empty table for at most @max routes: 0 or -ENOMEM. */
int fib_routes_init(struct fib_routes *r, unsigned family, uint32_t max);

/* Frees what fib_routes_init() and later growth took; safe on a zeroed structure. */
void fib_routes_fini(struct fib_routes *r);

/* Exact match: the route's number or FIB_ROUTE_NONE. */
uint32_t fib_routes_find(const struct fib_routes *r, const struct fib_key *key);

/* The longest route of at most @len_max bits that covers @key, or FIB_ROUTE_NONE. */
uint32_t fib_routes_cover(const struct fib_routes *r, const struct fib_key *key, unsigned len_max);

/* Makes room for one more route: 0, or -ENOSPC and nothing is changed. */
int fib_routes_reserve(struct fib_routes *r);

/* Adds a route that is not there yet, after fib_routes_reserve(); @entry as in the tables. */
void fib_routes_insert(struct fib_routes *r, const struct fib_key *key, uint32_t entry);

/* Deletes the route with number @id. */
void fib_routes_remove(struct fib_routes *r, uint32_t id);

/* The key of the route with number @id, which is in use. */
struct fib_key fib_routes_key(const struct fib_routes *r, uint32_t id);

/* Resident memory in bytes, estimated. */
uint64_t fib_routes_bytes(const struct fib_routes *r);

#endif
