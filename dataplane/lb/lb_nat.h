/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Full NAT: which flow a port of a pool's address belongs to. The record of a port is found by its
 * number, without a hash, and belongs to the worker that owns the port: any worker can tell which
 * one that is, so that a reply that a device gave to another worker is passed on. Among its ports a
 * worker chooses one for which stage steer, or the device by its own hash (link/steer_rss.h),
 * should deliver the reply to it anyway; where a device does not tell how it spreads packets, any
 * port is taken, and passing on is what remains. A port serves one flow at a time; freed ones wait
 * in a queue, so that the longest unused comes first. Thread: worker.
 */
#ifndef DATAPLANE_LB_LB_NAT_H
#define DATAPLANE_LB_LB_NAT_H

#include "dataplane/lb/lb.h"

#define LB_NAT_CANDIDATES_MAX 64 /* ports that are tried for one flow */

/* One port: the backend's side of a flow. One cache line. */
struct lb_nat {
	uint8_t client[16]; /* IPv4: the first four bytes */
	uint8_t vip[16];
	uint16_t client_port_be;
	uint16_t vip_port_be;
	uint16_t backend_port_be; /* as on the wire */
	uint16_t backend;
	uint8_t protocol;
	uint8_t state;    /* enum lb_flow_state: as seen from the backend's packets; FREE: unused */
	uint8_t family;   /* 4 or 6 */
	uint8_t answered; /* the backend has sent something */
	uint8_t reset;    /* either side has sent a RST: the connection is over */
	uint32_t seen;    /* tick of the backend's last packet */
	uint32_t next;    /* in the queue of free ports of its address: a port; 0: the last */
} CACHE_ALIGNED;

_Static_assert(sizeof(struct lb_nat) == 64, "a port's record is one cache line");

/* What one worker knows about its ports of one address of the pool. */
struct lb_nat_ports {
	struct lb_nat *records; /* the address's when the rest was written; NULL: never used */
	uint32_t life;          /* ... and its lb_pool_address.life */
	uint32_t in_use;
	uint32_t unused; /* the lowest port that was never tried; above 65535: none */
	uint16_t head;   /* queue of freed ports; 0: empty */
	uint16_t tail;
};

struct steer_rss;

/* One worker's ports. */
struct lb_ports {
	uint16_t steered; /* bit per port: stage steer serves it */
	/* How a device with a queue for each worker spreads packets; NULL: not known. */
	const struct steer_rss *rss[WORLD_PORTS_MAX];
	uint16_t turn[2];                      /* IPv4, IPv6: place in pool_list of the next one */
	struct lb_nat_ports pool[LB_POOL_MAX]; /* as in lb_world.pool */
};

/* What a new flow needs a port for. */
struct lb_nat_want {
	const struct lb_backend *backend;
	uint16_t backend_number;
	uint16_t backend_port_be;
	uint8_t protocol;
};

/* The worker that owns @port_be of any pool address. Any thread. */
static inline uint8_t lb_nat_owner(const struct worker *w, uint16_t port_be)
{
	return (uint8_t)(__builtin_bswap16(port_be) % w->n_workers);
}

/* The record of number @nat, whose address must be in the pool. */
static inline struct lb_nat *lb_nat_at(const struct lb_world *lb, uint32_t nat)
{
	return &lb->pool[nat >> 16].records[nat & 0xffff];
}

/*
 * A free port for @want: its number (pool index << 16 | port in host order), its record filled in
 * from @want with the flow's client side left to the caller and state LB_FLOW_TCP_NEW or _UDP_NEW.
 * 0: every port of this worker is in use.
 */
uint32_t lb_nat_take(struct worker *w, const struct lb_nat_want *want);

/* Gives port @nat back. Harmless when its address has left the pool. */
void lb_nat_give(struct worker *w, uint32_t nat);

#endif
