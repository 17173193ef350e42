/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which of several equal paths each bucket of an ECMP group takes: weighted rendezvous hashing
 * (Thaler and Ravishankar 1998; weights as in Schindelhauer and Schomaker 2005). For every bucket
 * each hop draws a score from (bucket, hop) and its weight, and the best one has it. So the choice
 * depends on nothing but the set, and adding or removing a hop moves only that hop's buckets.
 * Thread: main.
 */
#ifndef DATAPLANE_IP_ECMP_H
#define DATAPLANE_IP_ECMP_H

#include "dataplane/core/world.h"
#include "lib/api/api.h"

/* A hop as the draw sees it; @name is of its interface, so that the numbers of a run do not matter.
 */
struct ecmp_hop {
	struct ip_addr addr;
	char name[WORLD_NAME_MAX]; /* zero-filled */
	uint16_t weight;           /* 1..65535 */
};

/* -log2(h / 2^64) for @h > 0, with 24 fractional bits, rounded up to at least 1. The same
 * everywhere: integers only. Any thread. */
uint32_t ecmp_neg_log2(uint64_t h);

/* Gives each of the WORLD_ECMP_BUCKETS buckets the index of one of the @n hops (1..API_HOPS_MAX).
 */
void ecmp_fill(const struct ecmp_hop *hops, unsigned n, uint16_t buckets[WORLD_ECMP_BUCKETS]);

#endif
