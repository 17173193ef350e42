/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostile peers of the TCP endpoint: each case attacks a connection, or the listener, while another
 * connection talks. Afterwards the endpoint's invariants hold, its memory is bounded, nothing was
 * answered more often than asked, every packet is accounted for, and the other connection has
 * noticed nothing. One thread.
 */
#ifndef TESTS_UNIT_TCP_HOSTILE_H
#define TESTS_UNIT_TCP_HOSTILE_H

#include "tests/sim/sim_random.h"
#include "tests/sim/tcp_check.h"
#include "tests/unit/tcp_peer.h"

#define HOSTILE_PORT    41000 /* of the connection that must not notice */
#define HOSTILE_CONNS   64
#define HOSTILE_BACKLOG 16
#define HOSTILE_MAX     160 /* cases of one file */

/* Where the attack finds the victim. */
enum hostile_start {
	LISTENING,
	ESTABLISHED, /* echoing */
	KEEPING,     /* established, reads nothing */
	SENDING,     /* established, 100,000 bytes on their way, swallows */
	FIN_WAIT,
	CLOSE_WAIT,
	TIME_WAIT,
	SYN_SENT,
};

struct hostile_attack {
	struct peer peer;
	struct sim_random random;
	uint64_t n_in, n_out; /* segments of both sides */
	uint64_t n_spare;     /* ... that the node may say without being asked */
};

struct hostile_case {
	const char *name;
	enum hostile_start start;
	void (*run)(struct hostile_attack *a, const struct hostile_case *c);
	const uint8_t *bytes; /* of options */
	uint32_t n_bytes;
	uint32_t seq, ack, n; /* whatever the attack needs */
	uint8_t flags;
};

/* Counts what the node said so far and forgets it. */
static inline void hostile_take(struct hostile_attack *a)
{
	a->n_out += node_n_output();
	node_clear();
	a->peer.at = 0;
}

/* Says @l, @xor over each payload byte. */
static inline void hostile_say_other(struct hostile_attack *a, struct line l, uint8_t xor)
{
	uint8_t f[NODE_FRAME_MAX];
	uint32_t bytes = peer_frame(&a->peer, l, f), head = a->peer.family == 6 ? 54 : 34;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(f + head);

	for (uint32_t i = 0; i < l.bytes; i++)
		f[bytes - 1 - i] ^= xor;
	tcp->cksum = 0;
	tcp->cksum = checksum_finish(
		checksum_sum(tcp, bytes - head, peer_pseudo(a->peer.family, f + 14, bytes - head)));
	node_input(0, f, bytes);
	a->n_in++;
	node_run();
	if (node_n_output() > NODE_OUTPUT_MAX / 2)
		hostile_take(a);
}

static inline void hostile_say(struct hostile_attack *a, struct line l)
{
	hostile_say_other(a, l, 0);
}

/* Time passes; the node may say @spare segments on its own. */
static inline void hostile_wait(struct hostile_attack *a, uint64_t ms, uint64_t spare)
{
	hostile_take(a);
	a->n_spare += spare;
	node_advance(ms * NSEC_PER_MSEC);
	hostile_take(a);
}

/* The connection that must not notice says something and is answered. */
static inline void hostile_talk(struct peer *other, uint32_t *at)
{
	bool answered = false;

	node_clear();
	peer_app.mode = PEER_ECHO;
	peer_in(other, (struct line){.flags = PA, .seq = *at, .ack = *at, .bytes = 10});
	*at += 10;
	for (unsigned i = 0; i < node_n_output() && !answered; i++) {
		const uint8_t *f = node_output(i)->bytes;
		uint16_t port_be = htobe16(HOSTILE_PORT);

		if (f[12] != 0x08 || f[13] != 0 || memcmp(f + 36, &port_be, 2) != 0)
			continue;
		answered = peer_read(other, i).line.bytes == 10;
	}
	assert_true(answered);
	peer_in(other, (struct line){.flags = A, .seq = *at, .ack = *at});
	node_clear();
}

/* Brings the victim into the state that the case wants. */
static inline void hostile_begin(struct hostile_attack *a, enum hostile_start start)
{
	struct ip_addr remote = peer_addr("192.0.2.2");
	struct peer *p = &a->peer;
	struct tcp_ends ends;

	if (start == LISTENING)
		return;
	if (start == SYN_SENT) {
		peer_app.conn = tcp_connect(
			node_worker(0), &peer_app_calls, NULL, &remote, htobe16(PEER_PORT));
		node_run();
		tcp_ends_of(peer_app.conn, &ends);
		p->node_port = be16toh(ends.local_port_be);
		peer_next(p);
		p->ts = true;
		return;
	}
	peer_open(p);
	if (start == KEEPING)
		peer_app.mode = PEER_KEEP;
	if (start == SENDING) {
		peer_app.mode = PEER_SWALLOW;
		peer_app_send(100000);
	}
	if (start == FIN_WAIT || start == TIME_WAIT) {
		tcp_close(node_worker(0), peer_app.conn);
		node_run();
	}
	if (start == TIME_WAIT)
		peer_in(p, (struct line){.flags = FA, .seq = 1, .ack = 2});
	if (start == CLOSE_WAIT) {
		peer_app.keep_open = true;
		peer_in(p, (struct line){.flags = FA, .seq = 1, .ack = 1});
	}
	node_clear();
	p->at = 0;
}

/* What no attack may exceed. */
static inline void hostile_check(const struct hostile_attack *a)
{
	const struct tcp_worker *t = node_worker(0)->tcp;
	const char *wrong = tcp_check(node_worker(0));

	if (wrong)
		fail_msg("%s", wrong);
	node_check_accounts();
	assert_true(t->n_conns <= HOSTILE_CONNS);
	assert_true(t->n_half_open <= HOSTILE_BACKLOG);
	assert_true(t->n_held <= 2 * t->n_held_max);
	assert_true(rte_mempool_in_use_count(node_worker(0)->mempool) <= NODE_MBUFS / 2);
	if (a->n_out > a->n_in + a->n_spare + 10)
		fail_msg("%llu segments were answered with %llu", (unsigned long long)a->n_in,
			(unsigned long long)a->n_out);
}

static void hostile_run(void **state)
{
	const struct hostile_case *c = *state;
	struct hostile_attack a = {.peer = peer_new(), .random = {.state = c->n + c->seq}};
	struct peer other = peer_new();
	uint32_t at = 1;

	other.port = HOSTILE_PORT;
	peer_open(&other);
	hostile_talk(&other, &at);
	a.peer.at = 0;
	hostile_begin(&a, c->start);
	c->run(&a, c);
	hostile_take(&a);
	hostile_check(&a);
	hostile_talk(&other, &at);
}

static inline int hostile_start_node(void **state)
{
	peer_limits_default();
	peer_limits.conns = HOSTILE_CONNS;
	peer_start_on(PEER_YAML("[0]"), TCP_ANY_WORKER, HOSTILE_BACKLOG);
	return 0;
}

static inline int hostile_run_all(const char *name, const struct hostile_case *cases, unsigned n)
{
	static struct CMUnitTest tests[HOSTILE_MAX];

	BRAID_ASSERT(n <= HOSTILE_MAX);
	for (unsigned i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){
			.name = cases[i].name,
			.test_func = hostile_run,
			.setup_func = hostile_start_node,
			.teardown_func = peer_stop,
			.initial_state = (void *)(uintptr_t)&cases[i],
		};
	return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}

#endif
