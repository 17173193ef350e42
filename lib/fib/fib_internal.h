/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside of a FIB: what its own files share and nobody else includes. Main thread only, except the
 * lookups, which see nothing but a struct fib_table.
 *
 * A side is one mapping: the direct table, then the groups; a page is 4 KiB of it. Level 0 is the
 * direct table (lengths 1-24), level k the groups for lengths 24 + 8k - 7 ... 24 + 8k. A group
 * lives as long as it is needed: it counts the routes of its level and the groups below it.
 */
#ifndef LIB_FIB_FIB_INTERNAL_H
#define LIB_FIB_FIB_INTERNAL_H

#include "lib/fib/fib.h"
#include "lib/fib/fib_routes.h"

#define FIB_TBL24_ENTRIES (1u << 24)
#define FIB_PAGE_ENTRIES  1024u /* 4 KiB */
#define FIB_HUGE_BYTES    (2u << 20)
#define FIB_LEVELS_MAX    14 /* direct table and 13 strides */

struct fib {
	unsigned family;
	unsigned active; /* which side readers use */
	bool syncing;    /* flipped, and the standby side is not yet a copy of the active one */
	struct fib_table sides[2];
	struct fib_routes routes;
	uint32_t groups_max;
	uint32_t groups_count; /* in use */
	uint32_t groups_used;  /* groups below this one have been in use */
	uint32_t group_free;   /* number plus one of the first free group, or 0 */
	uint32_t
		*group_refs; /* in use: routes and child groups; free: the next free one plus one */
	size_t pages;        /* in a side */
	size_t dirty_pages;
	size_t sync_page;    /* fib_sync() goes on here */
	uint64_t *dirty;     /* bitmap of the pages that differ between the sides */
	unsigned unit_shift; /* log2 of the pages that become resident together in tbl24 */
	uint32_t units;      /* such units of tbl24 ever written */
	uint64_t *touched;   /* bitmap of them */
};

/* Maps @bytes of zeros, resident only where touched; NULL on failure. */
void *fib_map(size_t bytes);

/* Undoes fib_map(); NULL is allowed. */
void fib_unmap(void *base, size_t bytes);

/* Maps both sides and what describes their pages and groups: 0 or -ENOMEM. */
int fib_sides_map(struct fib *fib);

/* Undoes fib_sides_map(), also half done. */
void fib_sides_unmap(struct fib *fib);

/* The side that is being built. */
static inline struct fib_table *fib_standby(struct fib *fib)
{
	return &fib->sides[!fib->active];
}

/* How many groups a route for @key lacks, no more than FIB_LEVELS_MAX. */
unsigned fib_groups_missing(struct fib *fib, const struct fib_key *key);

/* Makes the missing groups and counts the new route in its group. */
void fib_groups_get(struct fib *fib, const struct fib_key *key);

/* Uncounts a deleted route, whose entries were replaced already, and frees groups not needed. */
void fib_groups_put(struct fib *fib, const struct fib_key *key);

/*
 * Finds what covers @key from outside by looking at the other half of the next shorter prefix: what
 * is in force there and shorter than @key covers both halves. False when longer routes hide it.
 */
bool fib_cover_beside(struct fib *fib, const struct fib_key *key, uint32_t *entry);

/* Whether this CPU runs the variant of fib_lookup4_bulk() for 16 addresses at a time. */
bool fib_lookup_has_wide(void);

/* Writes @entry wherever a prefix no longer than @key and under it is in force. */
void fib_fill(struct fib *fib, const struct fib_key *key, uint32_t entry);

#endif
