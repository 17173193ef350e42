/* SPDX-License-Identifier: BSD-3-Clause */
/* The device of tests/unit/fake_device.h. One thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "tests/unit/fake_device.h"

#define PACKET_MAX 66000u

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "fake device: not so: %s\n", #what);                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A packet as it came. */
struct packet {
	uint8_t bytes[PACKET_MAX];
	uint32_t len;
	uint32_t l2, l3, l4; /* lengths of the headers */
	bool ip4;
};

/* Adds up 16-bit words. */
static uint32_t add(const uint8_t *p, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* The sum of the pseudo header of frame @f with @tcp_bytes. */
static uint32_t pseudo(const struct packet *p, const uint8_t *f, uint32_t tcp_bytes)
{
	uint32_t sum = p->ip4 ? add(f + p->l2 + 12, 8, 0) : add(f + p->l2 + 8, 32, 0);
	uint8_t rest[4] = {0, IPPROTO_TCP};

	put16(rest + 2, tcp_bytes);
	return add(rest, 4, sum);
}

static void read_packet(struct packet *p, struct rte_mbuf *m)
{
	const uint8_t *bytes;
	uint32_t buffers = 0;

	CHECK(m->pkt_len <= PACKET_MAX);
	for (const struct rte_mbuf *s = m; s; s = s->next)
		buffers++;
	CHECK(buffers == m->nb_segs);
	bytes = rte_pktmbuf_read(m, 0, m->pkt_len, p->bytes);
	CHECK(bytes != NULL);
	if (bytes != p->bytes)
		memcpy(p->bytes, bytes, m->pkt_len);
	p->len = m->pkt_len;
	p->l2 = m->l2_len;
	p->l3 = m->l3_len;
	p->l4 = m->l4_len;
	p->ip4 = m->ol_flags & RTE_MBUF_F_TX_IPV4;
	CHECK(!p->ip4 != !(m->ol_flags & RTE_MBUF_F_TX_IPV6));
	CHECK(p->bytes[p->l2] >> 4 == (p->ip4 ? 4 : 6));
	CHECK(p->l3 == (p->ip4 ? (p->bytes[p->l2] & 15) * 4u : 40u));
	CHECK(p->l4 == (p->bytes[p->l2 + p->l3 + 12] >> 4) * 4u);
	CHECK(p->l2 + p->l3 + p->l4 <= m->data_len);
}

/* Gives frame @f of @len bytes the lengths and sums that it says of itself. */
static void finish(const struct packet *p, uint8_t *f, uint32_t len)
{
	uint32_t tcp_bytes = len - p->l2 - p->l3;
	uint8_t *l3 = f + p->l2, *l4 = l3 + p->l3;

	if (p->ip4) {
		put16(l3 + 2, len - p->l2);
		put16(l3 + 10, 0);
		put16(l3 + 10, ~add(l3, p->l3, 0));
	} else {
		put16(l3 + 4, tcp_bytes);
	}
	put16(l4 + 16, 0);
	put16(l4 + 16, ~add(l4, tcp_bytes, pseudo(p, f, tcp_bytes)));
}

static unsigned cut(const struct packet *p, uint32_t segsz, fake_device_frame *to, void *ctx)
{
	uint32_t head = p->l2 + p->l3 + p->l4, seq;
	uint8_t f[PACKET_MAX];
	unsigned n = 0;

	CHECK(segsz > 0 && p->len > head + segsz);
	memcpy(&seq, p->bytes + p->l2 + p->l3 + 4, 4);
	for (uint32_t at = 0; at < p->len - head; at += segsz) {
		uint32_t bytes = RTE_MIN(segsz, p->len - head - at);
		uint32_t seq_be = rte_cpu_to_be_32(rte_be_to_cpu_32(seq) + at);
		uint8_t *l4 = f + p->l2 + p->l3;

		memcpy(f, p->bytes, head);
		memcpy(f + head, p->bytes + head + at, bytes);
		memcpy(l4 + 4, &seq_be, 4);
		if (at + bytes < p->len - head)
			l4[13] &= (uint8_t) ~(RTE_TCP_PSH_FLAG | RTE_TCP_FIN_FLAG);
		if (at > 0)
			l4[13] &= (uint8_t)~RTE_TCP_CWR_FLAG;
		finish(p, f, head + bytes);
		to(ctx, f, head + bytes);
		n++;
	}
	return n;
}

unsigned fake_device_send(struct rte_mbuf *m, fake_device_frame *to, void *ctx)
{
	static struct packet p;
	uint32_t stored, tcp_bytes;

	read_packet(&p, m);
	tcp_bytes = p.len - p.l2 - p.l3;
	stored = get16(p.bytes + p.l2 + p.l3 + 16);
	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		CHECK(stored == pseudo(&p, p.bytes, 0));
		CHECK(!p.ip4 || (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM));
		return cut(&p, m->tso_segsz, to, ctx);
	}
	CHECK((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM);
	CHECK(stored == pseudo(&p, p.bytes, tcp_bytes));
	CHECK(get16(p.bytes + p.l2 + (p.ip4 ? 2 : 4)) == p.len - p.l2 - (p.ip4 ? 0 : 40));
	finish(&p, p.bytes, p.len);
	to(ctx, p.bytes, p.len);
	return 1;
}
