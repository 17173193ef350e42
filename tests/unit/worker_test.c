/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker by itself, over a device and a clock of the test: its turn, its limits, its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/mailbox.h"
#include "tests/unit/node.h"

#define QUEUES 3

static struct rte_mempool *mempool;
static struct stats_worker stats;
static struct worker *w;

/* The device: how many packets its queues hold, and what its sending side does. */
static struct {
	unsigned waiting[QUEUES];
	unsigned asked[QUEUES];
	unsigned takes_per_call;
	unsigned room;
	unsigned sent;
	uint64_t cycles;
} device;

static uint16_t device_rx(
	struct worker *worker, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t k = 0;

	device.asked[queue]++;
	for (; k < n && device.waiting[queue] > 0; k++, device.waiting[queue]--) {
		pkts[k] = rte_pktmbuf_alloc(mempool);
		assert_non_null(pkts[k]);
		rte_pktmbuf_append(pkts[k], 10); /* a runt */
	}
	return k;
}

static uint16_t device_tx(
	struct worker *worker, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t k = (uint16_t)MIN_OF(MIN_OF((unsigned)n, device.takes_per_call), device.room);

	rte_pktmbuf_free_bulk(pkts, k);
	device.room -= k;
	device.sent += k;
	return k;
}

static uint64_t device_cycles(struct worker *worker)
{
	return device.cycles;
}

static const struct worker_ops ops = {.rx = device_rx, .tx = device_tx, .cycles = device_cycles};

static int begin(void **state)
{
	memset(&device, 0, sizeof(device));
	memset(&stats, 0, sizeof(stats));
	w = worker_create(0, 1, &ops, &stats, mempool);
	if (!w)
		return -1;
	w->ns_per_cycle_q32 = 1ULL << 31; /* two cycles per nanosecond */
	for (uint16_t q = 0; q < QUEUES; q++)
		w->queues[w->n_queues++] = (struct worker_queue){.queue = q};
	return 0;
}

static int end(void **state)
{
	if (w)
		worker_destroy(w);
	w = NULL;
	return rte_mempool_in_use_count(mempool) == 0 ? 0 : -1;
}

static struct rte_mbuf *make(void)
{
	struct rte_mbuf *m = worker_generate(w);

	assert_non_null(m);
	m->port = 0;
	return m;
}

static uint64_t dropped(void)
{
	uint64_t sum = 0;

	for (unsigned r = 0; r < DROP_COUNT; r++)
		sum += stats.drops[r];
	return sum;
}

static void a_turn_empties_each_queue_by_one_burst(void **state)
{
	device.waiting[0] = 3;
	device.waiting[2] = BURST_MAX + 1;
	assert_int_equal(worker_turn(w), 3 + BURST_MAX);
	assert_int_equal(stats.rx_pkts, 3 + BURST_MAX);
	assert_int_equal(stats.ports[0].rx_bytes, 10 * (3 + BURST_MAX));
	assert_int_equal(stats.drops[DROP_eth_runt], 3 + BURST_MAX);
	assert_int_equal(worker_turn(w), 1);
	assert_int_equal(worker_turn(w), 0);
	for (unsigned q = 0; q < QUEUES; q++)
		assert_int_equal(device.asked[q], 3);
	assert_int_equal(stats.loops, 3);
	assert_int_equal(stats.empty_loops, 1);
}

static void time_is_read_once_per_turn(void **state)
{
	device.cycles = 10 * NSEC_PER_SEC;
	worker_turn(w);
	assert_int_equal(w->now_ns, 5 * NSEC_PER_SEC);
	device.cycles++;
	assert_int_equal(w->now_ns, 5 * NSEC_PER_SEC);
	/* Years of cycles do not overflow. */
	device.cycles = 1ULL << 62;
	worker_turn(w);
	assert_int_equal(w->now_ns, 1ULL << 61);
}

static void every_packet_of_a_stage_is_counted_and_some_turns_are_timed(void **state)
{
	for (unsigned i = 0; i < 128; i++) {
		device.waiting[1] = 2;
		worker_turn(w);
	}
	assert_int_equal(stats.stages[STAGE_eth].calls, 128);
	assert_int_equal(stats.stages[STAGE_eth].pkts, 256);
	assert_int_equal(stats.stages[STAGE_eth].sampled_pkts, 4);
}

static void a_full_lane_drops_what_comes_next(void **state)
{
	for (unsigned i = 0; i < LANE_MAX + 5; i++)
		lane_put(w, STAGE_port_tx, make());
	assert_int_equal(w->lanes[STAGE_port_tx].n, LANE_MAX);
	assert_int_equal(stats.drops[DROP_lane_full], 5);
	device.room = device.takes_per_call = LANE_MAX;
	pipeline_run(w);
	assert_int_equal(stats.tx_pkts, LANE_MAX);
	assert_int_equal(stats.generated_pkts, LANE_MAX + 5);
}

static void more_drops_than_a_lane_holds_keep_their_reasons(void **state)
{
	for (unsigned i = 0; i < LANE_MAX + 5; i++)
		drop(w, make(), i % 2 ? DROP_ip4_no_route : DROP_ip6_no_route);
	pipeline_run(w);
	assert_int_equal(stats.drops[DROP_ip6_no_route], LANE_MAX / 2 + 3);
	assert_int_equal(stats.drops[DROP_ip4_no_route], LANE_MAX / 2 + 2);
	assert_int_equal(dropped(), LANE_MAX + 5);
}

static void what_is_left_in_the_lane_goes_before_a_new_burst(void **state)
{
	for (unsigned i = 0; i < LANE_MAX - BURST_MAX + 1; i++) {
		struct rte_mbuf *m = make();

		rte_pktmbuf_append(m, 10);
		lane_put(w, STAGE_eth, m);
	}
	device.waiting[0] = 1;
	worker_turn(w);
	assert_int_equal(device.waiting[0], 0);
	assert_true(stats.drops[DROP_eth_runt] >= LANE_MAX - BURST_MAX + 1);
	assert_int_equal(stats.stages[STAGE_eth].calls, 2);
	assert_int_equal(stats.drops[DROP_lane_full], 0);
}

static void a_device_that_takes_little_at_a_time_gets_everything(void **state)
{
	for (unsigned i = 0; i < 100; i++)
		lane_put(w, STAGE_port_tx, make());
	device.takes_per_call = 3;
	device.room = 1000;
	pipeline_run(w);
	assert_int_equal(device.sent, 100);
	assert_int_equal(stats.tx_pkts, 100);
	assert_int_equal(dropped(), 0);
}

static void what_a_full_device_refuses_is_dropped_and_counted(void **state)
{
	for (unsigned i = 0; i < 100; i++) {
		struct rte_mbuf *m = make();

		rte_pktmbuf_append(m, (uint16_t)(i < 40 ? 60 : 100));
		lane_put(w, STAGE_port_tx, m);
	}
	device.takes_per_call = 64;
	device.room = 40;
	pipeline_run(w);
	assert_int_equal(stats.tx_pkts, 40);
	assert_int_equal(stats.ports[0].tx_pkts, 40);
	assert_int_equal(stats.ports[0].tx_bytes, 40 * 60);
	assert_int_equal(stats.drops[DROP_port_tx_full], 60);
}

static void a_packet_that_cannot_be_made_is_not_counted(void **state)
{
	static struct rte_mbuf *all[NODE_MBUFS];
	unsigned n = rte_mempool_avail_count(mempool);

	assert_int_equal(rte_pktmbuf_alloc_bulk(mempool, all, n), 0);
	assert_null(worker_generate(w));
	assert_int_equal(stats.generated_pkts, 0);
	rte_pktmbuf_free_bulk(all, n);
}

static void a_made_packet_has_come_in_nowhere(void **state)
{
	struct rte_mbuf *m = make();

	assert_int_equal(pkt_of(m)->flags, PKT_LOCAL);
	assert_int_equal(pkt_of(m)->iface, WORLD_NO_INTERFACE);
	assert_int_equal(pkt_of(m)->iface_out, WORLD_NO_INTERFACE);
	worker_reuse(w, m);
	assert_int_equal(stats.generated_pkts, 2);
	assert_int_equal(stats.consumed_pkts, 1);
	worker_consume(w, m);
	assert_int_equal(stats.consumed_pkts, 2);
}

static void what_is_under_way_at_the_end_is_dropped_as_such(void **state)
{
	static struct stats_worker main_stats;
	struct base_error err = {};
	struct worker *both[2] = {w, NULL};

	memset(&main_stats, 0, sizeof(main_stats));
	both[1] = worker_create(1, 1, &ops, &main_stats, mempool);
	assert_non_null(both[1]);
	if (mailbox_create(both, 2, &err) < 0)
		fail_msg("%s", err.text);
	for (unsigned i = 0; i < 5; i++)
		worker_handoff(w, make(), 1, STAGE_port_tx);
	pipeline_run(w);
	mailbox_send(w, 1, MAIL_neigh_used, 1);
	for (unsigned i = 0; i < 3; i++)
		lane_put(w, STAGE_ip4_output, make());
	mailbox_destroy(both, 2);
	worker_destroy(both[1]);
	worker_destroy(w);
	w = NULL;
	assert_int_equal(main_stats.drops[DROP_shutdown], 5);
	assert_int_equal(stats.drops[DROP_shutdown], 3);
	assert_int_equal(stats.generated_pkts, 8);
}

static void random_words_differ(void **state)
{
	uint64_t first = worker_random(w), bits = 0;

	assert_int_not_equal(w->rng, 0);
	for (unsigned i = 0; i < 64; i++) {
		uint64_t next = worker_random(w);

		assert_int_not_equal(next, first);
		bits |= next;
	}
	assert_int_equal(bits, UINT64_MAX);
}

/* A node brings up EAL, the packet buffers and a first world; it stays for the pipeline. */
static int start(void **state)
{
	node_start("node:\n"
		   "  name: n\n"
		   "  workers: [0]\n"
		   "  ports:\n"
		   "    - {name: lan, device: net_null0}\n");
	mempool = node_worker(0)->mempool;
	mailbox_destroy(workers, 2);
	return 0;
}

static int stop(void **state)
{
	node_stop();
	return 0;
}

#define WORKER_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORKER_TEST(a_turn_empties_each_queue_by_one_burst),
		WORKER_TEST(time_is_read_once_per_turn),
		WORKER_TEST(every_packet_of_a_stage_is_counted_and_some_turns_are_timed),
		WORKER_TEST(a_full_lane_drops_what_comes_next),
		WORKER_TEST(more_drops_than_a_lane_holds_keep_their_reasons),
		WORKER_TEST(what_is_left_in_the_lane_goes_before_a_new_burst),
		WORKER_TEST(a_device_that_takes_little_at_a_time_gets_everything),
		WORKER_TEST(what_a_full_device_refuses_is_dropped_and_counted),
		WORKER_TEST(a_packet_that_cannot_be_made_is_not_counted),
		WORKER_TEST(a_made_packet_has_come_in_nowhere),
		WORKER_TEST(what_is_under_way_at_the_end_is_dropped_as_such),
		WORKER_TEST(random_words_differ),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
