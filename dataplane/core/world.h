/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker may know about the configuration: one immutable snapshot behind one pointer
 * (DESIGN rule 3), read once per burst. The main thread builds the next world aside, publishes it
 * with world_publish() and frees what was replaced after a grace period. Thread: any reads, main
 * writes.
 */
#ifndef DATAPLANE_CORE_WORLD_H
#define DATAPLANE_CORE_WORLD_H

#include <stdatomic.h>

#include "lib/base/base.h"
#include "lib/base/ipaddr.h"
#include "lib/fib/fib.h"

#define WORLD_PORTS_MAX      16
#define WORLD_INTERFACES_MAX 64
#define WORLD_ADDRESSES_MAX  18 /* per interface: 16 configured, the automatic link-local */
#define WORLD_NAME_MAX       16
#define WORLD_NO_INTERFACE   0xffff
#define WORLD_VLANS          4096
#define WORLD_NEXTHOPS_MAX   32768
#define WORLD_ECMP_BUCKETS   1024

/* An own address. IPv6 ones are used only once duplicate address detection let them pass. */
struct iface_address {
	struct ip_addr addr; /* with the subnet's prefix_len */
	bool usable;         /* not tentative, not a duplicate */
	bool duplicate;      /* another station has it: configured, but not ours */
	bool automatic;      /* link-local made from the MAC */
};

/* What an interface's device does for the node's own TCP segments. */
enum iface_offloads {
	IFACE_CKSUM = 1, /* sums them */
	IFACE_TSO4 = 2,  /* cuts large ones over IPv4, and sums */
	IFACE_TSO6 = 4,  /* ... over IPv6 */
};

/* An interface as workers see it; its number stays the same over its life. */
struct iface {
	bool up;         /* a free slot is down */
	uint8_t l2_len;  /* of the Ethernet header it sends: 14 or 18 */
	uint16_t number; /* index in world.ifaces and in the counters */
	uint16_t port;
	uint16_t vlan; /* host order, 0: untagged */
	uint16_t mtu;
	uint8_t mac[6];
	uint8_t offloads;         /* enum iface_offloads */
	uint8_t tso_segments_max; /* in one packet */
	uint16_t tcp_mtu; /* of own TCP: less than mtu where the driver that cuts needs room */
	/* The last 8 bytes of an untagged Ethernet header: source MAC and EtherType. */
	uint64_t l2_tail_ip4;
	uint64_t l2_tail_ip6;
	char name[WORLD_NAME_MAX];
	uint16_t n_addresses;
	struct iface_address addresses[WORLD_ADDRESSES_MAX];
} CACHE_ALIGNED;

/* Frames of one port go to an interface by VLAN. */
struct port_map {
	bool up;
	uint8_t mac[6];
	uint16_t untagged;     /* interface number or WORLD_NO_INTERFACE */
	const uint16_t *vlans; /* [WORLD_VLANS] interface numbers; NULL: no sub-interfaces */
};

enum nexthop_kind {
	NEXTHOP_NONE,      /* no route (number 0) */
	NEXTHOP_NEIGHBOR,  /* a neighbour: lladdr tells whether it is resolved */
	NEXTHOP_CONNECTED, /* a subnet: the destination itself is the neighbour */
	NEXTHOP_LOCAL,     /* an address of the node */
	NEXTHOP_BROADCAST, /* directed broadcast or network address of a connected subnet */
	NEXTHOP_BLACKHOLE,
	NEXTHOP_REJECT,
	NEXTHOP_GROUP,   /* several neighbours: the flow's hash decides */
	NEXTHOP_SERVICE, /* a VIP or the NAT pool: the balancer decides; iface is its front */
};

/*
 * lladdr: the MAC in the low six bytes as they lie in the frame, flags above. One word, so that the
 * main thread can change a neighbour under the workers' eyes.
 */
#define NEXTHOP_LLADDR_VALID (1ULL << 63)
#define NEXTHOP_LLADDR_STALE (1ULL << 62) /* the next use is reported to the main thread */

/* Equal-cost paths, immutable: the flow's hash picks a bucket, the bucket a neighbour's next hop.
 */
struct ecmp_group {
	uint16_t n_hops;
	uint16_t hops[32];    /* next hop numbers */
	uint16_t weights[32]; /* as configured */
	uint16_t buckets[WORLD_ECMP_BUCKETS];
};

/* Where a route leads. Everything but lladdr is immutable until the number is reused, which is
 * after a grace period. */
struct nexthop {
	_Atomic uint64_t lladdr;
	uint8_t kind; /* enum nexthop_kind */
	uint8_t family;
	uint16_t iface; /* interface number; SERVICE: index of a front in world.lb */
	const struct ecmp_group *group;
	struct ip_addr addr; /* NEIGHBOR: its address; CONNECTED, LOCAL: the subnet or address */
} CACHE_ALIGNED;

struct neigh_table;
struct capture;
struct lb_world;
struct kv_config;
struct tcp_world;

struct world {
	uint64_t generation;
	struct fib_table fib4;
	struct fib_table fib6;
	struct nexthop *nexthops;            /* [WORLD_NEXTHOPS_MAX], shared by all worlds */
	const struct neigh_table *neighbors; /* shared by all worlds */
	const struct capture *capture;       /* NULL: nobody captures */
	const struct lb_world *lb;           /* NULL: no services */
	const struct kv_config *kv;          /* NULL: no store */
	const struct tcp_world *tcp;         /* NULL: nobody listens */
	const struct iface *ifaces;          /* [WORLD_INTERFACES_MAX] */
	uint8_t offloads;                    /* enum iface_offloads: of any interface */
	struct port_map ports[WORLD_PORTS_MAX];
};

/* The published world; a worker dereferences it once per burst. Never NULL after world_init. */
extern struct world *world_current;

/* Publishes an empty world. 0 or -ENOMEM. Main thread. */
int world_init(struct base_error *err);

/* A copy of the current world to be changed and published, or NULL. Main thread. */
struct world *world_draft(void);

/*
 * Publishes @next, waits until no worker can still see the old one, frees the old structure (not
 * what hangs off it: that is its module's to free, now safe). Main thread; takes microseconds.
 */
void world_publish(struct world *next);

/* Waits until every worker has left what it saw before the call. Main thread. */
void world_synchronize(void);

/* Frees the current world. Main thread, after the workers have ended. */
void world_fini(void);

#endif
