/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions about flows over the API: every flow of every worker once, filters, NAT's second side,
 * answers that do not fit into one message, and workers that do not answer.
 */
#include "tests/unit/lb_yaml.h"

#define LB_QUERY_TEST(name) cmocka_unit_test_setup_teardown(name, lb_yaml_start, lb_yaml_stop)

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

/* Lets a client's SYN from port @sport to @dport of the VIP arrive. */
static void open_flow(const char *client, uint16_t sport, uint16_t dport)
{
	char frame[160];

	snprintf(frame, sizeof(frame),
		"eth ip4{src=%s,dst=203.0.113.10} tcp{sport=%u,dport=%u,flags=2}", client, sport,
		dport);
	lb_yaml_arrive(0, frame);
}

/* What a whole dump gave. */
static struct {
	unsigned n, messages;
	struct api_flow_info flows[8192];
} got;

static void dump(int fd, struct api_flow_dump *req)
{
	got.n = got.messages = 0;
	req->cursor = 0;
	do {
		const struct api_header *hdr = lb_yaml_ask(fd, API_flow_dump, req);
		const struct api_dump_reply *rep = (const struct api_dump_reply *)(hdr + 1);

		assert_non_null(hdr);
		if (hdr->status < 0)
			fail_msg("%s", server_sentence(hdr));
		assert_true(got.n + rep->count <= ARRAY_SIZE(got.flows));
		memcpy(got.flows + got.n, rep + 1, rep->count * sizeof(got.flows[0]));
		got.n += rep->count;
		got.messages++;
		req->cursor = rep->cursor;
		assert_true(got.messages < 1000);
	} while (req->cursor);
}

static void without_flows_there_is_an_empty_answer(void **state)
{
	struct api_flow_dump req = {};
	int fd = server_connect();

	dump(fd, &req);
	assert_int_equal(got.n, 0);
	close(fd);
}

static void a_nat_flow_is_shown_with_both_sides(void **state)
{
	struct api_flow_dump req = {};
	struct ip_addr vip = addr("203.0.113.10"), client = addr("192.0.2.2");
	struct ip_addr backend = addr("198.51.100.21");
	const struct api_flow_info *f = &got.flows[0];
	int fd = server_connect();
	char reply[200], source[IPADDR_TEXT_MAX];

	open_flow("192.0.2.2", 20001, 80);
	node_advance(NSEC_PER_SEC);
	dump(fd, &req);
	assert_int_equal(got.n, 1);
	assert_string_equal(f->service, "nat");
	assert_true(ip_addr_equal(&f->client, &client));
	assert_true(ip_addr_equal(&f->vip, &vip));
	assert_true(ip_addr_equal(&f->backend, &backend));
	assert_int_equal(f->client_port, 20001);
	assert_int_equal(f->vip_port, 80);
	assert_int_equal(f->backend_port, 8080);
	assert_int_equal(f->protocol, IPPROTO_TCP);
	assert_int_equal(f->mode, API_LB_NAT);
	assert_int_equal(f->state, API_FLOW_TCP_NEW);
	assert_in_range(f->idle_ms, 990, 1010);
	assert_int_equal(f->source.family, 4);
	assert_true(f->source_port >= 1024);
	/* The backend's packets count as life too. */
	snprintf(reply, sizeof(reply),
		"eth{dst=02:00:00:00:00:02,src=02:00:00:00:00:21} ip4{src=198.51.100.21,dst=%s} "
		"tcp{sport=8080,dport=%u,flags=18}",
		ip_addr_format(&f->source, source), f->source_port);
	lb_yaml_arrive(1, reply);
	dump(fd, &req);
	assert_in_range(f->idle_ms, 0, 10);
	close(fd);
}

static void every_flow_of_every_worker_is_shown_once(void **state)
{
	static bool seen[3000];
	struct api_flow_dump req = {};
	unsigned of_worker[2] = {};
	int fd = server_connect();

	for (uint16_t i = 0; i < ARRAY_SIZE(seen); i++)
		open_flow("192.0.2.2", (uint16_t)(10000 + i), 81);
	dump(fd, &req);
	assert_int_equal(got.n, node_counter(offsetof(struct stats_worker, flows)));
	assert_true(got.messages > 1);
	for (unsigned i = 0; i < got.n; i++) {
		const struct api_flow_info *f = &got.flows[i];

		assert_in_range(f->client_port, 10000, 10000 + ARRAY_SIZE(seen) - 1);
		assert_false(seen[f->client_port - 10000]);
		seen[f->client_port - 10000] = true;
		assert_string_equal(f->service, "dsr");
		assert_int_equal(f->source.family, 0);
		of_worker[f->worker]++;
	}
	assert_true(of_worker[0] > got.n / 4 && of_worker[1] > got.n / 4);
	close(fd);
}

static void filters_choose_by_service_client_and_backend(void **state)
{
	struct api_flow_dump req = {.service = "dsr"};
	struct ip_addr backend = addr("198.51.100.22");
	unsigned all;
	int fd = server_connect();

	for (uint16_t i = 0; i < 40; i++) {
		open_flow("192.0.2.2", (uint16_t)(20000 + i), 81);
		open_flow("10.0.0.5", (uint16_t)(20000 + i), 81);
		open_flow("192.0.2.2", (uint16_t)(20000 + i), 82);
	}
	dump(fd, &req);
	assert_int_equal(got.n, 80);
	req.client = addr("10.0.0.5");
	dump(fd, &req);
	assert_int_equal(got.n, 40);
	req.backend = backend;
	dump(fd, &req);
	all = got.n;
	assert_true(all > 5 && all < 35);
	for (unsigned i = 0; i < got.n; i++)
		assert_true(ip_addr_equal(&got.flows[i].backend, &backend));
	base_strlcpy(req.service, "nonesuch", sizeof(req.service));
	dump(fd, &req);
	assert_int_equal(got.n, 0);
	close(fd);
}

static void ipv6_flows_are_shown_too(void **state)
{
	struct api_flow_dump req = {.client = addr("2001:db8::2")};
	struct ip_addr vip = addr("2001:db8:a::10");
	int fd = server_connect();

	open_flow("192.0.2.2", 20000, 81);
	lb_yaml_arrive(0, "eth ip6{src=2001:db8::2,dst=2001:db8:a::10} "
			  "tcp{sport=20001,dport=80,flags=2}");
	dump(fd, &req);
	assert_int_equal(got.n, 1);
	assert_true(ip_addr_equal(&got.flows[0].vip, &vip));
	assert_int_equal(got.flows[0].source.family, 6);
	close(fd);
}

static void a_bad_question_is_refused(void **state)
{
	struct api_flow_dump req = {.cursor = 1ULL << 60};
	int fd = server_connect();

	assert_non_null(strstr(server_sentence(lb_yaml_ask(fd, API_flow_dump, &req)), "cursor"));
	req.cursor = 0;
	req.client.family = 9;
	assert_non_null(strstr(server_sentence(lb_yaml_ask(fd, API_flow_dump, &req)), "malformed"));
	req.client.family = 0;
	memset(req.service, 'x', sizeof(req.service));
	assert_non_null(strstr(server_sentence(lb_yaml_ask(fd, API_flow_dump, &req)), "printable"));
	close(fd);
}

static void dead_workers_cost_places_not_patience(void **state)
{
	struct api_flow_dump req = {};
	struct rte_ring *rings[2] = {node_worker(0)->inbox[2], node_worker(1)->inbox[2]};
	int fd = server_connect();

	node_worker(0)->inbox[2] = node_worker(1)->inbox[2] = NULL;
	for (unsigned i = 0; i < QUERIES_MAX; i++) {
		assert_null(lb_yaml_ask(fd, API_flow_dump, &req));
		node_advance(QUERY_WAIT_NS + NSEC_PER_SEC);
		assert_non_null(strstr(server_sentence(server_receive(fd)), "has not answered"));
	}
	/* They may still write to every place. */
	assert_non_null(
		strstr(server_sentence(lb_yaml_ask(fd, API_flow_dump, &req)), "are under way"));
	node_worker(0)->inbox[2] = rings[0];
	node_worker(1)->inbox[2] = rings[1];
	node_run();
	dump(fd, &req);
	assert_int_equal(got.n, 0);
	close(fd);
}

static void a_client_that_leaves_is_not_answered(void **state)
{
	struct api_flow_dump req = {};
	int fd = server_connect();

	server_send(fd, API_flow_dump, 5, &req);
	server_serve();
	close(fd);
	server_serve();
	node_run();
	fd = server_connect();
	dump(fd, &req);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LB_QUERY_TEST(without_flows_there_is_an_empty_answer),
		LB_QUERY_TEST(a_nat_flow_is_shown_with_both_sides),
		LB_QUERY_TEST(every_flow_of_every_worker_is_shown_once),
		LB_QUERY_TEST(filters_choose_by_service_client_and_backend),
		LB_QUERY_TEST(ipv6_flows_are_shown_too),
		LB_QUERY_TEST(a_bad_question_is_refused),
		LB_QUERY_TEST(dead_workers_cost_places_not_patience),
		LB_QUERY_TEST(a_client_that_leaves_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
