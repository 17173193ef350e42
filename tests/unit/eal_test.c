/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet buffers are as large as the largest frame that a device may put into them. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <rte_mbuf.h>

#include "dataplane/core/eal.h"
#include "tests/unit/node.h"

static void buffers_hold_the_largest_frame_of_any_device(void **state)
{
	static const struct {
		const char *device;
		uint16_t mtu;
		unsigned room_bytes;
	} cases[] = {
		{"net_null0", 1500, 2048},
		{"net_null0", 9000, 9018},
		{"net_af_packet0,iface=x", 1500, 2048},
		{"net_af_packet0,iface=x,framesz=4096,framecnt=512", 1500, 4096},
		{"net_af_packet0,iface=x,framesz=1024", 1500, 2048},
		{"net_null0,framesz=4096", 1500, 2048},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static struct conf_node node;
		struct base_error err = {};
		struct rte_mempool *mp;

		node = (struct conf_node){.memory_bytes = 8 << 20, .n_workers = 1, .n_ports = 1};
		base_strlcpy(node.ports[0].device, cases[i].device, sizeof(node.ports[0].device));
		node.ports[0].mtu = cases[i].mtu;
		mp = eal_mempool_create(&node, &err);
		if (!mp)
			fail_msg("%s: %s", cases[i].device, err.text);
		assert_int_equal(
			rte_pktmbuf_data_room_size(mp), cases[i].room_bytes + RTE_PKTMBUF_HEADROOM);
		rte_mempool_free(mp);
	}
}

static void a_frame_that_no_buffer_can_hold_is_refused(void **state)
{
	static struct conf_node node = {.memory_bytes = 8 << 20, .n_workers = 1, .n_ports = 1};
	struct base_error err = {};

	base_strlcpy(node.ports[0].name, "lan", sizeof(node.ports[0].name));
	base_strlcpy(node.ports[0].device, "net_af_packet0,iface=x,framesz=65536",
		sizeof(node.ports[0].device));
	assert_null(eal_mempool_create(&node, &err));
	assert_non_null(strstr(err.text, "port \"lan\": framesz=65536"));
}

static void a_cpu_that_is_not_there_is_named(void **state)
{
	static struct conf_node node = {.name = "n", .memory_bytes = 64 << 20, .n_workers = 2};
	struct base_error err = {};

	node.workers[1] = 9999;
	assert_int_equal(eal_init(&node, &err), -ENODEV);
	assert_non_null(strstr(err.text, "node.workers: this machine has no CPU 9999"));
	node.main_cpu = 9998;
	assert_int_equal(eal_init(&node, &err), -ENODEV);
	assert_non_null(strstr(err.text, "node.main: this machine has no CPU 9998"));
}

static int start(void **state)
{
	node_start("node:\n"
		   "  name: n\n"
		   "  workers: [0]\n"
		   "  ports:\n"
		   "    - {name: lan, device: net_null0}\n");
	return 0;
}

static int end(void **state)
{
	node_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_hold_the_largest_frame_of_any_device),
		cmocka_unit_test(a_frame_that_no_buffer_can_hold_is_refused),
		cmocka_unit_test(a_cpu_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, start, end);
}
