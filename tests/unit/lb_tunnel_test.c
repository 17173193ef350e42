/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels to backends: every byte of the outer headers, and what does not fit into them. */
#include <netinet/in.h>

#include "dataplane/lb/lb_tunnel.h"
#include "tests/unit/lb_world.h"

#define TCP     "tcp{sport=1000,dport=80,flags=16} raw{hex=010203}"
#define INNER4  "ip4{dst=" VIP ",ttl=63,df=1,tos=35} " TCP
#define INNER6  "ip6{dst=" VIP6 ",hop=63,class=35,label=77} " TCP
#define CLIENT4 "eth ip4{dst=" VIP ",ttl=64,df=1,tos=35} " TCP
#define CLIENT6 "eth ip6{dst=" VIP6 ",hop=64,class=35,label=77} " TCP

/* The hash of the flow of both packets. */
static uint64_t hash_of(bool is_ip6)
{
	const uint64_t *key = node_worker(0)->flow_key;
	uint32_t ports = (uint32_t)htobe16(80) << 16 | htobe16(1000);
	struct ip_addr src = lb_test_addr(is_ip6 ? "2001:db8::2" : "192.0.2.2");
	struct ip_addr dst = lb_test_addr(is_ip6 ? VIP6 : VIP);

	if (is_ip6)
		return flow_hash_ip6(key, src.bytes, dst.bytes, IPPROTO_TCP, ports);
	return flow_hash_ip4(key, ip_addr_v4_be(&src), ip_addr_v4_be(&dst), IPPROTO_TCP, ports);
}

/* Starts with the backends of one version behind the services of both. */
static void start(uint8_t mode, unsigned backend_family)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, mode);
	lb_test_choose(0, backend_family == 6 ? LB_TEST_PEER6 : LB_TEST_PEER);
	lb_test_choose(2, backend_family == 6 ? LB_TEST_PEER6 : LB_TEST_PEER);
}

static void an_outer_header_is_right_to_the_last_byte(void **state)
{
	static const struct {
		uint8_t mode;
		uint8_t inner, outer;
	} cases[] = {
		{API_LB_IPIP, 4, 4},
		{API_LB_IPIP, 6, 6},
		{API_LB_IPIP, 4, 6},
		{API_LB_IPIP, 6, 4},
		{API_LB_GUE, 4, 4},
		{API_LB_GUE, 6, 6},
		{API_LB_GUE, 4, 6},
		{API_LB_GUE, 6, 4},
	};
	char text[512], udp[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t hash;

		start(cases[i].mode, cases[i].outer);
		/* Of IPv6 packets this small senders may believe that they pass everywhere: these
		 * may be cut, and then have an identification of their own. */
		lbt.backends[LB_TEST_PEER6].outer_src_bits = 0;
		hash = hash_of(cases[i].inner == 6);
		udp[0] = '\0';
		if (cases[i].mode == API_LB_GUE)
			snprintf(udp, sizeof(udp), "udp{sport=%u,dport=6080,csum=0} ",
				49152 + (unsigned)(hash & 0x3fff));
		if (cases[i].outer == 6)
			snprintf(text, sizeof(text),
				TO_PEER "ip6{src=node2,dst=peer,hop=64,class=35,label=%u} %s%s",
				(unsigned)(hash >> 32) & 0xfffff, udp,
				cases[i].inner == 6 ? INNER6 : INNER4);
		else if (cases[i].inner == 4)
			snprintf(text, sizeof(text),
				TO_PEER "ip4{src=node2,dst=peer,ttl=64,df=1,id=0,tos=35} %s" INNER4,
				udp);
		if (cases[i].outer == 6 || cases[i].inner == 4) {
			lb_test_expect(0, cases[i].inner == 6 ? CLIENT6 : CLIENT4, text);
		} else {
			uint8_t expected[FRAME_MAX];
			const struct node_frame *f;
			uint16_t id_be;
			uint32_t len;

			lb_test_send(0, CLIENT6);
			assert_int_equal(node_n_output(), 1);
			f = node_output(0);
			memcpy(&id_be, f->bytes + 18, 2);
			snprintf(text, sizeof(text),
				TO_PEER "ip4{src=node2,dst=peer,ttl=64,id=%u,tos=35} %s" INNER6,
				be16toh(id_be), udp);
			len = frame_build(text, expected);
			assert_int_equal(f->len, len);
			assert_memory_equal(f->bytes, expected, len);
		}
		lb_test_stop();
	}
}

/* Both ways of writing an outer header, for whatever the inner one says. */
static void the_plain_outer_header_is_the_general_one(void **state)
{
	struct lb_backend b = {.mode = API_LB_IPIP, .addr = lb_test_addr("198.51.100.7")};
	struct worker w = {.rng = 1};

	b.outer_src = lb_test_addr("10.255.3.1");
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t hash = worker_random(&w), dice = worker_random(&w);
		uint8_t plain[40], general[20], *inner = plain + 20;
		struct lb_outer o = {
			.hash = hash,
			.bytes = 20,
			.inner_bytes = 20 + dice % (65536 - 40),
			.protocol = IPPROTO_IPIP,
			.tos = (uint8_t)(dice >> 16),
			.keep_whole = dice >> 24 & 1,
		};
		uint16_t id;

		b.outer_src_bits = dice >> 25 & 31;
		b.entropy_mask_be = htobe32(lb_tunnel_mask(b.outer_src_bits));
		for (unsigned k = 0; k < 20; k++)
			inner[k] = (uint8_t)worker_random(&w);
		inner[0] = 0x45;
		inner[1] = o.tos;
		inner[6] = o.keep_whole ? 0x40 : 0;
		inner[7] = 0;
		lb_outer4_write_plain(inner, &b, hash, o.inner_bytes, LB_TUNNEL_TTL + 1);
		memcpy(&id, plain + 4, sizeof(id));
		o.id = be16toh(id);
		assert_true(!o.keep_whole || id == 0);
		lb_outer4_write(general, &b, &o);
		assert_memory_equal(plain, general, sizeof(general));
	}
}

static void a_packet_that_is_not_plain_takes_the_general_way(void **state)
{
	static const char *const packets[] = {
		CLIENT4,
		"eth ip4{dst=" VIP ",ttl=64,df=1} udp{sport=1000,dport=80} raw{hex=01}",
		"eth ip4{dst=" VIP ",ttl=1,df=1} " TCP,
		"eth ip4{dst=" VIP ",ttl=2,df=1} " TCP,
		"eth ip4{dst=" VIP
		",ttl=64,df=1} tcp{sport=1000,dport=80,flags=2,hex=020405b401010000}",
		"eth ip4{dst=" VIP ",ttl=64,df=1} tcp{sport=1000,dport=80,flags=16} pad{1440}",
		"eth ip4{dst=" VIP ",ttl=64,df=1} tcp{sport=1000,dport=80,flags=16} pad{1441}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		struct node_frame general = {};
		unsigned n_general = 0;

		for (unsigned plain = 0; plain < 2; plain++) {
			start(API_LB_IPIP, 4);
			lbt.backends[LB_TEST_PEER].inner_bytes_max = plain ? 1480 : 0;
			lb_test_send(0, packets[i]);
			if (plain)
				assert_int_equal(node_n_output(), n_general);
			n_general = node_n_output();
			if (n_general) {
				if (plain)
					assert_memory_equal(
						node_output(0)->bytes, general.bytes, general.len);
				general = *node_output(0);
			}
			lb_test_stop();
		}
	}
}

/* What the node has counted as sent by all its interfaces. */
static uint64_t counted_bytes(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++)
		n += node_worker(0)->stats->interfaces[i].tx_bytes;
	return n;
}

/* The first packet takes the way by stage ip4_forward, those that follow a flow save it. */
static void what_follows_leaves_like_the_first_and_is_counted(void **state)
{
	static const uint8_t modes[] = {API_LB_DSR, API_LB_IPIP, API_LB_GUE};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct node_frame first;
		uint64_t bytes;

		start(modes[i], 4);
		lb_test_send(0, CLIENT4);
		assert_int_equal(node_n_output(), 1);
		first = *node_output(0);
		bytes = counted_bytes();
		assert_int_equal(bytes, first.len);
		for (unsigned k = 2; k < 5; k++) {
			lb_test_send(0, CLIENT4);
			assert_int_equal(node_n_output(), k);
			assert_int_equal(node_output(k - 1)->len, first.len);
			assert_memory_equal(node_output(k - 1)->bytes, first.bytes, first.len);
			assert_int_equal(counted_bytes(), k * bytes);
		}
		lb_test_stop();
	}
}

static void the_source_of_a_tunnel_carries_the_hash_where_it_may(void **state)
{
	static const struct {
		uint32_t fixed;
		unsigned bits;
		uint64_t hash;
		uint32_t source;
	} cases[] = {
		{0x0a000001, 0, UINT64_MAX, 0x0a000001},
		{0x0a000000, 8, 0x0000000000ab0000, 0x0a0000ab},
		{0x0a000000, 8, 0x00000000ffab0000, 0x0a0000ab},
		{0x0a000000, 16, 0x00000000ffab0000, 0x0a00ffab},
		{0x0a000000, 32, 0x0000123456780000, 0x12345678},
		{0x00000000, 40, 0x0000123456780000, 0x12345678},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(lb_tunnel_source(cases[i].fixed, cases[i].bits, cases[i].hash),
			cases[i].source);
}

static void the_source_prefix_of_a_tunnel_is_used(void **state)
{
	char text[512];

	start(API_LB_IPIP, 4);
	lbt.backends[LB_TEST_PEER].outer_src = lb_test_addr("10.1.0.0");
	lbt.backends[LB_TEST_PEER].outer_src_bits = 16;
	snprintf(text, sizeof(text),
		TO_PEER "ip4{src=10.1.%u.%u,dst=peer,ttl=64,df=1,id=0,tos=35} " INNER4,
		(unsigned)(hash_of(false) >> 24) & 0xff, (unsigned)(hash_of(false) >> 16) & 0xff);
	lb_test_expect(0, CLIENT4, text);
	lb_test_stop();
}

/* What the services have been counted. */
static uint64_t too_big_drops(void)
{
	return lb_test_service_drop(0, lb_too_big) + lb_test_service_drop(2, lb_too_big);
}

/* Expects a "too big" with @mtu for @text, or that it passes when @mtu is 0, in @n frames. */
static void check_size(const char *text, uint32_t mtu, unsigned n)
{
	const uint8_t *b;
	uint64_t drops;
	uint32_t said;

	print_message("%s\n", text);
	node_advance(NSEC_PER_SEC);
	node_clear();
	drops = too_big_drops();
	lb_test_send(0, text);
	assert_int_equal(node_n_output(), n);
	if (mtu == 0) {
		assert_int_equal(node_drop_reason(), DROP_NONE);
		assert_int_equal(node_output(0)->port, 1);
		return;
	}
	assert_string_equal(drop_table[node_drop_reason()].name, "lb_too_big");
	b = node_output(0)->bytes;
	if (b[12] == 0x08) {
		assert_int_equal(b[34], ICMP4_UNREACHABLE);
		assert_int_equal(b[35], ICMP4_UNREACHABLE_TOO_BIG);
		said = (uint32_t)b[40] << 8 | b[41];
	} else {
		assert_int_equal(b[54], ICMP6_TOO_BIG);
		said = (uint32_t)b[60] << 8 | b[61];
	}
	assert_int_equal(said, mtu);
	assert_int_equal(too_big_drops(), drops + 1);
	node_check_accounts();
}

/* A packet of @bytes, IP header included. */
static const char *sized(unsigned family, bool df, unsigned bytes)
{
	static char text[200];

	if (family == 6)
		snprintf(text, sizeof(text),
			"eth ip6{dst=" VIP6 "} tcp{sport=1000,dport=80,flags=16} pad{%u}",
			bytes - 60);
	else
		snprintf(text, sizeof(text),
			"eth ip4{dst=" VIP ",df=%u} tcp{sport=1000,dport=80,flags=16} pad{%u}", df,
			bytes - 40);
	return text;
}

static void what_does_not_fit_is_reported_or_cut(void **state)
{
	static const struct {
		uint8_t mode, inner, outer;
		uint32_t mtu; /* that is left of 1500 */
	} cases[] = {
		{API_LB_IPIP, 4, 4, 1480},
		{API_LB_GUE, 4, 4, 1472},
		{API_LB_IPIP, 6, 6, 1460},
		{API_LB_GUE, 6, 6, 1452},
		{API_LB_IPIP, 6, 4, 1480},
		{API_LB_GUE, 4, 6, 1452},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		start(cases[i].mode, cases[i].outer);
		check_size(sized(cases[i].inner, true, cases[i].mtu), 0, 1);
		check_size(sized(cases[i].inner, true, cases[i].mtu + 1), cases[i].mtu, 1);
		/* Without DF IPv4 around IPv4 is cut; IPv6 never is. */
		if (cases[i].inner == 4 && cases[i].outer == 4)
			check_size(sized(4, false, cases[i].mtu + 1), 0, 2);
		if (cases[i].inner == 4 && cases[i].outer == 6)
			check_size(sized(4, false, cases[i].mtu + 1), cases[i].mtu, 1);
		lb_test_stop();
	}
}

static void an_mtu_below_the_least_of_ip6_is_not_told(void **state)
{
	struct iface *wan;

	start(API_LB_IPIP, 6);
	wan = (struct iface *)(uintptr_t)&world_current->ifaces[1];
	wan->mtu = 1300;
	check_size(sized(6, true, 1261), 1280, 1);
	check_size(sized(6, true, 1260), 0, 1);
	lb_test_choose(2, LB_TEST_PEER);
	wan->mtu = 1290;
	lbt.world.idle_ticks[LB_FLOW_TCP_ESTABLISHED] = 0;
	lbt.backends[LB_TEST_PEER6].service_gone = true;
	/* In IPv4 what must pass everywhere does, in pieces. */
	check_size(sized(6, true, 1280), 0, 2);
	check_size(sized(6, true, 1281), 1280, 1);
	lb_test_stop();
}

static void the_pieces_of_a_cut_packet_are_whole_together(void **state)
{
	uint8_t whole[4096] = {0}, expected[FRAME_MAX];
	uint32_t at_end = 0, len;

	start(API_LB_IPIP, 4);
	node_clear();
	lb_test_send(0, "eth ip4{dst=" VIP "} tcp{sport=1000,dport=80,flags=16} pad{3000}");
	assert_int_equal(node_n_output(), 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct node_frame *f = node_output(i);
		const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)(f->bytes + 14);
		uint32_t at = (be16toh(h->fragment_offset) & RTE_IPV4_HDR_OFFSET_MASK) * 8u;
		uint32_t bytes = be16toh(h->total_length) - 20u;

		assert_true(at + bytes <= sizeof(whole));
		memcpy(whole + at, f->bytes + 34, bytes);
		at_end = MAX_OF(at_end, at + bytes);
		assert_int_equal(h->next_proto_id, IPPROTO_IPIP);
		assert_int_equal(h->time_to_live, 64);
	}
	len = frame_build(
		"ip4{dst=" VIP ",ttl=63} tcp{sport=1000,dport=80,flags=16} pad{3000}", expected);
	assert_int_equal(at_end, len);
	assert_memory_equal(whole, expected, len);
	lb_test_stop();
}

static void the_mss_of_a_syn_is_clamped_to_the_tunnel(void **state)
{
	char out[512];

	start(API_LB_IPIP, 4);
	lb_test_expect(0,
		"eth ip4{dst=" VIP ",df=1} tcp{sport=1000,dport=80,flags=2,hex=020405b401010000}",
		TO_PEER "ip4{src=node2,dst=peer,ttl=64,df=1,id=0} ip4{dst=" VIP ",df=1,ttl=63} "
			"tcp{sport=1000,dport=80,flags=2,hex=020405a001010000}");
	lb_test_expect(0,
		"eth ip4{dst=" VIP ",df=1} tcp{sport=1000,dport=80,flags=16,hex=020405b401010000}",
		TO_PEER "ip4{src=node2,dst=peer,ttl=64,df=1,id=0} ip4{dst=" VIP ",df=1,ttl=63} "
			"tcp{sport=1000,dport=80,flags=16,hex=020405b401010000}");
	lb_test_stop();
	start(API_LB_IPIP, 6);
	snprintf(out, sizeof(out),
		TO_PEER "ip6{src=node2,dst=peer,hop=64,label=%u} ip6{dst=" VIP6 ",hop=63} opts "
			"tcp{sport=1000,dport=80,flags=2,hex=0204057801010000}",
		(unsigned)(hash_of(true) >> 32) & 0xfffff);
	lb_test_expect(0,
		"eth ip6{dst=" VIP6 "} opts "
		"tcp{sport=1000,dport=80,flags=2,hex=020405b401010000}",
		out);
	lb_test_stop();
}

static void padding_is_no_part_of_what_is_wrapped(void **state)
{
	start(API_LB_GUE, 4);
	lb_test_send(0, "eth ip4{dst=" VIP ",df=1} tcp{sport=1000,dport=80,flags=16} trail{20}");
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(node_output(0)->len, 14 + 28 + 40);
	lb_test_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_outer_header_is_right_to_the_last_byte),
		cmocka_unit_test(the_plain_outer_header_is_the_general_one),
		cmocka_unit_test(a_packet_that_is_not_plain_takes_the_general_way),
		cmocka_unit_test(what_follows_leaves_like_the_first_and_is_counted),
		cmocka_unit_test(the_source_of_a_tunnel_carries_the_hash_where_it_may),
		cmocka_unit_test(the_source_prefix_of_a_tunnel_is_used),
		cmocka_unit_test(what_does_not_fit_is_reported_or_cut),
		cmocka_unit_test(an_mtu_below_the_least_of_ip6_is_not_told),
		cmocka_unit_test(the_pieces_of_a_cut_packet_are_whole_together),
		cmocka_unit_test(the_mss_of_a_syn_is_clamped_to_the_tunnel),
		cmocka_unit_test(padding_is_no_part_of_what_is_wrapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
