/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Explain: for each kind of fate, what is told, and that the same frame then meets it in the node;
 * and that telling changes nothing.
 */
#include <setjmp.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/server.h"
#include "dataplane/explain/explain.h"
#include "dataplane/explain/explain_packet.h"
#include "dataplane/link/link.h"
#include "dataplane/neigh/neigh.h"
#include "tests/unit/frame.h"
#include "tests/unit/node.h"

#define CONFIG                                                                                     \
	"node:\n"                                                                                  \
	"  name: n\n"                                                                              \
	"  workers: [0]\n"                                                                         \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: net_null0\n"                                                                \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"      interfaces:\n"                                                                      \
	"        - {name: lan.10, vlan: 10, addresses: [192.0.10.1/24, \"2001:db8:10::1/64\"]}\n"  \
	"    - name: wan\n"                                                                        \
	"      device: net_null1\n"                                                                \
	"      mtu: 1400\n"                                                                        \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24, \"2001:db8:1::1/64\"]\n"                               \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"                       \
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"                 \
	"  - {interface: lan, address: \"fe80::2\", mac: 02:00:00:00:00:aa}\n"                     \
	"  - {interface: lan.10, address: 192.0.10.2, mac: 02:00:00:00:00:ac}\n"                   \
	"  - {interface: lan.10, address: \"2001:db8:10::2\", mac: 02:00:00:00:00:ac}\n"           \
	"  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n"                    \
	"  - {interface: wan, address: 198.51.100.3, mac: 02:00:00:00:00:bc}\n"                    \
	"  - {interface: wan, address: \"2001:db8:1::2\", mac: 02:00:00:00:00:bb}\n"               \
	"  - {interface: wan, address: \"2001:db8:1::3\", mac: 02:00:00:00:00:bc}\n"               \
	"routes:\n"                                                                                \
	"  - {prefix: 203.0.113.0/24, via: 198.51.100.2}\n"                                        \
	"  - {prefix: 203.0.114.0/24, via: [{address: 198.51.100.2}, {address: 198.51.100.3}]}\n"  \
	"  - {prefix: 10.0.0.0/8, via: 198.51.100.77}\n"                                           \
	"  - {prefix: 198.18.0.0/15, action: blackhole}\n"                                         \
	"  - {prefix: 198.20.0.0/16, action: reject}\n"                                            \
	"  - {prefix: \"2001:db8:a::/48\", via: \"2001:db8:1::2\"}\n"                              \
	"  - {prefix: \"2001:db8:e::/48\", via: [{address: \"2001:db8:1::2\"}, "                   \
	"{address: \"2001:db8:1::3\"}]}\n"                                                         \
	"  - {prefix: \"2001:db8:f::/48\", via: \"2001:db8:1::77\"}\n"                             \
	"  - {prefix: \"2001:db8:b::/48\", action: blackhole}\n"                                   \
	"  - {prefix: \"2001:db8:c::/48\", action: reject}\n"

/* A packet, and what is to be told of it. */
struct fate {
	const char *interface, *src, *dst;
	uint8_t protocol;
	uint16_t size_bytes;
	uint8_t ttl;
	bool dont_fragment;
	bool forwarded;
	const char *verdict; /* how it starts */
	const char *step;    /* is in one of the steps */
};

static const struct fate ip4_fates[] = {
	{.dst = "203.0.113.7",
		.forwarded = true,
		.verdict = "forwarded: 1 frame by port wan to 02:00:00:00:00:bb",
		.step = "203.0.113.7 matches 203.0.113.0/24: via 198.51.100.2 on wan"},
	{.interface = "lan.10",
		.src = "192.0.10.2",
		.dst = "203.0.113.7",
		.forwarded = true,
		.verdict = "forwarded: 1 frame by port wan to 02:00:00:00:00:bb",
		.step = "arrives on interface lan.10"},
	{.dst = "192.0.10.2",
		.forwarded = true,
		.verdict = "forwarded: 1 frame by port lan, VLAN 10, to 02:00:00:00:00:ac",
		.step = "leaves by lan.10 (MTU 1500) with TTL 63, directly to 192.0.10.2"},
	{.dst = "203.0.114.7",
		.forwarded = true,
		.verdict = "forwarded: 1 frame by port wan to 02:00:00:00:00:b",
		.step = "one of 2 equal-cost paths"},
	{.dst = "198.51.100.2",
		.protocol = IPPROTO_TCP,
		.forwarded = true,
		.verdict = "forwarded: 1 frame by port wan to 02:00:00:00:00:bb",
		.step = "connected on wan"},
	{.dst = "198.51.100.99", .forwarded = true, .verdict = "held", .step = "not resolved"},
	{.dst = "10.1.1.1",
		.forwarded = true,
		.verdict = "held",
		.step = "TTL 63, to next hop 198.51.100.77"},
	{.dst = "203.0.113.7",
		.size_bytes = 1500,
		.forwarded = true,
		.verdict = "forwarded: 2 frames by port wan to 02:00:00:00:00:bb",
		.step = "cuts it into 2 fragments"},
	{.dst = "203.0.113.7",
		.size_bytes = 1500,
		.dont_fragment = true,
		.verdict = "dropped: larger than the next MTU, and must not be fragmented "
			   "(ip4_too_big); answered: 1 frame by port lan",
		.step = "\"fragmentation needed\" (type 3, code 4, MTU 1400)"},
	{.dst = "203.0.113.7",
		.ttl = 1,
		.verdict = "dropped: TTL ran out (ip4_ttl_exceeded); answered: 1 frame",
		.step = "ICMP \"time exceeded\""},
	{.dst = "8.8.8.8",
		.verdict = "dropped: no route to the destination (ip4_no_route); answered: 1 frame",
		.step = "the answer leaves by lan (MTU 1500) with TTL 64, directly to 192.0.2.2"},
	{.src = "192.0.2.98",
		.dst = "8.8.8.8",
		.verdict = "dropped: no route to the destination (ip4_no_route); answered: once",
		.step = "holds it until the neighbour answers"},
	{.dst = "198.18.0.1", .verdict = "dropped: the route is a blackhole (ip4_blackhole)"},
	{.dst = "198.20.0.1",
		.verdict = "dropped: the route rejects (ip4_reject); answered: 1 frame"},
	{.dst = "192.0.2.1",
		.protocol = IPPROTO_ICMP,
		.verdict = "answered: 1 frame by port lan to 02:00:00:00:00:aa",
		.step = "is for the node itself, which answers"},
	{.dst = "198.51.100.1", .protocol = IPPROTO_ICMP, .verdict = "answered: 1 frame"},
	{.dst = "192.0.2.1",
		.verdict = "dropped: UDP port of the node where nothing listens "
			   "(port_unreachable); answered: 1 frame"},
	{.dst = "192.0.2.1",
		.protocol = IPPROTO_TCP,
		.verdict = "dropped: TCP port of the node where nothing listens (tcp_refused); "
			   "answered: 1 frame"},
	{.dst = "192.0.2.1",
		.protocol = 89,
		.verdict = "dropped: protocol that the node does not speak "
			   "(protocol_unreachable); answered: 1 frame"},
	{.dst = "198.51.100.255", .verdict = "dropped: directed broadcast"},
	{.dst = "224.0.0.5", .verdict = "dropped: multicast or broadcast"},
	{.dst = "255.255.255.255", .verdict = "dropped: multicast or broadcast"},
	{.src = "127.0.0.1", .dst = "203.0.113.7", .verdict = "dropped: source address that no"},
};

static const struct fate ip6_fates[] = {
	{.dst = "2001:db8:a::7",
		.forwarded = true,
		.verdict = "forwarded: 1 frame by port wan to 02:00:00:00:00:bb",
		.step = "2001:db8:a::7 matches 2001:db8:a::/48: via 2001:db8:1::2 on wan"},
	{.interface = "lan.10",
		.src = "2001:db8:10::2",
		.dst = "2001:db8:a::7",
		.forwarded = true,
		.verdict = "forwarded: 1 frame by port wan to 02:00:00:00:00:bb"},
	{.dst = "2001:db8:10::2",
		.forwarded = true,
		.verdict = "forwarded: 1 frame by port lan, VLAN 10, to 02:00:00:00:00:ac",
		.step = "with hop limit 63, directly to 2001:db8:10::2"},
	{.dst = "2001:db8:e::7",
		.forwarded = true,
		.verdict = "forwarded: 1 frame by port wan to 02:00:00:00:00:b",
		.step = "one of 2 equal-cost paths"},
	{.dst = "2001:db8:1::99", .forwarded = true, .verdict = "held"},
	{.dst = "2001:db8:f::7", .forwarded = true, .verdict = "held"},
	{.dst = "2001:db8:a::7",
		.size_bytes = 1500,
		.verdict = "dropped: larger than the next MTU (ip6_too_big); answered: 1 frame",
		.step = "\"packet too big\" (type 2, code 0, MTU 1400)"},
	{.dst = "2001:db8:a::7",
		.ttl = 1,
		.verdict = "dropped: hop limit ran out (ip6_hop_limit); answered: 1 frame"},
	{.dst = "2001:db9::1",
		.verdict = "dropped: no route to the destination (ip6_no_route); answered: 1 frame",
		.step = "\"no route to destination\""},
	{.dst = "2001:db8:b::1", .verdict = "dropped: the route is a blackhole (ip6_blackhole)"},
	{.dst = "2001:db8:c::1",
		.verdict = "dropped: the route rejects (ip6_reject); answered: 1 frame"},
	{.dst = "2001:db8::1",
		.protocol = IPPROTO_ICMPV6,
		.verdict = "answered: 1 frame by port lan to 02:00:00:00:00:aa"},
	{.dst = "2001:db8::1",
		.verdict = "dropped: UDP port of the node where nothing listens "
			   "(port_unreachable); answered: 1 frame"},
	{.dst = "2001:db8::1",
		.protocol = IPPROTO_TCP,
		.verdict = "dropped: TCP port of the node where nothing listens (tcp_refused); "
			   "answered: 1 frame"},
	{.dst = "2001:db8::1",
		.protocol = 89,
		.verdict = "dropped: protocol that the node does not speak "
			   "(protocol_unreachable); answered: 1 frame"},
	{.src = "fe80::2",
		.dst = "2001:db8:a::7",
		.verdict = "dropped: link-local address would leave its link (ip6_scope); answered",
		.step = "directly to fe80::2"},
	{.dst = "ff02::1",
		.protocol = IPPROTO_ICMPV6,
		.verdict = "answered: 1 frame",
		.step = "the node listens to multicast ff02::1"},
	{.dst = "ff02::1",
		.verdict = "dropped: UDP port of the node where nothing listens "
			   "(port_unreachable)",
		.step = "drops it without an answer"},
	{.dst = "ff0e::1", .verdict = "dropped: multicast that no local protocol wants"},
	{.src = "ff02::1", .dst = "2001:db8:a::7", .verdict = "dropped: source address"},
};

static int start(void **state)
{
	node_start(CONFIG);
	node_advance(6 * NSEC_PER_SEC);
	node_clear();
	return 0;
}

static int end(void **state)
{
	node_stop();
	return 0;
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

/* The request for @f, whose source is host .2 of the lan unless it says otherwise. */
static struct api_explain request(const struct fate *f)
{
	struct api_explain req = {
		.dst = addr(f->dst),
		.sport = 40000,
		.dport = 53,
		.size_bytes = f->size_bytes,
		.protocol = f->protocol ? f->protocol : IPPROTO_UDP,
		.ttl = f->ttl,
		.dont_fragment = f->dont_fragment,
	};
	const char *host = req.dst.family == 4 ? "192.0.2.2" : "2001:db8::2";

	req.src = addr(f->src ? f->src : host);
	base_strlcpy(req.interface, f->interface ? f->interface : "lan", sizeof(req.interface));
	return req;
}

/* Explains @req and checks that the node is as before. */
static void explain(const struct api_explain *req, struct explain_story *story)
{
	uint64_t generated = node_counter(offsetof(struct stats_worker, generated_pkts));
	uint32_t held = neigh_held(), neighbors = neigh_count();
	struct base_error err = {};

	node_clear();
	if (explain_run(req, story, &err) < 0)
		fail_msg("%s", err.text);
	node_run();
	assert_int_equal(node_n_output(), 0);
	assert_int_equal(node_consumed(), 0);
	assert_int_equal(node_drop_reason(), DROP_NONE);
	assert_int_equal(node_counter(offsetof(struct stats_worker, generated_pkts)), generated);
	assert_int_equal(neigh_held(), held);
	assert_int_equal(neigh_count(), neighbors);
	node_check_accounts();
}

static bool has_step(const struct explain_story *story, const char *text)
{
	for (uint32_t i = 0; i < story->n_steps; i++)
		if (strstr(story->steps[i].text, text))
			return true;
	return false;
}

static void print_story(const struct api_explain *req, const struct explain_story *story)
{
	char src[IPADDR_TEXT_MAX], dst[IPADDR_TEXT_MAX];

	fprintf(stderr, "%s %s > %s:\n", req->interface, ip_addr_format_host(&req->src, src),
		ip_addr_format_host(&req->dst, dst));
	for (uint32_t i = 0; i < story->n_steps; i++)
		fprintf(stderr, "  %s: %s\n", story->steps[i].stage, story->steps[i].text);
	fprintf(stderr, "  verdict %s\n", story->reply.verdict);
}

/* Lets the frame that @req describes arrive. */
static void arrive(const struct api_explain *req)
{
	const struct iface *in = world_current->ifaces;
	struct base_error err = {};
	struct rte_mbuf *m;
	uint8_t frame[2048];
	uint32_t len;

	while (strcmp(in->name, req->interface) != 0)
		in++;
	m = explain_packet_build(node_worker(0), req, in, &err);
	if (!m)
		fail_msg("%s", err.text);
	len = m->pkt_len;
	memcpy(frame, rte_pktmbuf_mtod(m, void *), len);
	rte_pktmbuf_free(m);
	node_input(in->port, frame, len);
	node_run();
}

/* How many frames @verdict says are sent, and that each went to the MAC it names. */
static unsigned frames_told(const char *verdict)
{
	const char *at = strstr(verdict, " frame");
	char mac[18];

	if (!at)
		return 0;
	for (unsigned i = 0; i < node_n_output(); i++)
		assert_non_null(strstr(verdict, mac_format(node_output(i)->bytes, mac)));
	return (unsigned)(at[-1] - '0');
}

/* Whether what happened to the only packet since node_clear is what @story says. */
static bool came_true(const struct explain_story *story, uint32_t held_before)
{
	const char *verdict = story->reply.verdict;
	enum drop_reason reason = node_drop_reason();
	char name[64];

	if (strstr(verdict, "held until") || strstr(verdict, "answered: once"))
		return neigh_held() == held_before + 1;
	if (node_n_output() != frames_told(verdict))
		return false;
	if (strncmp(verdict, "dropped", 7) != 0)
		return reason == DROP_NONE;
	snprintf(name, sizeof(name), "(%s)", drop_table[reason].name);
	return strstr(verdict, name) != NULL;
}

static void check_fates(const struct fate *fates, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct fate *f = &fates[i];
		struct api_explain req = request(f);
		struct explain_story story;
		uint32_t held = neigh_held();

		explain(&req, &story);
		if (strncmp(story.reply.verdict, f->verdict, strlen(f->verdict)) != 0 ||
			story.reply.forwarded != f->forwarded ||
			(f->step && !has_step(&story, f->step))) {
			print_story(&req, &story);
			fail_msg("not \"%s\" with \"%s\"", f->verdict, f->step ? f->step : "");
		}
		arrive(&req);
		if (!came_true(&story, held)) {
			print_story(&req, &story);
			fail_msg("%u frames left, dropped for %s", node_n_output(),
				drop_table[node_drop_reason()].name);
		}
		node_advance(20 * NSEC_PER_MSEC); /* errors have a rate limit */
	}
}

static void what_is_told_of_ipv4_comes_true(void **state)
{
	check_fates(ip4_fates, ARRAY_SIZE(ip4_fates));
}

static void what_is_told_of_ipv6_comes_true(void **state)
{
	check_fates(ip6_fates, ARRAY_SIZE(ip6_fates));
}

static void a_neighbour_that_does_not_answer_is_known(void **state)
{
	static const struct fate f = {.dst = "198.51.100.99"};
	static const struct fate answer = {.src = "192.0.2.98", .dst = "8.8.8.8"};
	struct api_explain req = request(&f), lost = request(&answer);
	struct explain_story story;

	arrive(&req);
	arrive(&lost);
	node_advance(NEIGH_PROBES_MAX * NEIGH_RETRANS_NS + NSEC_PER_SEC / 2);
	explain(&req, &story);
	assert_false(story.reply.forwarded);
	assert_non_null(strstr(story.reply.verdict, "(neigh_unreachable), and its source is told"));
	arrive(&req);
	assert_int_equal(node_drop_reason(), DROP_neigh_unreachable);
	assert_int_equal(node_n_output(), 1);
	explain(&lost, &story);
	assert_non_null(strstr(story.reply.verdict,
		"(ip4_no_route); answered: in vain, its neighbour does not answer"));
}

static void a_stale_neighbour_stays_stale(void **state)
{
	static const struct fate f = {.dst = "198.51.100.9"};
	struct api_explain req = request(&f);
	struct explain_story story;
	uint8_t buf[FRAME_MAX];
	uint32_t number, be = ip_addr_v4_be(&req.dst);
	const struct nexthop *nh;

	node_input(1, buf,
		frame_build("eth{dst=all,src=02:00:00:00:00:99} "
			    "arp{sha=02:00:00:00:00:99,spa=198.51.100.9,tpa=node2}",
			buf));
	node_run();
	number = neigh_lookup4(world_current->neighbors, world_current->ports[1].untagged, be);
	assert_int_not_equal(number, 0);
	nh = &world_current->nexthops[number];
	assert_true(nh->lladdr & NEXTHOP_LLADDR_STALE);
	explain(&req, &story);
	assert_true(story.reply.forwarded);
	assert_true(nh->lladdr & NEXTHOP_LLADDR_STALE);
	arrive(&req);
	assert_false(nh->lladdr & NEXTHOP_LLADDR_STALE);
}

static void packets_that_cannot_be_are_refused_with_a_sentence(void **state)
{
	static const struct {
		struct fate f;
		const char *sentence;
	} cases[] = {
		{{.interface = "nonesuch", .dst = "8.8.8.8"}, "no interface \"nonesuch\""},
		{{.src = "2001:db8::2", .dst = "8.8.8.8"}, "both be IPv4 or both IPv6"},
		{{.dst = "8.8.8.8", .size_bytes = 27}, "no room for its headers: at least 28"},
		{{.dst = "2001:db8::9", .protocol = IPPROTO_TCP, .size_bytes = 59},
			"no room for its headers: at least 60"},
		{{.dst = "8.8.8.8", .size_bytes = 65535}, "does not fit into a packet buffer"},
		{{.dst = "8.8.8.8", .size_bytes = 65522}, "does not fit into a packet buffer"},
		{{.interface = "lan.10", .dst = "8.8.8.8", .size_bytes = 10240}, "at most 10222"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct api_explain req = request(&cases[i].f);
		struct explain_story story;
		struct base_error err = {};

		assert_true(explain_run(&req, &story, &err) < 0);
		if (!strstr(err.text, cases[i].sentence))
			fail_msg("\"%s\" is not in \"%s\"", cases[i].sentence, err.text);
		node_check_accounts();
	}
}

static void a_name_that_is_not_text_is_refused(void **state)
{
	static const struct fate f = {.dst = "8.8.8.8"};
	struct api_explain req = request(&f);
	struct base_error err = {};

	memset(req.interface, 'x', sizeof(req.interface));
	assert_int_equal(server_on_explain(NULL, &req, NULL, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "not printable"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_told_of_ipv4_comes_true, start, end),
		cmocka_unit_test_setup_teardown(what_is_told_of_ipv6_comes_true, start, end),
		cmocka_unit_test_setup_teardown(
			a_neighbour_that_does_not_answer_is_known, start, end),
		cmocka_unit_test_setup_teardown(a_stale_neighbour_stays_stale, start, end),
		cmocka_unit_test_setup_teardown(
			packets_that_cannot_be_are_refused_with_a_sentence, start, end),
		cmocka_unit_test_setup_teardown(a_name_that_is_not_text_is_refused, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
