/* SPDX-License-Identifier: BSD-3-Clause */
/* The questions of health probes: exact frames, the paths that they take, and when there is none.
 */
#include "tests/unit/lb_probe_node.h"

/* Questions, by mode, family and kind. */
static void each_kind_asks_on_the_path_of_the_traffic(void **state)
{
	static const struct {
		const char *addr;
		enum api_lb_mode mode;
		enum api_probe_kind kind;
		uint16_t port;
		const char *frame;
	} cases[] = {
		{"192.0.2.2", API_LB_NAT, API_PROBE_TCP, 0,
			"eth{dst=host,src=node} ip4{id=$i,src=node,dst=host} "
			"tcp{sport=$p,dport=8080,seq=$c,flags=2,win=65535,hex=02040218}"},
		{"192.0.2.2", API_LB_NAT, API_PROBE_TCP, 99,
			"eth{dst=host,src=node} ip4{id=$i,src=node,dst=host} "
			"tcp{sport=$p,dport=99,seq=$c,flags=2,win=65535,hex=02040218}"},
		{"192.0.2.2", API_LB_NAT, API_PROBE_UDP, 0,
			"eth{dst=host,src=node} ip4{id=$i,src=node,dst=host} "
			"udp{sport=$p,dport=8080,hex=70696e67}"},
		{"192.0.2.2", API_LB_NAT, API_PROBE_ICMP, 0,
			"eth{dst=host,src=node} ip4{id=$i,src=node,dst=host} icmp4{info=$e}"},
		{"192.0.2.2", API_LB_DSR, API_PROBE_TCP, 0,
			"eth{dst=host,src=node} ip4{id=$i,src=node,dst=203.0.113.16} "
			"tcp{sport=$p,dport=80,seq=$c,flags=2,win=65535,hex=02040218}"},
		{"192.0.2.2", API_LB_DSR, API_PROBE_UDP, 53,
			"eth{dst=host,src=node} ip4{id=$i,src=node,dst=203.0.113.16} "
			"udp{sport=$p,dport=53,hex=70696e67}"},
		{"192.0.2.2", API_LB_DSR, API_PROBE_ICMP, 0,
			"eth{dst=host,src=node} ip4{id=$i,src=node,dst=203.0.113.16} "
			"icmp4{info=$e}"},
		{"2001:db8::2", API_LB_NAT, API_PROBE_TCP, 0,
			"eth{dst=host,src=node} ip6{src=node,dst=host} "
			"tcp{sport=$p,dport=8080,seq=$c,flags=2,win=65535,hex=02040218}"},
		{"2001:db8::2", API_LB_NAT, API_PROBE_UDP, 0,
			"eth{dst=host,src=node} ip6{src=node,dst=host} "
			"udp{sport=$p,dport=8080,hex=70696e67}"},
		{"2001:db8::2", API_LB_NAT, API_PROBE_ICMP, 0,
			"eth{dst=host,src=node} ip6{src=node,dst=host} icmp6{info=$e}"},
		{"2001:db8::2", API_LB_DSR, API_PROBE_TCP, 0,
			"eth{dst=host,src=node} ip6{src=node,dst=2001:db8:9::10} "
			"tcp{sport=$p,dport=80,seq=$c,flags=2,win=65535,hex=02040218}"},
		{"2001:db8::2", API_LB_DSR, API_PROBE_ICMP, 0,
			"eth{dst=host,src=node} ip6{src=node,dst=2001:db8:9::10} icmp6{info=$e}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct api_probe want = probe_node_settings(cases[i].kind);

		print_message("%s\n", cases[i].frame);
		want.port = cases[i].port;
		want.request_bytes = 4;
		memcpy(want.request, "ping", 4);
		probe_node_start_one(cases[i].addr, cases[i].mode, &want);
		probe_node_same(probe_node_wait(2 * PROBE_INTERVAL_NS), cases[i].frame);
		assert_int_equal(node_n_output(), 1);
		assert_true(be16toh(asked.own_port_be) >= IP_PROBE_PORT_MIN);
		probe_node_stop();
	}
}

/* The inner packet is the question to the VIP, the outer one goes to the backend. */
static void questions_travel_in_the_tunnel_of_the_service(void **state)
{
	static const struct {
		const char *addr, *vip, *outer_src;
		enum api_lb_mode mode;
		enum api_probe_kind kind;
		uint16_t outer_bytes;
		const char *inner, *answer;
	} cases[] = {
		{"192.0.2.2", "203.0.113.16/28", "192.0.2.1", API_LB_IPIP, API_PROBE_TCP, 20,
			"ip4{id=$i,src=node,dst=203.0.113.16} "
			"tcp{sport=$p,dport=80,seq=$c,flags=2,win=65535,hex=02040218}",
			FROM_VIP4 "tcp{sport=80,dport=$p,ack=$a,flags=18}"},
		{"192.0.2.2", "203.0.113.16/28", "192.0.2.1", API_LB_GUE, API_PROBE_UDP, 28,
			"ip4{id=$i,src=node,dst=203.0.113.16} udp{sport=$p,dport=80}",
			FROM_VIP4 "udp{sport=80,dport=$p}"},
		{"2001:db8::2", "203.0.113.16/28", "2001:db8::1", API_LB_GUE, API_PROBE_ICMP, 48,
			"ip4{id=$i,src=node,dst=203.0.113.16} icmp4{info=$e}",
			FROM_VIP4 "icmp4{type=0,info=$e}"},
		{"2001:db8::2", "2001:db8:9::10/124", "2001:db8::1", API_LB_IPIP, API_PROBE_TCP, 40,
			"ip6{src=node,dst=2001:db8:9::10} "
			"tcp{sport=$p,dport=80,seq=$c,flags=2,win=65535,hex=02040218}",
			FROM_VIP6 "tcp{sport=80,dport=$p,ack=$a,flags=18}"},
		{"192.0.2.2", "2001:db8:9::10/124", "192.0.2.1", API_LB_IPIP, API_PROBE_ICMP, 20,
			"ip6{src=node,dst=2001:db8:9::10} icmp6{info=$e}",
			FROM_VIP6 "icmp6{type=129,info=$e}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct api_probe want = probe_node_settings(cases[i].kind);
		const struct stats_worker *on_main;
		char template[256];
		struct node_frame inner;
		const struct node_frame *f;

		print_message("%s\n", cases[i].inner);
		probe_node_start(PROBE_NODE, cases[i].vip, cases[i].mode);
		probe_node_backend(PROBE_BACKEND, cases[i].addr);
		probe_backends[PROBE_BACKEND].outer_src = probe_node_addr(cases[i].outer_src);
		lb_probe_configure(PROBE_BACKEND, &want);
		probe_node_publish(&probe_world);
		f = probe_node_wait(2 * PROBE_INTERVAL_NS);
		assert_non_null(f);
		/* Hop limits of both headers are 64, and the outer one leads to the backend. */
		assert_int_equal(f->bytes[f->bytes[12] == 0x86 ? 21 : 22], 64);
		assert_memory_equal(f->bytes + (f->bytes[12] == 0x86 ? 38 : 30),
			probe_backends[PROBE_BACKEND].addr.bytes, f->bytes[12] == 0x86 ? 16 : 4);
		inner = *f;
		inner.len = (uint16_t)(f->len - cases[i].outer_bytes);
		memcpy(inner.bytes + 14, f->bytes + 14 + cases[i].outer_bytes, inner.len - 14u);
		inner.bytes[12] = inner.bytes[14] >> 4 == 4 ? 0x08 : 0x86;
		inner.bytes[13] = inner.bytes[14] >> 4 == 4 ? 0x00 : 0xdd;
		probe_node_learn(&inner);
		snprintf(template, sizeof(template), "eth{dst=host,src=node} %s", cases[i].inner);
		probe_node_same(&inner, template);
		probe_node_input(0, cases[i].answer);
		assert_int_equal(probe_results[PROBE_BACKEND].succeeded, 1);
		/* The node's own questions are no traffic of the service. */
		on_main = node_worker(1)->stats;
		assert_int_equal(on_main->backends[PROBE_BACKEND].pkts, 0);
		probe_node_stop();
	}
}

static void a_backend_without_a_way_is_unreachable(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_TCP);
	const struct stats_probe *r = &probe_results[PROBE_BACKEND];

	/* No route at all: nothing is sent. */
	probe_node_start_one("192.0.2.2", API_LB_NAT, &want);
	probe_backends[PROBE_BACKEND].nexthop = 0;
	node_clear();
	node_advance(3 * PROBE_INTERVAL_NS);
	assert_int_equal(r->failed, 3);
	assert_int_equal(r->last_failure, API_PROBE_UNREACHABLE);
	assert_int_equal(node_n_output(), 0);
	probe_node_stop();
	/* A neighbour that does not answer: ARP requests are all that leaves. */
	probe_node_start(PROBE_NODE, "203.0.113.16/28", API_LB_NAT);
	probe_node_backend(PROBE_BACKEND, "192.0.2.9");
	probe_backends[PROBE_BACKEND].nexthop = neigh_pin(0, &probe_backends[PROBE_BACKEND].addr);
	lb_probe_configure(PROBE_BACKEND, &want);
	probe_node_publish(&probe_world);
	node_advance(2 * PROBE_INTERVAL_NS);
	assert_in_range(r->failed, 1, 2);
	assert_int_equal(r->last_failure, API_PROBE_UNREACHABLE);
	for (unsigned i = 0; i < node_n_output(); i++)
		assert_memory_equal(node_output(i)->bytes + 12, "\x08\x06", 2);
	probe_node_publish(NULL);
	neigh_unpin(probe_backends[PROBE_BACKEND].nexthop);
	probe_node_stop();
}

/* That the node has no address to ask with says nothing about a backend. */
static void without_an_own_address_nothing_is_said(void **state)
{
	static const char no_ip6[] = "node:\n  name: t\n  workers: [1]\n  main: 0\n  ports:\n"
				     "    - {name: lan, device: test0, addresses: [192.0.2.1/24]}\n"
				     "neighbors:\n"
				     "  - {interface: lan, address: 192.0.2.2, "
				     "mac: 02:00:00:00:00:aa}\n";
	struct api_probe want = probe_node_settings(API_PROBE_ICMP);

	probe_node_start(no_ip6, "2001:db8:9::10/128", API_LB_DSR);
	probe_node_backend(PROBE_BACKEND, "192.0.2.2");
	lb_probe_configure(PROBE_BACKEND, &want);
	probe_node_publish(&probe_world);
	node_advance(3 * PROBE_INTERVAL_NS);
	assert_int_equal(node_n_output(), 0);
	assert_int_equal(probe_results[PROBE_BACKEND].failed, 0);
	probe_node_stop();
}

/* A service of all ports whose backend has none: there is nothing to connect to. */
static void a_probe_without_a_port_is_not_sent(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_TCP);

	probe_node_start(PROBE_NODE, "203.0.113.16/28", API_LB_NAT);
	probe_services[0].port_be = 0;
	probe_node_backend(PROBE_BACKEND, "192.0.2.2");
	probe_backends[PROBE_BACKEND].port_be = 0;
	lb_probe_configure(PROBE_BACKEND, &want);
	probe_node_publish(&probe_world);
	node_advance(3 * PROBE_INTERVAL_NS);
	assert_int_equal(node_n_output(), 0);
	assert_int_equal(probe_results[PROBE_BACKEND].failed, 0);
	probe_node_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_asks_on_the_path_of_the_traffic),
		cmocka_unit_test(questions_travel_in_the_tunnel_of_the_service),
		cmocka_unit_test(a_backend_without_a_way_is_unreachable),
		cmocka_unit_test(without_an_own_address_nothing_is_said),
		cmocka_unit_test(a_probe_without_a_port_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
