/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks of size classes out of slabs. A slab has a list of free blocks through the blocks, and
 * behind those in use a part that was never used; an empty one goes back to the pages. Thread:
 * worker.
 */
#include <string.h>

#include "dataplane/kv/kv_arena.h"
#include "lib/base/poison.h"

#define SPARES_LOOKED_AT 64
#define RUNS_LOOKED_AT   16

static struct kv_class *class_of_page(struct kv_arena *a, const struct kv_page *page)
{
	return &a->classes[page->slab_class / KV_CLASSES][page->slab_class % KV_CLASSES];
}

static void partial_add(struct kv_arena *a, struct kv_class *class, uint32_t page)
{
	struct kv_page *slab = &a->pages[page];

	slab->prev = 0;
	slab->next = class->partial;
	if (slab->next)
		a->pages[slab->next].prev = page;
	class->partial = page;
}

static void partial_del(struct kv_arena *a, struct kv_class *class, uint32_t page)
{
	struct kv_page *slab = &a->pages[page];

	if (slab->next)
		a->pages[slab->next].prev = slab->prev;
	if (slab->prev)
		a->pages[slab->prev].next = slab->next;
	else
		class->partial = slab->next;
	slab->next = slab->prev = 0;
}

/* Whether there are @n pages for @family. */
static bool may_take(const struct kv_arena *a, uint64_t n, enum kv_family family)
{
	return n + (family == KV_FOR_ITEMS ? a->kept_pages : 0) <= a->free_pages;
}

/* A new slab on the list of @class; 0: no pages. */
static uint32_t slab_make(struct kv_arena *a, struct kv_class *class, uint8_t number)
{
	uint32_t page = may_take(a, class->pages, (enum kv_family)(number / KV_CLASSES))
				? kv_run_take(a, class->pages)
				: 0;

	if (!page)
		return 0;
	a->pages[page] = (struct kv_page){.kind = KV_PAGE_SLAB, .slab_class = number};
	for (uint32_t i = 1; i < class->pages; i++) {
		a->pages[page + i].kind = KV_PAGE_INSIDE;
		a->pages[page + i].extent = page;
	}
	class->n_free += class->blocks;
	class->n_slabs++;
	partial_add(a, class, page);
	BASE_POISON(kv_arena_page_at(a, page), (uint64_t) class->pages << KV_PAGE_SHIFT);
	return page;
}

uint16_t kv_arena_link(const void *p)
{
	uint16_t link;

	BASE_UNPOISON(p, sizeof(link));
	memcpy(&link, p, sizeof(link));
	BASE_POISON(p, sizeof(link));
	return link;
}

static void *slab_alloc(struct kv_arena *a, unsigned number, enum kv_family family)
{
	struct kv_class *class = &a->classes[family][number];
	uint32_t page = class->partial;
	struct kv_page *slab;
	uint8_t *p;

	if (UNLIKELY(!page)) {
		page = slab_make(a, class, (uint8_t)(family * KV_CLASSES + number));
		if (!page)
			return NULL;
	}
	slab = &a->pages[page];
	p = kv_arena_page_at(a, page);
	if (slab->free) {
		p += (uint32_t)(slab->free - 1) << KV_REF_SHIFT;
		BASE_UNPOISON(p, class->bytes);
		memcpy(&slab->free, p, sizeof(slab->free));
	} else {
		p += (uint32_t)slab->fresh << KV_REF_SHIFT;
		BASE_UNPOISON(p, class->bytes);
		slab->fresh = (uint16_t)(slab->fresh + (class->bytes >> KV_REF_SHIFT));
	}
	class->n_free--;
	if (++slab->used == class->blocks)
		partial_del(a, class, page);
	a->used_bytes += class->bytes;
	return p;
}

void *kv_arena_alloc(struct kv_arena *a, uint64_t bytes, enum kv_family family)
{
	uint64_t n = (bytes + KV_PAGE_BYTES - 1) >> KV_PAGE_SHIFT;
	uint32_t page;

	if (LIKELY(bytes <= KV_SLAB_BLOCK_MAX))
		return slab_alloc(a, kv_class_of((uint32_t)bytes), family);
	if (!may_take(a, n, family))
		return NULL;
	page = kv_run_take(a, (uint32_t)n);
	if (!page)
		return NULL;
	a->used_bytes += n << KV_PAGE_SHIFT;
	return kv_arena_page_at(a, page);
}

uint32_t kv_arena_head(const struct kv_arena *a, const void *p)
{
	uint32_t page = (uint32_t)((uint64_t)((const uint8_t *)p - a->base) >> KV_PAGE_SHIFT);

	return a->pages[page].kind == KV_PAGE_INSIDE ? a->pages[page].extent : page;
}

static void slab_free(struct kv_arena *a, uint32_t page, void *p)
{
	struct kv_page *slab = &a->pages[page];
	struct kv_class *class = class_of_page(a, slab);
	uint32_t offset = (uint32_t)((uint8_t *)p - kv_arena_page_at(a, page));
	bool was_full = slab->used == class->blocks;

	memcpy(p, &slab->free, sizeof(slab->free));
	BASE_POISON(p, class->bytes);
	slab->free = (uint16_t)((offset >> KV_REF_SHIFT) + 1);
	a->used_bytes -= class->bytes;
	class->n_free++;
	if (--slab->used == 0) {
		/* One that is spared is on no list, and so is a full one. */
		if (slab->next || slab->prev || class->partial == page)
			partial_del(a, class, page);
		class->n_free -= class->blocks;
		class->n_slabs--;
		a->spare = a->spare == page ? 0 : a->spare;
		kv_run_give(a, page, class->pages);
	} else if (was_full && page != a->spare) {
		partial_add(a, class, page);
	}
}

void kv_arena_free(struct kv_arena *a, void *p)
{
	uint32_t page = kv_arena_head(a, p);

	BRAID_ASSERT(a->pages[page].pins == 0);
	if (a->pages[page].kind == KV_PAGE_SLAB) {
		slab_free(a, page, p);
		return;
	}
	BRAID_ASSERT(a->pages[page].kind == KV_PAGE_RUN && p == kv_arena_page_at(a, page));
	a->used_bytes -= (uint64_t)a->pages[page].extent << KV_PAGE_SHIFT;
	kv_run_give(a, page, a->pages[page].extent);
}

uint64_t kv_arena_block_bytes(const struct kv_arena *a, const void *p)
{
	const struct kv_page *head = &a->pages[kv_arena_head(a, p)];

	return head->kind == KV_PAGE_SLAB ? kv_class_bytes(head->slab_class % KV_CLASSES)
					  : (uint64_t)head->extent << KV_PAGE_SHIFT;
}

bool kv_arena_resize(struct kv_arena *a, void *p, uint64_t bytes)
{
	uint32_t page = kv_arena_head(a, p);
	struct kv_page *head = &a->pages[page];
	uint64_t n = (bytes + KV_PAGE_BYTES - 1) >> KV_PAGE_SHIFT;
	uint32_t had = head->extent;

	if (bytes <= KV_SLAB_BLOCK_MAX || head->kind == KV_PAGE_SLAB)
		return head->kind == KV_PAGE_SLAB &&
		       kv_arena_rounded(bytes) == class_of_page(a, head)->bytes;
	if (n > a->n_pages || !kv_run_resize(a, page, had, (uint32_t)n))
		return false;
	a->used_bytes = a->used_bytes + (n << KV_PAGE_SHIFT) - ((uint64_t)had << KV_PAGE_SHIFT);
	return true;
}

/* The class of items with most bytes free, if a whole slab of it could be. */
static struct kv_class *emptiest_class(struct kv_arena *a)
{
	struct kv_class *best = NULL;
	uint64_t best_bytes = 0;

	for (unsigned c = 1; c < KV_CLASSES; c++) {
		struct kv_class *class = &a->classes[KV_FOR_ITEMS][c];
		uint64_t bytes = (uint64_t) class->n_free * class->bytes;

		if (class->n_free >= class->blocks && class->n_slabs > 1 && bytes > best_bytes) {
			best = class;
			best_bytes = bytes;
		}
	}
	return best;
}

/* Whether the blocks of slab @page would fit into others. */
static bool can_spare(struct kv_arena *a, uint32_t page)
{
	const struct kv_page *slab = &a->pages[page];
	const struct kv_class *class = class_of_page(a, slab);
	uint32_t elsewhere = class->n_free - (class->blocks - (uint32_t)slab->used);

	return slab->kind == KV_PAGE_SLAB && slab->slab_class < KV_CLASSES && !slab->pins &&
	       elsewhere >= slab->used;
}

/* A slab beside the free run at @run that can be spared, or 0. */
static uint32_t spare_beside(struct kv_arena *a, uint32_t run)
{
	uint32_t page = run + a->pages[run].extent;

	if (page < a->n_pages && can_spare(a, page))
		return page;
	if (run == a->first_page)
		return 0;
	page = a->pages[run - 1].kind == KV_PAGE_INSIDE ? a->pages[run - 1].extent : run - 1;
	return can_spare(a, page) ? page : 0;
}

/* A slab beside one of the longest free runs: the longest of all may lie between blocks that cannot
 * be moved. 0: there is none that can be spared. */
static uint32_t spare_neighbour(struct kv_arena *a)
{
	uint32_t run = kv_run_largest(a), page = 0;

	for (unsigned i = 0; run && !page && i < RUNS_LOOKED_AT; i++, run = kv_run_smaller(a, run))
		page = spare_beside(a, run);
	return page;
}

/* A slab of the emptiest class with few blocks in use. */
static uint32_t spare_sparse(struct kv_arena *a)
{
	struct kv_class *class = emptiest_class(a);
	uint32_t page = class ? class->partial : 0, best = 0;

	for (unsigned i = 0; page && i < SPARES_LOOKED_AT; i++, page = a->pages[page].next)
		if (can_spare(a, page) && (!best || a->pages[page].used < a->pages[best].used))
			best = page;
	return best;
}

uint32_t kv_arena_spare(struct kv_arena *a)
{
	uint32_t page = spare_neighbour(a);

	if (!page)
		page = spare_sparse(a);
	a->spare = page;
	if (page && a->pages[page].used < class_of_page(a, &a->pages[page])->blocks)
		partial_del(a, class_of_page(a, &a->pages[page]), page);
	return page;
}

void kv_arena_spare_keep(struct kv_arena *a, uint32_t page)
{
	struct kv_class *class = class_of_page(a, &a->pages[page]);

	a->spare = 0;
	if (a->pages[page].used < class->blocks)
		partial_add(a, class, page);
}
