/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations on small flow tables and on ports of NAT against lists of what was done. The input is
 * {flows, version} and a series of {operation, key, two values}. The worker believes to be one of
 * 255, so that it owns 253 ports of each address and runs out of them.
 */
#include "tests/unit/lb_bare.h"

#define OP_BYTES  4u
#define KEYS      64u
#define N_WORKERS 255u
#define OWN_PORTS 253u /* 1275 and every 255th port up to 65535 */
#define HELD_MAX  600u
#define FLOWS_MAX 40u /* of the table; it has fewer buckets */

enum fuzz_op {
	OP_ADD,
	OP_ADD_NAT,
	OP_END,
	OP_CLIENT,  /* a packet from the client */
	OP_BACKEND, /* a packet from the backend */
	OP_TIME,
	OP_SWEEP,
	OP_TAKE, /* ports without flows */
	OP_GIVE,
	OP_POOL,    /* an address leaves and another takes its place */
	OP_SERVICE, /* a backend's service goes or comes */
	OP_COUNT
};

/* What should be in the table under one key. */
struct model_flow {
	bool present;
	uint16_t backend;
	uint8_t state;
	uint32_t seen;
	uint32_t nat;
	uint32_t life; /* of the pool's address */
	uint8_t nat_state;
	uint32_t nat_seen;
	bool nat_reset;
};

static struct {
	struct worker *w;
	bool is_ip6;
	struct model_flow flows[KEYS];
	uint64_t new_flows[BARE_BACKENDS];
	uint64_t ended_flows[BARE_BACKENDS];
	uint32_t held[HELD_MAX];
	uint32_t held_life[HELD_MAX];
	unsigned n_held;
	unsigned taken[BARE_POOL];        /* ports, in the present life of the address */
	unsigned taken_before[BARE_POOL]; /* ... in lives before */
} f;

static uint32_t taken_life[BARE_POOL][65536]; /* life in which a port was taken; 0: not */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key is all over the slot's first bytes, and so few bits of it choose the buckets that they
 * fill up. */
static void make(unsigned key, struct lb_flow4 *f4, struct lb_flow6 *f6, uint64_t *hash)
{
	struct lb_flow flow = {.ports = key % 8, .protocol = key % 3 ? IPPROTO_TCP : IPPROTO_UDP};

	*f4 = (struct lb_flow4){.src_be = key / 8, .dst_be = 7, .flow = flow};
	*f6 = (struct lb_flow6){.src = {[15] = (uint8_t)(key / 8)}, .flow = flow};
	*hash = f.is_ip6 ? lb_flow6_hash(f.w, f6->src, f6->dst, flow.protocol, flow.ports)
			 : lb_flow4_hash(f.w, f4->src_be, f4->dst_be, flow.protocol, flow.ports);
}

static struct lb_table *table(void)
{
	return f.is_ip6 ? &f.w->lb->flows6 : &f.w->lb->flows4;
}

static struct lb_flow *find(unsigned key)
{
	struct lb_flow4 f4, *found4;
	struct lb_flow6 f6, *found6;
	uint64_t hash;

	make(key, &f4, &f6, &hash);
	if (f.is_ip6) {
		found6 = lb_flow6_find(f.w, hash, &f6);
		return found6 ? &found6->flow : NULL;
	}
	found4 = lb_flow4_find(f.w, hash, &f4);
	return found4 ? &found4->flow : NULL;
}

static bool over(uint8_t state, uint32_t seen, bool closing)
{
	static const unsigned seconds[] = {0, 10, 900, 5, 20, 120};

	return lb_tick(f.w) - seen >
	       seconds[closing ? (unsigned)LB_FLOW_TCP_CLOSING : state] * BARE_SECOND;
}

static bool model_idle(const struct model_flow *m)
{
	bool closing = m->nat && (m->nat_reset || (m->state == LB_FLOW_TCP_CLOSING &&
							  m->nat_state == LB_FLOW_TCP_CLOSING));

	if (m->nat && m->life != bare.pool[m->nat >> 16].life)
		return true;
	return over(m->state, m->seen, closing) &&
	       (!m->nat || over(m->nat_state, m->nat_seen, closing));
}

/* Notes that @nat, of an address in its life @life, was given back. */
static void model_give(uint32_t nat, uint32_t life)
{
	unsigned index = nat >> 16;

	if (life == bare.pool[index].life) {
		f.taken[index]--;
		taken_life[index][nat & 0xffff] = 0;
	} else {
		f.taken_before[index]--;
	}
}

/* Takes a port and checks that it may be had; 0 only if there is none to be had. */
static uint32_t take(uint16_t backend)
{
	unsigned first = f.is_ip6 ? 2 : 0;
	uint32_t nat = bare_take(f.w, backend);

	if (nat) {
		unsigned index = nat >> 16, port = nat & 0xffff;

		BRAID_ASSERT(index == first || index == first + 1);
		BRAID_ASSERT(port % N_WORKERS == f.w->id && port >= LB_NAT_PORT_MIN);
		BRAID_ASSERT(taken_life[index][port] != bare.pool[index].life);
		BRAID_ASSERT(f.taken_before[index] == 0);
		taken_life[index][port] = bare.pool[index].life;
		f.taken[index]++;
		return nat;
	}
	for (unsigned i = first; i < first + 2; i++)
		BRAID_ASSERT(f.taken_before[i] > 0 || f.taken[i] == OWN_PORTS);
	return 0;
}

static void model_end(unsigned key)
{
	struct model_flow *m = &f.flows[key];

	m->present = false;
	f.ended_flows[m->backend]++;
	if (m->nat)
		model_give(m->nat, m->life);
}

/* Compares everything; flows that are missing must have been idle (or, where @swept, without
 * service), and are forgotten. How many were missing. */
static unsigned compare(bool swept)
{
	unsigned n = 0, missing = 0;

	for (unsigned k = 0; k < KEYS; k++) {
		struct model_flow *m = &f.flows[k];
		const struct lb_flow *flow = find(k);

		BRAID_ASSERT(m->present || !flow);
		if (m->present && !flow) {
			BRAID_ASSERT(
				model_idle(m) || (swept && bare.backends[m->backend].service_gone));
			model_end(k);
			missing++;
		}
		if (!m->present)
			continue;
		n++;
		BRAID_ASSERT(flow->backend == m->backend && flow->nat == m->nat);
		BRAID_ASSERT(flow->state == m->state && flow->seen == m->seen);
		BRAID_ASSERT(lb_flow_is_idle(f.w, flow) == model_idle(m));
	}
	BRAID_ASSERT(table()->n_flows == n && f.w->stats->flows == n);
	for (unsigned b = 0; b < BARE_BACKENDS; b++) {
		BRAID_ASSERT(f.w->stats->backends[b].new_flows == f.new_flows[b]);
		BRAID_ASSERT(f.w->stats->backends[b].ended_flows == f.ended_flows[b]);
	}
	return missing;
}

/* The bucket in which key number @key lies. */
static uint32_t bucket_of(unsigned key)
{
	size_t bytes = f.is_ip6 ? sizeof(struct lb_flow6) : sizeof(struct lb_flow4);
	size_t offset = (size_t)((const char *)find(key) - (const char *)table()->slots);

	return (uint32_t)(offset / bytes / LB_FLOW_BUCKET_SLOTS);
}

/* The table has no place for @hash: all slots of its buckets must be held by flows that live, and,
 * unless the whole table is crowded, all slots of the other buckets of those flows be in use. */
static void check_full(uint64_t hash)
{
	uint32_t buckets[2] = {lb_flow_bucket(table(), hash, 0), lb_flow_bucket(table(), hash, 1)};
	bool is_crowded = table()->n_flows >= table()->n_buckets * (LB_FLOW_BUCKET_SLOTS - 1);
	unsigned live = 0, used[FLOWS_MAX] = {};

	for (unsigned k = 0; k < KEYS; k++)
		if (f.flows[k].present)
			used[bucket_of(k)]++;
	for (unsigned k = 0; k < KEYS; k++) {
		struct lb_flow4 f4;
		struct lb_flow6 f6;
		uint64_t own_hash;
		uint32_t bucket;

		if (!f.flows[k].present)
			continue;
		bucket = bucket_of(k);
		if (bucket != buckets[0] && bucket != buckets[1])
			continue;
		live += !model_idle(&f.flows[k]);
		make(k, &f4, &f6, &own_hash);
		for (unsigned which = 0; which < 2 && !is_crowded; which++)
			BRAID_ASSERT(used[lb_flow_bucket(table(), own_hash, which)] ==
				     LB_FLOW_BUCKET_SLOTS);
	}
	BRAID_ASSERT(live == LB_FLOW_BUCKET_SLOTS * (1 + (buckets[0] != buckets[1])));
}

static void do_add(unsigned key, uint8_t a, bool is_nat)
{
	struct model_flow *m = &f.flows[key];
	struct lb_flow4 f4;
	struct lb_flow6 f6;
	struct lb_flow flow;
	uint64_t hash;
	void *added;

	if (m->present)
		return;
	make(key, &f4, &f6, &hash);
	flow = f4.flow;
	flow.backend = (uint16_t)(a % 4 + (f.is_ip6 ? 4 : 0));
	flow.state = (uint8_t)(1 + a / 4 % 5);
	flow.seen = lb_tick(f.w);
	flow.nat = is_nat ? take(flow.backend) : 0;
	f4.flow = f6.flow = flow;
	added = f.is_ip6 ? (void *)lb_flow6_add(f.w, hash, &f6)
			 : (void *)lb_flow4_add(f.w, hash, &f4);
	if (!added) {
		check_full(hash);
		if (flow.nat) {
			lb_nat_give(f.w, flow.nat);
			model_give(flow.nat, bare.pool[flow.nat >> 16].life);
		}
		return;
	}
	f.new_flows[flow.backend]++;
	*m = (struct model_flow){true, flow.backend, flow.state, flow.seen, flow.nat, 0,
		LB_FLOW_TCP_NEW, flow.seen, false};
	if (m->nat)
		m->life = bare.pool[m->nat >> 16].life;
	BRAID_ASSERT(compare(false) <= 1);
}

static void do_end(unsigned key)
{
	struct lb_flow *flow = find(key);

	if (flow) {
		lb_flow_end(f.w, table(), flow);
		model_end(key);
	}
}

static void do_packet(unsigned key, uint8_t a, bool from_backend)
{
	struct model_flow *m = &f.flows[key];
	struct lb_flow *flow = find(key);
	struct lb_nat *nat = flow && flow->nat ? lb_nat_held(f.w, flow->nat) : NULL;

	if (flow && !from_backend) {
		flow->state = m->state = (uint8_t)(1 + a % 5);
		flow->seen = m->seen = lb_tick(f.w);
	} else if (nat) {
		nat->state = m->nat_state = (uint8_t)(1 + a % 5);
		nat->reset = m->nat_reset = a % 7 == 0;
		nat->seen = m->nat_seen = lb_tick(f.w);
	}
}

static void do_sweep(unsigned n_buckets)
{
	bool whole = n_buckets >= table()->n_buckets;

	lb_flow_sweep(f.w, table(), n_buckets);
	compare(true);
	for (unsigned k = 0; k < KEYS && whole; k++)
		BRAID_ASSERT(!f.flows[k].present || !model_idle(&f.flows[k]));
}

static void do_take(unsigned n, uint8_t a)
{
	while (n-- > 0 && f.n_held < HELD_MAX) {
		uint32_t nat = take((uint16_t)(a % 4 + (f.is_ip6 ? 4 : 0)));

		if (nat == 0)
			return;
		f.held[f.n_held] = nat;
		f.held_life[f.n_held++] = bare.pool[nat >> 16].life;
	}
}

static void do_give(unsigned n, uint8_t a)
{
	while (n-- > 0 && f.n_held > 0) {
		unsigned i = a % f.n_held;

		lb_nat_give(f.w, f.held[i]);
		model_give(f.held[i], f.held_life[i]);
		f.held[i] = f.held[--f.n_held];
		f.held_life[i] = f.held_life[f.n_held];
	}
}

/* The same memory serves another address; only this worker's ports were written. */
static void renew(unsigned index)
{
	struct lb_pool_address *a = &bare.pool[index];

	a->life++;
	f.taken_before[index] += f.taken[index];
	f.taken[index] = 0;
	for (unsigned port = f.w->id; port < 65536; port += N_WORKERS)
		memset(&a->records[port], 0, sizeof(a->records[port]));
}

static void step(const uint8_t *op)
{
	unsigned key = op[1] % KEYS;

	switch ((enum fuzz_op)(op[0] % OP_COUNT)) {
	case OP_ADD:
	case OP_ADD_NAT:
		do_add(key, op[2], op[0] % OP_COUNT == OP_ADD_NAT);
		break;
	case OP_END:
		do_end(key);
		break;
	case OP_CLIENT:
	case OP_BACKEND:
		do_packet(key, op[2], op[0] % OP_COUNT == OP_BACKEND);
		break;
	case OP_TIME:
		f.w->now_ns += (uint64_t)op[2] * op[3] * 20 * NSEC_PER_MSEC;
		break;
	case OP_SWEEP:
		do_sweep(op[2] % 8u);
		break;
	case OP_TAKE:
		do_take(op[1], op[2]);
		break;
	case OP_GIVE:
		do_give(op[1], op[2]);
		break;
	case OP_POOL:
		renew(op[1] % BARE_POOL);
		break;
	case OP_SERVICE:
		bare.backends[op[1] % BARE_BACKENDS].service_gone ^= true;
		break;
	case OP_COUNT:
		break;
	}
	compare(false);
}

static void start(uint8_t flows, uint8_t version)
{
	struct conf_node node = {.flows = flows % FLOWS_MAX};
	struct base_error err;

	if (!workers[0])
		bare_start(1, 1, true);
	memset(&f, 0, sizeof(f));
	f.w = workers[0];
	f.is_ip6 = version & 1;
	lb_worker_fini(f.w);
	memset(f.w->stats, 0, sizeof(*f.w->stats));
	f.w->n_workers = 1;
	f.w->now_ns = 1000 * NSEC_PER_SEC;
	BRAID_ASSERT(lb_init(&node, &err) == 0 && lb_worker_init(f.w, &err) == 0);
	f.w->n_workers = N_WORKERS;
	f.w->lb->ports->steered = version >> 1 & 1;
	for (unsigned i = 0; i < BARE_POOL; i++)
		renew(i);
	for (unsigned i = 0; i < BARE_BACKENDS; i++)
		bare.backends[i].service_gone = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	start(data[0], data[1]);
	for (size_t at = 2; at + OP_BYTES <= size; at += OP_BYTES)
		step(data + at);
	for (unsigned k = 0; k < KEYS; k++)
		do_end(k);
	do_give(f.n_held, 0);
	for (unsigned i = 0; i < BARE_POOL; i++)
		BRAID_ASSERT(f.w->lb->ports->pool[i].in_use == 0);
	BRAID_ASSERT(f.w->stats->flows == 0);
	return 0;
}
