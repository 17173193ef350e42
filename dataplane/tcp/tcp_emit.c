/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes segments: payload copied out of the send queue, options, TCP and IP header, checksum.
 * Packets are never fragmented (RFC 9293 3.7.2: path MTU discovery), so that IPv4 ones need no
 * identification (RFC 6864). Thread: worker.
 */
#include <rte_ip.h>

#include "dataplane/ip/ip.h"
#include "dataplane/tcp/tcp_impl.h"
#include "lib/wire/checksum.h"

#define L2_BYTES  14 /* kept free in front: the usual Ethernet header */
#define TTL_BYTES 64

/* Kind and length of a padded time stamp option (RFC 7323 appendix A). */
#define TS_WORD RTE_BE32(0x0101080a)

/* A packet being written. Its sum is made of what is stored, not read back: narrow stores are slow
 * to read as wide words. */
struct packet {
	struct rte_mbuf *m;
	uint8_t *l3;
	struct rte_tcp_hdr *tcp;
	uint64_t sum; /* of the pseudo header and what was written behind it */
};

/* What a TCP header says. */
struct head {
	uint32_t seq;
	uint32_t ack;
	uint16_t wnd;
	uint8_t flags;
	uint8_t option_bytes;
};

/* Two fields of 16 bits that follow each other, as a word. */
static inline uint32_t two_be(uint16_t first_be, uint16_t second_be)
{
	return (uint32_t)second_be << 16 | first_be;
}

/* Stores @words one by one: they do not lie together before, and are not read back. */
static __rte_always_inline void put_words(void *at, const uint32_t *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		memcpy((uint8_t *)at + 4 * i, &words[i], sizeof(*words));
}

/* Writes the IP header to @l3; the sum of the pseudo header. */
static inline uint64_t write_ip4(
	uint8_t *l3, const struct tcp_key *k, uint16_t tcp_bytes, uint8_t ecn)
{
	uint16_t total_be = htobe16((uint16_t)(IP4_HEADER_BYTES + tcp_bytes));
	uint16_t kind_be = htobe16((uint16_t)(TTL_BYTES << 8 | IP4_PROTOCOL_TCP));
	uint32_t v[5] = {
		[0] = two_be(htobe16((uint16_t)(RTE_IPV4_VHL_DEF << 8 | ecn)), total_be),
		[1] = two_be(0, RTE_BE16(RTE_IPV4_HDR_DF_FLAG)),
	};
	uint64_t ends;

	memcpy(&v[3], k->local, sizeof(v[3]));
	memcpy(&v[4], k->remote, sizeof(v[4]));
	ends = (uint64_t)v[3] + v[4];
	v[2] = two_be(kind_be, checksum_finish(ends + v[0] + v[1] + kind_be));
	put_words(l3, v, ARRAY_SIZE(v));
	return ends + htobe16(IP4_PROTOCOL_TCP) + htobe16(tcp_bytes);
}

static uint64_t write_ip6(uint8_t *l3, const struct tcp_key *k, uint16_t tcp_bytes, uint8_t ecn)
{
	struct ip6_header *h = (struct ip6_header *)l3;

	*h = (struct ip6_header){
		.version_be = IP6_VERSION_BE | htobe32((uint32_t)ecn << 20),
		.payload_bytes_be = htobe16(tcp_bytes),
		.next = IP6_NEXT_TCP,
		.hop_limit = IP6_HOP_LIMIT,
	};
	memcpy(h->src, k->local, sizeof(h->src));
	memcpy(h->dst, k->remote, sizeof(h->dst));
	return checksum_pseudo_ip6(h->src, h->dst, IP6_NEXT_TCP, tcp_bytes);
}

/* A new packet from and to the ends @k with room for @tcp_bytes and its IP header. False: no
 * buffer. */
static __rte_always_inline bool begin(struct worker *w, struct packet *p, const struct tcp_key *k,
	uint16_t tcp_bytes, uint8_t ecn)
{
	uint16_t ip_bytes = k->family == 4 ? IP4_HEADER_BYTES : IP6_HEADER_BYTES, bytes;

	p->m = worker_generate(w);
	if (UNLIKELY(!p->m))
		return false;
	bytes = (uint16_t)(L2_BYTES + ip_bytes + tcp_bytes);
	if (UNLIKELY(bytes > p->m->buf_len - p->m->data_off)) {
		drop(w, p->m, DROP_no_mbuf);
		return false;
	}
	p->m->data_len = bytes;
	p->m->pkt_len = bytes;
	pkt_of(p->m)->l2_len = L2_BYTES;
	p->l3 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, L2_BYTES);
	p->tcp = (struct rte_tcp_hdr *)(p->l3 + ip_bytes);
	if (LIKELY(k->family == 4))
		p->sum = write_ip4(p->l3, k, tcp_bytes, ecn);
	else
		p->sum = write_ip6(p->l3, k, tcp_bytes, ecn);
	return true;
}

/* Writes the header; its checksum is still zero. */
static inline void write_head(struct packet *p, const struct tcp_key *k, const struct head *h)
{
	uint32_t words = (uint32_t)(sizeof(struct rte_tcp_hdr) + h->option_bytes) / 4;
	uint32_t v[5] = {
		two_be(k->local_port_be, k->remote_port_be),
		htobe32(h->seq),
		htobe32(h->ack),
		two_be(htobe16((uint16_t)(words << 12 | h->flags)), htobe16(h->wnd)),
	};

	put_words(p->tcp, v, ARRAY_SIZE(v));
	p->sum += (uint64_t)v[0] + v[1] + v[2] + v[3];
}

static inline void write_options(struct packet *p, const uint8_t *options, uint32_t bytes)
{
	memcpy(p->tcp + 1, options, bytes);
	p->sum = checksum_sum(options, bytes, p->sum);
}

/* The padded time stamp option alone. */
static inline void write_time_stamp(struct packet *p, uint32_t ts_val, uint32_t ts_ecr)
{
	uint32_t v[3] = {TS_WORD, htobe32(ts_val), htobe32(ts_ecr)};

	put_words(p->tcp + 1, v, ARRAY_SIZE(v));
	p->sum += (uint64_t)v[0] + v[1] + v[2];
}

static inline void send_packet(
	struct worker *w, struct rte_mbuf *m, const struct tcp_key *k, uint16_t iface)
{
	if (LIKELY(k->family == 4)) {
		lane_put(w, STAGE_ip4_output, m);
		return;
	}
	if (ip6_is_link_local(k->remote)) {
		pkt_of(m)->flags |= PKT_KEEP_SCOPE;
		pkt_of(m)->iface_out = iface;
	}
	lane_put(w, STAGE_ip6_output, m);
}

void tcp_emit_packet(struct worker *w, struct rte_mbuf *m, const struct tcp_key *k, uint16_t iface)
{
	send_packet(w, m, k, iface);
}

/* Stores the checksum of a segment whose bytes are in the sum, and sends it. */
static inline void finish(
	struct worker *w, struct packet *p, const struct tcp_key *k, uint16_t iface)
{
	p->tcp->cksum = checksum_finish(p->sum);
	tcp_stats(w)->tx_segments++;
	send_packet(w, p->m, k, iface);
}

/* Gives a segment whose payload is in no sum to the device. */
static void leave_to_device(
	struct worker *w, struct packet p, const struct tcp_say *say, uint32_t head_bytes)
{
	p.m->l3_len = (uint8_t)((uint8_t *)p.tcp - p.l3);
	p.m->l4_len = (uint8_t)head_bytes;
	tcp_stats(w)->tx_segments++;
	tcp_burst_begin(w, p.m, say);
}

/* The options of a segment of @c that has more to tell than the time; how many bytes. */
static uint32_t other_options(struct worker *w, const struct tcp_conn *c, uint8_t *at)
{
	struct tcp_options o = {
		.has_ts = c->flags & TCP_CONN_TS,
		.ts_val = tcp_ts_now(w, c->ts_offset),
		.ts_ecr = c->ts_recent,
	};

	if (c->flags & TCP_CONN_SACK)
		o.n_sacks = (uint8_t)tcp_text_sacks(c, o.sacks);
	return tcp_options_write(at, &o);
}

/* The payload, with its sum unless that is @by_device. */
static inline void write_payload(struct packet *p, struct tcp_conn *c, const struct tcp_say *say,
	uint32_t head_bytes, bool by_device)
{
	struct tcp_send_queue *q = &c->busy->send;
	const uint8_t *from = tcp_send_queue_at(q, say->offset);
	uint8_t *at = (uint8_t *)p->tcp + head_bytes;

	if (LIKELY(from != NULL)) {
		BRAID_ASSERT(say->bytes <= q->bytes && say->offset <= q->bytes - say->bytes);
		memcpy(at, from, say->bytes);
	} else {
		tcp_send_queue_copy(q, say->offset, at, say->bytes);
	}
	if (LIKELY(!by_device))
		p->sum = checksum_sum(at, say->bytes, p->sum);
}

/* The window field of what @c says. */
static inline uint16_t window_field(struct tcp_conn *c)
{
	uint32_t wnd = tcp_window_announce(c) >> c->rcv_wscale;

	return (uint16_t)MIN_OF(wnd, UINT16_MAX);
}

bool tcp_emit(struct worker *w, struct tcp_conn *c, const struct tcp_say *say)
{
	bool plain = LIKELY(c->busy->recv.n_gap == 0 && !(c->flags & TCP_CONN_DSACK));
	uint8_t options[TCP_OPTIONS_BYTES_MAX];
	uint32_t bytes = say->bytes, option_bytes = c->flags & TCP_CONN_TS ? TCP_TS_BYTES : 0;
	bool by_device = false;
	uint32_t head_bytes;
	struct packet p;

	if (UNLIKELY(w->world->offloads != 0)) {
		if (tcp_burst_add(w, c, say))
			return true;
		by_device = tcp_burst_wanted(w, c, bytes);
	}
	if (!plain)
		option_bytes = other_options(w, c, options);
	head_bytes = (uint32_t)sizeof(struct rte_tcp_hdr) + option_bytes;
	if (UNLIKELY(!begin(w, &p, &c->key, (uint16_t)(head_bytes + bytes), say->ecn)))
		return false;
	write_head(&p, &c->key,
		&(struct head){
			.seq = say->seq,
			.ack = c->rcv_nxt,
			.wnd = window_field(c),
			.flags = say->flags,
			.option_bytes = (uint8_t)option_bytes,
		});
	if (!plain)
		write_options(&p, options, option_bytes);
	else if (option_bytes)
		write_time_stamp(&p, tcp_ts_now(w, c->ts_offset), c->ts_recent);
	if (bytes) {
		write_payload(&p, c, say, head_bytes, by_device);
		tcp_stats(w)->tx_bytes += bytes;
	}
	if (UNLIKELY(by_device))
		leave_to_device(w, p, say, head_bytes);
	else
		finish(w, &p, &c->key, c->iface);
	/* Every segment acknowledges (RFC 9293 3.10.7.4). */
	c->ack_sent = c->rcv_nxt;
	c->ack_at = 0;
	c->flags &= ~(uint32_t)(TCP_CONN_ACK_NOW | TCP_CONN_DSACK);
	return true;
}

/* Writes and sends a segment without data. False: no buffer. */
static bool emit_head(struct worker *w, const struct tcp_key *k, struct head *h,
	const struct tcp_options *o, uint16_t iface)
{
	uint8_t options[TCP_OPTIONS_BYTES_MAX];
	struct packet p;

	h->option_bytes = o ? (uint8_t)tcp_options_write(options, o) : 0;
	if (UNLIKELY(!begin(w, &p, k, (uint16_t)(sizeof(struct rte_tcp_hdr) + h->option_bytes), 0)))
		return false;
	write_head(&p, k, h);
	write_options(&p, options, h->option_bytes);
	finish(w, &p, k, iface);
	return true;
}

bool tcp_emit_syn(struct worker *w, struct tcp_conn *c, uint8_t flags, const struct tcp_options *o)
{
	struct head h = {
		.seq = c->snd_una,
		.ack = flags & RTE_TCP_ACK_FLAG ? c->rcv_nxt : 0,
		/* Not scaled in a SYN (RFC 7323 2.2). */
		.wnd = (uint16_t)MIN_OF(c->rcv_limit, (uint32_t)UINT16_MAX),
		.flags = flags,
	};

	if (!emit_head(w, &c->key, &h, o, c->iface))
		return false;
	c->flags &= ~(uint32_t)TCP_CONN_ACK_NOW;
	return true;
}

void tcp_emit_bare(struct worker *w, const struct tcp_seg *s, const struct tcp_bare *bare,
	const struct tcp_options *o)
{
	struct head h = {
		.seq = bare->seq,
		.ack = bare->ack,
		.wnd = bare->wnd,
		.flags = bare->flags,
	};

	emit_head(w, &s->key, &h, o, pkt_of(s->m)->iface);
}
