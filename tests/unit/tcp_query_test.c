/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections asked for by message: dumps with filters over several workers, and what explain says
 * of a segment. The connections are half open: a SYN is all that the clients say.
 */
#include "tests/unit/server_client.h"

#include "dataplane/tcp/tcp_query.h"
#include "tests/unit/frame.h"

#define NODE                                                                                       \
	"node:\n"                                                                                  \
	"  name: n\n"                                                                              \
	"  workers: [0, 0]\n"                                                                      \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: net_null0\n"                                                                \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"                       \
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"
#define STORE                                                                                      \
	"store: {listen: [192.0.2.1, \"2001:db8::1\"], memory: 32M, max_clients: 2000, "           \
	"protected_mode: \"no\"}\n"

static int start_with(const char *yaml)
{
	struct server_identity id = {.node = "n", .stats_path = "/run/counters"};
	struct base_error err = {};

	node_start(yaml);
	node_advance(6 * NSEC_PER_SEC);
	node_clear();
	snprintf(server_path, sizeof(server_path), "/tmp/tcp-query-test-%d", (int)getpid());
	if (server_init(server_path, &id, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int start(void **state)
{
	return start_with(NODE STORE);
}

static int start_without_store(void **state)
{
	return start_with(NODE);
}

static int stop(void **state)
{
	server_fini();
	node_stop();
	return 0;
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

/* A SYN from port @sport of the neighbour; @to6: over IPv6. */
static void knock(bool to6, uint16_t sport, uint16_t dport)
{
	uint8_t buf[FRAME_MAX];
	char text[160];

	snprintf(text, sizeof(text), "eth %s tcp{sport=%u,dport=%u,flags=2}",
		to6 ? "ip6{src=2001:db8::2,dst=2001:db8::1}" : "ip4{src=192.0.2.2,dst=192.0.2.1}",
		sport, dport);
	node_input(0, buf, frame_build(text, buf));
	node_run();
}

static const struct api_header *ask(int fd, enum api_type type, const void *body)
{
	server_send(fd, type, 5, body);
	server_serve();
	node_run();
	return server_receive(fd);
}

/* What a whole dump gave. */
static struct {
	unsigned n, messages;
	struct api_conn_info conns[2048];
} got;

static void dump(int fd, struct api_conn_dump *req)
{
	got.n = got.messages = 0;
	req->cursor = 0;
	do {
		const struct api_header *hdr = ask(fd, API_conn_dump, req);
		const struct api_dump_reply *rep = (const struct api_dump_reply *)(hdr + 1);

		assert_non_null(hdr);
		if (hdr->status < 0)
			fail_msg("%s", server_sentence(hdr));
		assert_true(got.n + rep->count <= ARRAY_SIZE(got.conns));
		memcpy(got.conns + got.n, rep + 1, rep->count * sizeof(got.conns[0]));
		got.n += rep->count;
		got.messages++;
		req->cursor = rep->cursor;
		assert_true(got.messages < 100);
	} while (req->cursor);
}

static void every_connection_of_every_worker_is_shown_once(void **state)
{
	static bool seen[1500];
	struct api_conn_dump req = {};
	unsigned of_worker[2] = {};
	int fd = server_connect();

	memset(seen, 0, sizeof(seen));
	for (uint16_t i = 0; i < ARRAY_SIZE(seen); i++)
		knock(false, (uint16_t)(10000 + i), 6379);
	dump(fd, &req);
	assert_int_equal(got.n, ARRAY_SIZE(seen));
	assert_true(got.messages > 1);
	for (unsigned i = 0; i < got.n; i++) {
		const struct api_conn_info *c = &got.conns[i];

		assert_in_range(c->remote_port, 10000, 10000 + ARRAY_SIZE(seen) - 1);
		assert_false(seen[c->remote_port - 10000]);
		seen[c->remote_port - 10000] = true;
		assert_int_equal(c->local_port, 6379);
		assert_int_equal(c->state, API_CONN_SYN_RECEIVED);
		of_worker[c->worker]++;
	}
	assert_true(of_worker[0] > got.n / 4 && of_worker[1] > got.n / 4);
	close(fd);
}

static void filters_choose_by_peer_and_state(void **state)
{
	struct ip_addr local = addr("2001:db8::1");
	struct api_conn_dump req = {};
	int fd = server_connect();

	for (uint16_t i = 0; i < 100; i++)
		knock(i % 4 == 0, (uint16_t)(20000 + i), 6380);
	dump(fd, &req);
	assert_int_equal(got.n, 100);
	/* The port of worker 0. */
	for (unsigned i = 0; i < got.n; i++)
		assert_int_equal(got.conns[i].worker, 0);
	req.remote = addr("2001:db8::2");
	dump(fd, &req);
	assert_int_equal(got.n, 25);
	assert_true(ip_addr_same_host(&got.conns[0].local, &local));
	req.remote_port = 20004;
	dump(fd, &req);
	assert_int_equal(got.n, 1);
	req.states = 1u << API_CONN_ESTABLISHED;
	dump(fd, &req);
	assert_int_equal(got.n, 0);
	req.states |= 1u << API_CONN_SYN_RECEIVED;
	dump(fd, &req);
	assert_int_equal(got.n, 1);
	req.remote.family = 9;
	assert_non_null(strstr(server_sentence(ask(fd, API_conn_dump, &req)), "malformed"));
	close(fd);
}

static void without_a_store_there_is_an_empty_answer(void **state)
{
	struct api_conn_dump req = {};
	const struct api_header *hdr;
	int fd = server_connect();

	dump(fd, &req);
	assert_int_equal(got.n, 0);
	hdr = ask(fd, API_store_info, NULL);
	assert_int_equal(((const struct api_store_info *)(hdr + 1))->want.n_listen, 0);
	close(fd);
}

static void the_store_is_told_but_not_its_password(void **state)
{
	const struct api_store_info *info;
	struct base_error err = {};
	int fd = server_connect();

	assert_int_equal(node_apply(NODE "store: {listen: [192.0.2.1], memory: 32M, "
					 "max_clients: 2000, password: very secret}\n",
				 &err),
		0);
	info = (const struct api_store_info *)(ask(fd, API_store_info, NULL) + 1);
	assert_int_equal(info->want.n_listen, 1);
	assert_int_equal(info->want.port, 6379);
	assert_int_equal(info->memory_bytes, 32u << 20);
	assert_int_equal(info->max_clients, 2000);
	assert_int_equal(info->n_workers, 2);
	assert_string_equal(info->want.password, "(set)");
	close(fd);
}

/* What explain says of a segment from @sport to @dport. */
static const struct api_explain_reply *explain(int fd, bool to6, uint16_t sport, uint16_t dport)
{
	struct api_explain req = {
		.interface = "lan",
		.src = addr(to6 ? "2001:db8::2" : "192.0.2.2"),
		.dst = addr(to6 ? "2001:db8::1" : "192.0.2.1"),
		.sport = sport,
		.dport = dport,
		.protocol = 6,
		.ttl = 64,
	};
	const struct api_header *hdr;

	node_clear();
	hdr = ask(fd, API_explain, &req);
	assert_non_null(hdr);
	if (hdr->status < 0)
		fail_msg("%s", server_sentence(hdr));
	/* Telling changes nothing. */
	assert_int_equal(node_n_output(), 0);
	assert_int_equal(node_consumed(), 0);
	return (const struct api_explain_reply *)(hdr + 1);
}

/* Fails unless one of the steps contains @text. */
static void told(const struct api_explain_reply *r, const char *text)
{
	const struct api_explain_step *s = (const struct api_explain_step *)(r + 1);

	for (uint32_t i = 0; i < r->count; i++)
		if (strstr(s[i].text, text))
			return;
	for (uint32_t i = 0; i < r->count; i++)
		print_message("%s: %s\n", s[i].stage, s[i].text);
	fail_msg("\"%s\" is not told; the verdict is %s", text, r->verdict);
}

static void a_segment_for_a_listener_begins_a_connection(void **state)
{
	const struct api_explain_reply *r;
	struct api_conn_dump req = {};
	int fd = server_connect();

	r = explain(fd, false, 30000, 6379);
	told(r, "whose TCP endpoint takes it");
	told(r, "no worker has its connection; 192.0.2.1 port 6379 is listened on");
	told(r, "(by the flow's hash)");
	told(r, "begins a new connection, SYN-RECEIVED; 0 of 1024 are half open");
	assert_non_null(strstr(r->verdict, "answered: 1 frame by port lan to 02:00:00:00:00:aa"));
	r = explain(fd, true, 30000, 6381);
	told(r, "2001:db8::1 port 6381 is listened on, worker 1 owns it (whose own port this is)");
	dump(fd, &req);
	assert_int_equal(got.n, 0);
	close(fd);
}

static void a_segment_of_a_connection_is_told_its_worker_and_state(void **state)
{
	int fd = server_connect();

	for (unsigned to6 = 0; to6 < 2; to6++) {
		const struct api_explain_reply *r;

		knock(to6, 30001, 6381);
		node_advance(NSEC_PER_SEC / 2);
		r = explain(fd, to6, 30001, 6381);
		told(r, "is on worker 1: SYN-RECEIVED for 0 s");
		assert_string_equal(
			r->verdict, "goes to its connection of worker 1, which is SYN-RECEIVED");
	}
	close(fd);
}

static void a_segment_for_a_closed_port_is_refused(void **state)
{
	const struct api_explain_reply *r;
	int fd = server_connect();

	r = explain(fd, false, 30000, 6390);
	told(r, "no worker has its connection, and nobody listens on its port");
	assert_non_null(strstr(r->verdict, "(tcp_refused); answered: 1 frame"));
	close(fd);
}

static void beyond_the_backlog_explain_speaks_of_cookies(void **state)
{
	const struct api_explain_reply *r;
	int fd = server_connect();

	for (uint16_t i = 0; i < 1024; i++)
		knock(false, (uint16_t)(10000 + i), 6380);
	r = explain(fd, false, 30000, 6380);
	told(r, "1024 connections are half open: its SYN is answered with a cookie");
	assert_non_null(strstr(r->verdict, "answered: 1 frame"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			every_connection_of_every_worker_is_shown_once, start, stop),
		cmocka_unit_test_setup_teardown(filters_choose_by_peer_and_state, start, stop),
		cmocka_unit_test_setup_teardown(
			without_a_store_there_is_an_empty_answer, start_without_store, stop),
		cmocka_unit_test_setup_teardown(
			the_store_is_told_but_not_its_password, start, stop),
		cmocka_unit_test_setup_teardown(
			a_segment_for_a_listener_begins_a_connection, start, stop),
		cmocka_unit_test_setup_teardown(
			a_segment_of_a_connection_is_told_its_worker_and_state, start, stop),
		cmocka_unit_test_setup_teardown(
			a_segment_for_a_closed_port_is_refused, start, stop),
		cmocka_unit_test_setup_teardown(
			beyond_the_backlog_explain_speaks_of_cookies, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
