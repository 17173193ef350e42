/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many connections each source has, an IPv4 address or an IPv6 /64: a hash table with linear
 * probing and backward-shift deletion (Knuth, TAOCP 3, 6.4, algorithm R), never more than half
 * full. Sources are told apart by 64 bits of a keyed hash. Thread: worker.
 */
#ifndef DATAPLANE_TCP_TCP_SOURCE_H
#define DATAPLANE_TCP_TCP_SOURCE_H

#include "dataplane/tcp/tcp_table.h"

struct tcp_source {
	uint64_t id; /* 0: free */
	uint32_t n;
	uint32_t pad;
};

struct tcp_sources {
	uint32_t mask;
	uint32_t max;
	uint32_t n_full; /* entries that have max */
	uint32_t pad;
	struct tcp_source entries[];
};

/* Counters for @n_conns connections with at most @max per source; NULL when out of memory. Main
 * thread. */
struct tcp_sources *tcp_sources_create(uint32_t n_conns, uint32_t max);

/* Frees them; NULL is fine. Main thread. */
void tcp_sources_destroy(struct tcp_sources *s);

/* Whether the remote address of @k has as many connections as it may. */
bool tcp_sources_is_full(
	const struct tcp_sources *s, const struct tcp_key *k, const uint64_t secret[2]);

/* Counts one connection more of the remote address of @k; false: it has as many as it may. */
bool tcp_sources_add(struct tcp_sources *s, const struct tcp_key *k, const uint64_t secret[2]);

/* One less. */
void tcp_sources_del(struct tcp_sources *s, const struct tcp_key *k, const uint64_t secret[2]);

#endif
