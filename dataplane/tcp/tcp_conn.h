/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection: 256 bytes that every one has, of which a segment touches three cache lines, and 256
 * more for one that is busy. Thread: worker.
 */
#ifndef DATAPLANE_TCP_TCP_CONN_H
#define DATAPLANE_TCP_TCP_CONN_H

#include "dataplane/tcp/tcp_cc.h"
#include "dataplane/tcp/tcp_queue.h"
#include "dataplane/tcp/tcp_recovery.h"
#include "dataplane/tcp/tcp_table.h"
#include "lib/timer/wheel.h"

struct tcp_app;

/* States of RFC 9293 3.3.2; LISTEN is a struct tcp_listener. */
enum tcp_state {
	TCP_CLOSED,
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT, /* of a struct tcp_conn only until the burst ends: see struct tcp_time_wait
			*/
};

enum tcp_conn_flags {
	TCP_CONN_SACK = 1 << 0, /* negotiated */
	TCP_CONN_TS = 1 << 1,
	TCP_CONN_WSCALE = 1 << 2,
	TCP_CONN_ECN = 1 << 3,
	TCP_CONN_ECE = 1 << 4, /* echo congestion until CWR comes (RFC 3168 6.1.3) */
	TCP_CONN_CWR = 1 << 5, /* say CWR with the next new data */
	TCP_CONN_REDUCED =
		1 << 6, /* ECN: the window was reduced once until snd_una passes recover */
	TCP_CONN_FIN_WANTED = 1 << 7, /* tcp_close was called */
	TCP_CONN_FIN_SENT = 1 << 8,
	TCP_CONN_FIN_RECEIVED = 1 << 9,
	TCP_CONN_ACK_NOW = 1 << 10,
	TCP_CONN_WANT_WRITE = 1 << 11,  /* tcp_send took less than it was given */
	TCP_CONN_IN_SERVICE = 1 << 12,  /* in tcp_worker.service */
	TCP_CONN_IN_READABLE = 1 << 13, /* in tcp_worker.readable */
	TCP_CONN_DSACK = 1 << 14,       /* dsack tells of a duplicate */
	TCP_CONN_AGAIN = 1 << 16,       /* memory ran out: it is looked after again soon */
	TCP_CONN_FIN_BEYOND = 1 << 24,  /* the peer's FIN is at busy->fin_seq, beyond a gap */
	TCP_CONN_MTU_PROBE = 1 << 17,   /* a segment larger than mss_bytes is out */
	TCP_CONN_PROBING = 1 << 18,     /* the one byte in flight is a window probe */
	TCP_CONN_PASSIVE = 1 << 19,
	TCP_CONN_OPENED = 1 << 20, /* the application knows it */
	TCP_CONN_CWND_LIMITED = 1 << 21,
	TCP_CONN_HALF_OPEN = 1 << 22, /* in the list of half-open ones */
	TCP_CONN_SENT = 1 << 23,      /* something is in flight since the timer was set */
	TCP_CONN_ACKED = 1 << 15,     /* ... was acknowledged: the timer starts anew */
	TCP_CONN_IN_SOURCE = 1 << 25, /* counted for its source */
	TCP_CONN_TAIL_PROBED =
		1 << 26, /* not busy: what was sent last, up to snd_una, was probed */
};

/* What rexmit_at is for. */
enum tcp_rexmit {
	TCP_REXMIT_RTO,
	TCP_REXMIT_TLP,
	TCP_REXMIT_RACK,
	TCP_REXMIT_PERSIST,
};

/*
 * What a connection has only while it is busy: something waits to be sent or read, is in flight, or
 * lies beyond a gap. From a pool of the worker; all others share tcp_busy_none, which is empty.
 */
struct tcp_busy {
	struct tcp_recovery rec;
	struct tcp_send_queue send;
	struct tcp_recv_queue recv;
	struct tcp_cc cc;
	uint32_t progress_at; /* the peer last acknowledged anything new, or had nothing to */
	uint8_t dup_acks;
	uint8_t n_timeouts;     /* in a row */
	uint8_t n_probes;       /* of the window, since it closed */
	uint32_t recover;       /* snd_nxt when the peer's ECN echo was heeded */
	uint32_t prr_delivered; /* RFC 6937 */
	uint32_t prr_out;
	uint32_t prr_flight;    /* RecoverFS */
	struct tcp_range dsack; /* received twice */
	uint32_t fin_seq;       /* TCP_CONN_FIN_BEYOND */
	uint32_t mtu_probe_end; /* TCP_CONN_MTU_PROBE: behind the segment that is one */
	struct tcp_busy *next;  /* in the pool */
} CACHE_ALIGNED;

/* Nothing is out, nothing waits. */
extern const struct tcp_busy tcp_busy_none;

/* Connections that can be busy at once, of @conns; the last part is not for strangers. */
#define TCP_BUSY_MIN        1024
#define TCP_BUSY_OF(conns)  MIN_OF((conns), (conns) / 2 + TCP_BUSY_MIN)
#define TCP_BUSY_KEPT(busy) ((busy) / 4)

/*
 * A connection. Times named _at are ticks of the wheel (2^20 ns), 0: not set; they are compared
 * modulo 2^32. The first three cache lines are what a segment touches.
 */
struct tcp_conn {
	struct tcp_key key;
	uint32_t chain;        /* index + 1 of the next with the same bucket; of the free list */
	uint32_t flags;        /* enum tcp_conn_flags */
	struct tcp_busy *busy; /* or tcp_busy_none */
	const struct tcp_app *app;

	uint8_t state; /* enum tcp_state */
	uint8_t tag;
	uint8_t snd_wscale;   /* of the windows we get */
	uint8_t rcv_wscale;   /* of the windows we announce */
	uint16_t mss_bytes;   /* payload of a segment with time stamps but no SACK blocks */
	uint16_t iface;       /* where the handshake came in */
	uint32_t received_at; /* last segment */
	uint32_t snd_una;
	uint32_t snd_nxt;
	uint32_t snd_wnd;
	uint32_t snd_wl1;
	uint32_t snd_wl2;
	uint32_t snd_wnd_max; /* largest window seen (RFC 9293 3.8.6.2.1, RFC 5961 5.2) */
	uint32_t rcv_nxt;
	uint32_t rcv_adv;   /* right edge of the window announced; never moves back */
	uint32_t rcv_limit; /* bytes that may wait here unread */
	uint32_t ack_sent;  /* RFC 7323 Last.ACK.sent */
	uint32_t ts_recent;
	uint32_t ts_recent_at;
	uint32_t ts_offset; /* what our clock is shifted by */

	uint32_t rexmit_at;
	uint32_t ack_at; /* delayed ACK */
	uint32_t keep_at;
	uint32_t sent_at; /* last data */
	struct tcp_path path;
	uint32_t cwnd_bytes; /* these three are the pause's: otherwise busy->cc has them */
	uint32_t ssthresh_bytes;
	uint32_t w_max_bytes;
	uint16_t rcv_mss_bytes; /* largest payload received */
	uint8_t rexmit_kind;    /* enum tcp_rexmit */
	uint8_t quick_acks;     /* left */
	void *user;
	union {
		struct { /* TCP_CONN_HALF_OPEN: list of half-open ones, oldest first */
			uint32_t half_next; /* index + 1 */
			uint32_t half_prev;
		};
		struct {
			uint32_t grow_bytes; /* consumed by the application since ... */
			uint32_t grow_at;    /* ... this */
		};
	};

	struct wheel_timer timer;
	uint64_t id;
	uint32_t opened_at;
	uint32_t retransmitted; /* segments */
	uint32_t challenge_at;  /* end of the period of n_challenges */
	uint32_t mtu_at;        /* when a larger path MTU is tried; 0: it was not lowered */
	uint16_t keep_s;        /* 0: no keepalive */
	uint16_t peer_mss_bytes;
	uint8_t n_keepalives; /* unanswered */
	uint8_t n_challenges;
	uint16_t own_mss_bytes; /* of segments that we ask for */
} CACHE_ALIGNED;

#define TCP_CONN_HOT_LINES 3 /* cache lines of a connection that every segment needs */

_Static_assert(offsetof(struct tcp_conn, timer) == TCP_CONN_HOT_LINES * CACHE_LINE_BYTES,
	"the hot part of a connection is three cache lines");
_Static_assert(sizeof(struct tcp_conn) == 256, "an idle connection is four cache lines");
_Static_assert(sizeof(struct tcp_busy) == 256, "a busy one has four more");

#endif
