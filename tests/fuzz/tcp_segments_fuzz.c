/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments on live connections in virtual time. The input is a byte of settings and a series of
 * operations: a segment at a place relative to what the node expects, time that passes, what the
 * application does, ICMP errors. After each, the endpoint's invariants hold; every byte that is
 * read or sent is the stream's; at the end everything is given back.
 */
#include <sanitizer/lsan_interface.h>

#include "dataplane/core/nexthop.h"
#include "tests/sim/tcp_check.h"
#include "tests/unit/tcp_script.h"

#define OPS_MAX    200
#define OP_BYTES   9
#define PEERS      2 /* connections, by the peer's port */
#define SEND_BYTES 65536
#define WAIT_MAX   14 /* 2^14 ms */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct peer peers[PEERS];
	struct {
		struct tcp_conn *conn; /* NULL: none, or not open */
		uint32_t iss;
		bool has_iss;
		uint32_t sent; /* by the application */
		bool lazy;
	} ends[PEERS];
	unsigned n_seen; /* frames of the node */
} f;

static int number_of(const struct tcp_conn *c)
{
	for (int i = 0; i < PEERS; i++)
		if (c->key.remote_port_be == htobe16(f.peers[i].port))
			return i;
	return -1;
}

/* Reads up to @bytes and compares them with the stream, which is a function of the sequence. */
static void read_some(struct worker *w, struct tcp_conn *c, uint32_t bytes)
{
	const uint8_t *p;
	uint32_t n;

	while (bytes > 0 && (n = tcp_peek(c, &p)) > 0) {
		uint32_t at =
			c->rcv_nxt - !!(c->flags & TCP_CONN_FIN_RECEIVED) - tcp_readable_bytes(c);

		n = MIN_OF(n, bytes);
		for (uint32_t i = 0; i < n; i++)
			BRAID_ASSERT(p[i] == peer_byte(at + i));
		tcp_consume(w, c, n);
		bytes -= n;
	}
}

static int on_open(struct worker *w, struct tcp_conn *c)
{
	int i = number_of(c);

	if (i < 0 || f.ends[i].conn)
		return -1;
	f.ends[i].conn = c;
	f.ends[i].sent = 0;
	return 0;
}

static void on_readable(struct worker *w, struct tcp_conn *const *conns, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		int i = number_of(conns[k]);

		BRAID_ASSERT(i >= 0 && f.ends[i].conn == conns[k]);
		if (!f.ends[i].lazy)
			read_some(w, conns[k], UINT32_MAX);
	}
}

static void send_some(struct worker *w, int i, uint32_t bytes)
{
	uint8_t buffer[SEND_BYTES];

	for (uint32_t k = 0; k < bytes; k++)
		buffer[k] = peer_byte(f.ends[i].sent + k);
	f.ends[i].sent += tcp_send(w, f.ends[i].conn, buffer, bytes);
}

static void on_writable(struct worker *w, struct tcp_conn *c)
{
	int i = number_of(c);

	BRAID_ASSERT(i >= 0 && f.ends[i].conn == c);
	BRAID_ASSERT(tcp_send_room(w, c) > 0);
	send_some(w, i, 100);
}

static void on_end(struct worker *w, struct tcp_conn *c, enum tcp_end why)
{
	int i = number_of(c);

	/* An active open that never came so far is not noted. */
	if (i >= 0 && f.ends[i].conn == c)
		f.ends[i].conn = NULL;
}

static const struct tcp_app app = {
	.on_open = on_open,
	.on_readable = on_readable,
	.on_writable = on_writable,
	.on_end = on_end,
};

/* The connection of peer @i in any state, or NULL. */
static struct tcp_conn *conn_of(unsigned i)
{
	struct tcp_worker *t = node_worker(0)->tcp;

	for (uint32_t k = 0; k < t->limits.conns; k++)
		if (t->conns[k].state != TCP_CLOSED && number_of(&t->conns[k]) == (int)i)
			return &t->conns[k];
	return NULL;
}

/* What the node said: sums are right, data is the stream's. */
static void look_at(const struct node_frame *frame)
{
	const uint8_t *l3 = frame->bytes + 14, *payload;
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(l3 + 20);
	uint32_t tcp_bytes = frame->len - 34u, head, seq, at;

	if (frame->bytes[12] != 0x08 || frame->bytes[13] != 0 || l3[9] != IPPROTO_TCP)
		return;
	BRAID_ASSERT(
		checksum_finish(checksum_sum(tcp, tcp_bytes, peer_pseudo(4, l3, tcp_bytes))) == 0);
	head = (tcp->data_off >> 4) * 4u;
	seq = be32toh(tcp->sent_seq);
	payload = (const uint8_t *)tcp + head;
	for (unsigned i = 0; i < PEERS; i++) {
		if (tcp->dst_port != htobe16(f.peers[i].port))
			continue;
		if (tcp->tcp_flags & S) {
			f.ends[i].iss = seq;
			f.ends[i].has_iss = true;
		}
		at = seq - f.ends[i].iss - 1;
		for (uint32_t k = 0; k < tcp_bytes - head && f.ends[i].has_iss; k++)
			BRAID_ASSERT(payload[k] == peer_byte(at + k));
	}
}

static void settle(void)
{
	const char *wrong;

	node_run();
	for (unsigned i = 0; i < MIN_OF(node_n_output(), (unsigned)NODE_OUTPUT_MAX); i++)
		look_at(node_output(i));
	node_clear();
	wrong = tcp_check(node_worker(0));
	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	node_check_accounts();
}

/* One of the places that matter, and a little beside it. */
static uint32_t place(const uint32_t *places, unsigned n, uint8_t which, uint8_t beside)
{
	return places[which % n] + (uint32_t)(int32_t)(int8_t)beside * (which & 0x40 ? 257u : 1u);
}

static void say_options(const struct tcp_conn *c, struct line *l, uint8_t choice)
{
	if (choice & 1) {
		l->options.has_ts = true;
		l->options.ts_val = c ? c->ts_recent + (choice >> 4) - 2u : peer_ts();
		l->options.ts_ecr = c ? tcp_ts_now(node_worker(0), c->ts_offset) : 0;
	}
	if (choice & 2) {
		l->options.has_mss = l->options.sack_permitted = true;
		l->options.mss_bytes = (uint16_t)(choice << 5);
	}
	if (choice & 4) {
		l->options.has_wscale = true;
		l->options.wscale = choice >> 4;
	}
	if ((choice & 8) && c) {
		l->options.n_sacks = 2;
		l->options.sacks[0].start = c->snd_una + (choice >> 4) * 100u;
		l->options.sacks[0].end = l->options.sacks[0].start + 1448;
		l->options.sacks[1].start = c->snd_nxt - 1448u;
		l->options.sacks[1].end = c->snd_nxt - (choice >> 6);
	}
}

static void say(const uint8_t *op)
{
	unsigned i = op[0] >> 4 & (PEERS - 1);
	const struct tcp_conn *c = conn_of(i);
	const uint32_t seqs[] = {c ? c->rcv_nxt : 1000, c ? c->rcv_adv : 0, c ? c->ack_sent : 0,
		c ? c->rcv_nxt + 1448 : 0, c ? c->rcv_nxt - 1448 : 0, 0};
	const uint32_t acks[] = {c ? c->snd_nxt : 0, c ? c->snd_una : 0,
		c ? c->snd_una + c->mss_bytes : 0, c ? c->snd_una - 1 : 0, c ? c->snd_nxt + 1 : 0,
		f.ends[i].iss + 1};
	struct line l = {
		.flags = op[1],
		.seq = place(seqs, ARRAY_SIZE(seqs), op[2], op[3]),
		.ack = place(acks, ARRAY_SIZE(acks), op[4], op[5]),
		.bytes = op[6] < 200 ? op[6] & 63u : (op[6] - 199u) * 26u,
		.wnd = op[7] == 0 ? PEER_WND_ZERO : op[7] << (op[7] & 7),
		.ecn = op[8] & 3,
	};

	/* Mostly as segments are: with an acknowledgement, the expected numbers. */
	if (op[1] & 0x80)
		l.flags = (uint8_t)((op[1] & (F | P | E | W)) | A);
	/* The first byte would be one further. */
	if (l.flags & S)
		l.bytes = 0;
	say_options(c, &l, op[8]);
	peer_queue(&f.peers[i], l);
}

static void act(const uint8_t *op)
{
	struct worker *w = node_worker(0);
	struct ip_addr remote = peer_addr("192.0.2.2");
	unsigned i = op[1] & (PEERS - 1);
	struct tcp_conn *c = f.ends[i].conn;
	uint32_t amount = (uint32_t)op[2] * op[2];

	switch (op[0] & 7) {
	case 0:
		node_advance((NSEC_PER_MSEC << op[1] % (WAIT_MAX + 1)) + op[2] * NSEC_PER_USEC);
		break;
	case 1:
		if (c)
			send_some(w, (int)i, amount);
		break;
	case 2:
		if (c)
			read_some(w, c, amount);
		break;
	case 3:
		if (c)
			tcp_close(w, c);
		break;
	case 4:
		if (c && op[2] < 64)
			tcp_abort(w, c);
		break;
	case 5:
		f.ends[i].lazy = op[2] & 1;
		break;
	case 6:
		f.peers[i].node_iss = 0;
		c = conn_of(i);
		script_icmp(&f.peers[i], (uint32_t)op[3] * 8, c ? c->snd_una + op[4] : op[4],
			op[2] & 1);
		break;
	case 7:
		if (!conn_of(i))
			tcp_connect(w, &app, NULL, &remote, htobe16(f.peers[i].port));
		c = conn_of(i);
		if (c)
			f.peers[i].node_port = be16toh(c->key.local_port_be);
		break;
	}
}

/* A fresh endpoint whose secrets are known. */
static void begin(uint8_t settings)
{
	struct worker *w = node_worker(0);
	struct tcp_limits limits = {
		.conns = 4,
		.send_blocks = settings & 1 ? 4 : 64,
		.conn_send_bytes = settings & 2 ? 4096 : 65536,
		.conn_recv_bytes = settings & 4 ? 2048 : 131072,
		.conns_per_source = settings & 8 ? 2 : 0,
	};
	struct base_error err;

	BRAID_ASSERT(tcp_worker_init(w, &limits, &err) == 0);
	memset(w->tcp->hash_secret, 1, sizeof(w->tcp->hash_secret));
	memset(w->tcp->start_secret, 2, sizeof(w->tcp->start_secret));
	memset(w->tcp->cookie_secret, 3, sizeof(w->tcp->cookie_secret));
	w->tcp->cc = settings & 16 ? &tcp_cc_newreno : &tcp_cc_cubic;
	w->rng = 1;
	for (unsigned i = 0; i < peer_world.n_listeners; i++) {
		peer_world.listeners[i].backlog = settings & 32 ? 0 : 4;
		peer_world.listeners[i].app = &app;
	}
	memset(&f, 0, sizeof(f));
	for (unsigned i = 0; i < PEERS; i++) {
		f.peers[i] = peer_new();
		f.peers[i].iss = f.peers[i].node_iss = 0;
		f.peers[i].port = (uint16_t)(PEER_PORT + i);
	}
}

static void end(void)
{
	struct worker *w = node_worker(0);
	const char *wrong;

	for (uint32_t k = 0; k < w->tcp->limits.conns; k++)
		if (w->tcp->conns[k].state != TCP_CLOSED)
			tcp_abort(w, &w->tcp->conns[k]);
	settle();
	wrong = tcp_check_idle(w);
	if (wrong && strcmp(wrong, "a timer is left") != 0) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	BRAID_ASSERT(rte_mempool_in_use_count(w->mempool) == 0);
	tcp_worker_fini(w);
}

/* Tells LeakSanitizer of the memory that mbufs lie in: held packets lead to their buffers. */
static void register_chunk(
	struct rte_mempool *mp, void *arg, struct rte_mempool_memhdr *mem, unsigned index)
{
	__lsan_register_root_region(mem->addr, mem->len);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	peer_start(NULL);
	tcp_worker_fini(node_worker(0));
	rte_mempool_mem_iter(node_worker(0)->mempool, register_chunk, NULL);
	__lsan_register_root_region(nexthop_array(), WORLD_NEXTHOPS_MAX * sizeof(struct nexthop));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	begin(data[0]);
	data++;
	size--;
	for (unsigned n = 0; n < OPS_MAX && size >= OP_BYTES; n++) {
		if (data[0] & 8)
			act(data);
		else
			say(data);
		/* Some come in one burst with the next. */
		if (!(data[0] & 0x80))
			settle();
		data += OP_BYTES;
		size -= OP_BYTES;
	}
	settle();
	end();
	return 0;
}
