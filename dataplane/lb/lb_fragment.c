/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage lb_fragment: lends fragments the ports of their first one and puts them back into lane lb4
 * or lb6, marked with PKT_PORTS. What comes before the first waits for it, within limits. What
 * waited or changes the worker goes in by ip4_input or ip6_input again, because the world may be
 * another one by then.
 *
 * A device or stage steer gave the fragments to the worker of their addresses, which may not be
 * that of the flow. Where stage steer did it, or a device that tells how (link/steer_rss.h), the
 * owner of the whole tuple is computed here and gets them. Where a device with as many queues as
 * workers does not tell, the fragments stay, and are balanced here as a flow of their own, by the
 * same hash to the same backend as the flow's whole packets unless backends have changed since.
 *
 * Datagrams of different clients must not meet under one identification behind NAT: they get one
 * chosen here, whole ones too if they are large and may be cut on their way. Thread: worker.
 */
#include "dataplane/lb/lb_fragment.h"
#include "dataplane/lb/lb_drop.h"
#include "dataplane/link/link.h"
#include "lib/wire/checksum.h"

#define ID_ROUNDS 4 /* of the permutation: Luby and Rackoff's strong one */

static inline enum stage lane_of(uint8_t family)
{
	return family == 4 ? STAGE_lb4 : STAGE_lb6;
}

static inline enum stage input_of(uint8_t family)
{
	return family == 4 ? STAGE_ip4_input : STAGE_ip6_input;
}

/* The front that the route of @m led to, or NULL. */
static const struct lb_front *front_of(const struct worker *w, struct rte_mbuf *m)
{
	const struct nexthop *nh = &w->world->nexthops[pkt_of(m)->nexthop];

	if (!w->world->lb || nh->kind != NEXTHOP_SERVICE || nh->iface >= LB_FRONTS_MAX)
		return NULL;
	return &w->world->lb->fronts[nh->iface];
}

/* Whether NAT will give the datagram of @f another source address. */
static bool is_translated(
	const struct worker *w, const struct lb_front *front, const struct lb_fragment *f)
{
	const struct lb_world *lb = w->world->lb;
	uint16_t service;

	if (!front)
		return false;
	if (front->is_pool)
		return true;
	service = lb_service_find(
		lb, (uint16_t)(front - lb->fronts), f->protocol, (uint16_t)(f->ports >> 16));
	return service != LB_NO_SERVICE && lb->services[service].mode == API_LB_NAT;
}

/*
 * The worker of the flow whose first fragment @m is, where it is known how that is chosen. Packets
 * to the pool are passed on by their port in stage lb4.
 */
static uint8_t owner_of(const struct worker *w, struct rte_mbuf *m, const struct lb_front *front,
	const struct lb_fragment *f)
{
	uint16_t iface = pkt_of(m)->iface, port;
	const struct steer_rss *rss;
	uint32_t src_be, dst_be;

	if (!w->lb || !front || front->is_pool || iface >= WORLD_INTERFACES_MAX)
		return w->id;
	port = w->world->ifaces[iface].port;
	rss = w->lb->ports->rss[port];
	if (rss && steer_rss_knows(rss, f->family, f->protocol))
		return steer_rss_owner(rss, &(struct steer_rss_tuple){.src = f->src,
						    .dst = f->dst,
						    .ports = f->ports,
						    .family = f->family});
	if (!(w->lb->ports->steered >> port & 1))
		return w->id;
	if (f->family == 6)
		return steer_owner6(w, f->src, f->dst, f->protocol, f->ports);
	memcpy(&src_be, f->src, 4);
	memcpy(&dst_be, f->dst, 4);
	return steer_owner4(w, src_be, dst_be, f->protocol, f->ports);
}

/*
 * An identification that no other worker gives and this one not again for as long as there are
 * others: a count, its low bits the worker, under a keyed permutation (Feistel) so that nobody
 * outside can tell the next one.
 */
static uint32_t new_id(struct worker *w, struct lb_fragments *t, uint8_t family)
{
	unsigned worker_bits =
		w->n_workers > 1 ? 32u - (unsigned)__builtin_clz(w->n_workers - 1u) : 0;
	unsigned bits = family == 4 ? 8 : 16;
	uint32_t mask = (1u << bits) - 1;
	uint32_t count = t->n_ids++ << worker_bits | w->id;
	uint32_t left = count >> bits & mask, right = count & mask;

	for (uint64_t round = 0; round < ID_ROUNDS; round++) {
		uint64_t f = flow_hash_pair(w->flow_key, right | round << 32, family);
		uint32_t next = left ^ ((uint32_t)f & mask);

		left = right;
		right = next;
	}
	count = left << bits | right;
	return family == 4 ? htobe16((uint16_t)count) : htobe32(count);
}

static void write_id(struct rte_mbuf *m, const struct lb_fragment *f, uint32_t id)
{
	uint8_t *l3 = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt_of(m)->l2_len);
	struct rte_ipv4_hdr *h = (struct rte_ipv4_hdr *)l3;

	if (f->family == 6) {
		memcpy(l3 + f->id_offset, &id, 4);
		return;
	}
	h->hdr_checksum = checksum_update16(h->hdr_checksum, h->packet_id, (uint16_t)id);
	h->packet_id = (uint16_t)id;
}

void lb_fragment_renew_id4(struct worker *w, struct rte_mbuf *m)
{
	const struct lb_fragment whole = {.family = 4};

	if (w->lb)
		write_id(m, &whole, new_id(w, w->lb->fragments, 4));
}

/* Drops @m, a fragment of datagram @d that would write over the ports in the first one. */
static void drop_overlap(struct worker *w, struct rte_mbuf *m, const struct lb_datagram *d)
{
	const struct lb_front *front = front_of(w, m);
	uint16_t service = LB_NO_SERVICE;

	if (front && !front->is_pool)
		service = lb_service_find(w->world->lb, (uint16_t)(front - w->world->lb->fronts),
			d->protocol, (uint16_t)(d->ports >> 16));
	if (service == LB_NO_SERVICE)
		drop(w, m, DROP_lb_fragment_bad);
	else
		lb_drop(w, m, service, LB_DROP_lb_fragment_bad);
}

/* Sends @m, the fragment @f of datagram @d, on its way. */
static void pass(struct worker *w, struct rte_mbuf *m, const struct lb_fragment *f,
	const struct lb_datagram *d, bool waited)
{
	struct pkt *p = pkt_of(m);

	if (f->start != 0 && f->start < d->header_bytes) {
		drop_overlap(w, m, d);
		return;
	}
	if (d->new_id_used)
		write_id(m, f, d->new_id);
	p->ports = d->ports;
	p->protocol = d->protocol;
	p->flags |= PKT_PORTS;
	if (d->owner != w->id)
		worker_handoff(w, m, d->owner, input_of(f->family));
	else
		lane_put(w, waited ? input_of(f->family) : lane_of(f->family), m);
}

/* Takes the longest waiting fragment of @d out of the table. */
static struct rte_mbuf *take_waiting(
	struct worker *w, struct lb_fragments *t, struct lb_datagram *d)
{
	uint16_t number = d->head;
	struct rte_mbuf *m = t->waiting[number].pkt;

	d->head = t->waiting[number].next;
	d->n_waiting--;
	t->waiting[number] = (struct lb_waiting){.next = t->free_waiting};
	t->free_waiting = number;
	t->n_waiting--;
	w->stats->held_pkts--;
	return m;
}

/* Takes @d out of the list of those that wait for their first fragment. */
static void unlink_datagram(struct lb_fragments *t, struct lb_datagram *d)
{
	uint16_t *from_older = d->older ? &t->datagrams[d->older].newer : &t->oldest;
	uint16_t *from_newer = d->newer ? &t->datagrams[d->newer].older : &t->newest;

	*from_older = d->newer;
	*from_newer = d->older;
	d->older = d->newer = 0;
}

/* Ends @d: what waits is dropped for @reason. */
static void forget(
	struct worker *w, struct lb_fragments *t, struct lb_datagram *d, enum drop_reason reason)
{
	if (d->n_waiting > 0)
		unlink_datagram(t, d);
	while (d->n_waiting > 0)
		drop(w, take_waiting(w, t, d), reason);
	d->family = 0;
}

static void arm(struct worker *w, struct lb_fragments *t)
{
	if (t->oldest && !wheel_pending(&t->timer))
		wheel_add(
			w->wheel, &t->timer, t->datagrams[t->oldest].made_ns + LB_FRAGMENT_WAIT_NS);
}

/* Drops what has waited too long. */
static void on_timer(void *ctx, struct wheel_timer *timer)
{
	struct lb_fragments *t = CONTAINER_OF(timer, struct lb_fragments, timer);
	struct worker *w = ctx;

	while (t->oldest) {
		struct lb_datagram *d = &t->datagrams[t->oldest];

		if (w->now_ns - d->made_ns < LB_FRAGMENT_WAIT_NS)
			break;
		forget(w, t, d, DROP_lb_fragment_early);
	}
	arm(w, t);
}

static bool is_same(const struct lb_datagram *d, const struct lb_fragment *f)
{
	return d->family == f->family && d->id == f->id && d->key_protocol == f->key_protocol &&
	       memcmp(d->src, f->src, 16) == 0 && memcmp(d->dst, f->dst, 16) == 0;
}

static bool is_over(const struct worker *w, const struct lb_datagram *d)
{
	return w->now_ns - d->made_ns >= LB_DATAGRAM_LIFE_NS;
}

/* The bucket of the datagram of @f. */
static struct lb_datagram *bucket_of(
	const struct worker *w, struct lb_fragments *t, const struct lb_fragment *f)
{
	uint32_t src_be, dst_be;
	uint64_t hash;

	memcpy(&src_be, f->src, 4);
	memcpy(&dst_be, f->dst, 4);
	if (f->family == 4)
		hash = flow_hash_ip4(w->flow_key, src_be, dst_be, f->key_protocol, f->id);
	else
		hash = flow_hash_ip6(w->flow_key, f->src, f->dst, f->key_protocol, f->id);
	hash %= LB_DATAGRAMS_MAX / LB_DATAGRAM_SLOTS;
	return &t->datagrams[1 + hash * LB_DATAGRAM_SLOTS];
}

/* The datagram of @f, or NULL; one whose time is over ends. */
static struct lb_datagram *find(
	struct worker *w, struct lb_fragments *t, const struct lb_fragment *f)
{
	struct lb_datagram *bucket = bucket_of(w, t, f);

	for (unsigned i = 0; i < LB_DATAGRAM_SLOTS; i++) {
		if (!is_same(&bucket[i], f))
			continue;
		if (!is_over(w, &bucket[i]))
			return &bucket[i];
		forget(w, t, &bucket[i], DROP_lb_fragment_early);
	}
	return NULL;
}

/* A place for the datagram of @f, which is not in the table: a free one, one whose time is over, or
 * that of the oldest of its bucket. */
static struct lb_datagram *make(
	struct worker *w, struct lb_fragments *t, const struct lb_fragment *f)
{
	struct lb_datagram *bucket = bucket_of(w, t, f), *best = bucket;

	for (unsigned i = 0; i < LB_DATAGRAM_SLOTS && best->family != 0; i++)
		if (bucket[i].family == 0 || bucket[i].made_ns < best->made_ns)
			best = &bucket[i];
	if (best->family != 0) {
		w->stats->evicted_datagrams += !is_over(w, best);
		forget(w, t, best, DROP_lb_fragment_limit);
	}
	*best = (struct lb_datagram){
		.made_ns = w->now_ns,
		.id = f->id,
		.family = f->family,
		.key_protocol = f->key_protocol,
	};
	memcpy(best->src, f->src, 16);
	memcpy(best->dst, f->dst, 16);
	return best;
}

/* Notes in @d what its first fragment @f, the packet @m, decides. */
static void open_datagram(
	struct worker *w, struct rte_mbuf *m, const struct lb_fragment *f, struct lb_datagram *d)
{
	const struct lb_front *front = front_of(w, m);

	d->made_ns = w->now_ns;
	d->ports = f->ports;
	d->protocol = f->protocol;
	d->header_bytes = f->header_bytes;
	d->owner = owner_of(w, m, front, f);
	d->new_id_used = is_translated(w, front, f);
}

/* A second first fragment with the same ports was doubled on its way. With others it belongs to
 * another datagram: few identifications last long. */
static void on_first(
	struct worker *w, struct lb_fragments *t, struct rte_mbuf *m, const struct lb_fragment *f)
{
	struct lb_datagram *d = find(w, t, f);
	bool is_known = d && d->ports == f->ports && d->protocol == f->protocol;

	if (!d)
		d = make(w, t, f);
	if (!is_known) {
		if (d->n_waiting > 0)
			unlink_datagram(t, d);
		open_datagram(w, m, f, d);
		if (d->new_id_used)
			d->new_id = new_id(w, t, f->family);
	}
	pass(w, m, f, d, false);
	while (d->n_waiting > 0) {
		struct lb_fragment later;

		m = take_waiting(w, t, d);
		lb_fragment_read(&later, m);
		pass(w, m, &later, d, true);
	}
}

/* Lets @m wait for the first fragment of its datagram @d (NULL: it is the first that came). */
static void wait(struct worker *w, struct lb_fragments *t, struct rte_mbuf *m,
	const struct lb_fragment *f, struct lb_datagram *d)
{
	uint16_t number;

	if (t->free_waiting == 0 || (d && d->n_waiting == LB_FRAGMENT_DATAGRAM_MAX)) {
		drop(w, m, DROP_lb_fragment_limit);
		return;
	}
	if (!d)
		d = make(w, t, f);
	if (d->n_waiting == 0) {
		d->older = t->newest;
		*(t->newest ? &t->datagrams[t->newest].newer : &t->oldest) =
			(uint16_t)(d - t->datagrams);
		t->newest = (uint16_t)(d - t->datagrams);
	}
	number = t->free_waiting;
	t->free_waiting = t->waiting[number].next;
	t->waiting[number] = (struct lb_waiting){.pkt = m};
	*(d->n_waiting ? &t->waiting[d->tail].next : &d->head) = number;
	d->tail = number;
	d->n_waiting++;
	t->n_waiting++;
	w->stats->held_pkts++;
	arm(w, t);
}

static void on_later(
	struct worker *w, struct lb_fragments *t, struct rte_mbuf *m, const struct lb_fragment *f)
{
	struct lb_datagram *d = find(w, t, f);

	if (d && d->protocol)
		pass(w, m, f, d, false);
	else
		wait(w, t, m, f, d);
}

/* A packet that needs no other one: it says its ports itself. */
static void on_whole(struct worker *w, struct rte_mbuf *m, const struct lb_fragment *f)
{
	struct lb_datagram d = {.ports = f->ports, .protocol = f->protocol};

	d.owner = owner_of(w, m, front_of(w, m), f);
	pass(w, m, f, &d, false);
}

void lb_fragment_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	/* The main thread and explain have no table: there only first fragments can be told. */
	struct lb_fragments *t = w->lb ? w->lb->fragments : NULL;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct lb_fragment f;

		switch (lb_fragment_read(&f, m)) {
		case LB_FRAGMENT_FIRST:
			if (t)
				on_first(w, t, m, &f);
			else
				on_whole(w, m, &f);
			break;
		case LB_FRAGMENT_LATER:
			if (t)
				on_later(w, t, m, &f);
			else
				drop(w, m, DROP_lb_fragment_early);
			break;
		case LB_FRAGMENT_WHOLE:
			on_whole(w, m, &f);
			break;
		case LB_FRAGMENT_OTHER:
			lane_put(w, f.family == 4 ? STAGE_ip4_local : STAGE_ip6_local, m);
			break;
		case LB_FRAGMENT_BAD:
			drop(w, m, DROP_lb_fragment_bad);
			break;
		}
	}
}

void lb_fragments_init(struct worker *w, struct lb_fragments *t)
{
	*t = (struct lb_fragments){
		.timer = {.fn = on_timer},
		.n_ids = (uint32_t)(worker_random(w) >> 32),
		.free_waiting = 1,
	};
	for (uint16_t i = 1; i < LB_FRAGMENT_WAITING_MAX; i++)
		t->waiting[i].next = (uint16_t)(i + 1);
}

void lb_fragments_end(struct worker *w, struct lb_fragments *t)
{
	wheel_del(w->wheel, &t->timer);
	while (t->oldest)
		forget(w, t, &t->datagrams[t->oldest], DROP_shutdown);
}
