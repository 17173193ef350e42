/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The layer-4 balancer as the rest of the dataplane sees it. Packets come here because the FIB says
 * so: a VIP and the addresses of the NAT pool are routes of kind NEXTHOP_SERVICE, so that plain
 * routing pays nothing for it. Services, backends and Maglev tables are part of the world; flows
 * belong to one worker each. Thread: any reads the world, main writes it.
 */
#ifndef DATAPLANE_LB_LB_H
#define DATAPLANE_LB_LB_H

#include "dataplane/core/worker.h"
#include "lib/api/api.h"
#include "lib/conf/conf.h"
#include "lib/hash/maglev.h"

#define LB_FRONTS_MAX   2048 /* VIP prefixes and prefixes of the NAT pool */
#define LB_SERVICES_MAX STATS_SERVICES_MAX
#define LB_BACKENDS_MAX STATS_BACKENDS_MAX
#define LB_POOL_MAX     1024 /* addresses of the NAT pool */
#define LB_NO_SERVICE   0xffff
#define LB_NO_BACKEND   0xffff

#define LB_GUE_PORT     6080 /* IANA: gue-data */
#define LB_NAT_PORT_MIN 1024 /* source ports of full NAT: from here to 65535 */

/* Which sides of its life a flow is in; the API's numbers plus one, 0 is a free slot. */
enum lb_flow_state {
	LB_FLOW_FREE,
	LB_FLOW_TCP_NEW,
	LB_FLOW_TCP_ESTABLISHED,
	LB_FLOW_TCP_CLOSING,
	LB_FLOW_UDP_NEW,
	LB_FLOW_UDP_ESTABLISHED,
	LB_FLOW_STATES,
};

/* A prefix whose packets the balancer gets. Its index (nexthop.iface) stays the same over its life.
 */
struct lb_front {
	struct ip_addr prefix; /* family 0: free slot */
	bool is_pool;
	uint16_t pool_first; /* index in lb_world.pool of its first address */
};

/* An address of the NAT pool; its index stays the same over its life. */
struct lb_pool_address {
	struct ip_addr addr;    /* family 0: free slot */
	uint32_t life;          /* another number each time the slot is given to an address */
	struct lb_nat *records; /* [65536] by port; each port belongs to one worker (lb_nat.h) */
};

/* What flows are balanced to. Its number stays the same until its last flow has ended. */
struct lb_backend {
	struct ip_addr addr; /* family 0: free slot */
	uint16_t port_be;    /* 0: as the client chose */
	uint16_t service;    /* number in lb_world.services */
	uint16_t nexthop;    /* number in world.nexthops; 0: no way there at present */
	uint16_t weight;
	uint8_t mode; /* enum api_lb_mode */
	uint8_t use;  /* enum api_backend_use */
	bool service_gone;
	uint8_t pad;
	struct ip_addr outer_src; /* tunnels: the own address, or the first of the prefix below */
	uint8_t outer_src_bits;   /* low bits of outer_src that carry the flow's entropy; 0: none */
	uint16_t inner_bytes_max; /* IP in IPv4: what fits the way; 0: no way, or another mode */
	uint32_t entropy_mask_be; /* ... outer_src_bits as a mask */
} CACHE_ALIGNED;

_Static_assert(sizeof(struct lb_backend) == CACHE_LINE_BYTES, "one line to read per packet");

/* A VIP, protocol and port. */
struct lb_service {
	struct ip_addr vip;    /* family 0: free slot */
	uint16_t front;        /* index in lb_world.fronts */
	uint16_t port_be;      /* 0: any */
	uint8_t protocol;      /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t mode;          /* enum api_lb_mode */
	const uint16_t *table; /* [MAGLEV_SIZE] backend numbers; NULL: no backend can be used */
	char name[API_NAME_MAX];
};

/* A place in the index of services: open addressing, linear probing. */
struct lb_service_slot {
	uint32_t front_protocol; /* front << 8 | protocol */
	uint16_t port_be;
	uint16_t service; /* LB_NO_SERVICE: free */
};

/* Everything about balancing in one world: immutable but for what the workers own. */
struct lb_world {
	uint64_t choice_key[2];              /* of the hash that picks a table entry */
	uint32_t idle_ticks[LB_FLOW_STATES]; /* of 2^LB_TICK_SHIFT ns */
	uint32_t new_flows_per_sec;          /* of one worker */
	uint32_t service_mask;               /* slots of the index minus one */
	const struct lb_service_slot *index;
	const struct lb_service *services;  /* [LB_SERVICES_MAX] */
	const struct lb_backend *backends;  /* [LB_BACKENDS_MAX] */
	const struct lb_front *fronts;      /* [LB_FRONTS_MAX] */
	const struct lb_pool_address *pool; /* [LB_POOL_MAX] */
	uint16_t n_pool4, n_pool6;          /* entries of pool_list4 and _6 */
	const uint16_t *pool_list4;         /* indices of IPv4 addresses in pool */
	const uint16_t *pool_list6;
};

/* The number of the service for @port_be and @protocol on @front, or LB_NO_SERVICE: the exact port
 * comes before the service of all ports. Any thread. */
uint16_t lb_service_find(
	const struct lb_world *lb, uint16_t front, uint8_t protocol, uint16_t port_be);

/* Allocates the flow tables of @w, for node.flows divided by its workers; starts its sweep. 0 or
 * -ENOMEM with a sentence. Main thread. */
int lb_worker_init(struct worker *w, struct base_error *err);

/* Frees them; fragments that wait are dropped. Main thread. */
void lb_worker_fini(struct worker *w);

/* Probes write their results to @results[LB_BACKENDS_MAX] from now on; before that, to a place of
 * their own. Main thread. */
void lb_probe_results(struct stats_probe *results);

/* What is shared about services and backends goes to @file from now on, results of probes too. Main
 * thread. */
void lb_stats(struct stats_file *file);

/* Remembers node.flows. Main thread. */
int lb_init(const struct conf_node *node, struct base_error *err);

/* Frees what the module holds. No worker may be left. Main thread. */
void lb_fini(void);

/* Starts what goes on between generations: numbers of removed backends are given back, links that
 * come up hear of the VIPs there. Main thread. */
void lb_stage_init(void);

/* Ends it and frees what is published. No worker may be left. Main thread. */
void lb_stage_fini(void);

/* Another station has one of our addresses: tunnels come from others from now on, in a world of its
 * own. Only while no commit goes on, and not from a stage. Main thread. */
void lb_on_duplicate(void);

/* What the balancer would do with a packet, for explain. */
struct lb_fate {
	bool is_balanced; /* it is TCP or UDP, and its route leads to the balancer */
	bool is_pool;     /* to an address of the NAT pool: it comes back from a backend */
	bool is_known;    /* a worker has its flow */
	uint16_t n_backends, n_usable;    /* of the service */
	const struct lb_service *service; /* NULL: none takes it */
	const struct lb_backend *backend; /* of the flow, or chosen; NULL: none */
	struct api_flow_info flow;        /* is_known */
};

struct query;

/*
 * Asks the workers for the flow of @req. 1: @done is called, with @ctx in the question, when they
 * have answered, perhaps before this returns; 0: there is nothing to ask about; or a negative errno
 * with a sentence. Main thread.
 */
int lb_explain_ask(const struct api_explain *req,
	void (*done)(struct query *q, int status, const struct base_error *err), void *ctx,
	struct base_error *err);

/* Lets @w, which explains @req, know the flow that @q (NULL: nobody was asked) has found; *@fate is
 * what will come of it. Main thread. */
void lb_explain_enter(struct worker *w, const struct api_explain *req, const struct query *q,
	struct lb_fate *fate);

/* Takes all of it away again. Main thread. */
void lb_explain_leave(struct worker *w);

/* The hooks of struct module. Main thread. */
void lb_forget(void);
/* Compares with what is installed, refuses what cannot work, counts. */
int lb_check(struct api_commit_reply *counts, struct base_error *err);
/* Builds tables, maps memory of new pool addresses, pins neighbours. */
int lb_prepare(unsigned quantum, struct base_error *err);
/* Undoes lb_prepare(). */
int lb_rollback(unsigned quantum);
/* Gives @next its lb_world, with the ways to the backends by the routes of @next. */
void lb_apply(struct world *next);
/* Frees what the old world alone held; starts and ends probes. */
int lb_published(unsigned quantum);

#endif
