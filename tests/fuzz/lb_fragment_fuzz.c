/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments in any order through stage lb_fragment against a model of what was sent. The input is a
 * series of {operation, datagram, offset, size}; operation RAW takes its packet from the input
 * instead. Every fragment must leave with the ports of the last first fragment before it, wait
 * within the limits, or be dropped; those that waited leave in the order in which they came.
 */
#include <sanitizer/lsan_interface.h>

#include "dataplane/lb/lb_fragment.h"
#include "lib/wire/checksum.h"
#include "tests/unit/lb_stages.h"

#define OP_BYTES    4u
#define DATAGRAMS   32u /* half of them IPv6 */
#define OPS_MAX     600u
#define CHECK_EVERY 8u /* operations */
#define TCP_BYTES   24u
#define UDP_BYTES   8u
#define SERIAL      4u /* bytes at the end of each packet, by which it is known again */
#define SLACK_NS    (20 * NSEC_PER_MSEC) /* timers fire in steps of the node's time */

enum fuzz_op { OP_FIRST, OP_OTHER_FIRST, OP_LATER, OP_LATER_TOO, OP_TIME, OP_RAW, OP_COUNT };

/* What was sent of one datagram. */
struct model {
	uint32_t ports; /* of the last first fragment; 0: there was none */
	uint64_t first_ns;
	uint32_t id;
	uint32_t passed; /* serial of the last fragment that left after waiting */
};

static struct model models[DATAGRAMS];
static struct worker *w;
static uint32_t serial;
static uint64_t evicted_before;          /* this input */
static uint8_t datagram_of[OPS_MAX + 1]; /* by serial */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void register_chunk(
	struct rte_mempool *mp, void *arg, struct rte_mempool_memhdr *mem, unsigned index)
{
	__lsan_register_root_region(mem->addr, mem->len);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	stages_start(STAGES_CONFIG("[0]"));
	w = node_worker(0);
	rte_mempool_mem_iter(w->mempool, register_chunk, NULL);
	__lsan_register_root_region(nexthop_array(), WORLD_NEXTHOPS_MAX * sizeof(struct nexthop));
	return 0;
}

static bool is_ip6(unsigned d)
{
	return d >= DATAGRAMS / 2;
}

static uint8_t protocol_of(unsigned d)
{
	return d % 2 ? IPPROTO_TCP : IPPROTO_UDP;
}

/* The IP header of a fragment of datagram @d in @p; its length. */
static uint32_t header(uint8_t *p, unsigned d, uint32_t start, bool more, uint32_t data_bytes)
{
	uint16_t offset_be = htobe16((uint16_t)(is_ip6(d) ? start | more : start / 8 | more << 13));
	uint16_t bytes_be = htobe16((uint16_t)(data_bytes + (is_ip6(d) ? 8 : 20)));
	struct ip_addr src = stages_addr(is_ip6(d) ? "2001:db8:c::3" : "10.1.2.3");
	struct ip_addr dst = stages.fronts[is_ip6(d) ? STAGES_VIP6 : STAGES_VIP4].prefix;

	if (is_ip6(d)) {
		memset(p, 0, 48);
		p[0] = 0x60;
		memcpy(p + 4, &bytes_be, 2);
		p[6] = IP6_NEXT_FRAGMENT;
		p[7] = 64;
		memcpy(p + 8, src.bytes, 16);
		memcpy(p + 24, dst.bytes, 16);
		p[40] = protocol_of(d);
		memcpy(p + 42, &offset_be, 2);
		p[47] = (uint8_t)d;
		return 48;
	}
	memset(p, 0, 20);
	p[0] = 0x45;
	memcpy(p + 2, &bytes_be, 2);
	p[5] = (uint8_t)d;
	memcpy(p + 6, &offset_be, 2);
	p[8] = 64;
	p[9] = protocol_of(d);
	memcpy(p + 12, src.bytes, 4);
	memcpy(p + 16, dst.bytes, 4);
	offset_be = checksum_ip4_header(p, 5);
	memcpy(p + 10, &offset_be, 2);
	return 20;
}

/* Sends a fragment whose data begins at @start and has @data_bytes, the serial among them. */
static void put(unsigned d, uint32_t start, uint32_t data_bytes, uint32_t ports)
{
	uint8_t frame[400] = {0};
	uint32_t len = 14 + header(frame + 14, d, start, true, data_bytes);

	if (start == 0) {
		memcpy(frame + len, &ports, 4);
		frame[len + 12] = TCP_BYTES / 4 << 4;
	}
	len += data_bytes;
	datagram_of[++serial] = (uint8_t)d;
	memcpy(frame + len - SERIAL, &serial, SERIAL);
	stages_run(w, STAGE_lb_fragment, frame, len);
}

/* Checks one packet that left. The first one of a datagram decides its identification. */
static void check_left(struct rte_mbuf *m, bool waited)
{
	struct pkt *p = pkt_of(m);
	struct lb_fragment f;
	struct model *o;
	uint32_t number;
	unsigned d;

	memcpy(&number, rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len - SERIAL), SERIAL);
	BRAID_ASSERT(number > 0 && number <= serial);
	d = datagram_of[number];
	o = &models[d];
	BRAID_ASSERT(lb_fragment_read(&f, m) <= LB_FRAGMENT_LATER);
	BRAID_ASSERT(is_ip6(d) || checksum_ip4_header(stages_l3(m), 5) == 0);
	BRAID_ASSERT((p->flags & PKT_PORTS) && p->ports == o->ports && o->ports != 0);
	BRAID_ASSERT(p->protocol == protocol_of(d));
	BRAID_ASSERT(f.start == 0 || f.start >= lb_fragment_header_min(p->protocol));
	if (f.start == 0)
		o->id = f.id;
	BRAID_ASSERT(f.id == o->id);
	if (waited) {
		BRAID_ASSERT(number > o->passed);
		o->passed = number;
	}
}

/* Takes all that left; how many. @checked: they are of the model's datagrams. */
static unsigned collect(bool checked)
{
	static const enum stage lanes[] = {STAGE_lb4, STAGE_lb6, STAGE_ip4_input, STAGE_ip6_input,
		STAGE_ip4_local, STAGE_ip6_local};
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(lanes); i++) {
		for (; stages_n(w, lanes[i]) > 0; n++) {
			struct rte_mbuf *m = stages_take(w, lanes[i]);

			if (checked)
				check_left(m, i >= 2);
			stages_end(w, m);
		}
	}
	return n;
}

/* The table agrees with itself and keeps its limits. */
static void check_table(void)
{
	const struct lb_fragments *t = w->lb->fragments;
	unsigned n_free = 0, n_waiting = 0, n_datagrams = 0, n_listed = 0;

	for (uint16_t i = t->free_waiting; i; i = t->waiting[i].next)
		n_free++;
	for (unsigned i = 1; i <= LB_DATAGRAMS_MAX; i++) {
		const struct lb_datagram *d = &t->datagrams[i];

		BRAID_ASSERT(d->n_waiting <= LB_FRAGMENT_DATAGRAM_MAX);
		BRAID_ASSERT(d->n_waiting == 0 || (d->family && !d->protocol));
		n_waiting += d->n_waiting;
		n_datagrams += d->n_waiting > 0;
	}
	for (uint16_t i = t->oldest; i; i = t->datagrams[i].newer) {
		BRAID_ASSERT(t->datagrams[i].newer || i == t->newest);
		n_listed++;
	}
	BRAID_ASSERT(n_listed == n_datagrams && n_waiting == t->n_waiting);
	BRAID_ASSERT(n_waiting + n_free == LB_FRAGMENT_WAITING_MAX);
	BRAID_ASSERT(w->stats->held_pkts == n_waiting);
	BRAID_ASSERT(n_waiting == 0 || wheel_pending(&t->timer));
}

static void on_first(unsigned d, unsigned variant, uint32_t size)
{
	uint32_t ports = STAGES_BE16(1000 + variant) | (uint32_t)STAGES_BE16(53 + d) << 16;
	uint32_t least = protocol_of(d) == IPPROTO_TCP ? TCP_BYTES : UDP_BYTES;

	/* A doubled one does not make the datagram younger. */
	if (models[d].ports != ports || w->now_ns - models[d].first_ns >= LB_DATAGRAM_LIFE_NS)
		models[d].first_ns = w->now_ns;
	models[d].ports = ports;
	put(d, 0, least + SERIAL + 4 + size * 8, ports);
	BRAID_ASSERT(collect(true) >= 1);
}

static void on_later(unsigned d, uint32_t offset, uint32_t size)
{
	const struct model *o = &models[d];
	uint32_t start = 8 * offset, least = protocol_of(d) == IPPROTO_TCP ? TCP_BYTES : UDP_BYTES;
	bool known = o->ports && w->now_ns - o->first_ns < LB_DATAGRAM_LIFE_NS;
	uint64_t bad = w->stats->drops[DROP_lb_fragment_bad],
		 evicted = w->stats->evicted_datagrams - evicted_before;
	unsigned left;

	put(d, start, 8 + size * 8, 0);
	left = collect(true);
	if (known && start >= least)
		BRAID_ASSERT(left == 1 || evicted);
	else if (start < least && (known || start < lb_fragment_header_min(protocol_of(d))))
		BRAID_ASSERT(left == 0 && (evicted || w->stats->drops[DROP_lb_fragment_bad] > bad));
	else
		BRAID_ASSERT(left == 0);
}

static void on_raw(const uint8_t *data, size_t size)
{
	uint8_t frame[14 + 256] = {0};

	memcpy(frame + 14, data, size);
	/* From nobody that the model knows. */
	frame[14 + (data[0] >> 4 == 6 ? IP6_SRC_OFFSET : 12)] = 11;
	stages_run(w, STAGE_lb_fragment, frame, (uint32_t)(14 + size));
	collect(false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(models, 0, sizeof(models));
	serial = 0;
	evicted_before = w->stats->evicted_datagrams;
	for (unsigned i = 0; i < OPS_MAX && size >= OP_BYTES; i++) {
		enum fuzz_op op = data[0] % OP_COUNT;
		unsigned d = data[1] % DATAGRAMS, offset = data[2], bytes = data[3];

		data += OP_BYTES;
		size -= OP_BYTES;
		switch (op) {
		case OP_FIRST:
		case OP_OTHER_FIRST:
			on_first(d, op == OP_FIRST ? 0 : offset, bytes % 16);
			break;
		case OP_LATER:
		case OP_LATER_TOO:
			on_later(d, offset % 32 + 1, bytes % 16);
			break;
		case OP_TIME:
			node_advance((uint64_t)offset * 10 * NSEC_PER_MSEC);
			break;
		case OP_RAW:
			bytes = (unsigned)MIN_OF((size_t)bytes + 1, size);
			if (bytes > 0)
				on_raw(data, bytes);
			data += bytes;
			size -= bytes;
			break;
		case OP_COUNT:
			break;
		}
		if (i % CHECK_EVERY == 0)
			check_table();
	}
	check_table();
	node_check_accounts();
	node_advance(LB_FRAGMENT_WAIT_NS + SLACK_NS);
	BRAID_ASSERT(w->stats->held_pkts == 0);
	node_advance(LB_DATAGRAM_LIFE_NS);
	node_check_accounts();
	node_clear();
	return 0;
}
