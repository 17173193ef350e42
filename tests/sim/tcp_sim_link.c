/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The link: loses, duplicates, reorders, corrupts, marks, delays, limits, and changes its MTU, with
 * ICMP errors or without. Packets wait in a binary heap by time. One thread.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/ip/ip.h"
#include "lib/wire/checksum.h"
#include "tests/sim/tcp_sim.h"

#define BURST_NS    (200 * NSEC_PER_MSEC) /* no run of losses lasts longer */
#define QUOTE_BYTES 576                   /* an error is no longer than this (RFC 1812 4.3.2.3) */

static bool is_before(const struct sim_packet *a, const struct sim_packet *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void heap_add(struct sim_link *l, struct sim_packet *p)
{
	uint32_t at = l->n++;

	if (l->n > l->n_max) {
		l->n_max = l->n_max ? 2 * l->n_max : 64;
		l->heap = realloc(l->heap, l->n_max * sizeof(*l->heap));
		BRAID_ASSERT(l->heap);
	}
	for (; at > 0 && is_before(p, l->heap[(at - 1) / 2]); at = (at - 1) / 2)
		l->heap[at] = l->heap[(at - 1) / 2];
	l->heap[at] = p;
}

static struct sim_packet *heap_take(struct sim_link *l)
{
	struct sim_packet *first = l->heap[0], *last = l->heap[--l->n];
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= l->n)
			break;
		if (child + 1 < l->n && is_before(l->heap[child + 1], l->heap[child]))
			child++;
		if (!is_before(l->heap[child], last))
			break;
		l->heap[at] = l->heap[child];
		at = child;
	}
	l->heap[at] = last;
	return first;
}

struct sim_packet *sim_link_take(struct sim *sim, unsigned side)
{
	struct sim_link *l = &sim->links[!side];

	if (l->n == 0 || l->heap[0]->due_ns > sim->now_ns)
		return NULL;
	return heap_take(l);
}

uint64_t sim_link_next_ns(const struct sim_link *l)
{
	return l->n ? l->heap[0]->due_ns : SIM_NEVER_NS;
}

void sim_link_fini(struct sim_link *l)
{
	while (l->n)
		free(heap_take(l));
	free(l->heap);
	l->heap = NULL;
}

static uint32_t ip_bytes_of(const uint8_t *l3)
{
	return l3[0] >> 4 == 6 ? 40 : 20;
}

/* The TCP checksum of the packet anew. */
static void sum_up(uint8_t *l3, uint32_t bytes)
{
	uint32_t ip_bytes = ip_bytes_of(l3), tcp_bytes = bytes - ip_bytes;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(l3 + ip_bytes);
	uint32_t src, dst;
	uint64_t sum;

	if (ip_bytes == 40) {
		sum = checksum_pseudo_ip6(l3 + 8, l3 + 24, IPPROTO_TCP, tcp_bytes);
	} else {
		memcpy(&src, l3 + 12, 4);
		memcpy(&dst, l3 + 16, 4);
		sum = checksum_pseudo_ip4(src, dst, IPPROTO_TCP, (uint16_t)tcp_bytes);
	}
	tcp->cksum = 0;
	tcp->cksum = checksum_finish(checksum_sum(tcp, tcp_bytes, sum));
}

/* A box on the way that takes options out of SYNs. */
static void strip(const struct sim_link *l, uint8_t *l3, uint32_t bytes)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(l3 + ip_bytes_of(l3));
	uint8_t *o = (uint8_t *)(tcp + 1);
	uint32_t n = (tcp->data_off >> 4) * 4u - (uint32_t)sizeof(*tcp);

	if (!(tcp->tcp_flags & RTE_TCP_SYN_FLAG) ||
		!(l->strip_sack || l->strip_ts || l->strip_wscale))
		return;
	for (uint32_t at = 0, length; at < n && o[at] != 0; at += length) {
		length = o[at] == 1 ? 1 : o[at + 1];
		if ((o[at] == 4 && l->strip_sack) || (o[at] == 8 && l->strip_ts) ||
			(o[at] == 3 && l->strip_wscale))
			memset(o + at, 1, length);
	}
	sum_up(l3, bytes);
}

/* Congestion is marked on what may be marked (RFC 3168 5). */
static bool mark(uint8_t *l3)
{
	uint16_t check;

	if (l3[0] >> 4 == 6) {
		if (!(l3[1] & 0x20))
			return false;
		l3[1] |= 0x30;
		return true;
	}
	if (!(l3[1] & 2))
		return false;
	l3[1] |= 3;
	memset(l3 + 10, 0, 2);
	check = checksum_ip4_header(l3, 5);
	memcpy(l3 + 10, &check, 2);
	return true;
}

/* Flips a bit behind what stage ip4_input checks: the sum of TCP or ICMP must notice. */
static void corrupt(struct sim *sim, uint8_t *l3, uint32_t bytes)
{
	uint32_t from = l3[0] >> 4 == 6 ? 8 : 12;
	uint32_t at = (uint32_t)sim_between(&sim->random, from, bytes - 1);

	l3[at] ^= (uint8_t)(1u << sim_below(&sim->random, 8));
}

static void put(struct sim *sim, unsigned side, const struct sim_packet *from, uint64_t due_ns)
{
	struct sim_packet *p = malloc(sizeof(*p));

	BRAID_ASSERT(p);
	memcpy(p, from, offsetof(struct sim_packet, data) + from->bytes);
	p->due_ns = due_ns;
	p->order = sim->order++;
	heap_add(&sim->links[side], p);
}

static void write_too_big4(struct sim *sim, unsigned side, const struct sim_packet *cause,
	struct sim_packet *p, uint16_t mtu)
{
	uint32_t quoted = MIN_OF(cause->bytes, 28u + (uint32_t)sim_below(&sim->random, 500));
	struct ip_addr router = sim_address(sim, 2), to = sim_address(sim, side);
	uint8_t h[28] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, IPPROTO_ICMP, [20] = 3, 4, 0, 0, 0, 0,
		(uint8_t)(mtu >> 8), (uint8_t)mtu};
	uint16_t total_be, check;

	p->bytes = 28 + quoted;
	total_be = htobe16((uint16_t)p->bytes);
	memcpy(h + 2, &total_be, 2);
	memcpy(h + 12, router.bytes, 4);
	memcpy(h + 16, to.bytes, 4);
	check = checksum_ip4_header(h, 5);
	memcpy(h + 10, &check, 2);
	memcpy(p->data, h, sizeof(h));
	memcpy(p->data + 28, cause->data, quoted);
	check = checksum_finish(checksum_sum(p->data + 20, p->bytes - 20, 0));
	memcpy(p->data + 22, &check, 2);
}

static void write_too_big6(struct sim *sim, unsigned side, const struct sim_packet *cause,
	struct sim_packet *p, uint16_t mtu)
{
	uint32_t quoted = MIN_OF(cause->bytes, (uint32_t)QUOTE_BYTES);
	struct ip_addr router = sim_address(sim, 2), to = sim_address(sim, side);
	uint8_t h[48] = {
		0x60, [6] = IPPROTO_ICMPV6, 64, [40] = 2, [46] = (uint8_t)(mtu >> 8), (uint8_t)mtu};
	uint16_t bytes_be = htobe16((uint16_t)(8 + quoted)), check;

	p->bytes = 48 + quoted;
	memcpy(h + 4, &bytes_be, 2);
	memcpy(h + 8, router.bytes, 16);
	memcpy(h + 24, to.bytes, 16);
	memcpy(p->data, h, sizeof(h));
	memcpy(p->data + 48, cause->data, quoted);
	check = checksum_finish(checksum_sum(p->data + 40, 8 + quoted,
		checksum_pseudo_ip6(p->data + 8, p->data + 24, IPPROTO_ICMPV6, 8 + quoted)));
	memcpy(p->data + 42, &check, 2);
}

/* The error that tells @side how large a packet may be. */
static void send_too_big(
	struct sim *sim, unsigned side, const struct sim_packet *cause, uint16_t mtu)
{
	struct sim_link *back = &sim->links[!side];
	struct sim_packet p;

	if (sim->family == 6)
		write_too_big6(sim, side, cause, &p, mtu);
	else
		write_too_big4(sim, side, cause, &p, mtu);
	if (sim_chance(&sim->random, back->loss))
		return;
	put(sim, !side, &p, sim->now_ns + back->delay_ns);
	sim_trace_packet(sim, !side, p.data, p.bytes, "too big");
}

static bool is_lost(struct sim *sim, struct sim_link *l)
{
	if (l->burst_left == 0 && sim_chance(&sim->random, l->burst)) {
		l->burst_left = (uint32_t)sim_between(&sim->random, 2, 12);
		l->burst_to_ns = sim->now_ns + BURST_NS;
	}
	if (sim->now_ns > l->burst_to_ns)
		l->burst_left = 0;
	if (l->burst_left > 0) {
		l->burst_left--;
		return true;
	}
	return (sim->now_ns >= l->down_from_ns && sim->now_ns < l->down_to_ns) ||
	       sim_chance(&sim->random, l->loss);
}

/* When a packet of @bytes that enters now comes out; SIM_NEVER_NS: the queue is full. */
static uint64_t due(struct sim *sim, struct sim_link *l, uint32_t bytes)
{
	uint64_t at = sim->now_ns;

	if (l->ns_per_byte_q8 != 0) {
		uint64_t from = MAX_OF(l->free_ns, sim->now_ns);

		if ((from - sim->now_ns) * 256 / l->ns_per_byte_q8 > l->queue_bytes)
			return SIM_NEVER_NS;
		l->free_ns = at = from + bytes * l->ns_per_byte_q8 / 256;
	}
	at += l->delay_ns + (l->jitter_ns ? sim_below(&sim->random, l->jitter_ns) : 0);
	if (sim_chance(&sim->random, l->reorder))
		at += sim_below(&sim->random, l->reorder_ns) + 1;
	return at;
}

void sim_link_send(struct sim *sim, unsigned side, const uint8_t *l3, uint32_t bytes)
{
	struct sim_link *l = &sim->links[side];
	uint32_t mtu = sim->now_ns < l->mtu_at_ns ? l->mtu : l->mtu_later;
	struct sim_packet p = {.bytes = bytes};
	const char *fate = "";
	uint64_t due_ns;

	l->n_sent++;
	BRAID_ASSERT(bytes <= sizeof(p.data));
	memcpy(p.data, l3, bytes);
	due_ns = due(sim, l, bytes);
	if (is_lost(sim, l) || due_ns == SIM_NEVER_NS) {
		l->n_lost++;
		sim_trace_packet(sim, side, l3, bytes, "lost");
		return;
	}
	if (bytes > mtu) {
		l->n_too_big++;
		sim_trace_packet(sim, side, l3, bytes, "too big for the link");
		if (l->icmp)
			send_too_big(sim, side, &p, (uint16_t)mtu);
		return;
	}
	strip(l, p.data, bytes);
	if (sim_chance(&sim->random, l->mark) && mark(p.data))
		fate = "marked";
	if (sim_chance(&sim->random, l->duplicate)) {
		put(sim, side, &p, due_ns + sim_below(&sim->random, l->reorder_ns + 1));
		fate = "twice";
	}
	if (sim_chance(&sim->random, l->corrupt)) {
		corrupt(sim, p.data, bytes);
		fate = "corrupted";
	}
	put(sim, side, &p, due_ns);
	sim_trace_packet(sim, side, l3, bytes, fate);
}
