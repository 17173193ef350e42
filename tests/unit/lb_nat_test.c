/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports of full NAT: whose they are, in what order, where the reply arrives, a pool that changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_thash.h>

#include "dataplane/link/link.h"
#include "tests/unit/lb_bare.h"

static uint64_t used[BARE_POOL][65536 / 64]; /* bit per port */

static int setup(void **state)
{
	memset(used, 0, sizeof(used));
	return 0;
}

static int stop(void **state)
{
	bare_stop();
	return 0;
}

/* Notes that @nat is in use; false when it was already. */
static bool note(uint32_t nat)
{
	uint64_t *word = &used[nat >> 16][(nat & 0xffff) / 64];
	uint64_t bit = 1ULL << nat % 64;
	bool is_new = !(*word & bit);

	*word |= bit;
	return is_new;
}

/* Takes ports of backend @backend until there are none; checks them; how many. */
static uint32_t take_all(struct worker *w, uint16_t backend)
{
	uint32_t n = 0, nat;

	while ((nat = bare_take(w, backend)) != 0) {
		const struct lb_nat *record = lb_nat_at(&bare.lb, nat);

		assert_true(note(nat));
		assert_true((nat & 0xffff) >= LB_NAT_PORT_MIN);
		assert_int_equal(lb_nat_owner(w, __builtin_bswap16((uint16_t)nat)), w->id);
		assert_int_equal(record->backend, backend);
		assert_int_equal(record->state, LB_FLOW_TCP_NEW);
		n++;
	}
	return n;
}

static void each_port_is_taken_once_by_its_worker(void **state)
{
	static const struct {
		unsigned n_workers;
		bool steer;
	} cases[] = {{1, false}, {2, true}, {3, false}, {7, true}, {16, true}};

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		uint32_t n4 = 0, n6 = 0;

		memset(used, 0, sizeof(used));
		bare_start(cases[c].n_workers, 1000, cases[c].steer);
		for (unsigned i = 0; i < cases[c].n_workers; i++) {
			n4 += take_all(workers[i], 1);
			n6 += take_all(workers[i], 5);
		}
		assert_int_equal(n4, 2 * BARE_PORTS);
		assert_int_equal(n6, 2 * BARE_PORTS);
		if (c + 1 < ARRAY_SIZE(cases))
			bare_stop();
	}
}

static void the_record_says_what_the_flow_is(void **state)
{
	struct lb_nat_want want;
	const struct lb_nat *record;
	uint32_t nat;

	bare_start(1, 100, false);
	want = (struct lb_nat_want){&bare.backends[6], 6, __builtin_bswap16(53), IPPROTO_UDP};
	nat = lb_nat_take(workers[0], &want);
	assert_in_range(nat >> 16, 2, 3);
	record = lb_nat_at(&bare.lb, nat);
	assert_ptr_equal(record, lb_nat_held(workers[0], nat));
	assert_int_equal(record->backend, 6);
	assert_int_equal(record->backend_port_be, __builtin_bswap16(53));
	assert_int_equal(record->protocol, IPPROTO_UDP);
	assert_int_equal(record->state, LB_FLOW_UDP_NEW);
	assert_int_equal(record->family, 6);
	assert_int_equal(record->answered, 0);
	assert_int_equal(record->seen, lb_tick(workers[0]));
}

static void addresses_are_taken_in_turn(void **state)
{
	unsigned first = 0;

	bare_start(1, 100, false);
	for (unsigned i = 0; i < 100; i++) {
		uint32_t nat = bare_take(workers[0], 0);

		first += nat >> 16 == 0;
		assert_int_equal(nat & 0xffff, LB_NAT_PORT_MIN + i / 2);
	}
	assert_int_equal(first, 50);
}

static void the_longest_unused_port_comes_first(void **state)
{
	static uint32_t given[2][1000];
	unsigned n[2] = {0, 0};
	struct worker *w;

	bare_start(1, 100, false);
	w = workers[0];
	assert_int_equal(take_all(w, 0), 2 * BARE_PORTS);
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t port = LB_NAT_PORT_MIN + i * 7919u % BARE_PORTS;

		lb_nat_give(w, (i % 2) << 16 | port);
		given[i % 2][n[i % 2]++] = port;
	}
	n[0] = n[1] = 0;
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t nat = bare_take(w, 0);

		assert_int_equal(nat & 0xffff, given[nat >> 16][n[nat >> 16]++]);
	}
	assert_int_equal(bare_take(w, 0), 0);
	lb_nat_give(w, LB_NAT_PORT_MIN);
	assert_int_equal(bare_take(w, 0), LB_NAT_PORT_MIN);
}

static void ports_that_were_never_used_come_before_freed_ones(void **state)
{
	uint32_t freed;

	bare_start(1, 100, false);
	freed = bare_take(workers[0], 0);
	lb_nat_give(workers[0], freed);
	for (uint32_t i = 1; i < 2 * BARE_PORTS; i++)
		assert_int_not_equal(bare_take(workers[0], 0), freed);
	assert_int_equal(bare_take(workers[0], 0), freed);
}

/* The worker to which stage steer sends a backend's frame to port @nat, asked with the frame. */
static uint8_t steered_to(const struct lb_backend *b, uint32_t nat)
{
	const struct ip_addr *pool = &bare.pool[nat >> 16].addr;
	bool is_ip6 = b->addr.family == 6;
	uint8_t f[58] = {[12] = is_ip6 ? 0x86 : 0x08, [13] = is_ip6 ? 0xdd : 0};
	uint8_t *ports = f + (is_ip6 ? 54 : 34);

	if (is_ip6) {
		f[14] = 0x60;
		f[20] = IPPROTO_TCP;
		memcpy(f + 22, b->addr.bytes, 16);
		memcpy(f + 38, pool->bytes, 16);
	} else {
		f[14] = 0x45;
		f[23] = IPPROTO_TCP;
		memcpy(f + 26, b->addr.bytes, 4);
		memcpy(f + 30, pool->bytes, 4);
	}
	ports[0] = 8080 >> 8;
	ports[1] = 8080 & 0xff;
	ports[2] = (uint8_t)(nat >> 8);
	ports[3] = (uint8_t)nat;
	return steer_owner(workers[0], steer_hash(workers[0]->flow_key, f, sizeof(f)));
}

/* How many of the next @n ports that each worker takes for each backend get their replies from
 * stage steer. */
static unsigned count_at_home(unsigned n_workers, unsigned n)
{
	unsigned home = 0;

	for (unsigned i = 0; i < n_workers; i++) {
		for (unsigned k = 0; k < n * BARE_BACKENDS; k++) {
			uint16_t backend = (uint16_t)(k % BARE_BACKENDS);
			uint32_t nat = bare_take(workers[i], backend);

			assert_int_not_equal(nat, 0);
			assert_true(note(nat));
			home += steered_to(&bare.backends[backend], nat) == workers[i]->id;
		}
	}
	return home;
}

static void replies_reach_the_owner_where_frames_are_steered(void **state)
{
	static const unsigned n_workers[] = {2, 4, 16};

	for (size_t c = 0; c < ARRAY_SIZE(n_workers); c++) {
		unsigned n = n_workers[c], home, left = 0;

		memset(used, 0, sizeof(used));
		bare_start(n, 1000, true);
		home = count_at_home(n, 100);
		assert_true(home >= 97 * n * 100 * BARE_BACKENDS / 100);
		/* The ports that were looked at and not chosen are still there for others. */
		for (unsigned i = 0; i < n; i++)
			left += take_all(workers[i], 0) + take_all(workers[i], 4);
		assert_int_equal(left, BARE_POOL * BARE_PORTS - n * 100 * BARE_BACKENDS);
		bare_stop();
	}
	/* Behind a group of next hops its first one tells the port. */
	bare_start(4, 1000, true);
	{
		struct ecmp_group group = {.n_hops = 1, .hops = {1}};
		struct nexthop nexthops[3] = {
			[1] = {.kind = NEXTHOP_CONNECTED},
			[2] = {.kind = NEXTHOP_GROUP, .iface = 0xffff, .group = &group},
		};

		memset(used, 0, sizeof(used));
		bare.world.nexthops = nexthops;
		for (unsigned i = 0; i < BARE_BACKENDS; i++)
			bare.backends[i].nexthop = 2;
		assert_true(count_at_home(4, 100) >= 97 * 4 * 100 * BARE_BACKENDS / 100);
	}
}

static struct steer_rss device; /* how port 0 spreads frames */
static uint8_t device_key[40];

/* Lets the device of port 0 spread frames of @kinds over @n_workers with a key and a table of 128
 * entries. */
static void spread_by_device(unsigned n_workers, uint8_t kinds)
{
	memset(&device, 0, sizeof(device));
	for (unsigned i = 0; i < sizeof(device_key); i++)
		device_key[i] = (uint8_t)(i * 37 + 11);
	steer_rss_set_key(&device, device_key);
	device.with_ports = kinds;
	device.mask = 127;
	for (unsigned i = 0; i < 128; i++) {
		device.owners[i] = (uint8_t)(i % n_workers);
		device.reached |= (uint16_t)(1u << i % n_workers);
	}
	for (unsigned i = 0; i < n_workers; i++)
		workers[i]->lb->ports->rss[0] = &device;
}

/* The worker to which the device gives a backend's frame to port @nat, as DPDK computes it. */
static uint8_t spread_to(const struct lb_backend *b, uint32_t nat)
{
	unsigned n = b->addr.family == 6 ? 4 : 1;
	uint32_t words[9];

	memcpy(words, b->addr.bytes, 4 * n);
	memcpy(words + n, bare.pool[nat >> 16].addr.bytes, 4 * n);
	for (unsigned i = 0; i < 2 * n; i++)
		words[i] = __builtin_bswap32(words[i]);
	words[2 * n] = 8080u << 16 | (nat & 0xffff);
	return device.owners[rte_softrss(words, 2 * n + 1, device_key) & device.mask];
}

/* How many of the next @n ports that worker @w takes for each backend get their replies from the
 * device. */
static unsigned count_spread(struct worker *w, unsigned n)
{
	unsigned home = 0;

	for (unsigned k = 0; k < n * BARE_BACKENDS; k++) {
		uint16_t backend = (uint16_t)(k % BARE_BACKENDS);
		uint32_t nat = bare_take(w, backend);

		assert_int_not_equal(nat, 0);
		assert_true(note(nat));
		home += spread_to(&bare.backends[backend], nat) == w->id;
	}
	return home;
}

static void replies_reach_the_owner_where_a_device_spreads_frames(void **state)
{
	static const unsigned n_workers[] = {2, 4, 16};

	for (size_t c = 0; c < ARRAY_SIZE(n_workers); c++) {
		unsigned n = n_workers[c], home = 0, left = 0;

		memset(used, 0, sizeof(used));
		bare_start(n, 1000, false);
		spread_by_device(n, STEER_RSS_TCP4 | STEER_RSS_TCP6);
		for (unsigned i = 0; i < n; i++)
			home += count_spread(workers[i], 100);
		assert_true(home >= 97 * n * 100 * BARE_BACKENDS / 100);
		for (unsigned i = 0; i < n; i++)
			left += take_all(workers[i], 0) + take_all(workers[i], 4);
		assert_int_equal(left, BARE_POOL * BARE_PORTS - n * 100 * BARE_BACKENDS);
		if (c + 1 < ARRAY_SIZE(n_workers))
			bare_stop();
	}
}

static void any_port_will_do_where_no_port_brings_the_reply(void **state)
{
	/* The device hashes other packets with ports, or gives this worker none. */
	bare_start(4, 1000, false);
	spread_by_device(4, STEER_RSS_UDP4 | STEER_RSS_UDP6);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(bare_take(workers[1], 0) & 0xffff, 1025 + 4 * (i / 2));
	spread_by_device(4, STEER_RSS_TCP4);
	for (unsigned i = 0; i < 128; i++)
		device.owners[i] = 0;
	device.reached = 1;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(bare_take(workers[2], 0) & 0xffff, 1026 + 4 * (i / 2));
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(bare_take(workers[0], 0) & 0xffff, 1024 + 4 * (i / 2));
}

static void any_port_will_do_where_a_device_does_not_tell(void **state)
{
	bare_start(4, 1000, false);
	assert_in_range(count_at_home(4, 100), 600, 1000); /* one in four by chance, of 3200 */
	bare_stop();
	bare_start(4, 1000, true);
	for (unsigned i = 0; i < BARE_BACKENDS; i++)
		bare.backends[i].nexthop = 0;
	memset(used, 0, sizeof(used));
	assert_in_range(count_at_home(4, 100), 600, 1000);
}

static void an_address_that_left_the_pool_ends_its_flows(void **state)
{
	struct lb_flow on_first, on_second;
	struct worker *w;

	bare_start(1, 100, false);
	w = workers[0];
	on_first = (struct lb_flow){.state = LB_FLOW_TCP_NEW, .protocol = IPPROTO_TCP};
	on_first.seen = lb_tick(w);
	on_second = on_first;
	on_first.nat = bare_take(w, 0);
	on_second.nat = bare_take(w, 0);
	assert_int_equal(on_first.nat >> 16, 0);
	assert_int_equal(on_second.nat >> 16, 1);
	/* Only the second is left. */
	bare.list4[0] = 1;
	bare.lb.n_pool4 = 1;
	free(bare.pool[0].records);
	bare.pool[0].records = NULL;
	bare.pool[0].addr.family = 0;
	assert_true(lb_flow_is_idle(w, &on_first));
	assert_false(lb_flow_is_idle(w, &on_second));
	assert_null(lb_nat_held(w, on_first.nat));
	assert_int_equal(bare_take(w, 0) >> 16, 1);
	/* The number is used again: not before the last flow of the old address has ended. */
	bare_pool_renew(0);
	bare.list4[0] = 0;
	bare.lb.n_pool4 = 2;
	assert_true(lb_flow_is_idle(w, &on_first));
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(bare_take(w, 0) >> 16, 1);
	lb_nat_give(w, on_first.nat);
	assert_int_equal(bare_take(w, 0), LB_NAT_PORT_MIN);
}

static void an_address_is_told_from_another_in_the_same_memory(void **state)
{
	struct lb_flow flow = {.state = LB_FLOW_TCP_NEW, .protocol = IPPROTO_TCP};
	struct worker *w;

	bare_start(1, 100, false);
	w = workers[0];
	flow.seen = lb_tick(w);
	flow.nat = bare_take(w, 0);
	bare.pool[0].life++;
	memset(bare.pool[0].records, 0, 65536 * sizeof(struct lb_nat));
	assert_true(lb_flow_is_idle(w, &flow));
	lb_nat_give(w, flow.nat);
	assert_int_equal(lb_nat_at(&bare.lb, flow.nat)->state, LB_FLOW_FREE);
	assert_int_equal(bare_take(w, 0) & 0xffff, LB_NAT_PORT_MIN);
}

static void without_addresses_of_its_version_a_flow_gets_no_port(void **state)
{
	bare_start(1, 100, false);
	bare.lb.n_pool6 = 0;
	assert_int_equal(bare_take(workers[0], 4), 0);
	assert_int_not_equal(bare_take(workers[0], 0), 0);
	bare.lb.n_pool6 = 1;
	assert_int_equal(bare_take(workers[0], 4), 2u << 16 | LB_NAT_PORT_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_port_is_taken_once_by_its_worker, setup, stop),
		cmocka_unit_test_teardown(the_record_says_what_the_flow_is, stop),
		cmocka_unit_test_teardown(addresses_are_taken_in_turn, stop),
		cmocka_unit_test_setup_teardown(the_longest_unused_port_comes_first, setup, stop),
		cmocka_unit_test_teardown(ports_that_were_never_used_come_before_freed_ones, stop),
		cmocka_unit_test_setup_teardown(
			replies_reach_the_owner_where_frames_are_steered, setup, stop),
		cmocka_unit_test_setup_teardown(
			replies_reach_the_owner_where_a_device_spreads_frames, setup, stop),
		cmocka_unit_test_setup_teardown(
			any_port_will_do_where_no_port_brings_the_reply, setup, stop),
		cmocka_unit_test_setup_teardown(
			any_port_will_do_where_a_device_does_not_tell, setup, stop),
		cmocka_unit_test_teardown(an_address_that_left_the_pool_ends_its_flows, stop),
		cmocka_unit_test_teardown(an_address_is_told_from_another_in_the_same_memory, stop),
		cmocka_unit_test_teardown(
			without_addresses_of_its_version_a_flow_gets_no_port, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
