/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4): a table of prime size in which every
 * backend has its share of entries and keeps most of them when others come and go. The table is a
 * function of the set of (identity, weight) and the key alone, in whatever order they are given, so
 * that all members build the same one without talking. Any thread.
 */
#ifndef LIB_HASH_MAGLEV_H
#define LIB_HASH_MAGLEV_H

#include "lib/base/base.h"

#define MAGLEV_SIZE        65537u
#define MAGLEV_WEIGHT_MAX  255
#define MAGLEV_ENTRIES_MAX 4096

/* A backend as the table sees it. */
struct maglev_entry {
	uint64_t identity; /* keyed hash of its name: equal on all members, no two alike */
	uint16_t number;   /* what the table holds */
	uint16_t weight;   /* 1..MAGLEV_WEIGHT_MAX; 0: takes no part */
};

/*
 * Fills @table, MAGLEV_SIZE numbers, from the @n entries, which it sorts by identity. An entry gets
 * a share proportional to its weight, within one percent when it has 655 entries or more. Work is
 * about MAGLEV_SIZE * ln(MAGLEV_SIZE) steps at worst. 0, -EINVAL when no entry has a weight or two
 * identities are equal, -ENOMEM.
 */
int maglev_build(uint16_t *table, struct maglev_entry *entries, uint32_t n, struct base_error *err);

#endif
