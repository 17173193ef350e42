/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TCP endpoint as applications on workers see it (RFC 9293). Every connection belongs to one
 * worker for its whole life; nothing here may be called from another one. Time, randomness and
 * output go through struct worker, so two endpoints run in virtual time as well as on devices.
 * Thread: worker.
 */
#ifndef DATAPLANE_TCP_TCP_H
#define DATAPLANE_TCP_TCP_H

#include "dataplane/core/worker.h"
#include "lib/api/api.h"
#include "lib/base/ipaddr.h"

#define TCP_LISTENERS_MAX 64
#define TCP_ANY_WORKER    0xff

struct tcp_conn;

/* Why a connection is gone. */
enum tcp_end {
	TCP_END_CLOSED,      /* both sides said FIN and all was acknowledged */
	TCP_END_RESET,       /* the peer reset it */
	TCP_END_REFUSED,     /* active open: answered with a reset */
	TCP_END_TIMEOUT,     /* retransmissions, keepalive or the user timeout ran out */
	TCP_END_UNREACHABLE, /* ICMP said so while it was being opened */
	TCP_END_ABORTED,     /* tcp_abort */
};

/*
 * What an application does with its connections; one const table for all of them. A callback may
 * call any function below for any connection of the worker; on_end is the last one for @c, which
 * must not be touched after it returns.
 */
struct tcp_app {
	/* The handshake is over (passive or active). Negative: reset it; on_end is not called. */
	int (*on_open)(struct worker *w, struct tcp_conn *c);
	/* Each of these has new data in order, or its FIN; once per burst, each connection once.
	 * Acknowledgements and what was sent meanwhile leave when this returns. */
	void (*on_readable)(struct worker *w, struct tcp_conn *const *conns, unsigned n);
	/* There is room again after tcp_send took less than it was given. */
	void (*on_writable)(struct worker *w, struct tcp_conn *c);
	void (*on_end)(struct worker *w, struct tcp_conn *c, enum tcp_end why);
};

/* An address and port that is listened on. Part of the world. */
struct tcp_listener {
	struct ip_addr addr; /* of the node; prefix_len is not used */
	uint16_t port_be;
	uint8_t owner;    /* the worker that gets its connections, or TCP_ANY_WORKER: the flow's */
	uint8_t tag;      /* the application's own */
	uint32_t backlog; /* half-open connections per worker before SYN cookies are used */
	const struct tcp_app *app;
};

/* All of them; immutable, hangs off struct world. */
struct tcp_world {
	uint32_t n_listeners;
	struct tcp_listener listeners[TCP_LISTENERS_MAX];
};

/* Both ends, as text is made of them. */
struct tcp_ends {
	struct ip_addr local;
	struct ip_addr remote;
	uint16_t local_port_be;
	uint16_t remote_port_be;
};

/* The bytes that can be read now without a gap: the first @*p of them lie together. Valid until
 * tcp_consume or the end of the callback, whichever comes first. 0: nothing to read. */
uint32_t tcp_peek(struct tcp_conn *c, const uint8_t **p);

/* All bytes that can be read now. */
uint32_t tcp_readable_bytes(const struct tcp_conn *c);

/* Takes the first @bytes out of what can be read; opens the window. */
void tcp_consume(struct worker *w, struct tcp_conn *c, uint32_t bytes);

/* The application says nothing until more comes: what it has is acknowledged at once, for which a
 * peer with Nagle's algorithm waits before it sends the rest (RFC 9293 3.7.4). */
void tcp_expect_more(struct worker *w, struct tcp_conn *c);

/* The peer has closed its side and everything it sent has been consumed. */
bool tcp_at_eof(const struct tcp_conn *c);

/* Copies up to @bytes into the send buffer; how many it took. What is in it leaves in large
 * segments when the running callback returns. Taking less means: wait for on_writable. */
uint32_t tcp_send(struct worker *w, struct tcp_conn *c, const void *p, uint32_t bytes);

/* How many bytes tcp_send would take now. */
uint32_t tcp_send_room(const struct worker *w, const struct tcp_conn *c);

/* Bytes given to tcp_send that the peer has not acknowledged. */
uint32_t tcp_unacked_bytes(const struct tcp_conn *c);

/* Sends FIN behind what is in the send buffer. Reading goes on until the peer's FIN; on_end is
 * called when all is over, not before the call returns. Calling it again changes nothing. */
void tcp_close(struct worker *w, struct tcp_conn *c);

/* Resets the connection and forgets it: on_end(TCP_END_ABORTED) runs inside the call. */
void tcp_abort(struct worker *w, struct tcp_conn *c);

/*
 * Opens a connection to @remote:@remote_port_be from @local (of any own address when its family is
 * 0), with a source port whose replies come to this worker. on_open or on_end(@c) follows. NULL
 * when out of connections, ports or routes.
 */
struct tcp_conn *tcp_connect(struct worker *w, const struct tcp_app *app,
	const struct ip_addr *local, const struct ip_addr *remote, uint16_t remote_port_be);

/* Sets the application's own pointer, NULL at first. */
void tcp_set_user(struct tcp_conn *c, void *user);

/* The application's own pointer; NULL after on_end. */
void *tcp_user(const struct tcp_conn *c);

/* The tag of its listener; 0 for active ones. */
uint8_t tcp_tag(const struct tcp_conn *c);

/* The node's name for it: unique on the node until restart. */
uint64_t tcp_id(const struct worker *w, const struct tcp_conn *c);

/* Fills in both ends. */
void tcp_ends_of(const struct tcp_conn *c, struct tcp_ends *ends);

/* Keepalive after @idle_s seconds of silence, 0: never. Default: 300 (Redis's tcp-keepalive). */
void tcp_keepalive_set(struct worker *w, struct tcp_conn *c, uint32_t idle_s);

/* What `show conns` tells of one connection. */
struct tcp_info {
	uint64_t id;
	struct tcp_ends ends;
	uint8_t state; /* enum tcp_state */
	uint8_t tag;
	uint16_t mss_bytes;
	uint32_t rtt_us; /* smoothed */
	uint32_t rto_us;
	uint32_t cwnd_bytes;
	uint32_t snd_wnd_bytes;
	uint32_t rcv_wnd_bytes;
	uint32_t unacked_bytes; /* sent or waiting to be */
	uint32_t readable_bytes;
	uint32_t retransmitted; /* segments */
	uint32_t age_s;
};

/* Connections of the worker from number *@cursor on: fills up to @max of @out, moves *@cursor,
 * which starts at 0 and is UINT32_MAX at the end. How many. */
unsigned tcp_dump(struct worker *w, uint32_t *cursor, struct tcp_info *out, unsigned max);

/* The connection between @ends into @out; false: this worker has none. */
bool tcp_find(const struct worker *w, const struct tcp_ends *ends, struct tcp_info *out);

/* The RFC's name of a state: "ESTABLISHED". */
const char *tcp_state_name(uint8_t state);

/* Memory for one worker. Before tcp_worker_init. Main thread. */
struct tcp_limits {
	uint32_t conns;            /* per worker */
	uint32_t send_blocks;      /* of TCP_BLOCK_BYTES, per worker */
	uint32_t conn_send_bytes;  /* send buffer of one connection at most */
	uint32_t conn_recv_bytes;  /* receive window at most */
	uint32_t conns_per_source; /* per IPv4 address or IPv6 /64; 0: no limit */
};

/* Takes the memory of @w's endpoint. 0 or -ENOMEM with the sentence. Main thread. */
int tcp_worker_init(struct worker *w, const struct tcp_limits *limits, struct base_error *err);

/* Frees it; connections are forgotten without a word. Main thread, after the worker's end. */
void tcp_worker_fini(struct worker *w);

/* What the endpoint would do with a segment, for explain. */
struct tcp_fate {
	bool is_local;                       /* TCP to an own address, where there is an endpoint */
	bool is_known;                       /* a worker has its connection */
	uint8_t owner;                       /* the worker that has it, or would get it */
	const struct tcp_listener *listener; /* NULL: nobody listens */
	struct api_conn_info conn;           /* is_known */
	uint64_t half_open;                  /* of the owner now */
};

struct query;

/*
 * Asks the workers for the connection of @req. 1: @done is called, with @ctx in the question, when
 * they have answered, perhaps before this returns; 0: there is nothing to ask about; or a negative
 * errno with a sentence. Main thread.
 */
int tcp_explain_ask(const struct api_explain *req,
	void (*done)(struct query *q, int status, const struct base_error *err), void *ctx,
	struct base_error *err);

/* Gives @w, which explains @req, a small endpoint of its own; *@fate is told of the connection that
 * @q (NULL: nobody was asked) has found. Main thread. */
void tcp_explain_enter(struct worker *w, const struct api_explain *req, const struct query *q,
	struct tcp_fate *fate);

/* Takes it away again. Main thread. */
void tcp_explain_leave(struct worker *w);

#endif
