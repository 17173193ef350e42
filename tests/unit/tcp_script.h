/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scenarios for the TCP endpoint as tables: what the peer says, what the node must answer, what the
 * application does, how time passes, what is counted. Each is a test of its own and names the RFC
 * and section that it is about; each is run on a fresh node, and ends with the endpoint's
 * invariants. Numbers of segments are relative, as in tcp_peer.h. One thread.
 *
 *   SCRIPT("the_name", "RFC 9293 3.5", OPEN,
 *           IN(.flags = PA, .seq = 1, .ack = 1, .bytes = 5),
 *           OUT(.flags = PA, .seq = 1, .ack = 6, .bytes = 5)),
 */
#ifndef TESTS_UNIT_TCP_SCRIPT_H
#define TESTS_UNIT_TCP_SCRIPT_H

#include "tests/sim/tcp_check.h"
#include "tests/unit/tcp_peer.h"

#define SCRIPT_STEPS_MAX 40
#define SCRIPT_MAX       128 /* scenarios of one table */

/* What has happened before the first step. */
enum script_start {
	NOTHING,
	OPEN,  /* the handshake, all options, in no time; the application echoes */
	PLAIN, /* the same without options but MSS */
	TALK, /* as OPEN with a round trip of 20 ms; the application swallows and sends when told */
	BARE, /* as TALK without options but MSS */
	MARKED, /* as TALK with ECN */
	ACTIVE, /* the node has sent its SYN, which was looked at */
};

enum script_op {
	STEP_END,
	STEP_IN,    /* the peer says it */
	STEP_QUEUE, /* the peer says it, in one burst with what follows */
	STEP_SYN,   /* the peer's SYN with usual options */
	STEP_OUT,   /* the node says it, next */
	STEP_SKIP,  /* the node says so many more, whatever they are */
	STEP_QUIET, /* the node says nothing more */
	STEP_WAIT,  /* milliseconds */
	STEP_SEND,  /* the application sends so many bytes, which are taken */
	STEP_OFFER, /* ... as many as are taken */
	STEP_CLOSE,
	STEP_ABORT,
	STEP_MODE,        /* enum of peer_app */
	STEP_READ,        /* the application reads so many bytes of what waits */
	STEP_KEEP_OPEN,   /* it does not close when the peer does */
	STEP_KEEPALIVE,   /* seconds */
	STEP_STATE,       /* how many connections are in this state */
	STEP_ENDED,       /* on_end came, for this reason */
	STEP_ALIVE,       /* it did not */
	STEP_OPENED,      /* on_open came so often */
	STEP_STAT,        /* a counter's value */
	STEP_LEAST,       /* ... or more */
	STEP_DROPS,       /* packets dropped for a reason */
	STEP_TOO_BIG,     /* ICMP: MTU n, quoting sequence number seq */
	STEP_UNREACHABLE, /* ICMP: no such port */
	STEP_NO_ROUTE,    /* ... host unreachable, no route */
	STEP_CWND,        /* between n and m bytes */
	STEP_MSS,
	STEP_UNACKED,
	STEP_PORT,   /* the peer goes on from another port, as a new one */
	STEP_REPEAT, /* IN of the line n times, each @m bytes further */
	STEP_BACKLOG,
	STEP_ISS,    /* the peer's first sequence number */
	STEP_FORGET, /* what the node said and was not looked at */
};

struct script_step {
	enum script_op op;
	struct line line;
	uint64_t n, m;
	size_t offset;
	int place; /* line of the source */
};

#define STEP(o, ...)                                                                               \
	{                                                                                          \
		.op = STEP_##o, .place = __LINE__, __VA_ARGS__                                     \
	}
#define IN(...)                STEP(IN, .line = {__VA_ARGS__})
#define QUEUE(...)             STEP(QUEUE, .line = {__VA_ARGS__})
#define SYN                    STEP(SYN)
#define OUT(...)               STEP(OUT, .line = {__VA_ARGS__})
#define SKIP(count)            STEP(SKIP, .n = (count))
#define QUIET                  STEP(QUIET)
#define WAIT(ms)               STEP(WAIT, .n = (ms))
#define SEND(bytes)            STEP(SEND, .n = (bytes))
#define OFFER(bytes)           STEP(OFFER, .n = (bytes))
#define CLOSE                  STEP(CLOSE)
#define ABORT                  STEP(ABORT)
#define MODE(mode)             STEP(MODE, .n = (mode))
#define READ(bytes)            STEP(READ, .n = (bytes))
#define KEEP_OPEN              STEP(KEEP_OPEN)
#define KEEPALIVE(s)           STEP(KEEPALIVE, .n = (s))
#define STATE(s, count)        STEP(STATE, .m = (s), .n = (count))
#define ENDED(why)             STEP(ENDED, .n = (why))
#define ALIVE                  STEP(ALIVE)
#define OPENED(count)          STEP(OPENED, .n = (count))
#define FIELD(field)           .offset = offsetof(struct stats_tcp, field)
#define STAT(field, count)     STEP(STAT, FIELD(field), .n = (count))
#define LEAST(field, count)    STEP(LEAST, FIELD(field), .n = (count))
#define DROPS(reason, count)   STEP(DROPS, .m = DROP_##reason, .n = (count))
#define TOO_BIG(mtu, at)       STEP(TOO_BIG, .n = (mtu), .line = {.seq = (at)})
#define UNREACHABLE(at)        STEP(UNREACHABLE, .line = {.seq = (at)})
#define NO_ROUTE(at)           STEP(NO_ROUTE, .line = {.seq = (at)})
#define CWND(least, most)      STEP(CWND, .n = (least), .m = (most))
#define MSS(bytes)             STEP(MSS, .n = (bytes))
#define UNACKED(bytes)         STEP(UNACKED, .n = (bytes))
#define PORT(number)           STEP(PORT, .n = (number))
#define REPEAT(count, by, ...) STEP(REPEAT, .n = (count), .m = (by), .line = {__VA_ARGS__})
#define BACKLOG(count)         STEP(BACKLOG, .n = (count))
#define ISS(number)            STEP(ISS, .n = (number))
#define FORGET                 STEP(FORGET)
#define SACKS(count, ...)                                                                          \
	.n_sacks = (count), .sacks = (const uint32_t[])                                            \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define RAW(count, ...)                                                                            \
	.no_ts = true, .n_raw_options = (count), .raw_options = (const uint8_t[])                  \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

struct script {
	const char *name;
	const char *rfc;
	enum script_start start;
	uint8_t family;
	struct script_step steps[SCRIPT_STEPS_MAX];
};

#define SCRIPT_OF(version, title, section, from, ...)                                              \
	{                                                                                          \
		.name = title, .rfc = section, .start = from, .family = version,                   \
		.steps = {__VA_ARGS__},                                                            \
	}
#define SCRIPT(...)  SCRIPT_OF(4, __VA_ARGS__)
#define SCRIPT6(...) SCRIPT_OF(6, __VA_ARGS__)

static int script_place;

#define SCRIPT_FAIL(...)                                                                           \
	do {                                                                                       \
		print_error("line %d: ", script_place);                                            \
		print_error(__VA_ARGS__);                                                          \
		print_error("\n");                                                                 \
		fail();                                                                            \
	} while (0)

/* An ICMP error to the node about what it sent at relative number @seq. */
static inline void script_icmp_of(
	const struct peer *p, uint32_t mtu, uint32_t seq, enum script_op kind)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xaa};
	uint32_t head = p->family == 6 ? 40 : 20, bytes = head + 8 + head + 8, tmp_be;
	uint8_t f[14 + 40 + 8 + 40 + 8] = {0}, *l3 = f + 14, *icmp = l3 + head, inner[40], *quote;
	uint16_t check, port_be;

	memcpy(f, macs, sizeof(macs));
	f[12] = p->family == 6 ? 0x86 : 0x08;
	f[13] = p->family == 6 ? 0xdd : 0;
	peer_write_ip(p, l3, bytes - head, 0);
	/* What is quoted went the other way. */
	peer_write_ip(p, inner, 100, 0);
	quote = icmp + 8;
	memcpy(quote, inner, head);
	memcpy(quote + (head == 40 ? 8 : 12), inner + (head == 40 ? 24 : 16), head == 40 ? 16 : 4);
	memcpy(quote + (head == 40 ? 24 : 16), inner + (head == 40 ? 8 : 12), head == 40 ? 16 : 4);
	quote += head;
	port_be = htobe16(p->node_port);
	memcpy(quote, &port_be, 2);
	port_be = htobe16(p->port);
	memcpy(quote + 2, &port_be, 2);
	tmp_be = htobe32(p->node_iss + seq);
	memcpy(quote + 4, &tmp_be, 4);
	tmp_be = htobe32(mtu);
	memcpy(icmp + 4, &tmp_be, 4);
	icmp[0] = head == 40 ? (kind == STEP_TOO_BIG ? 2 : 1) : 3;
	icmp[1] = head == 40                 ? (kind == STEP_UNREACHABLE ? 4 : 0)
		  : kind == STEP_TOO_BIG     ? 4
		  : kind == STEP_UNREACHABLE ? 3
					     : 1;
	if (head == 40) {
		l3[6] = IPPROTO_ICMPV6;
		check = checksum_finish(checksum_sum(icmp, bytes - head,
			checksum_pseudo_ip6(l3 + 8, l3 + 24, IPPROTO_ICMPV6, bytes - head)));
	} else {
		l3[9] = IPPROTO_ICMP;
		memset(l3 + 10, 0, 2);
		check = checksum_ip4_header(l3, 5);
		memcpy(l3 + 10, &check, 2);
		check = checksum_finish(checksum_sum(icmp, bytes - head, 0));
	}
	memcpy(icmp + 2, &check, 2);
	node_input(0, f, 14 + bytes);
	node_run();
}

static inline void script_icmp(const struct peer *p, uint32_t mtu, uint32_t seq, bool too_big)
{
	script_icmp_of(p, mtu, seq, too_big ? STEP_TOO_BIG : STEP_UNREACHABLE);
}

/* Passes over what the node says to its neighbours by ARP and ND; whether there is a segment. */
static inline bool script_find_segment(struct peer *p)
{
	for (; p->at < node_n_output(); p->at++) {
		const uint8_t *f = node_output(p->at)->bytes;

		if ((f[12] == 0x08 && f[13] == 0x00 && f[14 + 9] == IPPROTO_TCP) ||
			(f[12] == 0x86 && f[14 + 6] == IPPROTO_TCP))
			return true;
	}
	return false;
}

/* What is only compared if the scenario says it. */
static inline void script_compare(const struct peer *p, const struct line *want, struct peer_got g)
{
	const struct tcp_options *o = &g.line.options;

	if (want->wnd != 0 && g.wnd != (want->wnd == PEER_WND_ZERO ? 0 : (uint32_t)want->wnd))
		SCRIPT_FAIL("window %u", g.wnd);
	if (g.line.ecn != want->ecn)
		SCRIPT_FAIL("IP header's ECN %u", g.line.ecn);
	if (want->options.has_mss && o->mss_bytes != want->options.mss_bytes)
		SCRIPT_FAIL("MSS %u", o->mss_bytes);
	if (want->n_sacks != 0 && o->n_sacks != want->n_sacks)
		SCRIPT_FAIL("%u SACK blocks", o->n_sacks);
	for (unsigned i = 0; i < want->n_sacks; i++)
		if (o->sacks[i].start - p->iss != want->sacks[2 * i] ||
			o->sacks[i].end - p->iss != want->sacks[2 * i + 1])
			SCRIPT_FAIL("block %u is %u-%u", i, o->sacks[i].start - p->iss,
				o->sacks[i].end - p->iss);
	if (want->no_ts && o->has_ts)
		SCRIPT_FAIL("a time stamp");
	if (want->ts_val != 0 && o->ts_ecr != want->ts_val)
		SCRIPT_FAIL("echoes time stamp %u", o->ts_ecr);
	if (g.line.flags & RTE_TCP_SYN_FLAG && want->options.sack_permitted &&
		(!o->sack_permitted || !o->has_ts || !o->has_wscale))
		SCRIPT_FAIL("options are missing");
}

static inline void script_out(struct peer *p, const struct line *want)
{
	struct peer_got g;

	if (!script_find_segment(p))
		SCRIPT_FAIL("the node has said nothing more");
	g = peer_read(p, p->at++);
	/* A device that cut the packet says it only in the last segment. */
	if (node_n_cut() > 0)
		g.line.flags |= want->flags & RTE_TCP_PSH_FLAG;
	if (g.line.flags != want->flags || g.line.seq != want->seq || g.line.ack != want->ack ||
		g.line.bytes != want->bytes)
		SCRIPT_FAIL("flags 0x%02x seq %u ack %u bytes %u, wanted 0x%02x %u %u %u",
			g.line.flags, g.line.seq, g.line.ack, g.line.bytes, want->flags, want->seq,
			want->ack, want->bytes);
	script_compare(p, want, g);
}

static inline void script_quiet(struct peer *p)
{
	struct peer_got g;

	if (!script_find_segment(p))
		return;
	g = peer_read(p, p->at);
	SCRIPT_FAIL("unexpected: flags 0x%02x seq %u ack %u bytes %u", g.line.flags, g.line.seq,
		g.line.ack, g.line.bytes);
}

/* So long that more frames leave than are kept: what was seen is forgotten now and then. */
static inline void script_wait(struct peer *p, uint64_t ms)
{
	if (p->at == node_n_output() && p->at > NODE_OUTPUT_MAX / 2) {
		node_clear();
		p->at = 0;
	}
	node_advance(ms * NSEC_PER_MSEC);
}

static inline void script_repeat(struct peer *p, const struct script_step *s)
{
	struct line l = s->line;

	for (uint64_t i = 0; i < s->n; i++) {
		peer_in(p, l);
		l.seq += (uint32_t)s->m;
	}
}

static inline void script_port(struct peer *p, uint64_t port)
{
	unsigned at = p->at;

	*p = peer_new();
	p->port = (uint16_t)port;
	p->at = at;
}

static inline void script_read(uint64_t bytes)
{
	const uint8_t *at;
	uint32_t n;

	while (bytes > 0 && (n = tcp_peek(peer_app.conn, &at)) > 0) {
		n = (uint32_t)MIN_OF((uint64_t)n, bytes);
		tcp_consume(node_worker(0), peer_app.conn, n);
		bytes -= n;
	}
	node_run();
	if (bytes != 0)
		SCRIPT_FAIL("%u bytes less can be read", (unsigned)bytes);
}

/* Steps of the peer and of time; false: it is another one. */
static inline bool script_peer_step(struct peer *p, const struct script_step *s)
{
	switch (s->op) {
	case STEP_IN:
		peer_in(p, s->line);
		return true;
	case STEP_QUEUE:
		peer_queue(p, s->line);
		return true;
	case STEP_SYN:
		peer_in(p, peer_syn(p));
		p->ts = true;
		return true;
	case STEP_OUT:
		script_out(p, &s->line);
		return true;
	case STEP_SKIP:
		for (uint64_t i = 0; i < s->n; i++) {
			if (!script_find_segment(p))
				SCRIPT_FAIL("the node has said %u only", (unsigned)i);
			peer_next(p);
		}
		return true;
	case STEP_QUIET:
		script_quiet(p);
		return true;
	case STEP_WAIT:
		script_wait(p, s->n);
		return true;
	case STEP_REPEAT:
		script_repeat(p, s);
		return true;
	case STEP_PORT:
		script_port(p, s->n);
		return true;
	case STEP_ISS:
		p->iss = (uint32_t)s->n;
		return true;
	case STEP_FORGET:
		node_clear();
		p->at = 0;
		return true;
	case STEP_TOO_BIG:
	case STEP_UNREACHABLE:
	case STEP_NO_ROUTE:
		script_icmp_of(p, (uint32_t)s->n, s->line.seq, s->op);
		return true;
	default:
		return false;
	}
}

/* Steps of the application; false: it is another one. */
static inline bool script_app_step(const struct script_step *s)
{
	struct worker *w = node_worker(0);

	switch (s->op) {
	case STEP_SEND:
		if (peer_app_send((uint32_t)s->n) != s->n)
			SCRIPT_FAIL("not everything was taken");
		return true;
	case STEP_OFFER:
		peer_app_send((uint32_t)s->n);
		return true;
	case STEP_CLOSE:
		tcp_close(w, peer_app.conn);
		node_run();
		return true;
	case STEP_ABORT:
		tcp_abort(w, peer_app.conn);
		node_run();
		return true;
	case STEP_MODE:
		peer_app.mode = s->n;
		return true;
	case STEP_READ:
		script_read(s->n);
		return true;
	case STEP_KEEP_OPEN:
		peer_app.keep_open = true;
		return true;
	case STEP_KEEPALIVE:
		tcp_keepalive_set(w, peer_app.conn, (uint32_t)s->n);
		return true;
	case STEP_BACKLOG:
		peer_listen(TCP_ANY_WORKER, (uint32_t)s->n);
		return true;
	default:
		return false;
	}
}

static inline void script_expect(const char *what, uint64_t got, uint64_t want)
{
	if (got != want)
		SCRIPT_FAIL("%s: %llu, wanted %llu", what, (unsigned long long)got,
			(unsigned long long)want);
}

static inline uint64_t script_stat(const struct script_step *s)
{
	return *(const uint64_t *)((const char *)peer_stats() + s->offset);
}

static inline struct tcp_info script_info(void)
{
	struct tcp_info info = {0};
	uint32_t cursor = 0;

	if (tcp_dump(node_worker(0), &cursor, &info, 1) != 1)
		SCRIPT_FAIL("no connection");
	return info;
}

static inline void script_check_step(const struct script_step *s)
{
	switch (s->op) {
	case STEP_STATE:
		script_expect(tcp_state_name((uint8_t)s->m), peer_stats()->conns[s->m], s->n);
		break;
	case STEP_ENDED:
		script_expect("connections ended", peer_app.n_ended, 1);
		script_expect("reason", peer_app.why, s->n);
		break;
	case STEP_ALIVE:
		script_expect("connections ended", peer_app.n_ended, 0);
		break;
	case STEP_OPENED:
		script_expect("connections opened", peer_app.n_opened, s->n);
		break;
	case STEP_STAT:
		script_expect("counter", script_stat(s), s->n);
		break;
	case STEP_LEAST:
		if (script_stat(s) < s->n)
			SCRIPT_FAIL("counter: %llu", (unsigned long long)script_stat(s));
		break;
	case STEP_DROPS:
		script_expect(drop_table[s->m].name, node_drops((enum drop_reason)s->m), s->n);
		break;
	case STEP_CWND:
		if (script_info().cwnd_bytes < s->n || script_info().cwnd_bytes > s->m)
			SCRIPT_FAIL("congestion window %u", script_info().cwnd_bytes);
		break;
	case STEP_MSS:
		script_expect("segment size", script_info().mss_bytes, s->n);
		break;
	case STEP_UNACKED:
		script_expect("unacknowledged", tcp_unacked_bytes(peer_app.conn), s->n);
		break;
	default:
		SCRIPT_FAIL("no such step");
	}
}

/* The handshake with a round trip of 20 ms. */
static inline void script_talk(struct peer *p, uint8_t ecn_flags)
{
	struct line syn = peer_syn(p);
	struct peer_got g;

	peer_app.mode = PEER_SWALLOW;
	syn.flags |= ecn_flags;
	peer_in(p, syn);
	g = peer_out(p, (struct line){.flags = (uint8_t)(SA | (ecn_flags ? E : 0)), .ack = 1});
	p->ts = g.line.options.has_ts;
	node_advance(20 * NSEC_PER_MSEC);
	peer_in(p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_quiet(p);
}

static inline void script_connect(struct peer *p)
{
	struct ip_addr remote = peer_addr(p->family == 6 ? "2001:db8::2" : "192.0.2.2");
	struct tcp_ends ends;
	struct tcp_conn *c;

	peer_app.mode = PEER_SWALLOW;
	c = tcp_connect(node_worker(0), &peer_app_calls, NULL, &remote, htobe16(PEER_PORT));
	assert_non_null(c);
	peer_app.conn = c;
	node_run();
	tcp_ends_of(c, &ends);
	p->node_port = be16toh(ends.local_port_be);
	peer_out(p, (struct line){.flags = S | E | W});
	p->ts = true;
}

static inline void script_begin(struct peer *p, const struct script *s)
{
	p->family = s->family;
	p->plain = s->start == PLAIN || s->start == BARE;
	switch (s->start) {
	case NOTHING:
		break;
	case OPEN:
	case PLAIN:
		peer_open(p);
		break;
	case TALK:
	case BARE:
		script_talk(p, 0);
		break;
	case MARKED:
		script_talk(p, E | W);
		break;
	case ACTIVE:
		script_connect(p);
		break;
	}
}

static void script_run(void **state)
{
	const struct script *s = *state;
	struct peer p = peer_new();
	const char *wrong;

	script_begin(&p, s);
	for (const struct script_step *step = s->steps; step->op != STEP_END; step++) {
		script_place = step->place;
		if (!script_peer_step(&p, step) && !script_app_step(step))
			script_check_step(step);
	}
	node_run();
	wrong = tcp_check(node_worker(0));
	if (wrong)
		SCRIPT_FAIL("%s", wrong);
}

/* Runs the @n scenarios at @scripts, each as a test. */
static inline int script_run_all(const char *name, const struct script *scripts, unsigned n)
{
	static struct CMUnitTest tests[SCRIPT_MAX];

	BRAID_ASSERT(n <= SCRIPT_MAX);
	for (unsigned i = 0; i < n; i++) {
		BRAID_ASSERT(strstr(scripts[i].rfc, "RFC") || strstr(scripts[i].rfc, "CVE"));
		tests[i] = (struct CMUnitTest){
			.name = scripts[i].name,
			.test_func = script_run,
			.setup_func = peer_start,
			.teardown_func = peer_stop,
			.initial_state = (void *)(uintptr_t)&scripts[i],
		};
	}
	return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}

#endif
