/* SPDX-License-Identifier: BSD-3-Clause */
/* Identifications of IPv4 datagrams behind NAT that may be cut on their way (RFC 6864). */
#include <netinet/in.h>

#include "tests/unit/lb_world.h"

/* The identification of the only packet that came out; its header is in order. */
static uint16_t id_of_output(void)
{
	const uint8_t *l3 = node_output(0)->bytes + 14;

	assert_int_equal(node_n_output(), 1);
	assert_int_equal(checksum_ip4_header(l3, 5), 0);
	return (uint16_t)(l3[4] << 8 | l3[5]);
}

/* Clients count their datagrams by themselves; behind NAT what may be cut on its way gets a number
 * that no other has. */
static void large_translated_datagrams_get_new_identifications(void **state)
{
	static const struct {
		const char *ip, *payload;
		bool is_new;
	} cases[] = {
		{"id=9", "pad{1400}", true},
		{"id=9,df=1", "pad{1400}", false},
		{"id=9", "pad{1000}", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint16_t ids[4] = {0};
		char text[200];

		lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_UDP, API_LB_NAT);
		for (unsigned k = 0; k < 2; k++) {
			node_clear();
			snprintf(text, sizeof(text),
				"eth ip4{%s,dst=" VIP "} udp{sport=%u,dport=80} %s", cases[i].ip,
				1000 + k, cases[i].payload);
			lb_test_send(0, text);
			ids[2 * k] = id_of_output();
			node_clear();
			snprintf(text, sizeof(text),
				FROM_PEER "ip4{%s,src=peer,dst=203.0.113.%u} "
					  "udp{sport=8080,dport=1024} %s",
				cases[i].ip, 200 + k, cases[i].payload);
			lb_test_send(1, text);
			ids[2 * k + 1] = id_of_output();
		}
		for (unsigned k = 0; k < 4; k++)
			for (unsigned n = 0; n < k; n++)
				assert_int_equal(ids[n] != ids[k], cases[i].is_new);
		node_check_accounts();
		lb_test_stop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_translated_datagrams_get_new_identifications),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
