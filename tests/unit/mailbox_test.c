/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings between workers: order, limits, and what happens at them. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/core/mailbox.h"
#include "tests/unit/node.h"

static const char config[] = "node:\n"
			     "  name: t\n"
			     "  workers: [0, 0]\n"
			     "  main: 0\n"
			     "  ports:\n"
			     "    - {name: lan, device: net_null0, mac: 02:00:00:00:00:01}\n";

/* A packet made on @w, marked with @number. */
static struct rte_mbuf *make(struct worker *w, uint32_t number)
{
	struct rte_mbuf *m = worker_generate(w);

	assert_non_null(m);
	pkt_of(m)->icmp_info = number;
	return m;
}

static void packets_arrive_in_order_at_the_stage_they_were_sent_to(void **state)
{
	struct worker *from, *to;

	node_start(config);
	from = node_worker(0);
	to = node_worker(1);
	for (uint32_t i = 0; i < 100; i++)
		worker_handoff(from, make(from, i), 1, STAGE_port_tx);
	pipeline_run(from);
	assert_int_equal(mailbox_receive(to), BURST_MAX);
	assert_int_equal(to->lanes[STAGE_port_tx].n, BURST_MAX);
	assert_int_equal(mailbox_receive(to), 100 - BURST_MAX);
	assert_int_equal(to->lanes[STAGE_port_tx].n, 100);
	for (uint32_t i = 0; i < 100; i++) {
		struct rte_mbuf *m = to->lanes[STAGE_port_tx].pkts[i];

		assert_int_equal(pkt_of(m)->icmp_info, i);
		m->port = 0;
	}
	node_stop();
}

static void a_full_ring_drops_and_counts(void **state)
{
	struct worker *from;
	unsigned sent = 0;

	node_start(config);
	from = node_worker(0);
	while (sent < MAILBOX_ENTRIES + 200) {
		for (unsigned i = 0; i < 100; i++, sent++)
			worker_handoff(from, make(from, sent), 1, STAGE_drop);
		pipeline_run(from);
	}
	assert_int_equal(node_drops(DROP_mailbox_full), sent - (MAILBOX_ENTRIES - 1));
	assert_int_equal(mailbox_send(from, 1, MAIL_neigh_used, 1), -ENOBUFS);
	for (unsigned i = 0; i < MAILBOX_ENTRIES; i++) {
		mailbox_receive(node_worker(1));
		for (unsigned k = 0; k < node_worker(1)->lanes[STAGE_drop].n; k++)
			pkt_of(node_worker(1)->lanes[STAGE_drop].pkts[k])->drop = DROP_shutdown;
		pipeline_run(node_worker(1));
	}
	assert_int_equal(node_drops(DROP_shutdown), MAILBOX_ENTRIES - 1);
	node_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_arrive_in_order_at_the_stage_they_were_sent_to),
		cmocka_unit_test(a_full_ring_drops_and_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
