/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage tcp_input: checked segments to the node's own addresses. In batches: read the headers and
 * fetch the table's lines, fetch the connections, then go through the steps one by one. When all
 * are done, applications are called and what they said leaves, the ACKs on it. Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"

#define TS_WORD RTE_BE32(0x0101080a) /* a time stamp option as most stacks pad it */

/* Both ends of the packet at @l3; remote is who sent it. */
static inline void read_key(struct tcp_seg *s)
{
	struct tcp_key *k = &s->key;

	*k = (struct tcp_key){
		.remote_port_be = s->tcp->src_port,
		.local_port_be = s->tcp->dst_port,
	};
	if (LIKELY(s->l3[0] >> 4 == 4)) {
		k->family = 4;
		memcpy(k->remote, s->l3 + 12, 4);
		memcpy(k->local, s->l3 + 16, 4);
		s->ecn = s->l3[1] & 3;
	} else {
		k->family = 6;
		memcpy(k->remote, s->l3 + 8, 16);
		memcpy(k->local, s->l3 + 24, 16);
		s->ecn = s->l3[1] >> 4 & 3;
	}
}

static inline void read_options(struct tcp_seg *s)
{
	const uint8_t *p = (const uint8_t *)(s->tcp + 1);
	uint32_t words[3];

	if (LIKELY(s->option_bytes == sizeof(words))) {
		memcpy(words, p, sizeof(words));
		if (LIKELY(words[0] == TS_WORD)) {
			tcp_options_ts(&s->options, be32toh(words[1]), be32toh(words[2]));
			return;
		}
	}
	tcp_options_read(p, s->option_bytes, &s->options);
}

/* Reads @m, whose TCP header ip4_local or ip6_local has checked. */
static inline void read_segment(struct tcp_seg *s, struct rte_mbuf *m)
{
	const struct pkt *p = pkt_of(m);
	uint32_t header_bytes, at = p->l2_len + p->l4;

	s->m = m;
	s->l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l2_len);
	s->tcp = (const struct rte_tcp_hdr *)(s->l3 + p->l4);
	header_bytes = (s->tcp->data_off >> 4) * 4u;
	s->seq = be32toh(s->tcp->sent_seq);
	s->ack = be32toh(s->tcp->recv_ack);
	s->wnd = be16toh(s->tcp->rx_win);
	s->flags = s->tcp->tcp_flags;
	s->option_bytes = (uint8_t)(header_bytes - sizeof(*s->tcp));
	s->payload_at = (uint16_t)(at + header_bytes);
	s->bytes = m->data_len - s->payload_at;
	s->reason = DROP_NONE;
	read_key(s);
}

/* The connection of @s, or NULL. Most are the first of their bucket. */
static inline struct tcp_conn *find(const struct tcp_worker *t, const struct tcp_seg *s)
{
	uint32_t number = t->buckets[(uint32_t)s->hash & t->bucket_mask];

	if (LIKELY(number != 0 && tcp_key_equal(&t->conns[number - 1].key, &s->key)))
		return &t->conns[number - 1];
	return tcp_conn_find(t, &s->key, s->hash);
}

/* Takes the segment through the steps of its connection, if it has one. */
static inline void arrive(struct worker *w, struct tcp_seg *s)
{
	struct tcp_conn *c = find(w->tcp, s);

	read_options(s);
	if (UNLIKELY(!c)) {
		c = tcp_listen_arrives(w, s);
		if (!c)
			return;
	}
	tcp_stats(w)->rx_segments++;
	if (LIKELY(tcp_predict_arrives(w, c, s)))
		return;
	if (UNLIKELY(c->state == TCP_SYN_SENT))
		tcp_syn_sent_arrives(w, c, s);
	else
		tcp_steps_arrives(w, c, s);
}

static inline void prefetch_conn(const struct tcp_worker *t, uint64_t hash)
{
	uint32_t number = t->buckets[(uint32_t)hash & t->bucket_mask];
	const char *c;

	if (number == 0)
		return;
	c = (const char *)&t->conns[number - 1];
	for (unsigned i = 0; i < TCP_CONN_HOT_LINES; i++)
		rte_prefetch0(c + (size_t)i * CACHE_LINE_BYTES);
}

static void input_batch(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	struct tcp_worker *t = w->tcp;
	struct tcp_seg segs[TCP_BATCH];

	for (unsigned i = 0; i < n; i++) {
		read_segment(&segs[i], pkts[i]);
		segs[i].hash = tcp_key_hash(&segs[i].key, t->hash_secret);
		rte_prefetch0(&t->buckets[(uint32_t)segs[i].hash & t->bucket_mask]);
	}
	for (unsigned i = 0; i < n; i++)
		prefetch_conn(t, segs[i].hash);
	for (unsigned i = 0; i < n; i++) {
		struct tcp_seg *s = &segs[i];

		arrive(w, s);
		if (!s->m)
			continue;
		if (UNLIKELY(s->reason != DROP_NONE))
			drop(w, s->m, s->reason);
		else
			worker_consume(w, s->m);
	}
}

void tcp_input_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	struct tcp_worker *t = w->tcp;

	if (UNLIKELY(!t)) {
		/* Only workers have connections. */
		for (unsigned i = 0; i < n; i++)
			drop(w, pkts[i], DROP_tcp_refused);
		return;
	}
	t->in_stage = true;
	for (unsigned i = 0; i < n; i += TCP_BATCH)
		input_batch(w, pkts + i, MIN_OF(n - i, (unsigned)TCP_BATCH));
	t->in_stage = false;
	tcp_service_run(w);
}
