/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store of the fake dataplane: what was installed, and FAKE_CONNS connections, every tenth in
 * CLOSE-WAIT. Thread: the fake's own.
 */
#include <string.h>

#include "tests/unit/fake_dataplane.h"

#define FAKE_CONNS 150
#define DUMP_MAX   100 /* items of one answer: small, so that there are several */

static struct api_conn_info conn(const struct fake_dataplane *f, uint64_t number)
{
	struct api_conn_info c = {
		.id = number + 1,
		.local = f->installed.store.listen[0],
		.local_port = f->installed.store.port,
		.remote_port = (uint16_t)(40000 + number),
		.mss_bytes = 1448,
		.state = number % 10 == 0 ? API_CONN_CLOSE_WAIT : API_CONN_ESTABLISHED,
		.worker = number % 2,
		.rtt_us = 120,
		.cwnd_bytes = 14480,
		.retransmitted = (uint32_t)(number / 100),
		.age_s = 9,
	};

	BRAID_ASSERT(ip_addr_parse(number % 2 ? "2001:db8::2" : "192.0.2.2", &c.remote) == 0);
	return c;
}

uint32_t fake_store_conns(const struct fake_dataplane *f, const struct api_conn_dump *dump,
	struct api_dump_reply *reply, uint8_t *out)
{
	uint64_t i = dump->cursor, end = f->installed.store.n_listen ? FAKE_CONNS : 0;
	uint32_t n = 0;

	for (; i < end && n < DUMP_MAX; i++) {
		struct api_conn_info c = conn(f, i);

		if ((dump->states && !(dump->states >> c.state & 1)) ||
			(dump->remote_port && dump->remote_port != c.remote_port) ||
			(dump->remote.family && !ip_addr_same_host(&dump->remote, &c.remote)))
			continue;
		memcpy(out + n++ * sizeof(c), &c, sizeof(c));
	}
	reply->cursor = i < end ? i : 0;
	return n;
}

void fake_store_info(const struct fake_dataplane *f, struct api_store_info *info)
{
	*info = (struct api_store_info){
		.want = f->installed.store,
		.memory_bytes = f->installed.store.n_listen ? 64u << 20 : 0,
		.max_clients = 10000,
		.n_workers = 1,
	};
}

void fake_store_count(struct stats_file *c)
{
	c->workers[0].kv = (struct stats_kv){
		.slots = 16384,
		.keys = 1000,
		.used_bytes = 8192,
		.limit_bytes = 64u << 20,
		.hits = 75,
		.misses = 25,
		.clients = 2,
		.commands = 300,
		.commands_per_s = 30,
		.local = 200,
		.evicted = 5,
	};
}
