/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames through the whole packet path of a node: each input is a sequence of frames, each behind
 * three bytes of control (port, length, where to split). Nothing may be read or written beside a
 * frame, every packet must be accounted for, no buffer lost.
 */
#include <string.h>

#include <sanitizer/lsan_interface.h>

#include "dataplane/core/nexthop.h"
#include "tests/unit/node.h"

#define FRAMES_MAX 32

static const char config[] =
	"node:\n"
	"  name: fuzz\n"
	"  workers: [0, 0]\n"
	"  main: 0\n"
	"  ports:\n"
	"    - name: lan\n"
	"      device: net_null0\n"
	"      mac: 02:00:00:00:00:01\n"
	"      addresses: [192.0.2.1/24, \"2001:db8:1::1/64\"]\n"
	"      interfaces:\n"
	"        - {name: lan.10, vlan: 10, addresses: [192.168.10.1/24]}\n"
	"    - name: wan\n"
	"      device: net_null1\n"
	"      mac: 02:00:00:00:00:02\n"
	"      mtu: 1280\n"
	"      addresses: [198.51.100.1/24, \"2001:db8:2::1/64\"]\n"
	"neighbors:\n"
	"  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n"
	"  - {interface: wan, address: '2001:db8:2::2', mac: 02:00:00:00:00:bb}\n"
	"routes:\n"
	"  - {prefix: 203.0.113.0/24, via: 198.51.100.2}\n"
	"  - {prefix: 10.0.0.0/8, via: [198.51.100.2, 198.51.100.3]}\n"
	"  - {prefix: 198.18.0.0/15, action: blackhole}\n"
	"  - {prefix: 198.20.0.0/15, action: reject}\n"
	"  - {prefix: \"2001:db8:f::/48\", via: \"2001:db8:2::2\"}\n";

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Tells LeakSanitizer of the memory that mbufs lie in: held packets lead to their buffers. */
static void register_chunk(
	struct rte_mempool *mp, void *arg, struct rte_mempool_memhdr *mem, unsigned index)
{
	__lsan_register_root_region(mem->addr, mem->len);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	node_start(config);
	rte_mempool_mem_iter(node_worker(0)->mempool, register_chunk, NULL);
	/* ECMP groups hang off next hops, which lie in mapped memory that LeakSanitizer skips. */
	__lsan_register_root_region(nexthop_array(), WORLD_NEXTHOPS_MAX * sizeof(struct nexthop));
	node_advance(3 * NSEC_PER_SEC);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned i = 0; i < FRAMES_MAX && size > 3; i++) {
		uint16_t port = data[0] & 1;
		uint32_t len = (uint32_t)(data[0] >> 1 & 7) << 8 | data[1];
		uint32_t at = data[2];

		data += 3;
		size -= 3;
		len = (uint32_t)MIN_OF((size_t)len, size);
		if (len == 0)
			continue;
		if (at > 0 && at < len)
			node_input_split(port, data, len, at);
		else
			node_input(port, data, len);
		if (at & 0x80)
			node_run();
		data += len;
		size -= len;
	}
	node_advance(50 * NSEC_PER_MSEC);
	node_check_accounts();
	node_clear();
	return 0;
}
