/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node with a TCP endpoint and a scripted peer on its link, for tests in virtual time. The peer
 * says segments with peer_in() and demands what the node answers with peer_out() and peer_quiet();
 * sequence numbers are relative to each side's first one, so that a SYN has 0 and data begins at 1.
 * The application of the node is peer_app: it echoes, keeps or swallows, as told.
 */
#ifndef TESTS_UNIT_TCP_PEER_H
#define TESTS_UNIT_TCP_PEER_H

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_tcp.h>

#include "dataplane/tcp/tcp_impl.h"
#include "lib/wire/checksum.h"
#include "tests/unit/node.h"

/* Flags as in tcpdump: S SYN, A ACK, F FIN, R RST, P PSH, E ECE, W CWR. */
enum peer_flags {
	F = RTE_TCP_FIN_FLAG,
	S = RTE_TCP_SYN_FLAG,
	R = RTE_TCP_RST_FLAG,
	P = RTE_TCP_PSH_FLAG,
	A = RTE_TCP_ACK_FLAG,
	E = RTE_TCP_ECE_FLAG,
	W = RTE_TCP_CWR_FLAG,
	SA = S | A,
	PA = P | A,
	FA = F | A,
	RA = R | A,
	FPA = F | P | A,
};

#define PEER_PORT      40000 /* of the peer */
#define PEER_NODE_PORT 6379
#define PEER_WND_ZERO  (-1) /* line.wnd: a window of 0; 0 is the peer's usual one */

/* A segment. */
struct line {
	uint8_t flags;
	uint8_t ecn; /* of the IP header */
	bool no_ts;  /* without the time stamp that the connection has */
	bool bad_checksum;
	uint32_t seq;    /* relative to its sender's SYN */
	uint32_t ack;    /* relative to its receiver's SYN */
	uint32_t bytes;  /* of payload: the stream's bytes at that place, see peer_byte() */
	int32_t wnd;     /* as in the header */
	uint32_t ts_val; /* 0: the peer's clock */
	unsigned n_sacks;
	const uint32_t *sacks; /* 2 * n_sacks numbers, relative as ack is */
	struct tcp_options options;
	const uint8_t *raw_options; /* instead */
	uint32_t n_raw_options;
};

struct peer {
	uint8_t family; /* 4 or 6; 0 is 4 */
	uint16_t port;  /* 0 is PEER_PORT */
	uint16_t node_port;
	bool plain; /* no options but MSS in the handshake */
	uint16_t mss_bytes;
	uint8_t wscale;
	uint16_t wnd;
	uint32_t iss;
	uint32_t node_iss;
	bool knows_iss;
	bool ts;          /* negotiated */
	uint32_t node_ts; /* last one of the node */
	unsigned at;      /* next frame of the node to look at */
};

/* Byte number @at (relative sequence number) of both streams. */
static inline uint8_t peer_byte(uint32_t at)
{
	return (uint8_t)(at * 31 + at / 251);
}

/* What the node's application does, and what has happened to it. */
static struct peer_app {
	enum {
		PEER_ECHO,
		PEER_KEEP,    /* reads nothing */
		PEER_SWALLOW, /* reads, says nothing */
	} mode;
	bool refuse;    /* on_open says no */
	bool keep_open; /* the peer's FIN is not answered with ours */
	unsigned n_opened;
	unsigned n_ended;
	unsigned n_readable;
	unsigned n_writable;
	enum tcp_end why;
	uint32_t n_sent;       /* bytes by peer_app_send */
	struct tcp_conn *conn; /* the last one opened; NULL: ended */
} peer_app;

static inline int peer_on_open(struct worker *w, struct tcp_conn *c)
{
	peer_app.n_opened++;
	if (peer_app.refuse)
		return -1;
	peer_app.conn = c;
	return 0;
}

static inline void peer_on_readable(struct worker *w, struct tcp_conn *const *conns, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct tcp_conn *c = conns[i];
		const uint8_t *p;
		uint32_t bytes;

		peer_app.n_readable++;
		while (peer_app.mode != PEER_KEEP && (bytes = tcp_peek(c, &p)) > 0) {
			if (peer_app.mode == PEER_ECHO)
				bytes = tcp_send(w, c, p, bytes);
			if (bytes == 0)
				break;
			tcp_consume(w, c, bytes);
		}
		if (tcp_at_eof(c) && !peer_app.keep_open)
			tcp_close(w, c);
	}
}

static inline void peer_on_writable(struct worker *w, struct tcp_conn *c)
{
	peer_app.n_writable++;
	peer_on_readable(w, &c, 1);
	peer_app.n_readable--;
}

static inline void peer_on_end(struct worker *w, struct tcp_conn *c, enum tcp_end why)
{
	peer_app.n_ended++;
	peer_app.why = why;
	if (peer_app.conn == c)
		peer_app.conn = NULL;
}

/* The application sends the next @bytes of its stream; how many were taken. */
static inline uint32_t peer_app_send(uint32_t bytes)
{
	uint32_t taken = 0;

	for (; taken < bytes; taken++) {
		uint8_t byte = peer_byte(1 + peer_app.n_sent);

		if (tcp_send(node_worker(0), peer_app.conn, &byte, 1) == 0)
			break;
		peer_app.n_sent++;
	}
	node_run();
	return taken;
}

static const struct tcp_app peer_app_calls = {
	.on_open = peer_on_open,
	.on_readable = peer_on_readable,
	.on_writable = peer_on_writable,
	.on_end = peer_on_end,
};

#define PEER_YAML(workers)                                                                         \
	"node:\n"                                                                                  \
	"  name: t\n"                                                                              \
	"  workers: " workers "\n"                                                                 \
	"  main: 0\n"                                                                              \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: net_null0\n"                                                                \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"                       \
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"

static struct tcp_world peer_world;

/* Limits that a test may change before peer_start. */
static struct tcp_limits peer_limits;

static inline struct ip_addr peer_addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static inline void peer_listen(uint8_t owner, uint32_t backlog)
{
	static const char *const addrs[] = {"192.0.2.1", "2001:db8::1"};

	peer_world.n_listeners = ARRAY_SIZE(addrs);
	for (unsigned i = 0; i < ARRAY_SIZE(addrs); i++)
		peer_world.listeners[i] = (struct tcp_listener){
			.addr = peer_addr(addrs[i]),
			.port_be = htobe16(PEER_NODE_PORT),
			.owner = owner,
			.tag = 7,
			.backlog = backlog,
			.app = &peer_app_calls,
		};
}

/* Starts the node of @yaml with an endpoint on each worker that listens on PEER_NODE_PORT. */
static inline void peer_start_on(const char *yaml, uint8_t owner, uint32_t backlog)
{
	struct base_error err;
	struct world *next;

	peer_app = (struct peer_app){0};
	node_start(yaml);
	for (unsigned i = 0; i < node_worker(0)->n_workers; i++)
		if (tcp_worker_init(node_worker(i), &peer_limits, &err) < 0)
			fail_msg("%s", err.text);
	peer_listen(owner, backlog);
	next = world_draft();
	assert_non_null(next);
	next->tcp = &peer_world;
	world_publish(next);
	/* IPv6 addresses are usable when nobody else claims them. */
	node_advance(3 * NSEC_PER_SEC);
	node_clear();
}

static inline void peer_limits_default(void)
{
	peer_limits = (struct tcp_limits){
		.conns = 64,
		.send_blocks = 512,
		.conn_send_bytes = 262144,
		.conn_recv_bytes = 262144,
		.conns_per_source = 0,
	};
}

static inline int peer_start(void **state)
{
	peer_limits_default();
	peer_start_on(PEER_YAML("[0]"), TCP_ANY_WORKER, 16);
	return 0;
}

/* Ends the node; whatever connections are left are forgotten, no buffer may be. */
static inline int peer_stop(void **state)
{
	node_run();
	for (unsigned i = 0; i < node_worker(0)->n_workers; i++)
		tcp_worker_fini(node_worker(i));
	node_stop();
	return 0;
}

#define PEER_TEST(name) cmocka_unit_test_setup_teardown(name, peer_start, peer_stop)

static inline const struct stats_tcp *peer_stats(void)
{
	return &node_worker(0)->stats->tcp;
}

/* A peer with usual options, not connected. */
static inline struct peer peer_new(void)
{
	return (struct peer){
		.family = 4,
		.port = PEER_PORT,
		.node_port = PEER_NODE_PORT,
		.mss_bytes = 1460,
		.wscale = 7,
		.wnd = 65535,
		.iss = 1000000,
		.at = node_n_output(),
	};
}

/* The peer's clock in milliseconds. */
static inline uint32_t peer_ts(void)
{
	return (uint32_t)(node_now_ns() / NSEC_PER_MSEC);
}

static inline uint32_t peer_write_ip(
	const struct peer *p, uint8_t *l3, uint32_t tcp_bytes, uint8_t ecn)
{
	static const uint8_t addrs6[2][16] = {
		{0x20, 1, 0x0d, 0xb8, [15] = 2}, {0x20, 1, 0x0d, 0xb8, [15] = 1}};

	if (p->family == 6) {
		memset(l3, 0, 40);
		l3[0] = 0x60;
		l3[1] = (uint8_t)(ecn << 4);
		l3[4] = (uint8_t)(tcp_bytes >> 8);
		l3[5] = (uint8_t)tcp_bytes;
		l3[6] = IPPROTO_TCP;
		l3[7] = 64;
		memcpy(l3 + 8, addrs6, 32);
		return 40;
	} else {
		uint32_t bytes = 20 + tcp_bytes;
		uint8_t h[20] = {0x45, ecn, (uint8_t)(bytes >> 8), (uint8_t)bytes, 0, 1, 0, 0, 64,
			IPPROTO_TCP, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1};
		uint16_t check;

		check = checksum_ip4_header(h, 5);
		memcpy(h + 10, &check, 2);
		memcpy(l3, h, sizeof(h));
		return 20;
	}
}

static inline uint64_t peer_pseudo(uint8_t family, const uint8_t *l3, uint32_t tcp_bytes)
{
	uint32_t src, dst;

	if (family == 6)
		return checksum_pseudo_ip6(l3 + 8, l3 + 24, IPPROTO_TCP, tcp_bytes);
	memcpy(&src, l3 + 12, 4);
	memcpy(&dst, l3 + 16, 4);
	return checksum_pseudo_ip4(src, dst, IPPROTO_TCP, (uint16_t)tcp_bytes);
}

/* Writes @l as a frame of @p into @f; its length. */
static inline uint32_t peer_frame(const struct peer *p, struct line l, uint8_t *f)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xaa};
	uint8_t options[TCP_OPTIONS_BYTES_MAX];
	uint32_t n_options, tcp_bytes, ip_bytes;
	struct rte_tcp_hdr *tcp;

	if (p->ts && !l.no_ts && !(l.flags & R)) {
		l.options.has_ts = true;
		l.options.ts_val = l.ts_val ? l.ts_val : peer_ts();
		l.options.ts_ecr = l.flags & A ? p->node_ts : 0;
	}
	for (unsigned i = 0; i < l.n_sacks; i++)
		l.options.sacks[l.options.n_sacks++] = (struct tcp_range){
			p->node_iss + l.sacks[2 * i], p->node_iss + l.sacks[2 * i + 1]};
	n_options = tcp_options_write(options, &l.options);
	if (l.raw_options) {
		n_options = l.n_raw_options;
		memcpy(options, l.raw_options, n_options);
	}
	tcp_bytes = (uint32_t)sizeof(*tcp) + n_options + l.bytes;
	memcpy(f, macs, sizeof(macs));
	f[12] = p->family == 6 ? 0x86 : 0x08;
	f[13] = p->family == 6 ? 0xdd : 0;
	ip_bytes = peer_write_ip(p, f + 14, tcp_bytes, l.ecn);
	tcp = (struct rte_tcp_hdr *)(f + 14 + ip_bytes);
	*tcp = (struct rte_tcp_hdr){
		.src_port = htobe16(p->port),
		.dst_port = htobe16(p->node_port),
		.sent_seq = htobe32(p->iss + l.seq),
		.recv_ack = htobe32(l.flags & A ? p->node_iss + l.ack : 0),
		.data_off = (uint8_t)((sizeof(*tcp) + n_options) / 4 << 4),
		.tcp_flags = l.flags,
		.rx_win = htobe16(l.wnd == PEER_WND_ZERO ? 0
				  : l.wnd                ? (uint16_t)l.wnd
							 : p->wnd),
	};
	memcpy(tcp + 1, options, n_options);
	for (uint32_t i = 0; i < l.bytes; i++)
		((uint8_t *)(tcp + 1))[n_options + i] = peer_byte(l.seq + i);
	tcp->cksum = checksum_finish(
		checksum_sum(tcp, tcp_bytes, peer_pseudo(p->family, f + 14, tcp_bytes)));
	tcp->cksum ^= l.bad_checksum;
	return 14 + ip_bytes + tcp_bytes;
}

/* Lets @l arrive without running the node, so that several come in one burst. */
static inline void peer_queue(const struct peer *p, struct line l)
{
	uint8_t f[NODE_FRAME_MAX];

	node_input(0, f, peer_frame(p, l, f));
}

/* Lets @l arrive. */
static inline void peer_in(const struct peer *p, struct line l)
{
	peer_queue(p, l);
	node_run();
}

/* A segment of the node as read back; numbers are relative. */
struct peer_got {
	struct line line;
	uint32_t wnd;
	uint64_t time_ns;
	uint32_t ip_bytes; /* whole packet */
};

/* Reads the node's frame number @at. */
static inline struct peer_got peer_read(struct peer *p, unsigned at)
{
	const struct node_frame *f = node_output(at);
	struct peer_got g = {0};
	const uint8_t *l3, *payload;
	const struct rte_tcp_hdr *tcp;
	uint32_t ip_bytes, tcp_bytes, head_bytes;

	assert_non_null(f);
	l3 = f->bytes + 14;
	ip_bytes = l3[0] >> 4 == 6 ? 40 : 20;
	assert_int_equal(l3[ip_bytes == 40 ? 6 : 9], IPPROTO_TCP);
	tcp = (const struct rte_tcp_hdr *)(l3 + ip_bytes);
	tcp_bytes = f->len - 14u - ip_bytes;
	head_bytes = (tcp->data_off >> 4) * 4u;
	assert_int_equal(checksum_finish(checksum_sum(
				 tcp, tcp_bytes, peer_pseudo(l3[0] >> 4, l3, tcp_bytes))),
		0);
	assert_int_equal(be16toh(tcp->dst_port), p->port);
	g.line.flags = tcp->tcp_flags;
	g.line.ecn = ip_bytes == 40 ? l3[1] >> 4 & 3 : l3[1] & 3;
	if (g.line.flags & S) {
		p->node_iss = be32toh(tcp->sent_seq);
		p->knows_iss = true;
	}
	g.line.seq = be32toh(tcp->sent_seq) - (p->knows_iss ? p->node_iss : 0);
	g.line.ack = g.line.flags & A ? be32toh(tcp->recv_ack) - p->iss : 0;
	g.line.bytes = tcp_bytes - head_bytes;
	g.wnd = be16toh(tcp->rx_win);
	g.time_ns = f->time_ns;
	g.ip_bytes = f->len - 14u;
	assert_true(tcp_options_read((const uint8_t *)(tcp + 1), head_bytes - 20, &g.line.options));
	if (g.line.options.has_ts)
		p->node_ts = g.line.options.ts_val;
	payload = (const uint8_t *)tcp + head_bytes;
	for (uint32_t i = 0; i < g.line.bytes; i++)
		assert_int_equal(payload[i], peer_byte(g.line.seq + i));
	return g;
}

/* Whether the node has said more; what is no TCP is passed over. */
static inline bool peer_more(struct peer *p)
{
	for (; p->at < node_n_output(); p->at++) {
		const struct node_frame *f = node_output(p->at);
		const uint8_t *l3;

		assert_non_null(f);
		l3 = f->bytes + 14;
		if ((f->bytes[12] == 0x08 && f->bytes[13] == 0 && l3[9] == IPPROTO_TCP) ||
			(f->bytes[12] == 0x86 && l3[6] == IPPROTO_TCP))
			return true;
	}
	return false;
}

/* The next segment of the node, whatever it is; it must be there. */
static inline struct peer_got peer_next(struct peer *p)
{
	if (!peer_more(p))
		fail_msg("the node has said nothing more");
	return peer_read(p, p->at++);
}

/* Forgets what the node has said. */
static inline void peer_forget(struct peer *p)
{
	node_clear();
	p->at = 0;
}

/* The next segment of the node has flags, numbers and length of @want. */
static inline struct peer_got peer_out_at(
	struct peer *p, struct line want, const char *file, int line)
{
	struct peer_got g;

	if (!peer_more(p)) {
		print_error("%s:%d: the node has said nothing more\n", file, line);
		_fail(file, line);
	}
	g = peer_read(p, p->at++);
	if (g.line.flags != want.flags || g.line.seq != want.seq || g.line.ack != want.ack ||
		g.line.bytes != want.bytes) {
		print_error("%s:%d: flags 0x%02x seq %u ack %u bytes %u, wanted 0x%02x %u %u %u\n",
			file, line, g.line.flags, g.line.seq, g.line.ack, g.line.bytes, want.flags,
			want.seq, want.ack, want.bytes);
		_fail(file, line);
	}
	return g;
}
#define peer_out(p, ...) peer_out_at(p, __VA_ARGS__, __FILE__, __LINE__)

/* The node has said nothing that was not looked at. */
static inline void peer_quiet_at(struct peer *p, const char *file, int line)
{
	if (peer_more(p)) {
		struct peer_got g = peer_read(p, p->at);

		print_error("%s:%d: unexpected: flags 0x%02x seq %u ack %u bytes %u\n", file, line,
			g.line.flags, g.line.seq, g.line.ack, g.line.bytes);
		_fail(file, line);
	}
}
#define peer_quiet(p) peer_quiet_at(p, __FILE__, __LINE__)

/* An ACK with the ranges [@start, @end) and so on, pairs of relative numbers, as SACK blocks. */
static inline struct line peer_sack(uint32_t seq, uint32_t ack, unsigned n, const uint32_t *pairs)
{
	return (struct line){.flags = A, .seq = seq, .ack = ack, .n_sacks = n, .sacks = pairs};
}

/* The peer's SYN. */
static inline struct line peer_syn(const struct peer *p)
{
	struct line l = {
		.flags = S, .options = {.has_mss = true, .mss_bytes = p->mss_bytes}, .no_ts = true};

	if (!p->plain) {
		l.options.has_wscale = l.options.has_ts = l.options.sack_permitted = true;
		l.options.wscale = p->wscale;
		l.options.ts_val = peer_ts();
	}
	return l;
}

/* The three-way handshake. The node's next sequence number is 1, the peer's too. */
static inline void peer_open(struct peer *p)
{
	struct peer_got g;

	peer_in(p, peer_syn(p));
	g = peer_out(p, (struct line){.flags = SA, .ack = 1});
	p->ts = g.line.options.has_ts;
	peer_in(p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_quiet(p);
}

#endif
