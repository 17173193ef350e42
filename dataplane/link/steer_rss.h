/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive-side scaling as a device does it, computed beforehand: the Toeplitz hash over addresses
 * and ports with the device's key, and its redirection table from hashes to queues. With it a
 * worker can choose a port for which the answer will come to itself. What a device does not tell,
 * or does in a way of its own, is not known; DPDK 22.11 does not say which hash function is used,
 * so that a device with another one than Toeplitz, its default, is believed wrongly: then answers
 * come to any worker, and are handed over as where nothing is known. Thread: main writes, workers
 * read.
 */
#ifndef DATAPLANE_LINK_STEER_RSS_H
#define DATAPLANE_LINK_STEER_RSS_H

#include <netinet/in.h>
#include <string.h>

#include "lib/base/base.h"

#define STEER_RSS_TUPLE_BYTES 36   /* two IPv6 addresses and two ports */
#define STEER_RSS_TABLE_MAX   2048 /* entries of a redirection table */
#define STEER_RSS_KEY_MIN     (STEER_RSS_TUPLE_BYTES + 4)

/* What is hashed together with the addresses. */
enum steer_rss_kind {
	STEER_RSS_TCP4 = 1,
	STEER_RSS_UDP4 = 2,
	STEER_RSS_TCP6 = 4,
	STEER_RSS_UDP6 = 8,
};

struct steer_rss {
	uint8_t with_ports; /* set of enum steer_rss_kind: hashed with both ports; 0: not known */
	uint16_t mask;      /* entries of the table minus one */
	uint16_t reached;   /* bit per worker that gets any packets */
	uint8_t owners[STEER_RSS_TABLE_MAX]; /* worker by low bits of the hash */
	/* What each half of each byte of a tuple adds to its hash. */
	uint32_t parts[2 * STEER_RSS_TUPLE_BYTES][16];
};

/* The two ends of what arrives: addresses and ports as in the packet. */
struct steer_rss_tuple {
	const uint8_t *src;
	const uint8_t *dst;
	uint32_t ports;
	uint8_t family; /* 4 or 6 */
};

/* The hash of @n bytes of a tuple, at most STEER_RSS_TUPLE_BYTES. */
static inline uint32_t steer_rss_hash(const struct steer_rss *r, const uint8_t *tuple, unsigned n)
{
	uint32_t hash = 0;

	for (unsigned i = 0; i < n; i++)
		hash ^= r->parts[2 * i][tuple[i] >> 4] ^ r->parts[2 * i + 1][tuple[i] & 15];
	return hash;
}

/* Whether packets of that kind are spread by their ports in a way that is known. */
static inline bool steer_rss_knows(const struct steer_rss *r, uint8_t family, uint8_t protocol)
{
	unsigned kind = protocol == IPPROTO_TCP ? STEER_RSS_TCP4 : STEER_RSS_UDP4;

	return r->with_ports & (family == 6 ? kind * (STEER_RSS_TCP6 / STEER_RSS_TCP4) : kind);
}

/* The worker whose queue gets whole packets of @t, of a kind that is known. */
static inline uint8_t steer_rss_owner(const struct steer_rss *r, const struct steer_rss_tuple *t)
{
	unsigned addr_bytes = t->family == 6 ? 16 : 4;
	uint8_t tuple[STEER_RSS_TUPLE_BYTES];

	memcpy(tuple, t->src, addr_bytes);
	memcpy(tuple + addr_bytes, t->dst, addr_bytes);
	memcpy(tuple + 2 * addr_bytes, &t->ports, sizeof(t->ports));
	return r->owners[steer_rss_hash(r, tuple, 2 * addr_bytes + 4) & r->mask];
}

/* Prepares @r for the key @key of at least STEER_RSS_KEY_MIN bytes. */
void steer_rss_set_key(struct steer_rss *r, const uint8_t *key);

/*
 * Reads from the started device @dpdk_port how it spreads packets over its receive queues, whose
 * pollers are @owners[@n_queues]. False, and nothing is known, when it does not tell, or when it
 * uses no ports. Main thread.
 */
bool steer_rss_read(
	struct steer_rss *r, uint16_t dpdk_port, const uint8_t *owners, unsigned n_queues);

#endif
