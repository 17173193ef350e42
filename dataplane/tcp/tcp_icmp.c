/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage tcp_icmp: ICMP errors that quote a segment of ours. Believed only if what they quote is in
 * flight (RFC 5927 4). Too big: smaller segments, and what was too large is sent again (RFC 1191,
 * 8201). Unreachable: the end of a connection that is being opened, a soft error for all others
 * (RFC 9293 3.9.2.2). Any worker may get one: the owner is computed from the quoted ends, or the
 * workers are asked in turn. Thread: worker.
 */
#include "dataplane/ip/ip.h"
#include "dataplane/tcp/tcp_impl.h"
#include "dataplane/tcp/tcp_too_big.h"

#define ICMP_BYTES       8
#define QUOTED_TCP_BYTES 8   /* ports and sequence number are in every error */
#define OLD_ROUTER_MTU   576 /* what an MTU of 0 is taken for (RFC 1191 5) */

/* Codes of "unreachable" that end what is being opened: protocol, port, prohibited by policy (RFC
 * 9293 3.9.2.2, RFC 1812 5.2.7.1, RFC 4443 3.1). Ways come back: a missing one, to net or host, is
 * a soft error that must not (MUST-56). */
#define HARD4_CODES (1u << 2 | 1u << 3 | 1u << 9 | 1u << 10 | 1u << 13)
#define HARD6_CODES (1u << 1 | 1u << 4 | 1u << 5 | 1u << 6)

/* What an error says. */
struct quote {
	struct tcp_key key;
	uint32_t seq;
	uint32_t mtu;     /* too big; 0: another error */
	bool unreachable; /* hard errors: port, protocol, prohibited */
};

/* Whether @codes has the bit of @code. */
static bool is_one_of(uint32_t codes, uint8_t code)
{
	return code < 32 && (codes >> code & 1);
}

/* Ports and sequence number from the first bytes of the quoted TCP header. */
static bool read_tcp(const uint8_t *l4, struct quote *q)
{
	uint32_t seq_be;

	memcpy(&q->key.local_port_be, l4, 2);
	memcpy(&q->key.remote_port_be, l4 + 2, 2);
	memcpy(&seq_be, l4 + 4, 4);
	q->seq = be32toh(seq_be);
	return true;
}

static bool read4(const uint8_t *l3, uint32_t bytes, struct quote *q)
{
	uint32_t outer_bytes = ip4_header_bytes(l3), inner_bytes;
	const uint8_t *icmp = l3 + outer_bytes, *inner = icmp + ICMP_BYTES;

	if (bytes < outer_bytes + ICMP_BYTES + IP4_HEADER_BYTES || inner[0] >> 4 != 4)
		return false;
	inner_bytes = ip4_header_bytes(inner);
	if (inner_bytes < IP4_HEADER_BYTES ||
		bytes < outer_bytes + ICMP_BYTES + inner_bytes + QUOTED_TCP_BYTES ||
		inner[9] != IP4_PROTOCOL_TCP || (inner[6] & 0x1f) != 0 || inner[7] != 0)
		return false;
	q->key.family = 4;
	memcpy(q->key.local, inner + 12, 4);
	memcpy(q->key.remote, inner + 16, 4);
	if (icmp[0] == ICMP4_UNREACHABLE && icmp[1] == ICMP4_UNREACHABLE_TOO_BIG) {
		q->mtu = (uint32_t)icmp[6] << 8 | icmp[7];
		if (q->mtu == 0)
			q->mtu = OLD_ROUTER_MTU;
	}
	q->unreachable = icmp[0] == ICMP4_UNREACHABLE && is_one_of(HARD4_CODES, icmp[1]);
	return read_tcp(inner + inner_bytes, q);
}

static bool read6(const uint8_t *l3, uint32_t bytes, uint32_t at, struct quote *q)
{
	const uint8_t *icmp = l3 + at, *inner = icmp + ICMP_BYTES;
	uint32_t mtu_be;

	/* What we send has no extension headers. */
	if (bytes < at + ICMP_BYTES + IP6_HEADER_BYTES + QUOTED_TCP_BYTES || inner[0] >> 4 != 6 ||
		inner[IP6_NEXT_OFFSET] != IP6_NEXT_TCP)
		return false;
	q->key.family = 6;
	memcpy(q->key.local, inner + IP6_SRC_OFFSET, 16);
	memcpy(q->key.remote, inner + IP6_DST_OFFSET, 16);
	if (icmp[0] == ICMP6_TOO_BIG) {
		memcpy(&mtu_be, icmp + 4, sizeof(mtu_be));
		q->mtu = MAX_OF(be32toh(mtu_be), (uint32_t)TCP_MTU_MIN6);
	}
	q->unreachable = icmp[0] == ICMP6_UNREACHABLE && is_one_of(HARD6_CODES, icmp[1]);
	return read_tcp(inner + IP6_HEADER_BYTES, q);
}

/* Reads @m; its transport header is at pkt.l4. */
static bool read_quote(struct rte_mbuf *m, struct quote *q)
{
	const struct pkt *p = pkt_of(m);
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l2_len);
	uint32_t bytes = (uint32_t)m->data_len - p->l2_len;

	*q = (struct quote){0};
	return l3[0] >> 4 == 4 ? read4(l3, bytes, q) : read6(l3, bytes, p->l4, q);
}

/* Whether what the error quotes was sent and is not acknowledged. */
static bool is_in_flight(const struct tcp_conn *c, const struct quote *q)
{
	return tcp_seq_le(c->snd_una, q->seq) && tcp_seq_lt(q->seq, c->snd_nxt);
}

/* Smaller segments from here on; what was too large is lost. */
static void lower_mtu(struct worker *w, struct tcp_conn *c, uint32_t mtu)
{
	uint16_t before = c->mss_bytes;

	tcp_path_set(w, c, mtu);
	if (c->mss_bytes >= before) {
		/* It is no news, or says more than was known. */
		c->mss_bytes = before;
		if (!(c->flags & TCP_CONN_MTU_PROBE))
			return;
	} else {
		tcp_stats(w)->pmtu_lowered++;
	}
	tcp_path_wait(w, c);
	tcp_recovery_on_too_big(&c->busy->rec, &w->tcp->segments, c->mss_bytes);
	tcp_service_add(w, c);
}

static enum drop_reason apply(struct worker *w, struct tcp_conn *c, const struct quote *q)
{
	if (!is_in_flight(c, q))
		return DROP_tcp_icmp_bad;
	if (q->mtu != 0 && !tcp_syn_is_out(c))
		lower_mtu(w, c, q->mtu);
	else if (q->unreachable && c->state == TCP_SYN_SENT)
		tcp_conn_end(w, c, TCP_END_UNREACHABLE);
	return DROP_NONE;
}

static void handle(struct worker *w, struct rte_mbuf *m)
{
	bool is_ip4 = *rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt_of(m)->l2_len) >> 4 == 4;
	struct pkt *p = pkt_of(m);
	enum drop_reason reason;
	struct tcp_conn *c;
	struct quote q;
	uint8_t owner;

	if (!w->tcp || !read_quote(m, &q)) {
		drop(w, m, is_ip4 ? DROP_icmp4_unhandled : DROP_icmp6_unhandled);
		return;
	}
	c = tcp_conn_find(w->tcp, &q.key, tcp_key_hash(&q.key, w->tcp->hash_secret));
	if (c) {
		reason = apply(w, c, &q);
		if (reason == DROP_NONE)
			worker_consume(w, m);
		else
			drop(w, m, reason);
		return;
	}
	/* The one that should have it first, then all others. */
	owner = p->visited == 0 ? tcp_owner(w, &q.key) : w->id;
	if (owner == w->id)
		owner = (uint8_t)((w->id + 1u) % w->n_workers);
	if (++p->visited <= w->n_workers && owner != w->id)
		worker_handoff(w, m, owner, STAGE_tcp_icmp);
	else
		drop(w, m, is_ip4 ? DROP_icmp4_unhandled : DROP_icmp6_unhandled);
}

void tcp_icmp_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	struct tcp_worker *t = w->tcp;

	if (t)
		t->in_stage = true;
	for (unsigned i = 0; i < n; i++)
		handle(w, pkts[i]);
	if (!t)
		return;
	t->in_stage = false;
	tcp_service_run(w);
}
