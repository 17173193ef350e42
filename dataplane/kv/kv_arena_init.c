/* SPDX-License-Identifier: BSD-3-Clause */
/* The mapping of an arena and its size classes. Thread: main. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/kv/kv_arena.h"
#include "lib/base/poison.h"

#define HUGE_BYTES         (2ULL << 20)
#define SLAB_BLOCKS_MIN    4
#define SLAB_WASTE_DIVISOR 32 /* a slab wastes at most this part of itself at its end */

/* Sets the slab of a class: as few pages as waste little. */
static void class_init(struct kv_class *class, unsigned number)
{
	uint32_t bytes = kv_class_bytes(number);

	*class = (struct kv_class){.bytes = bytes};
	for (uint32_t pages = 1; pages <= KV_SLAB_PAGES_MAX; pages++) {
		uint32_t slab = pages << KV_PAGE_SHIFT;

		class->pages = (uint16_t)pages;
		class->blocks = (uint16_t)(slab / bytes);
		if (class->blocks >= SLAB_BLOCKS_MIN && slab % bytes <= slab / SLAB_WASTE_DIVISOR)
			return;
	}
}

/* Huge pages if all are there, else what the kernel likes best; present either way. */
static uint8_t *map(uint64_t bytes, bool *is_huge)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *p = mmap(
		NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB | MAP_POPULATE, -1, 0);

	*is_huge = p != MAP_FAILED;
	if (*is_huge)
		return p;
	p = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	/* Only an aligned mapping gets transparent huge pages from end to end. */
	uintptr_t start = ((uintptr_t)p + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1);
	uintptr_t lead = start - (uintptr_t)p;

	if (lead > 0)
		munmap(p, lead);
	munmap((void *)(start + bytes), HUGE_BYTES - lead);
	(void)madvise((void *)start, bytes, MADV_HUGEPAGE);
	if (madvise((void *)start, bytes, MADV_POPULATE_WRITE) && errno == ENOMEM) {
		munmap((void *)start, bytes);
		return NULL;
	}
	return (uint8_t *)start;
}

int kv_arena_init(struct kv_arena *a, uint64_t bytes, struct base_error *err)
{
	uint64_t pages, table_bytes;

	memset(a, 0, sizeof(*a));
	if (bytes < KV_ARENA_BYTES_MIN || bytes > KV_ARENA_BYTES_MAX)
		return base_error_set(err, EINVAL,
			"a shard of %llu bytes cannot be made; give each worker 1 MiB to 32 GiB of "
			"store.memory",
			(unsigned long long)bytes);
	a->map_bytes = (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	a->base = map(a->map_bytes, &a->is_huge);
	if (!a->base)
		return base_error_set(err, ENOMEM,
			"%llu bytes for a shard are not to be had; lower store.memory",
			(unsigned long long)bytes);
	pages = a->map_bytes >> KV_PAGE_SHIFT;
	table_bytes = pages * sizeof(struct kv_page);
	a->pages = (struct kv_page *)(void *)a->base;
	a->n_pages = (uint32_t)pages;
	a->first_page = (uint32_t)((table_bytes + KV_PAGE_BYTES - 1) >> KV_PAGE_SHIFT);
	for (unsigned family = 0; family < KV_FAMILIES; family++)
		for (unsigned c = 1; c < KV_CLASSES; c++)
			class_init(&a->classes[family][c], c);
	kv_run_give(a, a->first_page, a->n_pages - a->first_page);
	return 0;
}

void kv_arena_fini(struct kv_arena *a)
{
	if (!a->base)
		return;
	BASE_UNPOISON(a->base, a->map_bytes);
	munmap(a->base, a->map_bytes);
	a->base = NULL;
}
