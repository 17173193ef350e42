/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Explain about packets of services: what is told for each mode, with and without a flow, on the
 * way there and back; and that telling changes nothing.
 */
#include "tests/unit/lb_yaml.h"

#define LB_EXPLAIN_TEST(name) cmocka_unit_test_setup_teardown(name, lb_yaml_start, lb_yaml_stop)

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

/* Whether a step or the verdict of reply @hdr says @text. */
static bool says(const struct api_header *hdr, const char *text)
{
	const struct api_explain_reply *r = (const struct api_explain_reply *)(hdr + 1);
	const struct api_explain_step *steps = (const struct api_explain_step *)(r + 1);

	if (strstr(r->verdict, text))
		return true;
	for (uint32_t i = 0; i < r->count; i++)
		if (strstr(steps[i].text, text))
			return true;
	return false;
}

static void print_reply(const struct api_header *hdr)
{
	const struct api_explain_reply *r = (const struct api_explain_reply *)(hdr + 1);
	const struct api_explain_step *steps = (const struct api_explain_step *)(r + 1);

	for (uint32_t i = 0; i < r->count; i++)
		fprintf(stderr, "  %s: %s\n", steps[i].stage, steps[i].text);
	fprintf(stderr, "  verdict %s\n", r->verdict);
}

/* A packet, and what is told of it. */
struct told {
	const char *interface, *src, *dst;
	uint16_t sport, dport;
	uint8_t protocol;
	const char *steps[6];
	const char *verdict;
};

static uint64_t flows(void)
{
	return node_counter(offsetof(struct stats_worker, flows));
}

/* Asks about @t and checks what is said, and that nobody noticed. */
static void check_told(int fd, const struct told *t)
{
	struct api_explain req = {
		.src = addr(t->src),
		.dst = addr(t->dst),
		.sport = t->sport,
		.dport = t->dport,
		.protocol = t->protocol,
	};
	uint64_t before = flows();
	const struct api_header *hdr;

	base_strlcpy(req.interface, t->interface, sizeof(req.interface));
	node_clear();
	hdr = lb_yaml_ask(fd, API_explain, &req);
	assert_non_null(hdr);
	if (hdr->status < 0)
		fail_msg("%s", server_sentence(hdr));
	for (unsigned i = 0; t->steps[i]; i++) {
		if (says(hdr, t->steps[i]))
			continue;
		print_reply(hdr);
		fail_msg("\"%s\" is not said", t->steps[i]);
	}
	if (!says(hdr, t->verdict)) {
		print_reply(hdr);
		fail_msg("the verdict is not \"%s\"", t->verdict);
	}
	assert_int_equal(node_n_output(), 0);
	assert_int_equal(node_drop_reason(), DROP_NONE);
	assert_int_equal(flows(), before);
	node_check_accounts();
}

static const struct told of_new[] = {
	{"lan", "192.0.2.2", "203.0.113.10", 20001, 80, IPPROTO_TCP,
		{"203.0.113.10 matches 203.0.113.10/32: the balancer decides",
			"service \"nat\": VIP 203.0.113.10, tcp port 80, mode nat; 1 of 1 backends",
			"no worker has its flow",
			"to backend 198.51.100.21, port 8080 (up, weight 1)",
			"rewritten to 203.0.113.200 > 198.51.100.21:8080: a free source port of "
			"the "
			"NAT pool would be taken"},
		"forwarded: 1 frame by port wan to 02:00:00:00:00:21"},
	{"lan", "192.0.2.2", "203.0.113.10", 20001, 81, IPPROTO_TCP,
		{"service \"dsr\"", "2 of 2 backends take new flows",
			"192.0.2.2:20001 > 203.0.113.10:81 as it is"},
		"forwarded: 1 frame by port wan to 02:00:00:00:00:2"},
	{"lan", "192.0.2.2", "203.0.113.10", 20001, 82, IPPROTO_TCP,
		{"mode ipip", "wrapped into IP, 198.51.100.1 > 198.51.100.22"},
		"forwarded: 1 frame by port wan to 02:00:00:00:00:22"},
	{"lan", "192.0.2.2", "203.0.113.10", 20001, 83, IPPROTO_TCP,
		{"mode gue", "wrapped into UDP (GUE), 198.51.100.1:", "> 198.51.100.22:6080"},
		"forwarded: 1 frame by port wan to 02:00:00:00:00:22"},
	{"lan", "2001:db8::2", "2001:db8:a::10", 20001, 80, IPPROTO_TCP,
		{"service \"nat6\"", "rewritten to [2001:db8:b::] > [2001:db8:1::21]:8080"},
		"forwarded: 1 frame by port wan to 02:00:00:00:00:21"},
	{"lan", "192.0.2.2", "203.0.113.10", 20001, 99, IPPROTO_TCP,
		{"to a VIP, but no service takes this protocol and port"},
		"dropped: TCP port of the node where nothing listens (tcp_refused); answered"},
	{"lan", "192.0.2.2", "203.0.113.10", 20001, 80, IPPROTO_UDP,
		{"to a VIP, but no service takes this protocol and port"},
		"dropped: UDP port of the node where nothing listens (port_unreachable); answered"},
	{"lan", "192.0.2.2", "203.0.113.10", 0, 0, IPPROTO_ICMP,
		{"passes it to ip4_local", "is for the node itself"}, "answered: 1 frame"},
	{"wan", "198.51.100.21", "203.0.113.201", 8080, 5001, IPPROTO_TCP,
		{"to the NAT pool, but no flow uses this port"},
		"dropped: packet for an address of the NAT pool that belongs to no flow"},
};

static void packets_without_a_flow_are_told_their_backend(void **state)
{
	int fd = server_connect();

	for (unsigned i = 0; i < ARRAY_SIZE(of_new); i++) {
		check_told(fd, &of_new[i]);
		node_advance(20 * NSEC_PER_MSEC); /* errors have a rate limit */
	}
	close(fd);
}

static void what_is_told_of_a_new_flow_comes_true(void **state)
{
	int fd = server_connect();

	for (uint16_t sport = 20000; sport < 20032; sport++) {
		struct told t = {
			"lan", "192.0.2.2", "203.0.113.10", sport, 81, IPPROTO_TCP, {}, ""};
		char frame[160], verdict[96], mac[18];
		uint8_t dst[6];

		snprintf(frame, sizeof(frame),
			"eth ip4{src=192.0.2.2,dst=203.0.113.10} tcp{sport=%u,dport=81,flags=2}",
			sport);
		lb_yaml_arrive(0, frame);
		assert_int_equal(node_n_output(), 1);
		memcpy(dst, node_output(0)->bytes, 6);
		snprintf(verdict, sizeof(verdict), "forwarded: 1 frame by port wan to %s",
			mac_format(dst, mac));
		t.verdict = verdict;
		t.steps[0] = "its flow is on worker";
		check_told(fd, &t);
	}
	close(fd);
}

/* The TCP or UDP port at @at of IPv4 frame @f. */
static uint16_t frame_port(const struct node_frame *f, unsigned at)
{
	return (uint16_t)(f->bytes[34 + at] << 8 | f->bytes[35 + at]);
}

static void a_flow_is_told_both_ways(void **state)
{
	int fd = server_connect();

	for (uint16_t sport = 20000; sport < 20008; sport++) {
		struct told there = {"lan", "192.0.2.2", "203.0.113.10", sport, 80, IPPROTO_TCP,
			{"its flow is on worker", "not established yet",
				"to backend 198.51.100.21, port 8080"},
			"forwarded: 1 frame by port wan to 02:00:00:00:00:21"};
		struct told back = {"wan", "198.51.100.21", NULL, 8080, 0, IPPROTO_TCP,
			{"back to a client of service \"nat\"", "its flow is on worker",
				"from backend 198.51.100.21, port 8080"},
			"forwarded: 1 frame by port lan to 02:00:00:00:00:aa"};
		char frame[160], source[IPADDR_TEXT_MAX], rewritten[128], reply[128];
		uint32_t be;
		struct ip_addr a;

		snprintf(frame, sizeof(frame),
			"eth ip4{src=192.0.2.2,dst=203.0.113.10} tcp{sport=%u,dport=80,flags=2}",
			sport);
		node_clear();
		lb_yaml_arrive(0, frame);
		assert_int_equal(node_n_output(), 1);
		memcpy(&be, node_output(0)->bytes + 26, 4);
		a = ip_addr_v4(be);
		ip_addr_format(&a, source);
		back.dst = source;
		back.dport = frame_port(node_output(0), 0);
		snprintf(rewritten, sizeof(rewritten), "rewritten to %s:%u > 198.51.100.21:8080",
			source, back.dport);
		there.steps[3] = rewritten;
		check_told(fd, &there);
		snprintf(
			reply, sizeof(reply), "rewritten to 203.0.113.10:80 > 192.0.2.2:%u", sport);
		back.steps[3] = reply;
		check_told(fd, &back);
		back.sport = 8081;
		back.steps[3] = NULL;
		back.verdict = "dropped: packet for a NAT flow from another station";
		check_told(fd, &back);
	}
	close(fd);
}

static void a_worker_that_does_not_answer_delays_but_does_not_hang(void **state)
{
	struct api_explain req = {
		.interface = "lan",
		.src = addr("192.0.2.2"),
		.dst = addr("203.0.113.10"),
		.sport = 20001,
		.dport = 81,
		.protocol = IPPROTO_TCP,
	};
	struct rte_ring *rings[2] = {node_worker(0)->inbox[2], node_worker(1)->inbox[2]};
	int fd = server_connect();
	const struct api_header *hdr;

	node_worker(0)->inbox[2] = node_worker(1)->inbox[2] = NULL;
	assert_null(lb_yaml_ask(fd, API_explain, &req));
	node_advance(QUERY_WAIT_NS + NSEC_PER_SEC);
	hdr = server_receive(fd);
	assert_non_null(hdr);
	assert_int_equal(hdr->status, 0);
	assert_true(says(hdr, "has not answered"));
	assert_true(says(hdr, "forwarded: 1 frame by port wan"));
	/* The late answer finds nobody, and its place is free again. */
	node_worker(0)->inbox[2] = rings[0];
	node_worker(1)->inbox[2] = rings[1];
	node_run();
	for (unsigned i = 0; i < 2 * QUERIES_MAX; i++)
		assert_non_null(lb_yaml_ask(fd, API_explain, &req));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LB_EXPLAIN_TEST(packets_without_a_flow_are_told_their_backend),
		LB_EXPLAIN_TEST(what_is_told_of_a_new_flow_comes_true),
		LB_EXPLAIN_TEST(a_flow_is_told_both_ways),
		LB_EXPLAIN_TEST(a_worker_that_does_not_answer_delays_but_does_not_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
