/* SPDX-License-Identifier: BSD-3-Clause */
/* Next-hop numbers: a stack of free ones and a list of those that wait for a grace period.
 * Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/core/nexthop.h"

static struct {
	struct nexthop *array;
	uint16_t *free_stack;
	uint16_t *waiting; /* freed since the last reclaim */
	uint32_t n_free;
	uint32_t n_waiting;
} nh;

int nexthop_init(struct base_error *err)
{
	size_t bytes = WORLD_NEXTHOPS_MAX * sizeof(struct nexthop);

	nh.array = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (nh.array == MAP_FAILED)
		return base_error_set(
			err, ENOMEM, "no memory for %u next hops", WORLD_NEXTHOPS_MAX);
	madvise(nh.array, bytes, MADV_HUGEPAGE);
	nh.free_stack = calloc(WORLD_NEXTHOPS_MAX, sizeof(uint16_t));
	nh.waiting = calloc(WORLD_NEXTHOPS_MAX, sizeof(uint16_t));
	if (!nh.free_stack || !nh.waiting)
		return base_error_set(err, ENOMEM, "no memory for the next-hop numbers");
	nh.n_waiting = 0;
	nh.n_free = 0;
	for (uint32_t i = WORLD_NEXTHOPS_MAX - 1; i >= NEXTHOP_NUMBER_FIRST_FREE; i--)
		nh.free_stack[nh.n_free++] = (uint16_t)i;
	nh.array[NEXTHOP_NUMBER_NONE].kind = NEXTHOP_NONE;
	nh.array[NEXTHOP_NUMBER_BLACKHOLE].kind = NEXTHOP_BLACKHOLE;
	nh.array[NEXTHOP_NUMBER_REJECT].kind = NEXTHOP_REJECT;
	return 0;
}

void nexthop_fini(void)
{
	if (nh.array && nh.array != MAP_FAILED) {
		for (uint32_t i = 0; i < WORLD_NEXTHOPS_MAX; i++)
			free((void *)(uintptr_t)nh.array[i].group);
		munmap(nh.array, WORLD_NEXTHOPS_MAX * sizeof(struct nexthop));
	}
	free(nh.free_stack);
	free(nh.waiting);
	memset(&nh, 0, sizeof(nh));
}

struct nexthop *nexthop_array(void)
{
	return nh.array;
}

uint16_t nexthop_alloc(void)
{
	return nh.n_free ? nh.free_stack[--nh.n_free] : NEXTHOP_NUMBER_NONE;
}

void nexthop_free(uint16_t number)
{
	BRAID_ASSERT(number >= NEXTHOP_NUMBER_FIRST_FREE && number < WORLD_NEXTHOPS_MAX);
	nh.waiting[nh.n_waiting++] = number;
}

void nexthop_reclaim(void)
{
	while (nh.n_waiting) {
		uint16_t number = nh.waiting[--nh.n_waiting];
		struct nexthop *n = &nh.array[number];

		free((void *)(uintptr_t)n->group);
		memset((void *)n, 0, sizeof(*n));
		nh.free_stack[nh.n_free++] = number;
	}
}

uint32_t nexthop_count(void)
{
	return WORLD_NEXTHOPS_MAX - NEXTHOP_NUMBER_FIRST_FREE - nh.n_free;
}
