/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash of receive-side scaling: the published vectors, and DPDK's own computation. */
#include <setjmp.h>
#include <arpa/inet.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_thash.h>

#include "dataplane/link/steer_rss.h"

/* The key of Microsoft's verification suite, which many devices have by default. */
static const uint8_t suite_key[40] = {
	0x6d,
	0x5a,
	0x56,
	0xda,
	0x25,
	0x5b,
	0x0e,
	0xc2,
	0x41,
	0x67,
	0x25,
	0x3d,
	0x43,
	0xa3, //
	0x8f,
	0xb0,
	0xd0,
	0xca,
	0x2b,
	0xcb,
	0xae,
	0x7b,
	0x30,
	0xb4,
	0x77,
	0xcb,
	0x2d,
	0xa3, //
	0x80,
	0x30,
	0xf2,
	0x0c,
	0x6a,
	0x42,
	0xb7,
	0x3b,
	0xbe,
	0xac,
	0x01,
	0xfa,
};

static const struct {
	const char *src;
	const char *dst;
	uint16_t src_port, dst_port;
	uint32_t by_ports, by_addresses;
} suite[] = {
	{"66.9.149.187", "161.142.100.80", 2794, 1766, 0x51ccc178, 0x323e8fc2},
	{"199.92.111.2", "65.69.140.83", 14230, 4739, 0xc626b0ea, 0xd718262a},
	{"24.19.198.95", "12.22.207.184", 12898, 38024, 0x5c2b394a, 0xd2d0a5de},
	{"38.27.205.30", "209.142.163.6", 48228, 2217, 0xafc7327f, 0x82989176},
	{"153.39.163.191", "202.188.127.2", 44251, 1303, 0x10e828a2, 0x5d1809c5},
	{"3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766, 0x40207d3d, 0x2cc18cd5},
	{"3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739, 0xdde51bbf, 0x0f0c461c},
	{"3ffe:1900:4545:3:200:f8ff:fe21:67cf", "fe80::200:f8ff:fe21:67cf", 44251, 38024,
		0x02d1feef, 0x4b61e985},
};

static struct steer_rss rss;

/* Every entry of the table another worker, so that the owner shows the low bits of the hash. */
static int setup(void **state)
{
	memset(&rss, 0, sizeof(rss));
	steer_rss_set_key(&rss, suite_key);
	rss.mask = 255;
	for (unsigned i = 0; i < 256; i++)
		rss.owners[i] = (uint8_t)i;
	return 0;
}

static void the_published_vectors_are_met(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(suite); i++) {
		bool is_ip6 = strchr(suite[i].src, ':') != NULL;
		uint16_t pair[2] = {htons(suite[i].src_port), htons(suite[i].dst_port)};
		unsigned bytes = is_ip6 ? 16 : 4;
		uint8_t src[16], dst[16], tuple[STEER_RSS_TUPLE_BYTES];
		struct steer_rss_tuple t = {.src = src, .dst = dst, .family = is_ip6 ? 6 : 4};

		assert_int_equal(inet_pton(is_ip6 ? AF_INET6 : AF_INET, suite[i].src, src), 1);
		assert_int_equal(inet_pton(is_ip6 ? AF_INET6 : AF_INET, suite[i].dst, dst), 1);
		memcpy(tuple, src, bytes);
		memcpy(tuple + bytes, dst, bytes);
		memcpy(tuple + 2 * bytes, pair, 4);
		memcpy(&t.ports, pair, 4);
		assert_int_equal(steer_rss_hash(&rss, tuple, 2 * bytes), suite[i].by_addresses);
		assert_int_equal(steer_rss_hash(&rss, tuple, 2 * bytes + 4), suite[i].by_ports);
		assert_int_equal(steer_rss_owner(&rss, &t), suite[i].by_ports & 255);
	}
}

static void any_key_gives_what_dpdk_computes(void **state)
{
	srand(1);
	for (unsigned round = 0; round < 1000; round++) {
		uint8_t key[STEER_RSS_KEY_MIN], tuple[STEER_RSS_TUPLE_BYTES];
		uint32_t words[STEER_RSS_TUPLE_BYTES / 4], n = round % 2 ? 36 : 12;

		for (unsigned i = 0; i < sizeof(key); i++)
			key[i] = (uint8_t)rand();
		for (unsigned i = 0; i < sizeof(tuple); i++)
			tuple[i] = (uint8_t)rand();
		memcpy(words, tuple, sizeof(words));
		for (unsigned i = 0; i < n / 4; i++)
			words[i] = ntohl(words[i]);
		steer_rss_set_key(&rss, key);
		assert_int_equal(steer_rss_hash(&rss, tuple, n), rte_softrss(words, n / 4, key));
	}
}

static void kinds_are_told_apart(void **state)
{
	static const struct {
		uint8_t kind, family, protocol;
	} kinds[] = {
		{STEER_RSS_TCP4, 4, IPPROTO_TCP},
		{STEER_RSS_UDP4, 4, IPPROTO_UDP},
		{STEER_RSS_TCP6, 6, IPPROTO_TCP},
		{STEER_RSS_UDP6, 6, IPPROTO_UDP},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			rss.with_ports = kinds[i].kind;
			assert_int_equal(
				steer_rss_knows(&rss, kinds[k].family, kinds[k].protocol), i == k);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_published_vectors_are_met, setup),
		cmocka_unit_test_setup(any_key_gives_what_dpdk_computes, setup),
		cmocka_unit_test_setup(kinds_are_told_apart, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
