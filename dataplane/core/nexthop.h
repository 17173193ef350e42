/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers in world.nexthops: handed out, filled while nobody sees them, reused only after a grace
 * period. Thread: main.
 */
#ifndef DATAPLANE_CORE_NEXTHOP_H
#define DATAPLANE_CORE_NEXTHOP_H

#include "dataplane/core/world.h"

/* Numbers with a fixed meaning. */
enum nexthop_number {
	NEXTHOP_NUMBER_NONE,
	NEXTHOP_NUMBER_BLACKHOLE,
	NEXTHOP_NUMBER_REJECT,
	NEXTHOP_NUMBER_FIRST_FREE,
};

/* Allocates the array (hugepage advice) and fills the fixed numbers. 0 or -ENOMEM. */
int nexthop_init(struct base_error *err);

/* Frees the array and the groups still in it. */
void nexthop_fini(void);

/* The array, for world.nexthops. */
struct nexthop *nexthop_array(void);

/* A zeroed entry; its number, or 0 when all WORLD_NEXTHOPS_MAX are taken. */
uint16_t nexthop_alloc(void);

/* Gives @number back. No published world may lead to it any more; it is reused (and its group
 * freed) only after the next nexthop_reclaim(). */
void nexthop_free(uint16_t number);

/* To be called after a grace period that began after the frees: makes the numbers available. */
void nexthop_reclaim(void);

/* Numbers in use, the fixed ones not counted. */
uint32_t nexthop_count(void);

#endif
