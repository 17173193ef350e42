/* SPDX-License-Identifier: BSD-3-Clause */
/* Choosing and returning the source ports of full NAT. Thread: worker. */
#include "dataplane/lb/lb_impl.h"
#include "dataplane/link/link.h"

#define PORTS_END 65536u

/* The lowest of this worker's ports that is at least @port. */
static uint32_t own_port(const struct worker *w, uint32_t port)
{
	uint32_t beyond = (port + w->n_workers - w->id) % w->n_workers;

	return beyond == 0 ? port : port + w->n_workers - beyond;
}

/*
 * This worker's ports of the pool's address number @index. What is left over from an address that
 * had the number before is forgotten when its last flow has ended, until then there are none.
 */
static struct lb_nat_ports *ports_of(struct worker *w, uint16_t index)
{
	const struct lb_pool_address *a = &w->world->lb->pool[index];
	struct lb_nat_ports *p = &w->lb->ports->pool[index];

	if (LIKELY(p->records == a->records && p->life == a->life))
		return p->records ? p : NULL;
	if (p->in_use > 0 || !a->records)
		return NULL;
	*p = (struct lb_nat_ports){
		.records = a->records,
		.life = a->life,
		.unused = own_port(w, LB_NAT_PORT_MIN),
	};
	return p;
}

static void queue_put(struct lb_nat_ports *p, uint16_t port)
{
	p->records[port].next = 0;
	if (p->head == 0)
		p->head = port;
	else
		p->records[p->tail].next = port;
	p->tail = port;
}

/* Takes the next free port: one that was never used, or the longest unused; 0: none. */
static uint32_t queue_take(const struct worker *w, struct lb_nat_ports *p)
{
	uint32_t port = p->unused;

	if (port < PORTS_END) {
		p->unused = port + w->n_workers;
		rte_prefetch0(&p->records[MIN_OF(p->unused, PORTS_END - 1)]);
		return port;
	}
	port = p->head;
	if (port == 0)
		return 0;
	p->head = (uint16_t)p->records[port].next;
	if (p->head)
		rte_prefetch0(&p->records[p->head]);
	return port;
}

/* The next free port of the addresses of the pool in turn; 0: none. */
static uint32_t next_candidate(struct worker *w, bool is_ip6)
{
	const struct lb_world *lb = w->world->lb;
	const uint16_t *list = is_ip6 ? lb->pool_list6 : lb->pool_list4;
	uint16_t n = is_ip6 ? lb->n_pool6 : lb->n_pool4;
	uint16_t *turn = &w->lb->ports->turn[is_ip6];

	for (uint16_t i = 0; i < n; i++) {
		uint16_t index = list[*turn < n ? *turn : 0];
		struct lb_nat_ports *p = ports_of(w, index);
		uint32_t port = p ? queue_take(w, p) : 0;

		*turn = *turn + 1 < n ? (uint16_t)(*turn + 1) : 0;
		if (port)
			return (uint32_t)index << 16 | port;
	}
	return 0;
}

/* The port of the device by which packets to @b leave, and its replies should come; negative: there
 * is no way at present. */
static int device_port(const struct worker *w, const struct lb_backend *b)
{
	const struct nexthop *nh = &w->world->nexthops[b->nexthop];

	if (nh->kind == NEXTHOP_GROUP)
		nh = &w->world->nexthops[nh->group->hops[0]];
	if (nh->kind != NEXTHOP_NEIGHBOR && nh->kind != NEXTHOP_CONNECTED)
		return -1;
	return w->world->ifaces[nh->iface].port;
}

/* Whether replies to @want need no choice: one worker, or no way there at present, or a device that
 * spreads them in a way that is not known or never to this worker. Else @rss says how the device
 * does it; NULL: stage steer. */
static bool any_will_do(
	const struct worker *w, const struct lb_nat_want *want, const struct steer_rss **rss)
{
	const struct lb_ports *ports = w->lb->ports;
	int port = w->n_workers == 1 ? -1 : device_port(w, want->backend);

	if (port < 0)
		return true;
	*rss = NULL;
	if (ports->steered >> port & 1)
		return false;
	*rss = ports->rss[port];
	return !*rss || !((*rss)->reached >> w->id & 1) ||
	       !steer_rss_knows(*rss, want->backend->addr.family, want->protocol);
}

/* Whether this worker gets what the backend sends to port @nat, by @rss or else by stage steer. */
static bool comes_here(const struct worker *w, const struct lb_nat_want *want, uint32_t nat,
	const struct steer_rss *rss)
{
	const uint8_t *pool = w->world->lb->pool[nat >> 16].addr.bytes;
	const uint8_t *backend = want->backend->addr.bytes;
	uint16_t pair[2] = {want->backend_port_be, __builtin_bswap16((uint16_t)nat)};
	uint32_t ports, src, dst;

	memcpy(&ports, pair, sizeof(ports));
	if (rss)
		return steer_rss_owner(rss, &(struct steer_rss_tuple){.src = backend,
						    .dst = pool,
						    .ports = ports,
						    .family = want->backend->addr.family}) == w->id;
	if (want->backend->addr.family == 6)
		return steer_owner6(w, backend, pool, want->protocol, ports) == w->id;
	memcpy(&src, backend, sizeof(src));
	memcpy(&dst, pool, sizeof(dst));
	return steer_owner4(w, src, dst, want->protocol, ports) == w->id;
}

/* The first candidate for which the reply comes here, else the first of all; the others go back. */
static uint32_t choose(struct worker *w, const struct lb_nat_want *want)
{
	const struct steer_rss *rss = NULL;
	bool any = any_will_do(w, want, &rss), is_ip6 = want->backend->addr.family == 6;
	unsigned most = MIN_OF(MAX_OF(8u, 4u * w->n_workers), (unsigned)LB_NAT_CANDIDATES_MAX);
	uint32_t tried[LB_NAT_CANDIDATES_MAX], best = 0;
	unsigned n = 0;

	while (best == 0 && n < most) {
		uint32_t nat = next_candidate(w, is_ip6);

		if (nat == 0)
			break;
		if (any || comes_here(w, want, nat, rss))
			best = nat;
		else
			tried[n++] = nat;
	}
	for (unsigned i = 0; i < n; i++) {
		if (best == 0)
			best = tried[i];
		else if (tried[i] != best)
			queue_put(&w->lb->ports->pool[tried[i] >> 16], (uint16_t)tried[i]);
	}
	return best;
}

uint32_t lb_nat_take(struct worker *w, const struct lb_nat_want *want)
{
	uint32_t nat = choose(w, want);
	struct lb_nat *record;

	if (UNLIKELY(nat == 0))
		return 0;
	w->lb->ports->pool[nat >> 16].in_use++;
	record = lb_nat_at(w->world->lb, nat);
	BRAID_ASSERT(record->state == LB_FLOW_FREE);
	*record = (struct lb_nat){
		.backend_port_be = want->backend_port_be,
		.backend = want->backend_number,
		.protocol = want->protocol,
		.state = want->protocol == IPPROTO_TCP ? LB_FLOW_TCP_NEW : LB_FLOW_UDP_NEW,
		.family = want->backend->addr.family,
		.seen = lb_tick(w),
	};
	return nat;
}

void lb_nat_give(struct worker *w, uint32_t nat)
{
	struct lb_nat_ports *p = &w->lb->ports->pool[nat >> 16];
	struct lb_nat *record = lb_nat_held(w, nat);

	BRAID_ASSERT(p->in_use > 0);
	p->in_use--;
	if (UNLIKELY(!record))
		return;
	BRAID_ASSERT(record->state != LB_FLOW_FREE);
	record->state = LB_FLOW_FREE;
	queue_put(p, (uint16_t)nat);
}
