/* SPDX-License-Identifier: BSD-3-Clause */
/* Own segments that were made for a device and meet this or another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "dataplane/link/link.h"
#include "lib/wire/checksum.h"
#include "tests/unit/fake_device.h"
#include "tests/unit/node.h"

#define SEGMENT 1000u

static const char yaml[] = "node:\n"
			   "  name: t\n"
			   "  workers: [0]\n"
			   "  main: 0\n"
			   "  ports:\n"
			   "    - name: lan\n"
			   "      device: net_null0\n"
			   "      addresses: [192.0.2.1/24]\n"
			   "      interfaces: [{name: lan.7, vlan: 7, addresses: [10.0.0.1/24]}]\n";

static uint8_t frames[8][2000];
static uint32_t lens[8];
static unsigned n_frames;

static void keep(void *ctx, const uint8_t *frame, uint32_t len)
{
	assert_true(n_frames < ARRAY_SIZE(frames) && len <= sizeof(frames[0]));
	memcpy(frames[n_frames], frame, len);
	lens[n_frames++] = len;
}

static int begin(void **state)
{
	setenv("NODE_OFFLOADS", "7", 1);
	node_start(yaml);
	n_frames = 0;
	return 0;
}

static int end(void **state)
{
	node_stop();
	return 0;
}

/* An interface whose device can do @offloads. */
static struct iface out_of(uint8_t offloads)
{
	return (struct iface){
		.up = true,
		.l2_len = 14,
		.mtu = 1500,
		.tcp_mtu = 1500,
		.offloads = offloads,
		.tso_segments_max = 4,
	};
}

static void write_ip4(uint8_t *l3, uint32_t tcp_bytes)
{
	struct rte_ipv4_hdr *h = (struct rte_ipv4_hdr *)l3;

	*h = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = htobe16((uint16_t)(20 + tcp_bytes)),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_TCP,
		.src_addr = RTE_BE32(0xc0000201),
		.dst_addr = RTE_BE32(0xc0000202),
	};
	h->hdr_checksum = checksum_ip4_header(h, 5);
}

static void write_ip6(uint8_t *l3, uint32_t tcp_bytes)
{
	struct rte_ipv6_hdr *h = (struct rte_ipv6_hdr *)l3;

	*h = (struct rte_ipv6_hdr){
		.vtc_flow = RTE_BE32(0x60000000),
		.payload_len = htobe16((uint16_t)tcp_bytes),
		.proto = IPPROTO_TCP,
		.hop_limits = 64,
		.src_addr = {0x20, 1, [15] = 1},
		.dst_addr = {0x20, 1, [15] = 2},
	};
}

/* An own packet of @n segments as TCP makes it. */
static struct rte_mbuf *segments(bool ip4, unsigned n)
{
	struct worker *w = node_worker(0);
	struct rte_mbuf *m = worker_generate(w), *tail = m;
	uint32_t l3_len = ip4 ? 20 : 40, bytes = n * SEGMENT;
	struct rte_tcp_hdr *tcp;
	uint8_t *l3;

	l3 = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(14 + l3_len + 20 + SEGMENT)) + 14;
	memset(l3 - 14, 0, 14 + l3_len + 20 + SEGMENT);
	if (ip4)
		write_ip4(l3, 20 + bytes);
	else
		write_ip6(l3, 20 + bytes);
	tcp = (struct rte_tcp_hdr *)(l3 + l3_len);
	*tcp = (struct rte_tcp_hdr){.data_off = 5 << 4, .tcp_flags = RTE_TCP_ACK_FLAG};
	memset(tcp + 1, 'a', SEGMENT);
	for (unsigned i = 1; i < n; i++) {
		tail->next = rte_pktmbuf_alloc(w->mempool);
		tail = tail->next;
		memset(rte_pktmbuf_append(tail, SEGMENT), 'a' + (int)i, SEGMENT);
		m->nb_segs++;
		m->pkt_len += SEGMENT;
	}
	m->l3_len = l3_len & 63;
	m->l4_len = 20;
	m->ol_flags = ip4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	if (n > 1) {
		m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | (ip4 ? RTE_MBUF_F_TX_IP_CKSUM : 0);
		m->tso_segsz = SEGMENT;
	}
	tcp->cksum = ip4 ? rte_ipv4_phdr_cksum((struct rte_ipv4_hdr *)l3, m->ol_flags)
			 : rte_ipv6_phdr_cksum((struct rte_ipv6_hdr *)l3, m->ol_flags);
	pkt_of(m)->l2_len = 14;
	pkt_of(m)->flags |= PKT_OFFLOAD;
	return m;
}

/* The TCP checksum of frame @f is right. */
static bool is_right(const uint8_t *f, uint32_t len)
{
	bool ip4 = f[14] >> 4 == 4;
	uint32_t at = 14 + (ip4 ? 20 : 40), src, dst;
	uint64_t sum;

	memcpy(&src, f + 26, 4);
	memcpy(&dst, f + 30, 4);
	sum = ip4 ? checksum_pseudo_ip4(src, dst, IPPROTO_TCP, (uint16_t)(len - at))
		  : checksum_pseudo_ip6(f + 22, f + 38, IPPROTO_TCP, len - at);
	return checksum_finish(checksum_sum(f + at, len - at, sum)) == 0;
}

/* Ends @m as sent. */
static void sent(struct rte_mbuf *m)
{
	node_worker(0)->stats->tx_pkts++;
	rte_pktmbuf_free(m);
}

static void a_device_that_can_gets_what_it_needs(void **state)
{
	static const struct {
		bool ip4;
		unsigned n;
		uint8_t offloads;
	} cases[] = {
		{true, 1, IFACE_CKSUM},
		{false, 1, IFACE_CKSUM},
		{true, 4, IFACE_CKSUM | IFACE_TSO4},
		{false, 3, IFACE_CKSUM | IFACE_TSO6},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct iface out = out_of(cases[i].offloads);
		struct rte_mbuf *m = segments(cases[i].ip4, cases[i].n);

		n_frames = 0;
		assert_true(port_finish(node_worker(0), m, &out));
		assert_int_equal(m->l2_len, 14);
		assert_int_equal(pkt_of(m)->flags & PKT_OFFLOAD, 0);
		assert_int_equal(fake_device_send(m, keep, NULL), cases[i].n);
		for (unsigned k = 0; k < n_frames; k++) {
			assert_int_equal(lens[k], 14 + (cases[i].ip4 ? 20 : 40) + 20 + SEGMENT);
			assert_int_equal(frames[k][lens[k] - 1], 'a' + k);
			assert_true(is_right(frames[k], lens[k]));
		}
		sent(m);
	}
}

static void a_single_segment_is_summed_here_for_a_device_that_does_not(void **state)
{
	struct iface out = out_of(0);

	for (unsigned i = 0; i < 2; i++) {
		struct rte_mbuf *m = segments(i == 0, 1);

		assert_true(port_finish(node_worker(0), m, &out));
		assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, 0);
		assert_true(is_right(rte_pktmbuf_mtod(m, const uint8_t *), m->pkt_len));
		sent(m);
	}
}

static void a_large_one_for_another_device_is_lost_for_a_reason(void **state)
{
	static const struct {
		bool ip4;
		unsigned n;
		uint8_t offloads;
		uint16_t tcp_mtu;
	} cases[] = {
		{true, 2, IFACE_CKSUM, 1500}, {true, 2, IFACE_CKSUM | IFACE_TSO6, 1500},
		{false, 2, IFACE_CKSUM | IFACE_TSO4, 1500},
		{true, 5, 7, 1500}, /* more than it takes */
		{true, 2, 7, 1039}, /* larger than it can cut */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct iface out = out_of(cases[i].offloads);

		out.tcp_mtu = cases[i].tcp_mtu;
		assert_false(port_finish(node_worker(0), segments(cases[i].ip4, cases[i].n), &out));
		node_run();
		assert_int_equal(node_drops(DROP_port_no_offload), i + 1);
	}
}

static void a_tagged_packet_is_cut_behind_its_tag(void **state)
{
	static const uint8_t dst[6] = {2, 0, 0, 0, 0, 0xaa};
	struct worker *w = node_worker(0);
	const struct iface *out = NULL;

	for (unsigned i = 0; i < WORLD_INTERFACES_MAX && !out; i++)
		if (w->world->ifaces[i].vlan == 7)
			out = &w->world->ifaces[i];
	assert_non_null(out);
	eth_send(w, segments(true, 3), out, dst, RTE_ETHER_TYPE_IPV4);
	node_run();
	assert_int_equal(node_n_output(), 3);
	assert_int_equal(node_n_cut(), 1);
	for (unsigned i = 0; i < 3; i++) {
		const struct node_frame *f = node_output(i);
		uint8_t untagged[2000];

		assert_int_equal(f->len, 18 + 40 + SEGMENT);
		assert_memory_equal(f->bytes, dst, 6);
		assert_memory_equal(f->bytes + 12, "\x81\x00\x00\x07\x08\x00", 6);
		memcpy(untagged, f->bytes + 4, f->len - 4u);
		assert_true(is_right(untagged, f->len - 4u));
	}
}

static bool refuse(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	return false;
}

static void what_the_driver_refuses_is_dropped(void **state)
{
	struct iface out = out_of(7);
	struct worker *w = node_worker(0);
	const struct worker_ops *was = w->ops;
	struct worker_ops ops = *was;

	ops.prepare = refuse;
	w->ops = &ops;
	assert_false(port_finish(w, segments(true, 2), &out));
	w->ops = was;
	node_run();
	assert_int_equal(node_drops(DROP_port_tx_refused), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_device_that_can_gets_what_it_needs, begin, end),
		cmocka_unit_test_setup_teardown(
			a_single_segment_is_summed_here_for_a_device_that_does_not, begin, end),
		cmocka_unit_test_setup_teardown(
			a_large_one_for_another_device_is_lost_for_a_reason, begin, end),
		cmocka_unit_test_setup_teardown(a_tagged_packet_is_cut_behind_its_tag, begin, end),
		cmocka_unit_test_setup_teardown(what_the_driver_refuses_is_dropped, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
