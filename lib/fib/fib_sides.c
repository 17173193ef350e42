/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two sides of a FIB as memory: mapping, flip, and the copy of what differs. Main thread only.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/fib/fib_internal.h"

#define TBL24_BYTES ((size_t)FIB_TBL24_ENTRIES * sizeof(uint32_t))
#define GROUP_BYTES (FIB_GROUP_ENTRIES * sizeof(uint32_t))
#define PAGE_BYTES  (FIB_PAGE_ENTRIES * sizeof(uint32_t))
#define HUGE_SHIFT  9 /* log2 of the pages in a huge page */
#define WORD_BITS   64

void *fib_map(size_t bytes)
{
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return base == MAP_FAILED ? NULL : base;
}

void fib_unmap(void *base, size_t bytes)
{
	if (base)
		munmap(base, bytes);
}

static size_t side_bytes(const struct fib *fib)
{
	size_t bytes = TBL24_BYTES + fib->groups_max * GROUP_BYTES;

	return (bytes + FIB_HUGE_BYTES - 1) & ~((size_t)FIB_HUGE_BYTES - 1);
}

static size_t bitmap_bytes(size_t bits)
{
	return (bits + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t);
}

/* Maps one side at a 2 MiB boundary: maps more than is needed and cuts the ends off. */
static int side_map(const struct fib *fib, struct fib_table *side)
{
	size_t bytes = side_bytes(fib);
	uint8_t *raw = fib_map(bytes + FIB_HUGE_BYTES);
	size_t head;

	if (!raw)
		return -ENOMEM;
	head = -(uintptr_t)raw & (FIB_HUGE_BYTES - 1);
	fib_unmap(head ? raw : NULL, head);
	munmap(raw + head + bytes, FIB_HUGE_BYTES - head);
	side->tbl24 = (uint32_t *)(raw + head);
	side->groups = side->tbl24 + FIB_TBL24_ENTRIES;
	side->wide = fib_lookup_has_wide();
	/*
	 * Huge pages are a matter of speed, so failing to get them is none. An IPv6 table uses a
	 * few stretches of its direct table: huge pages there would cost far more than they give.
	 */
	madvise(side->tbl24, TBL24_BYTES, fib->family == 4 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	madvise(side->groups, bytes - TBL24_BYTES, MADV_HUGEPAGE);
	return 0;
}

int fib_sides_map(struct fib *fib)
{
	fib->pages = side_bytes(fib) / PAGE_BYTES;
	fib->unit_shift = fib->family == 4 ? HUGE_SHIFT : 0;
	fib->dirty = fib_map(bitmap_bytes(fib->pages));
	fib->touched = fib_map(bitmap_bytes(FIB_TBL24_ENTRIES / FIB_PAGE_ENTRIES));
	fib->group_refs = fib_map(fib->groups_max * sizeof(uint32_t));
	if (!fib->dirty || !fib->touched || !fib->group_refs)
		return -ENOMEM;
	for (unsigned i = 0; i < ARRAY_SIZE(fib->sides); i++)
		if (side_map(fib, &fib->sides[i]) < 0)
			return -ENOMEM;
	return 0;
}

void fib_sides_unmap(struct fib *fib)
{
	for (unsigned i = 0; i < ARRAY_SIZE(fib->sides); i++)
		fib_unmap(fib->sides[i].tbl24, side_bytes(fib));
	fib_unmap(fib->group_refs, fib->groups_max * sizeof(uint32_t));
	fib_unmap(fib->touched, bitmap_bytes(FIB_TBL24_ENTRIES / FIB_PAGE_ENTRIES));
	fib_unmap(fib->dirty, bitmap_bytes(fib->pages));
}

const struct fib_table *fib_active(const struct fib *fib)
{
	return &fib->sides[fib->active];
}

bool fib_dirty(const struct fib *fib)
{
	return fib->dirty_pages > 0 ||
	       fib->sides[0].default_nexthop != fib->sides[1].default_nexthop;
}

void fib_flip(struct fib *fib)
{
	BRAID_ASSERT(!fib->syncing);
	fib->active = !fib->active;
	fib->syncing = true;
	fib->sync_page = 0;
}

/* The first page from @page on whose dirty bit is @dirty, but not beyond the end. */
static size_t next_page(const struct fib *fib, size_t page, bool dirty)
{
	while (page < fib->pages) {
		uint64_t word = fib->dirty[page / WORD_BITS];

		if (!dirty)
			word = ~word;
		word &= UINT64_MAX << (page % WORD_BITS);
		if (word) {
			page = page / WORD_BITS * WORD_BITS + (size_t)__builtin_ctzll(word);
			return MIN_OF(page, fib->pages);
		}
		page = (page / WORD_BITS + 1) * WORD_BITS;
	}
	return fib->pages;
}

size_t fib_sync(struct fib *fib, size_t pages_max)
{
	const struct fib_table *from = fib_active(fib);
	struct fib_table *to = fib_standby(fib);
	size_t quota = pages_max;

	if (!fib->syncing)
		return 0;
	while (fib->dirty_pages && quota) {
		size_t first = next_page(fib, fib->sync_page, true);
		size_t end = first + MIN_OF(next_page(fib, first, false) - first, quota);

		BRAID_ASSERT(first < end);
		memcpy(to->tbl24 + first * FIB_PAGE_ENTRIES, from->tbl24 + first * FIB_PAGE_ENTRIES,
			(end - first) * PAGE_BYTES);
		for (size_t page = first; page < end; page++)
			fib->dirty[page / WORD_BITS] &= ~(1ULL << (page % WORD_BITS));
		fib->dirty_pages -= end - first;
		quota -= end - first;
		fib->sync_page = end;
	}
	if (fib->dirty_pages == 0) {
		to->default_nexthop = from->default_nexthop;
		fib->syncing = false;
	}
	return fib->dirty_pages;
}

void fib_usage_get(const struct fib *fib, struct fib_usage *usage)
{
	uint64_t direct = (uint64_t)fib->units * (PAGE_BYTES << fib->unit_shift);
	uint64_t groups = fib->groups_used * GROUP_BYTES;

	groups = (groups + FIB_HUGE_BYTES - 1) / FIB_HUGE_BYTES * FIB_HUGE_BYTES;
	*usage = (struct fib_usage){
		.routes = fib->routes.count,
		.groups = fib->groups_count,
		.groups_max = fib->groups_max,
		.bytes = 2 * (direct + groups) + fib_routes_bytes(&fib->routes) +
			 fib->groups_used * sizeof(uint32_t),
	};
}
