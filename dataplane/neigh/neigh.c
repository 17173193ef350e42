/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The neighbour table: entries, their publication to the workers, their end and reuse. Entries end
 * in three steps: out of the chain, a grace period (one for all that ended within
 * NEIGH_RECLAIM_NS), free. Thread: main.
 */
#include <errno.h>
#include <sys/random.h>

#include <rte_malloc.h>

#include "dataplane/core/nexthop.h"
#include "dataplane/neigh/neigh_impl.h"

static struct neigh_table *table;
static struct neigh *entries;                     /* [NEIGH_MAX + 1] */
static uint16_t entry_of[WORLD_NEXTHOPS_MAX];     /* by next-hop number */
static struct neigh_list free_list, pending_list; /* the latter waits for a grace period */
/* Unpinned ones, oldest first; failed and stale ones may be evicted. */
static struct neigh_list incomplete_list, failed_list, stale_list;
static uint32_t n_used;
static struct wheel_timer reclaim_timer;

static void neigh_list_init(struct neigh_list *l)
{
	TAILQ_INIT(&l->head);
	l->n = 0;
}

static void neigh_list_move(struct neigh *e, struct neigh_list *to)
{
	if (e->list != NULL) {
		TAILQ_REMOVE(&e->list->head, e, link);
		e->list->n--;
	}
	e->list = to;
	if (to != NULL) {
		TAILQ_INSERT_TAIL(&to->head, e, link);
		to->n++;
	}
}

void neigh_list_update(struct neigh *e)
{
	struct neigh_list *to = NULL;

	if (e->pins == 0 && e->state == API_NEIGHBOR_INCOMPLETE)
		to = &incomplete_list;
	if (e->pins == 0 && e->state == API_NEIGHBOR_FAILED)
		to = &failed_list;
	if (e->pins == 0 && e->state == API_NEIGHBOR_STALE)
		to = &stale_list;
	neigh_list_move(e, to);
}

/* Ends up to NEIGH_EVICT_MAX entries, failed ones first, until NEIGH_FREE_GOAL are free. */
static void neigh_evict(struct worker *w)
{
	for (unsigned i = 0; i < NEIGH_EVICT_MAX; i++) {
		struct neigh *e = TAILQ_FIRST(&failed_list.head);

		if (NEIGH_MAX - n_used >= NEIGH_FREE_GOAL)
			return;
		if (e == NULL)
			e = TAILQ_FIRST(&stale_list.head);
		if (e == NULL)
			return;
		neigh_delete(w, e);
	}
}

/* Evicts if room is short, then makes everything that ended so far available. */
static void neigh_reclaim(struct worker *w)
{
	struct neigh *e;

	if (NEIGH_MAX - n_used < NEIGH_FREE_LOW)
		neigh_evict(w);
	if (pending_list.n == 0)
		return;
	world_synchronize();
	while ((e = TAILQ_FIRST(&pending_list.head)) != NULL)
		neigh_list_move(e, &free_list);
	wheel_del(w->wheel, &reclaim_timer);
}

static void neigh_on_reclaim(void *worker, struct wheel_timer *t)
{
	neigh_reclaim(worker);
}

static void neigh_reclaim_soon(struct worker *w)
{
	if (!wheel_pending(&reclaim_timer))
		wheel_add(w->wheel, &reclaim_timer, w->now_ns + NEIGH_RECLAIM_NS);
}

int neigh_init(struct base_error *err)
{
	table = rte_zmalloc("neigh_table", sizeof(*table), CACHE_LINE_BYTES);
	entries =
		rte_zmalloc("neigh_entries", sizeof(*entries) * (NEIGH_MAX + 1), CACHE_LINE_BYTES);
	if (table == NULL || entries == NULL) {
		rte_free(table);
		rte_free(entries);
		table = NULL;
		entries = NULL;
		return base_error_set(
			err, ENOMEM, "no memory for the neighbour table of %u entries", NEIGH_MAX);
	}
	if (getrandom(table->key, sizeof(table->key), 0) != sizeof(table->key)) {
		neigh_fini();
		return base_error_set(err, EIO, "no random numbers for the neighbour table's hash");
	}
	neigh_list_init(&free_list);
	neigh_list_init(&pending_list);
	neigh_list_init(&incomplete_list);
	neigh_list_init(&failed_list);
	neigh_list_init(&stale_list);
	for (unsigned i = 1; i <= NEIGH_MAX; i++)
		neigh_list_move(&entries[i], &free_list);
	n_used = 0;
	memset(entry_of, 0, sizeof(entry_of));
	reclaim_timer = (struct wheel_timer){.fn = neigh_on_reclaim};
	neigh_hold_init();
	return 0;
}

void neigh_fini(void)
{
	if (table == NULL)
		return;
	neigh_own_fini();
	for (unsigned i = 1; i <= NEIGH_MAX; i++) {
		if (entries[i].nexthop != 0)
			neigh_delete(neigh_main(), &entries[i]);
	}
	if (wheel_pending(&reclaim_timer))
		wheel_del(neigh_main()->wheel, &reclaim_timer);
	rte_free(table);
	rte_free(entries);
	table = NULL;
	entries = NULL;
}

const struct neigh_table *neigh_table(void)
{
	return table;
}

uint32_t neigh_count(void)
{
	return n_used;
}

struct neigh *neigh_entry(uint32_t i)
{
	BRAID_ASSERT(i >= 1 && i <= NEIGH_MAX);
	return entries[i].nexthop != 0 ? &entries[i] : NULL;
}

struct neigh *neigh_of_nexthop(uint64_t nexthop)
{
	uint16_t i = nexthop < WORLD_NEXTHOPS_MAX ? entry_of[nexthop] : 0;

	return i != 0 ? &entries[i] : NULL;
}

struct neigh *neigh_find(uint16_t iface, const struct ip_addr *addr)
{
	uint64_t words[2];
	uint16_t i;

	memcpy(words, addr->bytes, sizeof(words));
	i = neigh_find_slot(table, neigh_scope(iface, addr->family), words);
	return i != 0 ? &entries[i] : NULL;
}

/* Makes the filled slot of @e visible to workers. */
static void neigh_publish(struct neigh *e)
{
	struct neigh_slot *s = &table->slots[e - entries];
	_Atomic uint16_t *head;

	s->scope = neigh_scope(e->iface, e->addr.family);
	memcpy(s->addr, e->addr.bytes, sizeof(s->addr));
	s->nexthop = e->nexthop;
	head = &table->heads[neigh_bucket(table, s->scope, s->addr)];
	atomic_store_explicit(
		&s->next, atomic_load_explicit(head, memory_order_relaxed), memory_order_relaxed);
	atomic_store_explicit(head, (uint16_t)(e - entries), memory_order_release);
}

/* Takes the slot of @e out of its chain; readers on it go on through its own `next`. */
static void neigh_unpublish(struct neigh *e)
{
	struct neigh_slot *s = &table->slots[e - entries];
	_Atomic uint16_t *at = &table->heads[neigh_bucket(table, s->scope, s->addr)];

	while (atomic_load_explicit(at, memory_order_relaxed) != e - entries) {
		BRAID_ASSERT(atomic_load_explicit(at, memory_order_relaxed) != 0);
		at = &table->slots[atomic_load_explicit(at, memory_order_relaxed)].next;
	}
	atomic_store_explicit(
		at, atomic_load_explicit(&s->next, memory_order_relaxed), memory_order_release);
}

/* Makes room for one more entry as far as @origin may. Whether there is. */
static bool neigh_make_room(struct worker *w, enum neigh_origin origin)
{
	if (free_list.n < NEIGH_FREE_LOW)
		neigh_reclaim_soon(w);
	switch (origin) {
	case NEIGH_BY_PACKET:
		if (incomplete_list.n >= NEIGH_UNRESOLVED_MAX)
			return false;
		if (incomplete_list.n + failed_list.n >= NEIGH_UNRESOLVED_MAX)
			neigh_delete(w, TAILQ_FIRST(&failed_list.head));
		break;
	case NEIGH_BY_LINK:
		break;
	case NEIGH_BY_CONFIG:
		if (free_list.n == 0)
			neigh_reclaim(w);
		break;
	}
	return free_list.n > 0;
}

struct neigh *neigh_get(uint16_t iface, const struct ip_addr *addr, enum neigh_origin origin)
{
	struct worker *w = neigh_main();
	struct neigh *e = neigh_find(iface, addr);
	struct nexthop *nh;
	uint16_t number;

	if (e != NULL)
		return e;
	if (!neigh_make_room(w, origin))
		return NULL;
	number = nexthop_alloc();
	if (number == 0)
		return NULL;
	e = TAILQ_FIRST(&free_list.head);
	neigh_list_move(e, NULL);
	n_used++;
	*e = (struct neigh){
		.timer = {.fn = neigh_on_timer},
		.flush_timer = {.fn = neigh_hold_on_timer},
		.confirmed_ns = w->now_ns,
		.nexthop = number,
		.iface = iface,
		.addr = *addr,
		.state = API_NEIGHBOR_INCOMPLETE,
	};
	e->addr.prefix_len = (uint8_t)ip_addr_bits(addr->family);
	nh = &nexthop_array()[number];
	nh->kind = NEXTHOP_NEIGHBOR;
	nh->family = addr->family;
	nh->iface = iface;
	nh->addr = e->addr;
	entry_of[number] = (uint16_t)(e - entries);
	neigh_list_update(e);
	neigh_publish(e);
	return e;
}

void neigh_delete(struct worker *w, struct neigh *e)
{
	neigh_hold_drop(w, e, DROP_neigh_gone);
	wheel_del(w->wheel, &e->timer);
	wheel_del(w->wheel, &e->flush_timer);
	neigh_unpublish(e);
	atomic_store_explicit(&nexthop_array()[e->nexthop].lladdr, 0, memory_order_relaxed);
	entry_of[e->nexthop] = 0;
	nexthop_free(e->nexthop);
	e->nexthop = 0;
	n_used--;
	neigh_list_move(e, &pending_list);
	neigh_reclaim_soon(w);
}
