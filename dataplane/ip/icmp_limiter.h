/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The limiter's table: one time per bucket. A token bucket that refills at a steady rate is nothing
 * but the time at which it will be full again: taking a token moves that time on by one interval,
 * and a bucket whose time is too far ahead is empty. Thread: any.
 */
#ifndef DATAPLANE_IP_ICMP_LIMITER_H
#define DATAPLANE_IP_ICMP_LIMITER_H

#include "dataplane/ip/ip.h"

#define ICMP_LIMIT_INTERVAL_NS (NSEC_PER_SEC / ICMP_LIMIT_PER_SEC)

/* Per family, so that neither can use up the other's. */
struct icmp_limiter {
	uint64_t full4_at_ns[ICMP_LIMIT_BUCKETS];
	uint64_t full6_at_ns[ICMP_LIMIT_BUCKETS];
};

/* Takes a token from the bucket that is full at *@full_at_ns; false when there is none at @now_ns.
 */
static inline bool icmp_limiter_take(uint64_t *full_at_ns, uint64_t now_ns)
{
	uint64_t from_ns = MAX_OF(*full_at_ns, now_ns);

	if (from_ns - now_ns > (ICMP_LIMIT_BURST - 1) * ICMP_LIMIT_INTERVAL_NS)
		return false;
	*full_at_ns = from_ns + ICMP_LIMIT_INTERVAL_NS;
	return true;
}

#endif
