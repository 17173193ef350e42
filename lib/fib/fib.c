/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operations of a FIB (see fib.h) on its parts: routes (fib_routes.c), entries and groups of
 * the standby side (fib_build.c), the two sides (fib_sides.c). Main thread only.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/fib/fib_internal.h"

struct fib *fib_create(
	unsigned family, uint32_t routes_max, uint32_t groups_max, struct base_error *err)
{
	struct fib *fib;

	BRAID_ASSERT(family == 4 || family == 6);
	if (routes_max == 0 || routes_max > FIB_ROUTES_LIMIT || groups_max == 0 ||
		groups_max > FIB_INDEX_MASK) {
		base_error_set(err, EINVAL,
			"IPv%u FIB of %u routes and %u groups: choose 1 to %u routes and 1 to %u "
			"groups",
			family, routes_max, groups_max, FIB_ROUTES_LIMIT, FIB_INDEX_MASK);
		return NULL;
	}
	fib = calloc(1, sizeof(*fib));
	if (fib) {
		fib->family = family;
		fib->groups_max = groups_max;
		if (fib_routes_init(&fib->routes, family, routes_max) == 0 &&
			fib_sides_map(fib) == 0)
			return fib;
		fib_destroy(fib);
	}
	base_error_set(err, ENOMEM,
		"no memory for an IPv%u FIB of %u routes: raise the limit on address space, or "
		"lower "
		"the number of routes",
		family, routes_max);
	return NULL;
}

void fib_destroy(struct fib *fib)
{
	if (!fib)
		return;
	fib_routes_fini(&fib->routes);
	fib_sides_unmap(fib);
	free(fib);
}

/* The key of @prefix, which the caller has checked to be of this family. */
static struct fib_key key_of(const struct fib *fib, const struct ip_addr *prefix)
{
	BRAID_ASSERT(prefix->family == fib->family);
	BRAID_ASSERT(prefix->prefix_len <= ip_addr_bits(fib->family));
	return fib_key_from(prefix);
}

/* Puts @entry into force for @key on the standby side. The default route is not in the tables. */
static void route_write(struct fib *fib, const struct fib_key *key, uint32_t entry)
{
	if (key->len == 0)
		fib_standby(fib)->default_nexthop = entry & FIB_INDEX_MASK;
	else
		fib_fill(fib, key, entry);
}

int fib_add(struct fib *fib, const struct ip_addr *prefix, uint32_t nexthop, uint32_t *old)
{
	struct fib_key key = key_of(fib, prefix);
	uint32_t entry = (key.len + 1) << FIB_DEPTH_SHIFT | nexthop;
	uint32_t id = fib_routes_find(&fib->routes, &key);
	uint32_t replaced = 0;

	BRAID_ASSERT(!fib->syncing);
	BRAID_ASSERT(nexthop > 0 && nexthop <= FIB_NEXTHOP_MAX);
	if (id != FIB_ROUTE_NONE) {
		replaced = fib->routes.entries[id] & FIB_INDEX_MASK;
		fib->routes.entries[id] = entry;
	} else {
		if (fib_groups_missing(fib, &key) > fib->groups_max - fib->groups_count)
			return -ENOSPC;
		if (fib_routes_reserve(&fib->routes) < 0)
			return -ENOSPC;
		fib_routes_insert(&fib->routes, &key, entry);
		fib_groups_get(fib, &key);
	}
	if (replaced != nexthop)
		route_write(fib, &key, entry);
	if (old)
		*old = replaced;
	return 0;
}

/* The entry of the longest route that covers @key and is shorter; 0 if it is the default or none.
 */
static uint32_t covering_entry(struct fib *fib, const struct fib_key *key)
{
	uint32_t entry = 0;
	uint32_t id;

	if (key->len == 0 || fib_cover_beside(fib, key, &entry))
		return entry;
	id = fib_routes_cover(&fib->routes, key, key->len - 1);
	if (id == FIB_ROUTE_NONE || fib_routes_key(&fib->routes, id).len == 0)
		return 0;
	return fib->routes.entries[id];
}

int fib_del(struct fib *fib, const struct ip_addr *prefix, uint32_t *old)
{
	struct fib_key key = key_of(fib, prefix);
	uint32_t id = fib_routes_find(&fib->routes, &key);

	BRAID_ASSERT(!fib->syncing);
	if (id == FIB_ROUTE_NONE)
		return -ENOENT;
	if (old)
		*old = fib->routes.entries[id] & FIB_INDEX_MASK;
	fib_routes_remove(&fib->routes, id);
	route_write(fib, &key, covering_entry(fib, &key));
	fib_groups_put(fib, &key);
	return 0;
}

uint32_t fib_find(const struct fib *fib, const struct ip_addr *prefix)
{
	struct fib_key key = key_of(fib, prefix);
	uint32_t id = fib_routes_find(&fib->routes, &key);

	return id == FIB_ROUTE_NONE ? 0 : fib->routes.entries[id] & FIB_INDEX_MASK;
}

uint32_t fib_match(const struct fib *fib, const struct ip_addr *addr, struct ip_addr *matched)
{
	unsigned bits = ip_addr_bits(fib->family);
	struct ip_addr host = *addr;
	struct fib_key key;
	uint32_t id;

	host.prefix_len = (uint8_t)bits;
	key = key_of(fib, &host);
	id = fib_routes_cover(&fib->routes, &key, bits);
	if (id == FIB_ROUTE_NONE)
		return 0;
	key = fib_routes_key(&fib->routes, id);
	if (matched)
		*matched = fib_key_prefix(&key, fib->family);
	return fib->routes.entries[id] & FIB_INDEX_MASK;
}

int fib_mark_set(struct fib *fib, const struct ip_addr *prefix, uint32_t mark)
{
	struct fib_key key = key_of(fib, prefix);
	uint32_t id = fib_routes_find(&fib->routes, &key);

	if (id == FIB_ROUTE_NONE)
		return -ENOENT;
	fib->routes.marks[id] = mark;
	return 0;
}

uint32_t fib_mark_get(const struct fib *fib, const struct ip_addr *prefix)
{
	struct fib_key key = key_of(fib, prefix);
	uint32_t id = fib_routes_find(&fib->routes, &key);

	return id == FIB_ROUTE_NONE ? 0 : fib->routes.marks[id];
}

size_t fib_dump(const struct fib *fib, uint64_t *cursor, struct fib_route *out, size_t n)
{
	const struct fib_routes *r = &fib->routes;
	size_t found = 0;

	for (; *cursor < r->used && found < n; (*cursor)++) {
		uint32_t id = (uint32_t)*cursor;
		struct fib_key key;

		if (r->entries[id] == 0)
			continue;
		key = fib_routes_key(r, id);
		out[found++] = (struct fib_route){
			.prefix = fib_key_prefix(&key, fib->family),
			.nexthop = r->entries[id] & FIB_INDEX_MASK,
			.mark = r->marks[id],
		};
	}
	return found;
}
