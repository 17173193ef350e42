/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two endpoints face to face in virtual time: the link is a mirror that swaps the addresses of what
 * the node sends and gives it back, late, twice, in another order or never. What exchanges both
 * addresses needs no new checksum. SEED=n runs that one seed only.
 */
#include "tests/unit/tcp_peer.h"

#define STREAM_BYTES 120000u
#define STEP_NS      NSEC_PER_MSEC
#define STEPS_MAX    120000
#define WIRE_MAX     2048
#define SEEDS        12

static struct flying {
	uint64_t due_ns;
	uint32_t len;
	uint8_t *bytes;
} wire[WIRE_MAX];

static unsigned n_wire;
static uint64_t rng;

/* How bad the link is, in parts of 1000. */
static struct {
	uint32_t lose;
	uint32_t repeat;
	uint32_t corrupt;
	uint32_t jitter_ms;
} link_is;

static struct {
	uint32_t n_sent;
	uint32_t n_received;
	bool opened;
	bool ended;
	enum tcp_end why;
} client;

static uint32_t draw(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 32) % n;
}

static void client_push(struct worker *w, struct tcp_conn *c)
{
	while (client.n_sent < STREAM_BYTES) {
		uint8_t chunk[1000];
		uint32_t n = MIN_OF((uint32_t)sizeof(chunk), STREAM_BYTES - client.n_sent), taken;

		for (uint32_t i = 0; i < n; i++)
			chunk[i] = peer_byte(client.n_sent + i);
		taken = tcp_send(w, c, chunk, n);
		client.n_sent += taken;
		if (taken < n)
			return;
	}
}

static int client_on_open(struct worker *w, struct tcp_conn *c)
{
	client.opened = true;
	client_push(w, c);
	return 0;
}

static void client_on_readable(struct worker *w, struct tcp_conn *const *conns, unsigned n)
{
	const uint8_t *p;
	uint32_t bytes;

	while ((bytes = tcp_peek(conns[0], &p)) > 0) {
		for (uint32_t i = 0; i < bytes; i++)
			assert_int_equal(p[i], peer_byte(client.n_received + i));
		client.n_received += bytes;
		tcp_consume(w, conns[0], bytes);
	}
	if (client.n_received == STREAM_BYTES)
		tcp_close(w, conns[0]);
}

static void client_on_end(struct worker *w, struct tcp_conn *c, enum tcp_end why)
{
	client.ended = true;
	client.why = why;
}

static const struct tcp_app client_calls = {
	.on_open = client_on_open,
	.on_readable = client_on_readable,
	.on_writable = client_push,
	.on_end = client_on_end,
};

static void fly(const struct node_frame *f, uint64_t late_ns)
{
	struct flying *x = &wire[n_wire];

	assert_true(n_wire < WIRE_MAX);
	x->bytes = malloc(f->len);
	assert_non_null(x->bytes);
	x->len = f->len;
	x->due_ns = node_now_ns() + late_ns;
	memcpy(x->bytes, f->bytes, 12);
	memcpy(x->bytes, f->bytes + 6, 6);
	memcpy(x->bytes + 6, f->bytes, 6);
	memcpy(x->bytes + 12, f->bytes + 12, f->len - 12u);
	memcpy(x->bytes + 14 + 12, f->bytes + 14 + 16, 4);
	memcpy(x->bytes + 14 + 16, f->bytes + 14 + 12, 4);
	if (draw(1000) < link_is.corrupt)
		x->bytes[34 + draw(f->len - 34u)] ^= (uint8_t)(1 + draw(255));
	n_wire++;
}

/* Takes what the node has said onto the wire. */
static void mirror(void)
{
	for (unsigned i = 0; i < node_n_output(); i++) {
		const struct node_frame *f = node_output(i);

		assert_non_null(f);
		if (f->bytes[12] != 8 || f->bytes[13] != 0 || draw(1000) < link_is.lose)
			continue;
		fly(f, (5 + draw(link_is.jitter_ms + 1)) * NSEC_PER_MSEC);
		if (draw(1000) < link_is.repeat)
			fly(f, (5 + draw(50)) * NSEC_PER_MSEC);
	}
	node_clear();
}

/* Lets arrive what is due, in the order of the wire. */
static void land(void)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n_wire; i++) {
		if (wire[i].due_ns > node_now_ns()) {
			wire[left++] = wire[i];
			continue;
		}
		node_input(0, wire[i].bytes, wire[i].len);
		free(wire[i].bytes);
	}
	n_wire = left;
}

static void run_seed(uint64_t seed)
{
	struct ip_addr remote = peer_addr("192.0.2.2");
	unsigned steps = 0;

	rng = seed * 0x9e3779b97f4a7c15ULL + 1;
	memset(&client, 0, sizeof(client));
	link_is.lose = draw(60);
	link_is.repeat = draw(30);
	link_is.corrupt = draw(20);
	link_is.jitter_ms = draw(4) ? draw(12) : 0;
	peer_limits_default();
	peer_start_on(PEER_YAML("[0]"), TCP_ANY_WORKER, draw(2) ? 16 : 0);
	if (draw(3) == 0)
		node_worker(0)->tcp->cc = &tcp_cc_newreno;
	assert_non_null(
		tcp_connect(node_worker(0), &client_calls, NULL, &remote, htobe16(PEER_NODE_PORT)));
	while (!(client.ended && n_wire == 0) && steps++ < STEPS_MAX) {
		node_advance(STEP_NS);
		mirror();
		land();
	}
	if (!client.ended || client.why != TCP_END_CLOSED || client.n_received != STREAM_BYTES)
		fail_msg("SEED=%llu: ended %d (%d) after %u bytes", (unsigned long long)seed,
			client.ended, (int)client.why, client.n_received);
	/* The other end goes, too. */
	for (steps = 0; steps < 200000 && peer_app.n_ended < peer_app.n_opened; steps++) {
		node_advance(STEP_NS);
		mirror();
		land();
	}
	assert_int_equal(peer_app.n_ended, peer_app.n_opened);
	assert_int_equal(peer_stats()->held_mbufs, 0);
	assert_int_equal(node_worker(0)->tcp->blocks.n_free, node_worker(0)->tcp->blocks.n_total);
	assert_int_equal(
		node_worker(0)->tcp->segments.n_free, node_worker(0)->tcp->segments.n_total);
	land();
	while (n_wire > 0)
		free(wire[--n_wire].bytes);
	peer_stop(NULL);
}

static void a_bad_link_delivers_every_byte(void **state)
{
	const char *seed = getenv("SEED");

	if (seed) {
		run_seed(strtoull(seed, NULL, 10));
		return;
	}
	for (uint64_t i = 1; i <= SEEDS; i++)
		run_seed(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_link_delivers_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
