/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients over TCP in virtual time: an active connection of the node meets the store by a mirror
 * that swaps the addresses of every frame. One thread.
 */
#include "tests/unit/tcp_peer.h"

#include "dataplane/kv/kv_worker.h"

#define STEPS_MAX 4000
#define TEXT_MAX  (4u << 20)

/* The client's side. */
static struct {
	struct tcp_conn *conn;
	char *to; /* what it still has to say */
	size_t to_len;
	size_t to_at;
	char *from;
	size_t from_len;
	bool opened;
	bool at_eof;
	bool ended;
	enum tcp_end why;
	bool lazy; /* does not read */
} client;

static void client_push(struct worker *w, struct tcp_conn *c)
{
	if (client.to_at < client.to_len)
		client.to_at += tcp_send(
			w, c, client.to + client.to_at, (uint32_t)(client.to_len - client.to_at));
}

static int client_on_open(struct worker *w, struct tcp_conn *c)
{
	client.opened = true;
	client_push(w, c);
	return 0;
}

static void client_read(struct worker *w, struct tcp_conn *c)
{
	const uint8_t *p;
	uint32_t n;

	while (!client.lazy && (n = tcp_peek(c, &p)) > 0) {
		assert_true(client.from_len + n < TEXT_MAX);
		memcpy(client.from + client.from_len, p, n);
		client.from_len += n;
		tcp_consume(w, c, n);
	}
	client.from[client.from_len] = '\0';
	if (tcp_at_eof(c)) {
		client.at_eof = true;
		tcp_close(w, c);
	}
}

static void client_on_readable(struct worker *w, struct tcp_conn *const *conns, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		client_read(w, conns[i]);
}

static void client_on_end(struct worker *w, struct tcp_conn *c, enum tcp_end why)
{
	client.ended = true;
	client.why = why;
	client.conn = NULL;
}

static const struct tcp_app client_calls = {
	.on_open = client_on_open,
	.on_readable = client_on_readable,
	.on_writable = client_push,
	.on_end = client_on_end,
};

/* Gives the node its own segments back as those of the other side. */
static bool mirror(void)
{
	static uint8_t frames[NODE_OUTPUT_MAX][2048];
	static uint32_t lens[NODE_OUTPUT_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < node_n_output(); i++) {
		const struct node_frame *f = node_output(i);
		uint8_t *x = frames[n];

		assert_non_null(f);
		if (f->bytes[12] != 8 || f->bytes[13] != 0)
			continue;
		memcpy(x, f->bytes, f->len);
		memcpy(x, f->bytes + 6, 6);
		memcpy(x + 6, f->bytes, 6);
		memcpy(x + 14 + 12, f->bytes + 14 + 16, 4);
		memcpy(x + 14 + 16, f->bytes + 14 + 12, 4);
		lens[n++] = f->len;
	}
	node_clear();
	for (unsigned i = 0; i < n; i++)
		node_input(0, frames[i], lens[i]);
	node_run();
	return n > 0;
}

static void settle(void)
{
	for (unsigned i = 0, quiet = 0; i < STEPS_MAX && quiet < 100; i++) {
		quiet = mirror() ? 0 : quiet + 1;
		node_advance(NSEC_PER_MSEC);
	}
}

static int start(void **state)
{
	struct kv_settings settings;
	struct base_error err;

	kv_settings_default(&settings, 32u << 20);
	settings.clients_max = 50;
	peer_limits_default();
	peer_start_on(PEER_YAML("[0]"), TCP_ANY_WORKER, 16);
	kv_settings_set(&settings);
	peer_world.listeners[0].app = &kv_tcp_app;
	if (kv_worker_init(node_worker(0), &err) < 0)
		fail_msg("%s", err.text);
	memset(&client, 0, sizeof(client));
	client.to = malloc(TEXT_MAX);
	client.from = malloc(TEXT_MAX);
	client.from[0] = '\0';
	return 0;
}

static int stop(void **state)
{
	if (client.conn)
		tcp_abort(node_worker(0), client.conn);
	settle();
	assert_int_equal(node_worker(0)->kv->n_clients, 0);
	free(client.to);
	free(client.from);
	kv_worker_fini(node_worker(0));
	return peer_stop(state);
}

static void connect_saying(const char *text)
{
	struct ip_addr remote = peer_addr("192.0.2.2");

	client.to_len = strlen(text);
	memcpy(client.to, text, client.to_len);
	client.conn =
		tcp_connect(node_worker(0), &client_calls, NULL, &remote, htobe16(PEER_NODE_PORT));
	assert_non_null(client.conn);
	settle();
	assert_true(client.opened);
}

static void a_client_is_answered(void **state)
{
	connect_saying("SET message \"Hello, World!\"\r\n*2\r\n$3\r\nGET\r\n$7\r\nmessage\r\n");
	assert_string_equal(client.from, "+OK\r\n$13\r\nHello, World!\r\n");
	assert_false(client.ended);
}

static void a_protocol_error_closes_behind_its_answer(void **state)
{
	connect_saying("STRLEN k\r\n*1\r\n:\r\nSTRLEN k\r\n");
	assert_string_equal(client.from, ":0\r\n-ERR Protocol error: expected '$', got ':'\r\n");
	assert_true(client.at_eof);
}

static void a_long_pipeline_is_answered_through_small_windows(void **state)
{
	static char text[TEXT_MAX / 2];
	size_t n = 0;

	for (int i = 0; i < 30000; i++)
		n += (size_t)sprintf(text + n, "*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n");
	connect_saying(text);
	assert_string_equal(client.from + client.from_len - 8, ":30000\r\n");
}

static void a_client_that_never_reads_is_closed(void **state)
{
	static char text[200000];
	size_t n;

	node_worker(0)->kv->settings.output_hard_bytes = 1u << 20;
	n = (size_t)sprintf(text, "SETRANGE k 9999 x\r\n");
	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(text + n, "GET k\r\n");
	client.lazy = true;
	connect_saying(text);
	assert_true(client.ended);
	assert_int_equal(client.why, TCP_END_RESET);
	assert_int_equal(node_worker(0)->kv->stats.closed_output_limit, 1);
}

/* Sends @text in a segment of its own; what the node holds unacknowledged in the same moment. */
static uint32_t unacked_after(const char *text)
{
	size_t n = strlen(text);

	memcpy(client.to + client.to_len, text, n);
	client.to_len += n;
	client_push(node_worker(0), client.conn);
	node_run();
	while (mirror())
		;
	return tcp_unacked_bytes(client.conn);
}

static void a_part_of_a_command_is_acknowledged_at_once(void **state)
{
	static const char *const parts[] = {
		"*3\r\n$3\r\nSET\r\n", "$1\r\n", "k\r\n$5", "\r\n", "val", "GET", " "};

	connect_saying("STRLEN k\r\n");
	/* No longer is every segment acknowledged: the connection is not new. */
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(unacked_after("PING\r\n"), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(unacked_after(parts[i]), 0);
	assert_int_equal(unacked_after("ue\r\n"), 0);
	for (unsigned i = 5; i < ARRAY_SIZE(parts); i++)
		assert_int_equal(unacked_after(parts[i]), 0);
	assert_int_equal(unacked_after("k\r\nCLIENT REPLY OFF\r\n"), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(unacked_after("SET k v\r\n"), 0);
	assert_string_equal(client.from + client.from_len - 16, "+OK\r\n$5\r\nvalue\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_client_is_answered),
		TEST(a_protocol_error_closes_behind_its_answer),
		TEST(a_long_pipeline_is_answered_through_small_windows),
		TEST(a_client_that_never_reads_is_closed),
		TEST(a_part_of_a_command_is_acknowledged_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
