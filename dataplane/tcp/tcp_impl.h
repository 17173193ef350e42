/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the TCP endpoint: a connection, what a worker keeps for all of them, and what the
 * files of the engine call of each other. A segment goes through tcp_input.c (batches, finding the
 * connection), tcp_listen.c, tcp_syn_sent.c or tcp_steps.c (RFC 9293 3.10.7), tcp_ack.c and
 * tcp_text.c; what is to be said is decided in tcp_output.c and written in tcp_emit.c. Thread:
 * worker.
 */
#ifndef DATAPLANE_TCP_TCP_IMPL_H
#define DATAPLANE_TCP_TCP_IMPL_H

#include <rte_tcp.h>

#include "dataplane/core/worker.h"
#include "dataplane/tcp/tcp.h"
#include "dataplane/tcp/tcp_conn.h"
#include "dataplane/tcp/tcp_options.h"
#include "dataplane/tcp/tcp_seq.h"

#define TCP_MSS_DEFAULT4 536  /* RFC 9293 3.7.1 */
#define TCP_MSS_DEFAULT6 1220 /* RFC 9293 3.7.1 */
#define TCP_MSS_MIN      64   /* payload; a peer that asks for less is not obeyed */
#define TCP_MTU_MIN4     552  /* a path MTU message for less is not believed (RFC 1191 3) */
#define TCP_MTU_MIN6     1280 /* RFC 8200 5 */

#define TCP_SAY_SACKS_MAX 3 /* blocks that we send: they fit beside a time stamp */

#define TCP_CE 3 /* IP header: congestion experienced (RFC 3168 5) */

#define TCP_TS_BYTES 12 /* of a padded time stamp option */

#define TCP_DELACK_MS        40     /* RFC 9293 3.8.6.3 allows 500 */
#define TCP_QUICK_ACKS       16     /* segments acknowledged at once at the start */
#define TCP_SYN_TRIES        6      /* active: 63 s; R2 of RFC 9293 3.8.3 (MUST-23) is longer */
#define TCP_SYN_ACK_TRIES    4      /* passive: 15 s */
#define TCP_USER_TIMEOUT_MS  100000 /* R2 of RFC 9293 3.8.3 */
#define TCP_FIN_WAIT_2_MS    60000
#define TCP_KEEPALIVE_S      300 /* as Redis's tcp-keepalive */
#define TCP_KEEPALIVE_PROBES 3   /* each a third of the idle time after the last */
#define TCP_PAWS_MS          (24ULL * 24 * 3600 * 1000) /* RFC 7323 5.5 */
#define TCP_RECV_START_BYTES 65535                      /* first receive window, before it grows */
#define TCP_GAP_SEGMENTS_MAX 1024 /* out-of-order segments of one connection, and ... */
#define TCP_GAP_SHARE        4    /* ... this part of what the worker may still hold, but ... */
#define TCP_GAP_SEGMENTS_MIN 32   /* ... so many in any case */

#define TCP_RECV_SEGMENTS_MAX 1024 /* unread segments of one connection */
#define TCP_BLOCKS_SHARE      2    /* one send buffer has this part of the free blocks at most */
#define TCP_CHALLENGES        4    /* challenge ACKs per connection and ... */
#define TCP_CHALLENGE_MS      500  /* ... this long, plus up to as much again at random */
#define TCP_COOKIES_VALID_NS  (130 * NSEC_PER_SEC) /* after the last cookie was sent */
#define TCP_BLACK_HOLE_RTOS   2     /* timeouts in a row before smaller segments are tried */
#define TCP_MTU_AGAIN_S       600   /* until a larger path MTU is tried (RFC 1191 6.3) */
#define TCP_PORT_MIN          49152 /* of active connections (RFC 6335 6) ... */
#define TCP_PORTS             15360 /* ... up to the ports of health probes */
#define TCP_BATCH             32    /* segments whose connections are prefetched together */
#define TCP_LANE_BULK         192   /* own buffers in the output lane before bulk data waits */
#define TCP_OFFLOAD_BYTES_MIN 512   /* summing less is cheaper than asking for the way out */

struct tcp_sources;

/* The way that packets take. */
struct tcp_way {
	uint32_t mtu;             /* largest packet; 0: there is no way */
	uint8_t offloads;         /* enum iface_offloads */
	uint8_t tso_segments_max; /* in one packet */
};

/*
 * The packet that tcp_output makes for a device that cuts: one segment per buffer, the first one
 * behind the headers. Records, windows and counters know only the segments.
 */
struct tcp_burst {
	const struct tcp_conn *conn; /* is in tcp_output; NULL: none, nothing is left to devices */
	struct rte_mbuf *head;       /* NULL: no packet is open */
	struct rte_mbuf *tail;
	uint32_t next_seq;
	uint16_t segment_bytes; /* of payload, but the last one's */
	uint8_t segments_max;
	uint8_t flags; /* of the TCP header */
	uint8_t ecn;
	bool way_known; /* the way of conn was looked up */
	struct tcp_way way;
	uint32_t n_more;        /* buffers in the output lanes beside one per packet ... */
	uint64_t lanes_emptied; /* ... when they had been emptied so often */
};

/* What a worker keeps for all its connections. */
struct tcp_worker {
	struct worker *w;
	struct tcp_conn *conns; /* [limits.conns] */
	uint32_t *buckets;      /* [bucket_mask + 1]: index + 1 of the first conn */
	uint32_t bucket_mask;
	uint32_t free; /* index + 1 */
	uint32_t n_conns;
	uint32_t half_first; /* index + 1 */
	uint32_t half_last;
	uint32_t n_half_open;
	uint32_t n_held; /* mbufs in receive queues */
	uint32_t n_held_max;
	uint32_t payload_max; /* bytes of data that an mbuf of ours holds */
	uint8_t rcv_wscale;   /* of the windows we announce (RFC 7323 2.3) */
	struct tcp_limits limits;
	struct tcp_busy *busy_free;
	uint32_t n_busy_free;
	uint32_t n_busy;
	uint32_t n_busy_kept; /* not for strangers and what lies beyond a gap */
	struct tcp_block_pool blocks;
	uint32_t n_blocks_kept; /* not free to all: the first one of each connection */
	struct tcp_segment_pool segments;
	struct tcp_time_waits *time_waits;
	struct tcp_sources *sources; /* NULL: no limit */
	const struct tcp_cc_algorithm *cc;
	uint64_t cookie_sent_ns; /* 0: never */
	uint64_t next_id;
	uint64_t hash_secret[2];
	uint64_t start_secret[2]; /* of sequence numbers and time stamps */
	uint64_t cookie_secret[2];
	uint16_t next_port; /* of active connections, offset to TCP_PORT_MIN */
	struct tcp_burst burst;
	bool in_stage; /* the lists are seen to when the stage ends */
	bool in_service;
	struct worker_task service_task; /* otherwise, and for what found no room */
	uint32_t dead; /* index + 1: ended, memory given back when nobody can hold a pointer */
	uint32_t n_readable;
	uint32_t n_service;
	struct tcp_conn **readable; /* [limits.conns], of this burst; NULL: ended meanwhile */
	struct tcp_conn **service;  /* [limits.conns] to look after: room, output, end */
	struct tcp_block *block_memory;
	struct tcp_segment *segment_memory;
	struct tcp_busy *busy_memory;
};

/* A segment on its way through the steps. */
struct tcp_seg {
	struct rte_mbuf *m; /* NULL: kept by the receive queue */
	const uint8_t *l3;
	const struct rte_tcp_hdr *tcp;
	uint32_t seq;
	uint32_t ack;
	uint32_t wnd;        /* as in the header */
	uint32_t bytes;      /* of payload */
	uint16_t payload_at; /* offset from the mbuf's data */
	uint8_t option_bytes;
	uint8_t flags;
	uint8_t ecn;             /* of the IP header */
	enum drop_reason reason; /* why it ended early; DROP_NONE: it served */
	struct tcp_options options;
	struct tcp_key key;
	uint64_t hash;
};

/* A segment to be sent. */
struct tcp_say {
	uint32_t seq;
	uint32_t offset; /* of its first byte in the send queue */
	uint32_t bytes;
	uint8_t flags;
	uint8_t ecn; /* of the IP header */
};

/* Ticks of the wheel now. */
static inline uint32_t tcp_now(const struct worker *w)
{
	return (uint32_t)(w->now_ns >> WHEEL_TICK_SHIFT);
}

/* The tick that is @ns from now, never 0. */
static inline uint32_t tcp_at(const struct worker *w, uint64_t ns)
{
	uint32_t at = (uint32_t)((w->now_ns + ns) >> WHEEL_TICK_SHIFT) + 1;

	return at != 0 ? at : 1;
}

/* Our time stamp clock for @c: milliseconds (RFC 7323 5.4). */
static inline uint32_t tcp_ts_now(const struct worker *w, uint32_t ts_offset)
{
	return (uint32_t)(w->now_ns / NSEC_PER_MSEC) + ts_offset;
}

static inline uint32_t tcp_index(const struct tcp_worker *t, const struct tcp_conn *c)
{
	return (uint32_t)(c - t->conns);
}

/* Whether the SYN of @c is not acknowledged. */
static inline bool tcp_syn_is_out(const struct tcp_conn *c)
{
	return c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED;
}

/* Bytes of the send queue that were not sent yet. */
static inline uint32_t tcp_unsent_bytes(const struct tcp_conn *c)
{
	uint32_t sent = c->snd_nxt - c->snd_una;

	if (UNLIKELY(tcp_syn_is_out(c)))
		return c->busy->send.bytes;
	/* The FIN is the last of what is out. */
	return c->busy->send.bytes - sent + (sent != 0 && (c->flags & TCP_CONN_FIN_SENT));
}

/* Bytes in flight as congestion control sees them: without SACK, each duplicate ACK says that a
 * segment has left the network (RFC 5681 3.2, RFC 3042). */
static inline uint32_t tcp_flight_bytes(const struct tcp_conn *c)
{
	uint32_t left = (uint32_t)c->busy->dup_acks * c->mss_bytes;

	return c->busy->rec.in_flight_bytes > left ? c->busy->rec.in_flight_bytes - left : 0;
}

/* So many bytes are acknowledged without delay: two full segments, whatever the peer sends as such
 * (RFC 9293 3.8.6.3). */
static inline uint32_t tcp_ack_bytes(const struct tcp_conn *c)
{
	return 2u * MAX_OF(c->rcv_mss_bytes, TCP_MSS_DEFAULT4);
}

/* Whether @c has a busy part of its own. */
static inline bool tcp_is_busy(const struct tcp_conn *c)
{
	return c->busy != &tcp_busy_none;
}

/* The congestion window now. */
static inline uint32_t tcp_cwnd_bytes(const struct tcp_conn *c)
{
	return tcp_is_busy(c) ? c->busy->cc.cwnd_bytes : c->cwnd_bytes;
}

/* How often the output lanes were emptied. */
static inline uint64_t tcp_lanes_emptied(const struct worker *w)
{
	const struct stats_stage *stages = w->stats->stages;

	return stages[STAGE_ip4_output].calls + stages[STAGE_ip6_output].calls;
}

/* Own packets in the output lanes. */
static inline uint32_t tcp_lanes_packets(const struct worker *w)
{
	return w->lanes[STAGE_ip4_output].n + w->lanes[STAGE_ip6_output].n;
}

/* Buffers in them beside one per packet. */
static inline uint32_t tcp_lanes_more(const struct worker *w)
{
	const struct tcp_burst *b = &w->tcp->burst;

	if (LIKELY(b->n_more == 0) || tcp_lanes_packets(w) == 0)
		return 0;
	return b->lanes_emptied == tcp_lanes_emptied(w) ? b->n_more : 0;
}

static inline struct stats_tcp *tcp_stats(struct worker *w)
{
	return &w->stats->tcp;
}

/* Moves @c to state @state and keeps the gauges. */
static inline void tcp_state_set(struct worker *w, struct tcp_conn *c, enum tcp_state state)
{
	w->stats->tcp.conns[c->state]--;
	w->stats->tcp.conns[state]++;
	c->state = (uint8_t)state;
}

/* tcp_busy.c */

/* Whether a busy part is left that need not be kept for those who have more right to it. */
static inline bool tcp_busy_is_spare(const struct tcp_worker *t)
{
	return t->n_busy_free > t->n_busy_kept;
}

/* Gives @c a busy part; false: none is left. */
bool tcp_busy_add(struct tcp_worker *t, struct tcp_conn *c);

/* Makes sure that @c has one. */
static inline bool tcp_busy_take(struct tcp_worker *t, struct tcp_conn *c)
{
	return LIKELY(tcp_is_busy(c)) || tcp_busy_add(t, c);
}

/* Takes it back with what is in it. */
void tcp_busy_del(struct tcp_worker *t, struct tcp_conn *c);

/* Takes it back if nothing is in it. */
static inline void tcp_busy_settle(struct tcp_worker *t, struct tcp_conn *c)
{
	const struct tcp_busy *b = c->busy;

	if (c->flags & (TCP_CONN_DSACK | TCP_CONN_IN_SERVICE))
		return;
	if (b->rec.n_segments == 0 && b->send.bytes == 0 && !b->recv.last && !b->recv.gap &&
		c->snd_una == c->snd_nxt && b != &tcp_busy_none)
		tcp_busy_del(t, c);
}

/* tcp_conn.c */

/* The connection between these ends, or NULL. */
struct tcp_conn *tcp_conn_find(const struct tcp_worker *t, const struct tcp_key *k, uint64_t hash);

/* A new connection in state CLOSED, in the table, its first sequence number chosen; NULL: none
 * left, *@reason says so. */
struct tcp_conn *tcp_conn_create(
	struct worker *w, const struct tcp_key *k, uint64_t hash, enum drop_reason *reason);

/* Ends @c: out of every list, buffers given back; on_end if the application knows it. */
void tcp_conn_end(struct worker *w, struct tcp_conn *c, enum tcp_end why);

/* The same with a compact record for TIME-WAIT left behind. */
void tcp_conn_time_wait(struct worker *w, struct tcp_conn *c);

/* Enters @c into the list of half-open ones. */
void tcp_half_open_add(struct tcp_worker *t, struct tcp_conn *c);
/* Takes it out; one that is not in stays as it is. */
void tcp_half_open_del(struct tcp_worker *t, struct tcp_conn *c);

/* @c is to be looked after: at the end of the stage, or by a task. */
void tcp_service_add(struct worker *w, struct tcp_conn *c);

/* @c has something to read. */
void tcp_readable_add(struct worker *w, struct tcp_conn *c);

/* Whether own packets still find room in the lanes on this pass. */
bool tcp_lanes_have_room(const struct worker *w);

/* tcp_service_add in stage tcp_input, at whose end the list is seen to. */
static inline void tcp_service_note(struct tcp_worker *t, struct tcp_conn *c)
{
	if (c->flags & TCP_CONN_IN_SERVICE)
		return;
	c->flags |= TCP_CONN_IN_SERVICE;
	t->service[t->n_service++] = c;
}

/* tcp_readable_add there. */
static inline void tcp_readable_note(struct tcp_worker *t, struct tcp_conn *c)
{
	if (c->flags & TCP_CONN_IN_READABLE)
		return;
	c->flags |= TCP_CONN_IN_READABLE;
	t->readable[t->n_readable++] = c;
}

/* Calls back for the readable ones, then looks after those that need it. */
void tcp_service_run(struct worker *w);

/* tcp_wait.c: a segment for the TIME-WAIT record @r (RFC 9293 3.10.7.4). True: it has ended here;
 * false: it is a SYN that may open a new connection, whose first sequence number is *@isn or later.
 */
bool tcp_wait_arrives(struct worker *w, struct tcp_seg *s, struct tcp_time_wait *r, uint32_t *isn);

/* tcp_listen.c */

/* The listener for the local end of @k, or NULL. */
const struct tcp_listener *tcp_listener_find(const struct worker *w, const struct tcp_key *k);

/* A segment for no connection (RFC 9293 3.10.7.1, 3.10.7.2). The segment ends here, or NULL is
 * returned; otherwise it goes on through the steps of the connection that a cookie has made. */
struct tcp_conn *tcp_listen_arrives(struct worker *w, struct tcp_seg *s);

/* The worker that has, or would have, the connection @k without a listener of its own here. */
uint8_t tcp_owner(const struct worker *w, const struct tcp_key *k);

/* tcp_open.c */

/* Takes over what the peer's SYN or our cookie says. */
void tcp_open_options(struct worker *w, struct tcp_conn *c, const struct tcp_options *o, bool ecn);

/* Sets up everything that needs both SYNs: window, congestion control. */
void tcp_open_init(struct worker *w, struct tcp_conn *c);

/* The handshake is over: state ESTABLISHED, on_open. False: @c is gone. */
bool tcp_open_established(struct worker *w, struct tcp_conn *c);

/* The segment size that we ask for on a path of @mtu (RFC 6691: without options). */
uint16_t tcp_open_mss(uint8_t family, uint32_t mtu);

/* What we say about ourselves in a SYN or SYN-ACK, as far as @flags (enum tcp_conn_flags) allow;
 * time stamps are the caller's. */
struct tcp_options tcp_open_offer(const struct worker *w, uint16_t mss_bytes, uint32_t flags);

/* tcp_path.c */

/* The way to the remote end of @k. */
struct tcp_way tcp_path_way(const struct worker *w, const struct tcp_key *k, uint16_t iface);

/* Its largest packet; 0: there is no way. */
uint32_t tcp_path_mtu(const struct worker *w, const struct tcp_key *k, uint16_t iface);

/* Payload of a segment without options in a packet of @mtu. */
static inline uint32_t tcp_mss_of_mtu(uint8_t family, uint32_t mtu)
{
	return mtu - (family == 4 ? 40 : 60);
}

/* Sets the segment size for a path of @mtu and what the peer takes. */
void tcp_path_set(struct worker *w, struct tcp_conn *c, uint32_t mtu);

/* The segment size on a path of @mtu, as @c would have it. */
uint16_t tcp_path_mss(const struct worker *w, const struct tcp_conn *c, uint32_t mtu);

/* The path MTU was found to be smaller, or no larger: a larger one is tried after a while. */
void tcp_path_wait(struct worker *w, struct tcp_conn *c);

/* Everything before @ack has arrived, perhaps the larger segment that tried the path. */
void tcp_path_acked(struct worker *w, struct tcp_conn *c, uint32_t ack);

/* tcp_predict.c: a segment for @c, if it is the one that is expected next: then it is done, with
 * what tcp_steps_arrives would have come to. False: nothing was done. */
bool tcp_predict_arrives(struct worker *w, struct tcp_conn *c, struct tcp_seg *s);

/* tcp_steps.c, tcp_syn_sent.c: a segment for @c. What is left of it ends in tcp_input.c. */
void tcp_steps_arrives(struct worker *w, struct tcp_conn *c, struct tcp_seg *s);
/* The same in state SYN-SENT. */
void tcp_syn_sent_arrives(struct worker *w, struct tcp_conn *c, struct tcp_seg *s);

/* Ends the segment: its reason to drop it. For `return`. */
static inline bool tcp_seg_end(struct tcp_seg *s, enum drop_reason reason)
{
	s->reason = reason;
	return false;
}

/* tcp_ack.c: the fifth step in states from ESTABLISHED on. False: the segment ends. */
bool tcp_ack_arrives(struct worker *w, struct tcp_conn *c, struct tcp_seg *s);

/* tcp_text.c: the seventh step. */
void tcp_text_arrives(struct worker *w, struct tcp_conn *c, struct tcp_seg *s);
/* The eighth step. */
void tcp_fin_arrives(struct worker *w, struct tcp_conn *c, const struct tcp_seg *s);

/* Reports [@start, @end) as received twice (RFC 2883), at once. */
void tcp_text_duplicate(struct tcp_worker *t, struct tcp_conn *c, uint32_t start, uint32_t end);

/* The SACK blocks to send, the duplicate to report first (RFC 2883); how many. */
unsigned tcp_text_sacks(const struct tcp_conn *c, struct tcp_range *out);

/* tcp_window.c */

/* SND.WND from a segment that is not older than the last one it came from. */
static inline void tcp_window_heed(struct tcp_conn *c, const struct tcp_seg *s)
{
	if (LIKELY(tcp_seq_lt(c->snd_wl1, s->seq) ||
		    (c->snd_wl1 == s->seq && tcp_seq_le(c->snd_wl2, s->ack)))) {
		c->snd_wnd = s->wnd << c->snd_wscale;
		c->snd_wl1 = s->seq;
		c->snd_wl2 = s->ack;
		c->snd_wnd_max = MAX_OF(c->snd_wnd_max, c->snd_wnd);
	}
}

/* By how much its right edge could move. */
static inline uint32_t tcp_window_opening_bytes(const struct tcp_conn *c)
{
	uint32_t unread_bytes = MIN_OF(c->busy->recv.bytes, c->rcv_limit);
	int32_t opening = (int32_t)(c->rcv_nxt + c->rcv_limit - unread_bytes - c->rcv_adv);

	return opening > 0 ? (uint32_t)opening : 0;
}

/* The window to announce, not scaled; moves the right edge (RFC 9293 3.8.6.2.2). */
static inline uint32_t tcp_window_announce(struct tcp_conn *c)
{
	uint32_t opening = tcp_window_opening_bytes(c);

	if (c->busy->recv.bytes == 0 || opening >= MIN_OF(c->rcv_limit / 2, (uint32_t)c->mss_bytes))
		c->rcv_adv += opening;
	return c->rcv_adv - c->rcv_nxt;
}

/* The application took @bytes: the window may grow, and is announced when it opened enough. */
void tcp_window_consumed(struct worker *w, struct tcp_conn *c, uint32_t bytes);

/* tcp_loss.c: the congestion window after an acknowledgement or RACK's timer (@flight_bytes: what
 * was out before). */
void tcp_loss_on_acked(
	struct worker *w, struct tcp_conn *c, const struct tcp_acked *acked, uint32_t flight_bytes);
/* The retransmission timer fired: the first segment is sent again. */
void tcp_loss_on_timeout(struct worker *w, struct tcp_conn *c);
/* The peer echoes a congestion mark: heeded once per window. */
void tcp_loss_on_ecn(struct worker *w, struct tcp_conn *c);
/* A duplicate acknowledgement of a peer without SACK came. */
void tcp_loss_on_dup_ack(struct worker *w, struct tcp_conn *c);

/* What the algorithm is told about @c. */
struct tcp_cc_event tcp_loss_event(const struct worker *w, const struct tcp_conn *c,
	uint32_t acked_bytes, uint32_t flight_bytes);

/* tcp_output.c */

/* Sends whatever may be sent: lost segments, new data, FIN, an ACK; sets the timers. True: there is
 * more, but the lanes are full. */
bool tcp_output(struct worker *w, struct tcp_conn *c);

/* The first lost segment, whatever the congestion window says. */
void tcp_output_head(struct worker *w, struct tcp_conn *c);

/* A tail loss probe (RFC 8985 7.3). */
void tcp_output_tail(struct worker *w, struct tcp_conn *c);
/* A byte beyond the closed window, or the little that fits (RFC 9293 3.8.6.1). */
void tcp_output_window_probe(struct worker *w, struct tcp_conn *c);
/* Something old, to be acknowledged by a peer that is still there (RFC 9293 3.8.4). */
void tcp_output_keepalive(struct worker *w, struct tcp_conn *c);
/* Our SYN or SYN-ACK, for the first time or again; sets its timer. */
void tcp_output_syn(struct worker *w, struct tcp_conn *c);

/* An ACK because of a segment that must not be believed (RFC 5961 7), unless there were too many.
 */
void tcp_output_challenge(struct worker *w, struct tcp_conn *c);

/* A reset of @c. */
void tcp_output_reset(struct worker *w, struct tcp_conn *c);

/* tcp_emit.c */

/* Writes and sends one segment of @c. False: no buffer. */
bool tcp_emit(struct worker *w, struct tcp_conn *c, const struct tcp_say *say);

/* Writes and sends the SYN of @c, or its SYN-ACK. False: no buffer. */
bool tcp_emit_syn(struct worker *w, struct tcp_conn *c, uint8_t flags, const struct tcp_options *o);

/* Sends @m, which is whole, from the ends @k; link-local ones on @iface. */
void tcp_emit_packet(struct worker *w, struct rte_mbuf *m, const struct tcp_key *k, uint16_t iface);

/* tcp_burst.c */

/* Puts @say behind the segments of the open packet, if it belongs there. False: the packet, if
 * any, is sent. */
bool tcp_burst_add(struct worker *w, struct tcp_conn *c, const struct tcp_say *say);

/* Whether the device will sum what @c says now, with @bytes of payload. */
bool tcp_burst_wanted(struct worker *w, const struct tcp_conn *c, uint32_t bytes);

/* Takes over @m, whose first segment @say is written but for its checksum. */
void tcp_burst_begin(struct worker *w, struct rte_mbuf *m, const struct tcp_say *say);

/* Sends the open packet. */
void tcp_burst_end(struct worker *w);

/* A segment without data or connection. */
struct tcp_bare {
	uint32_t seq;
	uint32_t ack;
	uint16_t wnd;
	uint8_t flags;
};

/* Writes and sends @bare the other way round of @s, with options @o (NULL: none). */
void tcp_emit_bare(struct worker *w, const struct tcp_seg *s, const struct tcp_bare *bare,
	const struct tcp_options *o);

/* tcp_timer.c */

/* Makes sure that the timer of @c fires no later than @at. */
void tcp_timer_arm(struct worker *w, struct tcp_conn *c, uint32_t at);

/* Sets rexmit_at for what is in flight or waits for the window. */
void tcp_timer_rexmit(struct worker *w, struct tcp_conn *c);

/* The timer of a connection fired. */
void tcp_timer_fire(void *ctx, struct wheel_timer *timer);

/* Sets the timer of keepalive or FIN-WAIT-2, whichever the state has. */
void tcp_timer_keep(struct worker *w, struct tcp_conn *c);

#endif
