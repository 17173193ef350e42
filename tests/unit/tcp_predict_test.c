/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Header prediction against the steps that it stands for: on the same connection, with the same
 * segment, both leave the same memory; what prediction does not take, it does not touch. SEED= in
 * the environment is another conversation.
 */
#include "tests/unit/tcp_peer.h"

#define ROUNDS 6000
#define CONNS  4
#define BLOCKS 8

/* Everything that a segment for a connection may change. */
struct memory {
	struct tcp_worker worker;
	struct tcp_conn conns[CONNS];
	struct tcp_busy busy[CONNS];
	struct tcp_segment segments[1024];
	struct tcp_block blocks[BLOCKS];
	struct tcp_conn *readable[CONNS];
	struct tcp_conn *service[CONNS];
	struct stats_worker stats;
	struct rte_mbuf m;
	struct tcp_seg seg;
};

static struct memory before, predicted, stepped;
static uint64_t rng;

static uint32_t pick(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 16) % n;
}

/* Copies between @mem and what is live. */
static void move(struct memory *mem, struct rte_mbuf *m, struct tcp_seg *s, bool save)
{
	struct worker *w = node_worker(0);
	struct tcp_worker *t = w->tcp;
	struct {
		void *live, *copy;
		size_t bytes;
	} parts[] = {
		{t, &mem->worker, sizeof(*t)},
		{t->conns, mem->conns, sizeof(mem->conns)},
		{t->busy_memory, mem->busy, t->n_busy * sizeof(*mem->busy)},
		{t->segment_memory, mem->segments, t->segments.n_total * sizeof(*mem->segments)},
		{t->block_memory, mem->blocks, sizeof(mem->blocks)},
		{t->readable, mem->readable, sizeof(mem->readable)},
		{t->service, mem->service, sizeof(mem->service)},
		{w->stats, &mem->stats, sizeof(mem->stats)},
		{m, &mem->m, sizeof(*m)},
		{s, &mem->seg, sizeof(*s)},
	};

	assert_true(t->n_busy <= CONNS && t->segments.n_total <= ARRAY_SIZE(mem->segments));
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		memcpy(save ? parts[i].copy : parts[i].live, save ? parts[i].live : parts[i].copy,
			parts[i].bytes);
}

/* A segment for @c that is nearly always what is expected but in one respect. */
static struct tcp_seg segment(const struct tcp_conn *c, uint32_t *bytes)
{
	uint32_t out = c->snd_nxt - c->snd_una;
	struct tcp_seg s = {
		.seq = c->rcv_nxt,
		.ack = pick(6) ? c->snd_nxt : c->snd_una + pick(out + 1),
		.wnd = pick(8) ? 500 : pick(3),
		.flags = pick(2) ? PA : A,
		.options = {.has_ts = true,
			.ts_val = peer_ts(),
			.ts_ecr = peer_ts() + c->ts_offset},
		.key = c->key,
	};

	*bytes = pick(8) ? 1 + pick(100) : pick(1400);
	switch (pick(24)) {
	case 0:
		s.seq += pick(3) - 1;
		break;
	case 1:
		s.ack += pick(3) - 1;
		break;
	case 2:
		s.options.ts_val -= pick(5000);
		break;
	case 3:
		s.options.has_ts = false;
		break;
	case 4:
		s.options.n_sacks = 1;
		s.options.sacks[0] = (struct tcp_range){s.ack, c->snd_nxt};
		break;
	case 5:
		s.flags |= (uint8_t)(pick(2) ? E : W);
		break;
	case 6:
		s.ecn = (uint8_t)pick(4);
		break;
	case 7:
		*bytes = 0;
		break;
	}
	return s;
}

/* Takes one segment of the peer through both; whether prediction took it. */
static bool compare(struct tcp_conn *c)
{
	static const uint8_t frame[1500];
	struct worker *w = node_worker(0);
	struct tcp_seg s;
	struct rte_mbuf *m;
	uint32_t bytes;
	bool taken;

	s = segment(c, &bytes);
	m = node_mbuf(frame, 66 + bytes);
	assert_non_null(m);
	w->stats->rx_pkts++;
	s.m = m;
	s.bytes = bytes;
	s.payload_at = 66;
	s.l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14);
	s.tcp = (const struct rte_tcp_hdr *)(s.l3 + 20);
	w->tcp->in_stage = true;
	move(&before, m, &s, true);
	taken = tcp_predict_arrives(w, c, &s);
	move(&predicted, m, &s, true);
	if (taken)
		move(&before, m, &s, false);
	else
		assert_memory_equal(&before, &predicted, sizeof(before));
	tcp_steps_arrives(w, c, &s);
	move(&stepped, m, &s, true);
	if (taken)
		assert_memory_equal(&stepped, &predicted, sizeof(stepped));
	if (s.m && s.reason != DROP_NONE)
		drop(w, m, s.reason);
	else if (s.m)
		worker_consume(w, m);
	w->tcp->in_stage = false;
	tcp_service_run(w);
	node_run();
	return taken;
}

/* Something that changes what is usual. */
static void disturb(void)
{
	switch (pick(6)) {
	case 0:
		peer_app.mode = pick(4) ? PEER_ECHO : PEER_KEEP;
		break;
	case 1:
		peer_app_send(1 + pick(40));
		break;
	case 2:
		peer_app_send(1 + pick(4000));
		break;
	case 3:
		node_advance(pick(50) * NSEC_PER_MSEC);
		break;
	case 4:
		node_advance(pick(900) * NSEC_PER_MSEC);
		break;
	case 5:
		node_advance(pick(1000) * NSEC_PER_USEC);
		break;
	}
}

static void prediction_comes_to_what_the_steps_do(void **state)
{
	const char *seed = getenv("SEED");
	struct peer p = peer_new();
	unsigned n_taken = 0;

	rng = seed ? strtoull(seed, NULL, 10) | 1 : 0x9e3779b97f4a7c15;
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (!peer_app.conn) {
			node_clear();
			p = (struct peer){.family = 4,
				.port = (uint16_t)(PEER_PORT + i % 20000),
				.node_port = PEER_NODE_PORT,
				.plain = pick(4) == 0,
				.mss_bytes = 1460,
				.wscale = 7,
				.wnd = 65535,
				.iss = pick(UINT32_MAX)};
			peer_open(&p);
			peer_app.mode = PEER_ECHO;
		}
		if (pick(4) == 0)
			disturb();
		if (peer_app.conn)
			n_taken += compare(peer_app.conn);
		if (i % 64 == 0)
			node_clear();
		/* A new one now and then. */
		if (peer_app.conn && pick(500) == 0)
			tcp_abort(node_worker(0), peer_app.conn);
		node_run();
	}
	assert_in_range(n_taken, ROUNDS / 10, ROUNDS);
}

static int start(void **state)
{
	peer_limits_default();
	peer_limits.conns = CONNS;
	peer_limits.send_blocks = BLOCKS;
	peer_start_on(PEER_YAML("[0]"), TCP_ANY_WORKER, CONNS);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			prediction_comes_to_what_the_steps_do, start, peer_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
