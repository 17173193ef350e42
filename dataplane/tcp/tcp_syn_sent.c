/* SPDX-License-Identifier: BSD-3-Clause */
/* A segment for a connection in state SYN-SENT: the five steps of RFC 9293 3.10.7.3. Thread:
 * worker. */
#include "dataplane/tcp/tcp_impl.h"

/* Takes in the peer's SYN. */
static void take_syn(struct worker *w, struct tcp_conn *c, const struct tcp_seg *s)
{
	bool ecn = (s->flags & (RTE_TCP_ACK_FLAG | RTE_TCP_ECE_FLAG | RTE_TCP_CWR_FLAG)) ==
		   (RTE_TCP_ACK_FLAG | RTE_TCP_ECE_FLAG);

	c->rcv_nxt = c->ack_sent = s->seq + 1;
	c->rcv_adv = c->rcv_nxt + MIN_OF(c->rcv_limit, (uint32_t)UINT16_MAX);
	c->iface = pkt_of(s->m)->iface;
	/* Not scaled in a SYN (RFC 7323 2.2). */
	c->snd_wnd = s->wnd;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	tcp_open_options(w, c, &s->options, ecn);
}

/* The SYN-ACK: our SYN is acknowledged. */
static void open_actively(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	struct tcp_ack ack = {
		.now_ns = w->now_ns, .una = s->ack, .options = &(struct tcp_options){0}};
	struct tcp_acked acked;

	tcp_recovery_on_ack(&c->busy->rec, &w->tcp->segments, &ack, &acked);
	c->snd_una = s->ack;
	if (!tcp_open_established(w, c))
		return;
	c->flags |= TCP_CONN_ACK_NOW;
	tcp_service_add(w, c);
	s->seq++;
	s->flags &= (uint8_t)~RTE_TCP_SYN_FLAG;
	tcp_text_arrives(w, c, s);
	tcp_fin_arrives(w, c, s);
}

void tcp_syn_sent_arrives(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	bool acked = (s->flags & RTE_TCP_ACK_FLAG) && s->ack == c->snd_nxt;

	c->received_at = tcp_now(w);
	/* First, check the ACK bit. */
	if ((s->flags & RTE_TCP_ACK_FLAG) && !acked) {
		s->reason = DROP_tcp_bad_ack;
		if (s->flags & RTE_TCP_RST_FLAG)
			return;
		tcp_stats(w)->tx_resets++;
		tcp_emit_bare(
			w, s, &(struct tcp_bare){.seq = s->ack, .flags = RTE_TCP_RST_FLAG}, NULL);
		return;
	}
	/* Second, check the RST bit. */
	if (s->flags & RTE_TCP_RST_FLAG) {
		if (!acked) {
			s->reason = DROP_tcp_bad_reset;
			return;
		}
		tcp_stats(w)->rx_resets++;
		tcp_conn_end(w, c, TCP_END_REFUSED);
		return;
	}
	/* Fourth, check the SYN bit. The third step is about security compartments. */
	if (!(s->flags & RTE_TCP_SYN_FLAG)) {
		s->reason = DROP_tcp_no_ack;
		return;
	}
	take_syn(w, c, s);
	if (acked) {
		open_actively(w, c, s);
		return;
	}
	/* Both open at once (RFC 9293 3.5, figure 7). */
	tcp_state_set(w, c, TCP_SYN_RECEIVED);
	tcp_output_syn(w, c);
}
