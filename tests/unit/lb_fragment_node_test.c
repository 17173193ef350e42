/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams in fragments through a whole node in NAT mode, there and back, on one worker and on
 * two. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/lb/lb_fragment.h"
#include "lib/wire/checksum.h"
#include "tests/unit/lb_stages.h"

#define TEXT_MAX   250
#define FIRST_PORT 4096 /* of the client; enough follow that both workers own some */
#define N_PORTS    16

/* The question in three fragments and the answer, whose texts take the address of the pool. */
struct talk {
	const char *vip, *client, *backend;
	const char *ask_second, *ask_first, *ask_last; /* ask_first takes the client's port */
	const char *second, *first, *last;             /* first takes the port too */
};

static const struct talk talk4 = {
	.vip = "203.0.113.10",
	.client = "10.1.2.3",
	.backend = "198.51.100.21",
	.ask_second = "eth ip4{src=10.1.2.3,dst=203.0.113.10,id=7,off=3,mf=1,next=17} pad{24}",
	.ask_first = "eth ip4{src=10.1.2.3,dst=203.0.113.10,id=7,mf=1} "
		     "udp{sport=%u,dport=5353} pad{16}",
	.ask_last = "eth ip4{src=10.1.2.3,dst=203.0.113.10,id=7,off=6,next=17} pad{5}",
	.second = "eth{dst=node2} ip4{src=198.51.100.21,dst=%s,id=7,off=3,mf=1,next=17} pad{24}",
	.first = "eth{dst=node2} ip4{src=198.51.100.21,dst=%s,id=7,mf=1} "
		 "udp{sport=53,dport=%u} pad{16}",
	.last = "eth{dst=node2} ip4{src=198.51.100.21,dst=%s,id=7,off=6,next=17} pad{5}",
};

static const struct talk talk6 = {
	.vip = "2001:db8:a::10",
	.client = "2001:db8:c::3",
	.backend = "2001:db8:1::21",
	.ask_second = "eth ip6{src=2001:db8:c::3,dst=2001:db8:a::10} "
		      "frag{id=7,off=3,more=1,next=17} pad{24}",
	.ask_first = "eth ip6{src=2001:db8:c::3,dst=2001:db8:a::10} frag{id=7,more=1} "
		     "udp{sport=%u,dport=5353} pad{16}",
	.ask_last = "eth ip6{src=2001:db8:c::3,dst=2001:db8:a::10} "
		    "frag{id=7,off=6,next=17} pad{5}",
	.second = "eth{dst=node2} ip6{src=2001:db8:1::21,dst=%s} "
		  "frag{id=7,off=3,more=1,next=17} pad{24}",
	.first = "eth{dst=node2} ip6{src=2001:db8:1::21,dst=%s} frag{id=7,more=1} "
		 "udp{sport=53,dport=%u} pad{16}",
	.last = "eth{dst=node2} ip6{src=2001:db8:1::21,dst=%s} frag{id=7,off=6,next=17} pad{5}",
};

static int start(void **state)
{
	stages_start(STAGES_CONFIG("[0]"));
	return 0;
}

static int start_two(void **state)
{
	stages_start(STAGES_CONFIG("[0, 1]"));
	return 0;
}

static int stop(void **state)
{
	stages_stop();
	return 0;
}

static void arrive(uint16_t port, const char *text)
{
	uint8_t frame[FRAME_MAX];

	node_input(port, frame, frame_build(text, frame));
	node_run();
}

static enum lb_fragment_kind read_output(unsigned i, struct lb_fragment *f)
{
	const struct node_frame *out = node_output(i);
	const uint8_t *l3;

	assert_non_null(out);
	l3 = out->bytes + 14;
	if (l3[0] >> 4 == 6)
		return lb_fragment_read6(f, l3, out->len - 14u);
	assert_int_equal(checksum_ip4_header(l3, 5), 0);
	return lb_fragment_read4(f, l3, out->len - 14u);
}

/* Checks that three fragments left port @port, from @src to @dst under one new identification; the
 * ports that the first one carries. */
static uint32_t three_left(uint16_t port, const uint8_t src[16], const char *dst)
{
	struct ip_addr to = stages_addr(dst);
	uint32_t id = 0, ports = 0, n_first = 0;

	assert_int_equal(node_n_output(), 3);
	for (unsigned i = 0; i < 3; i++) {
		struct lb_fragment f = {0};
		enum lb_fragment_kind kind = read_output(i, &f);

		assert_int_equal(node_output(i)->port, port);
		assert_true(kind == LB_FRAGMENT_FIRST || kind == LB_FRAGMENT_LATER);
		assert_memory_equal(f.src, src, 16);
		assert_memory_equal(f.dst, to.bytes, 16);
		if (i > 0)
			assert_int_equal(f.id, id);
		id = f.id;
		n_first += kind == LB_FRAGMENT_FIRST;
		ports |= f.ports;
	}
	assert_int_equal(n_first, 1);
	assert_true(id != (to.family == 6 ? htobe32(7) : htobe16(7)));
	node_check_accounts();
	node_clear();
	return ports;
}

/* A question from client port @port and its answer; a fragment overtakes the first one each time.
 */
static void ask_and_answer(const struct talk *t, unsigned port)
{
	struct ip_addr vip = stages_addr(t->vip), pool = vip;
	char text[TEXT_MAX], address[IPADDR_TEXT_MAX];
	struct lb_fragment f = {0};
	uint32_t ports;

	arrive(0, t->ask_second);
	snprintf(text, sizeof(text), t->ask_first, port);
	arrive(0, text);
	arrive(0, t->ask_last);
	read_output(0, &f);
	memcpy(pool.bytes, f.src, 16);
	ip_addr_format_host(&pool, address);
	ports = three_left(1, f.src, t->backend);
	assert_int_equal(ports >> 16, STAGES_BE16(53));
	snprintf(text, sizeof(text), t->second, address);
	arrive(1, text);
	snprintf(text, sizeof(text), t->last, address);
	arrive(1, text);
	snprintf(text, sizeof(text), t->first, address, be16toh((uint16_t)ports));
	arrive(1, text);
	ports = three_left(0, vip.bytes, t->client);
	assert_int_equal(ports, STAGES_BE16(5353) | (uint32_t)STAGES_BE16(port) << 16);
	node_advance(LB_DATAGRAM_LIFE_NS);
	node_clear();
}

static void a_datagram_in_fragments_goes_through_nat_and_its_answer_back(void **state)
{
	for (unsigned i = 0; i < N_PORTS; i++)
		ask_and_answer(&talk4, FIRST_PORT + i);
}

static void a_datagram_in_ip6_fragments_goes_through_nat_and_its_answer_back(void **state)
{
	for (unsigned i = 0; i < N_PORTS; i++)
		ask_and_answer(&talk6, FIRST_PORT + i);
}

#define ONE(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define TWO(name) cmocka_unit_test_setup_teardown(name, start_two, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(a_datagram_in_fragments_goes_through_nat_and_its_answer_back),
		TWO(a_datagram_in_fragments_goes_through_nat_and_its_answer_back),
		ONE(a_datagram_in_ip6_fragments_goes_through_nat_and_its_answer_back),
		TWO(a_datagram_in_ip6_fragments_goes_through_nat_and_its_answer_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
