/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs of pages: free ones lie in bins by length, exact up to 32 pages, then eight bins for each
 * power of two (two-level segregated fit, Masmano, Ripoll, Crespo and Real, ECRTS 2004). First and
 * last page of a free run know its length, so neighbours join at once. Thread: worker.
 */
#include "dataplane/kv/kv_arena.h"
#include "lib/base/poison.h"

#define EXACT_BINS 32
#define FITS_MAX   8 /* runs looked at in the bin that may hold some that are too short */

/* The bin of a run of @n pages. */
static unsigned bin_of(uint32_t n)
{
	unsigned power;

	if (n <= EXACT_BINS)
		return n - 1;
	power = 31 - (unsigned)__builtin_clz(n);
	return EXACT_BINS + (power - 5) * 8 + (n >> (power - 3) & 7);
}

static void bin_add(struct kv_arena *a, uint32_t page, uint32_t n)
{
	unsigned bin = bin_of(n);
	struct kv_page *first = &a->pages[page];

	first->kind = a->pages[page + n - 1].kind = KV_PAGE_FREE;
	first->extent = a->pages[page + n - 1].extent = n;
	first->prev = 0;
	first->next = a->bins[bin];
	if (first->next)
		a->pages[first->next].prev = page;
	a->bins[bin] = page;
	a->bins_used[bin / 64] |= 1ULL << bin % 64;
}

static void bin_del(struct kv_arena *a, uint32_t page)
{
	struct kv_page *first = &a->pages[page];
	unsigned bin = bin_of(first->extent);

	if (first->next)
		a->pages[first->next].prev = first->prev;
	if (first->prev)
		a->pages[first->prev].next = first->next;
	else
		a->bins[bin] = first->next;
	if (!a->bins[bin])
		a->bins_used[bin / 64] &= ~(1ULL << bin % 64);
}

/* The first bin from @bin on that holds a run; KV_RUN_BINS: none. */
static unsigned bin_next(const struct kv_arena *a, unsigned bin)
{
	unsigned word = bin / 64;
	uint64_t bits;

	if (bin >= KV_RUN_BINS)
		return KV_RUN_BINS;
	bits = a->bins_used[word] & ~0ULL << bin % 64;
	while (!bits && ++word < ARRAY_SIZE(a->bins_used))
		bits = a->bins_used[word];
	return bits ? word * 64 + (unsigned)__builtin_ctzll(bits) : KV_RUN_BINS;
}

/* A free run of at least @n pages, 0: none. */
static uint32_t find(const struct kv_arena *a, uint32_t n)
{
	unsigned bin = bin_of(n), next = bin + (n > EXACT_BINS);
	uint32_t page;

	next = bin_next(a, next);
	if (next < KV_RUN_BINS)
		return a->bins[next];
	page = n > EXACT_BINS ? a->bins[bin] : 0;
	for (unsigned i = 0; page && i < FITS_MAX && a->pages[page].extent < n; i++)
		page = a->pages[page].next;
	return page && a->pages[page].extent >= n ? page : 0;
}

/* Marks @n pages from @page on as used. */
static void use(struct kv_arena *a, uint32_t page, uint32_t n)
{
	a->pages[page + n - 1].kind = KV_PAGE_INSIDE;
	a->pages[page + n - 1].extent = page;
	a->pages[page] = (struct kv_page){.kind = KV_PAGE_RUN, .extent = n};
	a->free_pages -= n;
}

uint32_t kv_run_largest(const struct kv_arena *a)
{
	for (unsigned word = ARRAY_SIZE(a->bins_used); word-- > 0;)
		if (a->bins_used[word])
			return a->bins[word * 64 + 63 -
				       (unsigned)__builtin_clzll(a->bins_used[word])];
	return 0;
}

uint32_t kv_run_smaller(const struct kv_arena *a, uint32_t page)
{
	unsigned bin = bin_of(a->pages[page].extent), word = bin / 64;
	uint64_t below = bin % 64 ? a->bins_used[word] << (64 - bin % 64) >> (64 - bin % 64) : 0;

	if (a->pages[page].next)
		return a->pages[page].next;
	while (!below && word > 0)
		below = a->bins_used[--word];
	return below ? a->bins[word * 64 + 63 - (unsigned)__builtin_clzll(below)] : 0;
}

uint32_t kv_run_take(struct kv_arena *a, uint32_t n)
{
	uint32_t page = n <= a->free_pages ? find(a, n) : 0;
	uint32_t had;

	if (!page)
		return 0;
	had = a->pages[page].extent;
	bin_del(a, page);
	if (had > n)
		bin_add(a, page + n, had - n);
	use(a, page, n);
	BASE_UNPOISON(kv_arena_page_at(a, page), (uint64_t)n << KV_PAGE_SHIFT);
	return page;
}

void kv_run_give(struct kv_arena *a, uint32_t page, uint32_t n)
{
	BASE_POISON(kv_arena_page_at(a, page), (uint64_t)n << KV_PAGE_SHIFT);
	a->free_pages += n;
	if (page > a->first_page && a->pages[page - 1].kind == KV_PAGE_FREE) {
		uint32_t before = a->pages[page - 1].extent;

		page -= before;
		bin_del(a, page);
		a->pages[page + before - 1].kind = KV_PAGE_INSIDE;
		a->pages[page + before].kind = KV_PAGE_INSIDE;
		n += before;
	}
	if (page + n < a->n_pages && a->pages[page + n].kind == KV_PAGE_FREE) {
		uint32_t behind = a->pages[page + n].extent;

		bin_del(a, page + n);
		a->pages[page + n].kind = KV_PAGE_INSIDE;
		n += behind;
	}
	bin_add(a, page, n);
}

bool kv_run_resize(struct kv_arena *a, uint32_t page, uint32_t had, uint32_t n)
{
	uint32_t pins = a->pages[page].pins;
	uint32_t behind;

	if (n < had) {
		a->pages[page + n - 1].kind = KV_PAGE_INSIDE;
		a->pages[page + n - 1].extent = page;
		a->pages[page].kind = KV_PAGE_RUN;
		a->pages[page].extent = n;
		kv_run_give(a, page + n, had - n);
		return true;
	}
	if (n == had)
		return true;
	if (page + had >= a->n_pages || a->pages[page + had].kind != KV_PAGE_FREE)
		return false;
	behind = a->pages[page + had].extent;
	if (had + behind < n)
		return false;
	bin_del(a, page + had);
	if (had + behind > n)
		bin_add(a, page + n, had + behind - n);
	a->pages[page + had - 1].kind = KV_PAGE_INSIDE;
	a->pages[page + had].kind = KV_PAGE_INSIDE;
	a->free_pages += had;
	use(a, page, n);
	a->pages[page].pins = pins;
	BASE_UNPOISON(kv_arena_page_at(a, page), (uint64_t)n << KV_PAGE_SHIFT);
	return true;
}
