/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What only the main thread knows about balancing: the block of memory behind each lb_world, the
 * one that is published and the one being staged. A change is always a copy of the published block
 * that takes its place; tables and neighbours pass from one to the other. Thread: main.
 */
#ifndef DATAPLANE_LB_LB_MAIN_H
#define DATAPLANE_LB_LB_MAIN_H

#include "dataplane/lb/lb_impl.h"

#define LB_INDEX_SLOTS (4 * LB_SERVICES_MAX) /* at most a quarter of them is in use */
#define LB_NAT_PORTS   65536u                /* records of a pool's address */
#define LB_SOURCE_BITS 16                    /* of a tunnel's outer source that vary, at most */

/* A service as configured. Its number stays taken while backends refer to it. */
struct lb_service_note {
	struct api_service want; /* an empty name: the number is free */
	uint16_t *table;         /* owned; what lb_service.table shows */
	uint32_t build_us;
	bool gone; /* no longer configured */
	bool seen; /* named by the generation being staged */
};

/* What else there is to say about a backend. */
struct lb_backend_note {
	uint16_t pin;  /* next hop of the neighbour that is kept for it; 0: none */
	bool draining; /* as told by backend_state */
	bool down;
	bool seen;
	char reason[API_REASON_MAX];
};

/* One lb_world with all it points to but tables and NAT records. */
struct lb_block {
	struct lb_world world;
	struct lb_service services[LB_SERVICES_MAX];
	struct lb_backend backends[LB_BACKENDS_MAX];
	struct lb_front fronts[LB_FRONTS_MAX];
	struct lb_pool_address pool[LB_POOL_MAX];
	struct lb_service_slot index[LB_INDEX_SLOTS];
	uint16_t pool_list4[LB_POOL_MAX];
	uint16_t pool_list6[LB_POOL_MAX];
	struct api_lb settings;
	bool has_settings;
	bool front_seen[LB_FRONTS_MAX];
	struct lb_service_note service_notes[LB_SERVICES_MAX];
	struct lb_backend_note backend_notes[LB_BACKENDS_MAX];
} CACHE_ALIGNED;

struct lb_main {
	struct lb_block *now;  /* behind world_current->lb; NULL: never any service */
	struct lb_block *next; /* being staged and applied, or NULL */
	struct lb_block *old;  /* replaced by a generation, until lb_published() */
};

extern struct lb_main lb_main;

/* lb_block.c */

/* A copy of @from, or an empty block for NULL; pins and tables are shared with @from. NULL when out
 * of memory. */
struct lb_block *lb_block_copy(const struct lb_block *from);

/* Gives back the tables of @b that @keep (which may be NULL) does not have, and the neighbours that
 * @b keeps. */
void lb_block_release(struct lb_block *b, const struct lb_block *keep);

/* The same, and frees @b, which may be NULL. */
void lb_block_free(struct lb_block *b, const struct lb_block *keep);

/* The number of the service called @name, gone or not, or LB_NO_SERVICE. */
uint16_t lb_block_service(const struct lb_block *b, const char *name);

/* The number of the backend of service @service with @addr and @port (host order), or
 * LB_NO_BACKEND. One that is configured comes before one that is removed. */
uint16_t lb_block_backend(
	const struct lb_block *b, uint16_t service, const struct ip_addr *addr, uint16_t port);

/* Whether slot @n is a backend that takes part in its service's table. */
static inline bool lb_block_usable(const struct lb_block *b, uint16_t n)
{
	const struct lb_backend *be = &b->backends[n];

	return be->addr.family != 0 && be->use == API_BACKEND_UP && be->weight > 0;
}

/* What backend @n may be used for, as far as it was told. */
enum api_backend_use lb_block_use(const struct lb_block *b, uint16_t n);

/* Flows that all workers have to backend @n. */
uint64_t lb_block_flows(uint16_t n);

/* The front that covers @addr, or NULL. @sorted as by lb_block_sort(). */
const struct lb_front *lb_block_covering(
	const struct lb_front *const *sorted, unsigned n, const struct ip_addr *addr);

/* The fronts of @b in order of their addresses, at @sorted[LB_FRONTS_MAX]; how many. */
unsigned lb_block_sort(const struct lb_block *b, const struct lb_front **sorted);

/* lb_stage.c: takes in what messages say. 0, or a negative errno with a sentence. */

/* Stages the settings. */
int lb_stage_settings(const struct api_lb *want, struct base_error *err);

/* Stages a service. */
int lb_stage_service(const struct api_service *want, struct base_error *err);

/* Stages a backend of a service that was staged before. */
int lb_stage_backend(const struct api_backend_want *want, struct base_error *err);

/* Stages a prefix of the NAT pool (lb_stage_pool.c). */
int lb_stage_pool(const struct api_pool *want, struct base_error *err);

/* Takes away from @next the addresses that no prefix of the generation has (lb_stage_pool.c). */
void lb_stage_pool_sweep(struct lb_block *next);

/* The front of @prefix, made if need be and then its route: its number, or a negative errno with a
 * sentence. */
int lb_stage_front(
	struct lb_block *b, const struct ip_addr *prefix, bool is_pool, struct base_error *err);

/* What is wrong with a prefix of packets' destinations, or NULL. */
const char *lb_stage_bad_prefix(const struct ip_addr *prefix);

/* Addresses of @prefix, or one more than the pool takes. */
uint32_t lb_stage_pool_size(const struct ip_addr *prefix);

/* -ENOMEM with a sentence. */
int lb_stage_no_memory(struct base_error *err);

/* The block being staged, begun if need be; NULL when out of memory. */
struct lb_block *lb_stage_block(void);

/* Takes away from the staged block what the generation did not name. */
void lb_stage_sweep(struct lb_block *next);

/* lb_check.c */

/* The staged interface in whose connected subnet @addr is, by longest prefix: its number, or
 * -ENETUNREACH. */
int lb_connected_iface(const struct ip_addr *addr);

/* lb_count.c */

/* Counts what @next adds, changes, removes and keeps. */
void lb_count_changes(const struct lb_block *next, struct api_commit_reply *counts);

/* lb_tables.c */

/* Marks in @dirty[LB_SERVICES_MAX] the services whose table in @now (NULL: none) is not that of
 * @next, and lets @next share the others. How many. */
unsigned lb_tables_compare(struct lb_block *next, const struct lb_block *now, bool *dirty);

/* Builds the table of service @s. 0, or a negative errno with a sentence. */
int lb_tables_build(struct lb_block *next, uint16_t s, struct base_error *err);

/* Works out the index of services and the lists of the pool. */
void lb_tables_index(struct lb_block *next);

/* lb_announce.c */

/* Tells the links that the addresses of @now's fronts are here that @old (which may be NULL) does
 * not have. */
void lb_announce_new(const struct lb_block *old, const struct lb_block *now);

/* Starts listening for links that come up. */
void lb_announce_init(void);

/* Ends all announcements. */
void lb_announce_fini(void);

/* lb_world.c */

/* Zeroed records of an address of the NAT pool, each page taken from the system when it is first
 * used; NULL: no memory. */
struct lb_nat *lb_records_map(void);

/* Gives them back. */
void lb_records_unmap(struct lb_nat *records);

/* Tells the probes about the backends of the published block. */
void lb_world_follow(void);

/* lb_ways.c */

/* Works out the ways to the backends of @b, and the sources of their tunnels, in @next, whose
 * routes are those of the tables. */
void lb_world_ways(struct lb_block *b, const struct world *next);

/* lb_state.c */

/* Says whether backends drain or are down, at once, in a new world. All of them or none: 0, or a
 * negative errno with a sentence. */
int lb_state_set(const struct api_backend_state *items, uint32_t n, struct base_error *err);

/* A copy of the installed block in which nothing is its own yet; NULL with a sentence. */
struct lb_block *lb_state_draft(struct base_error *err);

/* Publishes @next in place of the installed block, whose neighbours it keeps. 0, or -ENOMEM with a
 * sentence: then @next is freed. */
int lb_state_publish(struct lb_block *next, struct base_error *err);

/* lb_stats.c */

/* Lets readers of the counters know whose the backends of @b are. */
void lb_stats_follow(const struct lb_block *b);

/* Adds the counts of backend @n, whose number is given back, to what is gone of its @service. No
 * worker can see it any more. */
void lb_stats_bury(struct stats_worker *stats, uint16_t n, uint16_t service);

/* Starts counting new flows per second. */
void lb_stats_start(void);

/* Ends it. */
void lb_stats_stop(void);

/* lb_reap.c */

/* Gives back the numbers of removed backends and services without flows. How many. */
unsigned lb_reap(void);

/* Starts reaping every now and then. */
void lb_reap_init(void);

/* Ends it. */
void lb_reap_fini(void);

#endif
