/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of a shard: one mapping, cut into pages of 4 KiB. Small blocks come from slabs of one
 * size class each, large ones are runs of pages; neighbouring free runs are one run. Every call
 * takes a bounded time that does not depend on the size. Blocks have 32-bit references: their
 * distance from the base in units of 8 bytes. Thread: worker, the owner.
 */
#ifndef DATAPLANE_KV_KV_ARENA_H
#define DATAPLANE_KV_KV_ARENA_H

#include "lib/base/base.h"

#define KV_PAGE_SHIFT      12
#define KV_PAGE_BYTES      (1u << KV_PAGE_SHIFT)
#define KV_REF_SHIFT       3 /* blocks lie at multiples of 8 bytes */
#define KV_BLOCK_BYTES_MIN 16
#define KV_SLAB_BLOCK_MAX  (32u << 10) /* larger blocks are runs */
#define KV_SLAB_PAGES_MAX  32
#define KV_CLASSES         81
#define KV_RUN_BINS        200
#define KV_ARENA_BYTES_MIN (1ULL << 20)
#define KV_ARENA_BYTES_MAX (32ULL << 30) /* what references reach */

/* Whom a block serves: items can be moved to other blocks, the rest cannot. */
enum kv_family { KV_FOR_ITEMS, KV_FOR_OTHERS, KV_FAMILIES };

enum kv_page_kind {
	KV_PAGE_INSIDE, /* not the first of its run, or the last of one in use */
	KV_PAGE_FREE,   /* first and last page of a free run */
	KV_PAGE_SLAB,   /* first of a slab */
	KV_PAGE_RUN,    /* first of a run in use */
};

/* What is known of a page; of most runs only the first and the last one's are true. */
struct kv_page {
	uint32_t next; /* free runs of a bin, slabs of a class that have room; page numbers */
	uint32_t prev;
	uint32_t extent; /* a run: its pages; a slab: its first dead block; inside a slab, and the
			    last page of a run: the first one */
	uint32_t pins;   /* of the blocks in it */
	uint16_t used;   /* blocks of a slab in use */
	uint16_t free;   /* first free block: offset in units of 8 bytes, plus one */
	uint16_t fresh;  /* blocks that were never used start here, in units of 8 bytes */
	uint8_t kind;
	uint8_t slab_class; /* class and family */
};

struct kv_class {
	uint32_t bytes;   /* of a block */
	uint16_t pages;   /* of a slab */
	uint16_t blocks;  /* of a slab */
	uint32_t partial; /* slabs with room, 0: none */
	uint32_t n_free;  /* blocks free in all slabs of the class */
	uint32_t n_slabs;
};

struct kv_arena {
	uint8_t *base;
	struct kv_page *pages; /* by page number; lies at the base */
	uint32_t n_pages;
	uint32_t first_page; /* behind struct kv_page[] */
	uint32_t free_pages;
	uint32_t kept_pages; /* of them, not for items */
	uint32_t spare;      /* a slab that is being emptied, 0: none */
	uint64_t used_bytes; /* of blocks handed out, as large as their classes */
	uint64_t map_bytes;
	bool is_huge; /* huge pages were there */
	struct kv_class classes[KV_FAMILIES][KV_CLASSES];
	uint64_t bins_used[(KV_RUN_BINS + 63) / 64];
	uint32_t bins[KV_RUN_BINS]; /* first free run of each size */
};

/* Maps @bytes, on huge pages where there are enough, and makes them present. 0 or -errno with the
 * sentence. Main thread. */
int kv_arena_init(struct kv_arena *a, uint64_t bytes, struct base_error *err);

/* Unmaps it. Main thread. */
void kv_arena_fini(struct kv_arena *a);

/* A block of at least @bytes (> 0) or NULL. Its contents are anything. */
void *kv_arena_alloc(struct kv_arena *a, uint64_t bytes, enum kv_family family);

/* Takes back a block. Its slab must not be pinned. */
void kv_arena_free(struct kv_arena *a, void *p);

/* Tries to make the run at @p @bytes long, or a little longer, without moving it. A block of a slab
 * can only stay as it is. */
bool kv_arena_resize(struct kv_arena *a, void *p, uint64_t bytes);

/* Bytes of the block at @p. */
uint64_t kv_arena_block_bytes(const struct kv_arena *a, const void *p);

/*
 * A slab of items whose blocks would all fit into other slabs of its class: one beside the longest
 * free run, so that runs become longer, or else one with few blocks in use. 0: there is none.
 * Nothing is allocated from it until it is empty, which frees it, or kv_arena_spare_keep.
 */
uint32_t kv_arena_spare(struct kv_arena *a);

/* Slab @page is to be used again. */
void kv_arena_spare_keep(struct kv_arena *a, uint32_t page);

/* The first page of the slab or run in which @p lies. */
uint32_t kv_arena_head(const struct kv_arena *a, const void *p);

static inline void *kv_arena_at(const struct kv_arena *a, uint32_t ref)
{
	return a->base + ((uint64_t)ref << KV_REF_SHIFT);
}

static inline uint32_t kv_arena_ref(const struct kv_arena *a, const void *p)
{
	return (uint32_t)((uint64_t)((const uint8_t *)p - a->base) >> KV_REF_SHIFT);
}

static inline uint8_t *kv_arena_page_at(const struct kv_arena *a, uint32_t page)
{
	return a->base + ((uint64_t)page << KV_PAGE_SHIFT);
}

/* What the free block at @p says: the next free one of its slab, as in struct kv_page. */
uint16_t kv_arena_link(const void *p);

/* Class of a block of @bytes (1 to KV_SLAB_BLOCK_MAX): multiples of 8 up to 128, then eight sizes
 * for each power of two, so that at most a ninth of a block is slack. */
static inline unsigned kv_class_of(uint32_t bytes)
{
	uint32_t last = MAX_OF(bytes, (uint32_t)KV_BLOCK_BYTES_MIN) - 1;
	unsigned power;

	if (last < 128)
		return last / 8 + 1;
	power = 31 - (unsigned)__builtin_clz(last);
	return 17 + (power - 7) * 8 + (last >> (power - 3) & 7);
}

/* Bytes of a block of @class. */
static inline uint32_t kv_class_bytes(unsigned class)
{
	unsigned power = 7 + (class - 17) / 8;

	return class <= 16 ? class * 8 : ((class - 17) % 8 + 9) << (power - 3);
}

/* What a block for @bytes takes. */
static inline uint64_t kv_arena_rounded(uint64_t bytes)
{
	if (bytes <= KV_SLAB_BLOCK_MAX)
		return kv_class_bytes(kv_class_of((uint32_t)bytes));
	return (bytes + KV_PAGE_BYTES - 1) & ~(uint64_t)(KV_PAGE_BYTES - 1);
}

/* Runs of pages, for kv_arena.c: takes @n pages, 0 when there is no such run. */
uint32_t kv_run_take(struct kv_arena *a, uint32_t n);

/* Gives @n pages from @page on back. */
void kv_run_give(struct kv_arena *a, uint32_t page, uint32_t n);

/* One of the longest free runs; 0: there is none. */
uint32_t kv_run_largest(const struct kv_arena *a);

/* Another free run, no longer than the one at @page or of the same bin; from kv_run_largest on all
 * of them. 0: there is none. */
uint32_t kv_run_smaller(const struct kv_arena *a, uint32_t page);

/* Makes the run at @page @n pages long instead of @had, in place. */
bool kv_run_resize(struct kv_arena *a, uint32_t page, uint32_t had, uint32_t n);

#endif
