/* SPDX-License-Identifier: BSD-3-Clause */
/* The flow tables: keys, room, idle times, the sweep, the limit of new flows, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/lb_bare.h"

#define MINUTE_NS (60 * NSEC_PER_SEC)

static int stop(void **state)
{
	bare_stop();
	return 0;
}

/* The flow of client number @client, of backend @backend. */
static struct lb_flow4 make4(uint32_t client, uint16_t backend)
{
	return (struct lb_flow4){
		.src_be = __builtin_bswap32(0x0a000000 + client / 50000),
		.dst_be = __builtin_bswap32(0xcb00710a),
		.flow =
			{
				.ports = __builtin_bswap16((uint16_t)(1024 + client % 50000)) |
					 0x5000u << 16,
				.backend = backend,
				.protocol = IPPROTO_TCP,
				.state = LB_FLOW_TCP_NEW,
				.seen = lb_tick(workers[0]),
			},
	};
}

static struct lb_flow6 make6(uint32_t client, uint16_t backend)
{
	struct lb_flow6 f = {.src = {0x20, 1, 0xd, 0xb8}, .dst = {0x20, 1, [15] = 7}};

	f.flow = make4(client, backend).flow;
	memcpy(f.src + 12, &client, sizeof(client));
	return f;
}

static uint64_t hash4(const struct lb_flow4 *f)
{
	return lb_flow4_hash(workers[0], f->src_be, f->dst_be, f->flow.protocol, f->flow.ports);
}

static uint64_t hash6(const struct lb_flow6 *f)
{
	return lb_flow6_hash(workers[0], f->src, f->dst, f->flow.protocol, f->flow.ports);
}

static struct lb_flow4 *add4(uint32_t client, uint16_t backend)
{
	struct lb_flow4 f = make4(client, backend);

	return lb_flow4_add(workers[0], hash4(&f), &f);
}

static struct lb_flow6 *add6(uint32_t client, uint16_t backend)
{
	struct lb_flow6 f = make6(client, backend);

	return lb_flow6_add(workers[0], hash6(&f), &f);
}

static struct lb_flow4 *find4(uint32_t client)
{
	struct lb_flow4 f = make4(client, 0);

	return lb_flow4_find(workers[0], hash4(&f), &f);
}

static struct lb_flow6 *find6(uint32_t client)
{
	struct lb_flow6 f = make6(client, 0);

	return lb_flow6_find(workers[0], hash6(&f), &f);
}

static void a_flow_is_found_by_its_whole_key_only(void **state)
{
	struct lb_flow4 f;
	struct lb_flow6 g;

	bare_start(1, 1000, false);
	f = make4(1, 3);
	g = make6(1, 5);
	assert_non_null(lb_flow4_add(workers[0], 77, &f));
	assert_non_null(lb_flow6_add(workers[0], 77, &g));
	for (size_t bit = 0; bit <= sizeof(f) * 8; bit++) {
		struct lb_flow4 want = f;
		bool is_key = bit / 8 < offsetof(struct lb_flow4, flow.backend) ||
			      bit / 8 == offsetof(struct lb_flow4, flow.protocol);

		((uint8_t *)&want)[bit / 8 % sizeof(f)] ^= (uint8_t)(bit < sizeof(f) * 8)
							   << bit % 8;
		is_key &= bit < sizeof(f) * 8;
		assert_int_equal(lb_flow4_find(workers[0], 77, &want) == NULL, is_key);
	}
	for (size_t bit = 0; bit < sizeof(g) * 8; bit++) {
		struct lb_flow6 want = g;
		bool is_key = bit / 8 < offsetof(struct lb_flow6, flow.backend) ||
			      bit / 8 == offsetof(struct lb_flow6, flow.protocol);

		((uint8_t *)&want)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(lb_flow6_find(workers[0], 77, &want) == NULL, is_key);
	}
	assert_int_equal(lb_flow4_find(workers[0], 77, &f)->flow.backend, 3);
	assert_int_equal(lb_flow6_find(workers[0], 77, &g)->flow.backend, 5);
	assert_null(lb_flow4_find(workers[0], 78, &f));
}

/* Finds @n clients whose flows have the same tag and buckets 0 and 1 (of two) in either order. */
static void find_alike(uint32_t *clients, uint32_t n)
{
	const struct lb_table *t = &workers[0]->lb->flows4;
	uint16_t tag = 0;

	assert_int_equal(t->n_buckets, 2);
	for (uint32_t client = 0, found = 0; found < n; client++) {
		struct lb_flow4 f = make4(client, 0);
		uint64_t hash = hash4(&f);

		if (lb_flow_bucket(t, hash, 0) == lb_flow_bucket(t, hash, 1) ||
			(tag && lb_flow_tag(hash) != tag))
			continue;
		tag = lb_flow_tag(hash);
		clients[found++] = client;
	}
}

static void flows_of_one_tag_are_told_apart(void **state)
{
	uint32_t clients[17];

	bare_start(1, 12, false);
	find_alike(clients, ARRAY_SIZE(clients));
	for (uint32_t i = 0; i < 16; i++)
		assert_non_null(add4(clients[i], (uint16_t)(i % 4)));
	assert_null(add4(clients[16], 0));
	for (uint32_t i = 0; i < 16; i++) {
		struct lb_flow4 f = make4(clients[i], 0), *found = find4(clients[i]);

		assert_non_null(found);
		assert_int_equal(found->flow.ports, f.flow.ports);
		assert_int_equal(found->flow.backend, i % 4);
	}
	lb_flow_end(workers[0], &workers[0]->lb->flows4, &find4(clients[5])->flow);
	assert_null(find4(clients[5]));
	assert_non_null(add4(clients[16], 0));
}

static void as_many_flows_as_configured_find_a_place(void **state)
{
	static const uint32_t sizes[] = {8, 50, 1000, 10000, 200000, 1000000};

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		uint32_t stored4 = 0, stored6 = 0;

		bare_start(1, sizes[s], false);
		for (uint32_t i = 0; i < sizes[s]; i++) {
			stored4 += add4(i, 0) != NULL;
			stored6 += add6(i, 4) != NULL;
		}
		assert_int_equal(stored4, sizes[s]);
		assert_int_equal(stored6, sizes[s]);
		assert_int_equal(bare.stats[0].flows, stored4 + stored6);
		for (uint32_t i = 0; i < sizes[s]; i++) {
			stored4 -= find4(i) != NULL;
			stored6 -= find6(i) != NULL;
		}
		assert_int_equal(stored4, 0);
		assert_int_equal(stored6, 0);
		if (s + 1 < ARRAY_SIZE(sizes))
			bare_stop();
	}
}

static void a_table_grows_with_its_flows_and_shrinks_without(void **state)
{
	static const uint32_t flows = 100000;
	struct lb_table *t4, *t6;
	uint32_t first, grown = 0;
	struct worker *w;

	bare_start(1, flows, false);
	w = workers[0];
	t4 = &w->lb->flows4;
	t6 = &w->lb->flows6;
	first = t4->n_first;
	assert_true(first < t4->n_buckets / 4);
	assert_int_equal(t4->n_wide, first);
	for (uint32_t i = 0; i < flows; i++) {
		uint32_t was = t4->n_wide;

		assert_non_null(add4(i, (uint16_t)(i % 4)));
		assert_non_null(add6(i, (uint16_t)(4 + i % 4)));
		assert_non_null(find4(i));
		/* At each beginning of a doubling, in its middle and at its end. */
		if (t4->n_wide == was && i % 7919 != 0)
			continue;
		grown += t4->n_wide != was;
		for (uint32_t k = 0; k <= i; k++) {
			assert_int_equal(find4(k)->flow.backend, k % 4);
			assert_int_equal(find6(k)->flow.backend, 4 + k % 4);
		}
	}
	assert_int_equal(first << grown, t4->n_buckets);
	assert_int_equal(t4->n_wide, t4->n_buckets);
	assert_int_equal(t4->split, 0);
	assert_int_equal(t6->n_wide, t6->n_buckets);
	assert_int_equal(t4->n_flows, flows);
	bare_advance(w, MINUTE_NS, 10 * NSEC_PER_MSEC);
	assert_int_equal(t4->n_flows, 0);
	assert_int_equal(t4->n_wide, first);
	assert_int_equal(t6->n_wide, first);
	assert_non_null(add4(1, 1));
	assert_non_null(find4(1));
}

static void most_flows_are_found_at_home(void **state)
{
	static const uint32_t flows = 100000;
	struct lb_table *t;
	uint32_t at_home = 0;

	bare_start(1, flows, false);
	t = &workers[0]->lb->flows4;
	for (uint32_t i = 0; i < flows; i++)
		assert_non_null(add4(i, 0));
	for (uint32_t i = 0; i < flows; i++) {
		struct lb_flow4 f = make4(i, 0);
		void *home = lb_flow_home_fetch(t, hash4(&f), false), *found;

		found = lb_flow_home_find(home, &f, lb_flow_word(&f.flow), false);
		assert_true(!found || found == find4(i));
		at_home += found != NULL;
	}
	assert_in_range(at_home, flows * 7 / 10, flows);
}

static void a_flow_that_moves_stays_as_it_is(void **state)
{
	static const uint32_t flows = 20000;
	uint32_t n = 0, ports4 = 0, ports6 = 0;
	struct worker *w;

	bare_start(1, flows, false);
	w = workers[0];
	for (uint32_t i = 0; i < flows; i++) {
		struct lb_flow4 *f = add4(i, (uint16_t)(i % 4));
		struct lb_flow6 *g = add6(i, (uint16_t)(4 + i % 4));

		f->pkts = i;
		f->born = ~i;
		f->flow.nat = i % 16 ? 0 : bare_take(w, f->flow.backend);
		g->flow.nat = i % 16 ? 0 : bare_take(w, g->flow.backend);
		g->flow.seen -= i % 5;
	}
	for (uint32_t i = 0; i < flows; i++) {
		struct lb_flow4 *f = find4(i);
		struct lb_flow6 *g = find6(i);

		n += f != NULL && g != NULL;
		assert_int_equal(f->pkts, i);
		assert_int_equal(f->born, ~i);
		assert_int_equal(f->flow.backend, i % 4);
		assert_int_equal(g->flow.backend, 4 + i % 4);
		assert_int_equal(g->flow.seen, lb_tick(w) - i % 5);
		ports4 += f->flow.nat != 0 && lb_nat_held(w, f->flow.nat)->backend == i % 4;
		ports6 += g->flow.nat != 0 && lb_nat_held(w, g->flow.nat)->backend == 4 + i % 4;
		lb_flow_end(w, &w->lb->flows4, &f->flow);
		lb_flow_end(w, &w->lb->flows6, &g->flow);
	}
	assert_int_equal(n, flows);
	assert_int_equal(ports4, flows / 16);
	assert_int_equal(ports6, flows / 16);
	assert_int_equal(bare.stats[0].flows, 0);
	for (unsigned i = 0; i < BARE_POOL; i++)
		assert_int_equal(w->lb->ports->pool[i].in_use, 0);
}

static void a_flow_takes_at_most_64_bytes_with_slack_and_128_with_its_port(void **state)
{
	static const uint32_t n_workers[] = {1, 2, 5, 16};
	static const uint32_t flows = 100000;

	for (size_t i = 0; i < ARRAY_SIZE(n_workers); i++) {
		uint64_t slots = 0, ports = flows * (65536 * sizeof(struct lb_nat)) / BARE_PORTS;
		uint64_t bytes4, bytes6;

		bare_start(n_workers[i], flows, false);
		for (uint32_t k = 0; k < n_workers[i]; k++) {
			assert_int_equal(
				workers[k]->lb->flows4.n_buckets, workers[k]->lb->flows6.n_buckets);
			slots += (uint64_t)workers[k]->lb->flows4.n_buckets * LB_FLOW_BUCKET_SLOTS;
		}
		bytes4 = slots * (sizeof(struct lb_flow4) + sizeof(uint16_t));
		bytes6 = slots * (sizeof(struct lb_flow6) + sizeof(uint16_t));
		assert_true(slots * 81 / 100 >= flows);
		assert_true(bytes4 <= 64 * flows && bytes6 <= 64 * flows);
		assert_true(bytes4 + ports <= 128 * flows && bytes6 + ports <= 128 * flows);
		if (i + 1 < ARRAY_SIZE(n_workers))
			bare_stop();
	}
}

static void only_an_idle_flow_gives_its_place_to_a_new_one(void **state)
{
	struct lb_flow4 *kept;

	bare_start(1, 1, false);
	for (uint32_t i = 0; i < LB_FLOW_BUCKET_SLOTS; i++)
		assert_non_null(add4(i, 1));
	assert_null(add4(100, 2));
	kept = find4(3);
	kept->flow.state = LB_FLOW_TCP_ESTABLISHED;
	workers[0]->now_ns += 11 * NSEC_PER_SEC;
	for (uint32_t i = 0; i < LB_FLOW_BUCKET_SLOTS - 1; i++)
		assert_non_null(add4(100 + i, 2));
	assert_null(add4(200, 2));
	assert_ptr_equal(find4(3), kept);
	assert_int_equal(bare.stats[0].flows, LB_FLOW_BUCKET_SLOTS);
	assert_int_equal(bare.stats[0].backends[1].new_flows, LB_FLOW_BUCKET_SLOTS);
	assert_int_equal(bare.stats[0].backends[1].ended_flows, LB_FLOW_BUCKET_SLOTS - 1);
	assert_int_equal(bare.stats[0].backends[2].new_flows, LB_FLOW_BUCKET_SLOTS - 1);
}

static void idle_times_follow_the_states_of_both_sides(void **state)
{
	static const struct {
		uint8_t client, backend;            /* states; backend LB_FLOW_FREE: not NAT */
		unsigned client_idle, backend_idle; /* seconds */
		bool idle, reset;
	} cases[] = {
		{LB_FLOW_TCP_NEW, LB_FLOW_FREE, 10, 0, false, false},
		{LB_FLOW_TCP_NEW, LB_FLOW_FREE, 11, 0, true, false},
		{LB_FLOW_TCP_ESTABLISHED, LB_FLOW_FREE, 899, 0, false, false},
		{LB_FLOW_TCP_ESTABLISHED, LB_FLOW_FREE, 901, 0, true, false},
		{LB_FLOW_TCP_CLOSING, LB_FLOW_FREE, 4, 0, false, false},
		{LB_FLOW_TCP_CLOSING, LB_FLOW_FREE, 6, 0, true, false},
		{LB_FLOW_UDP_NEW, LB_FLOW_FREE, 19, 0, false, false},
		{LB_FLOW_UDP_NEW, LB_FLOW_FREE, 21, 0, true, false},
		{LB_FLOW_UDP_ESTABLISHED, LB_FLOW_FREE, 119, 0, false, false},
		{LB_FLOW_UDP_ESTABLISHED, LB_FLOW_FREE, 121, 0, true, false},
		/* Either side keeps it alive, for as long as its own state says. */
		{LB_FLOW_TCP_NEW, LB_FLOW_TCP_NEW, 11, 11, true, false},
		{LB_FLOW_TCP_NEW, LB_FLOW_TCP_NEW, 11, 9, false, false},
		{LB_FLOW_TCP_NEW, LB_FLOW_TCP_NEW, 9, 11, false, false},
		{LB_FLOW_TCP_ESTABLISHED, LB_FLOW_TCP_NEW, 100, 100, false, false},
		{LB_FLOW_TCP_NEW, LB_FLOW_TCP_ESTABLISHED, 100, 100, false, false},
		{LB_FLOW_UDP_ESTABLISHED, LB_FLOW_UDP_ESTABLISHED, 500, 1, false, false},
		{LB_FLOW_UDP_ESTABLISHED, LB_FLOW_UDP_ESTABLISHED, 500, 500, true, false},
		/* Both have to close, or one to reset. */
		{LB_FLOW_TCP_CLOSING, LB_FLOW_TCP_CLOSING, 6, 6, true, false},
		{LB_FLOW_TCP_CLOSING, LB_FLOW_TCP_CLOSING, 6, 1, false, false},
		{LB_FLOW_TCP_CLOSING, LB_FLOW_TCP_CLOSING, 1, 6, false, false},
		{LB_FLOW_TCP_CLOSING, LB_FLOW_TCP_ESTABLISHED, 899, 899, false, false},
		{LB_FLOW_TCP_ESTABLISHED, LB_FLOW_TCP_CLOSING, 899, 899, false, false},
		{LB_FLOW_TCP_CLOSING, LB_FLOW_TCP_ESTABLISHED, 901, 901, true, false},
		{LB_FLOW_TCP_ESTABLISHED, LB_FLOW_TCP_CLOSING, 901, 901, true, false},
		{LB_FLOW_TCP_CLOSING, LB_FLOW_TCP_NEW, 11, 11, true, false},
		{LB_FLOW_TCP_CLOSING, LB_FLOW_TCP_ESTABLISHED, 6, 6, true, true},
		{LB_FLOW_TCP_ESTABLISHED, LB_FLOW_TCP_CLOSING, 6, 6, true, true},
		{LB_FLOW_TCP_ESTABLISHED, LB_FLOW_TCP_CLOSING, 6, 1, false, true},
		{LB_FLOW_TCP_ESTABLISHED, LB_FLOW_TCP_CLOSING, 1, 6, false, true},
	};
	struct worker *w;

	bare_start(1, 100, false);
	w = workers[0];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lb_flow f = make4(0, 0).flow;

		f.state = cases[i].client;
		f.seen = lb_tick(w) - cases[i].client_idle * BARE_SECOND;
		if (cases[i].backend != LB_FLOW_FREE) {
			struct lb_nat *nat;

			f.nat = bare_take(w, 0);
			assert_int_not_equal(f.nat, 0);
			nat = lb_nat_at(&bare.lb, f.nat);
			nat->state = cases[i].backend;
			nat->reset = cases[i].reset;
			nat->seen = lb_tick(w) - cases[i].backend_idle * BARE_SECOND;
		}
		assert_int_equal(lb_flow_is_idle(w, &f), cases[i].idle);
	}
}

static void the_sweep_ends_idle_flows_within_a_second(void **state)
{
	static const uint32_t sizes[] = {1, 10, 10000, 2 * LB_SWEEP_FLOWS};

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		uint32_t half = sizes[s] - sizes[s] / 2;
		struct worker *w;

		bare_start(1, sizes[s], false);
		w = workers[0];
		for (uint32_t i = 0; i < half; i++) {
			struct lb_flow4 *f = add4(i, 0);
			struct lb_flow6 *g = add6(i, 4);

			f->flow.state = i % 2 ? LB_FLOW_TCP_ESTABLISHED : LB_FLOW_TCP_NEW;
			g->flow.state = f->flow.state;
		}
		bare_advance(w, 9900 * NSEC_PER_MSEC, 10 * NSEC_PER_MSEC);
		assert_int_equal(bare.stats[0].flows, 2 * half);
		bare_advance(w, 1120 * NSEC_PER_MSEC, NSEC_PER_MSEC);
		assert_int_equal(bare.stats[0].flows, half / 2 * 2);
		assert_int_equal(w->lb->flows4.n_flows, half / 2);
		assert_int_equal(bare.stats[0].backends[4].ended_flows, half - half / 2);
		assert_null(find4(0));
		assert_true(half < 2 || find4(1) != NULL);
		bare_advance(w, 16 * MINUTE_NS, 500 * NSEC_PER_MSEC);
		assert_int_equal(bare.stats[0].flows, 0);
		assert_int_equal(bare.stats[0].backends[0].ended_flows, half);
		if (s + 1 < ARRAY_SIZE(sizes))
			bare_stop();
	}
}

static void flows_of_services_that_are_gone_are_swept(void **state)
{
	struct worker *w;

	bare_start(1, 1000, false);
	w = workers[0];
	for (uint32_t i = 0; i < 900; i++)
		add4(i, (uint16_t)(i % 3));
	bare.backends[1].service_gone = true;
	bare_advance(w, 1120 * NSEC_PER_MSEC, NSEC_PER_MSEC);
	assert_int_equal(bare.stats[0].flows, 600);
	assert_int_equal(bare.stats[0].backends[1].ended_flows, 300);
	bare.world.lb = NULL;
	bare_advance(w, 1120 * NSEC_PER_MSEC, NSEC_PER_MSEC);
	assert_int_equal(bare.stats[0].flows, 0);
}

static void a_flow_gives_its_port_back_and_says_whether_it_was_answered(void **state)
{
	struct worker *w;

	bare_start(1, 100, false);
	w = workers[0];
	for (uint32_t i = 0; i < 3; i++) {
		struct lb_flow4 *f = add4(i, 2);

		f->flow.nat = bare_take(w, 2);
		lb_nat_at(&bare.lb, f->flow.nat)->answered = i == 1;
	}
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t nat = find4(i)->flow.nat;

		assert_int_equal(lb_nat_at(&bare.lb, nat)->state, LB_FLOW_TCP_NEW);
		lb_flow_end(w, &w->lb->flows4, &find4(i)->flow);
		assert_int_equal(lb_nat_at(&bare.lb, nat)->state, LB_FLOW_FREE);
	}
	assert_int_equal(bare.stats[0].backends[2].silent, 2);
	assert_int_equal(bare.stats[0].backends[2].ended_flows, 3);
	assert_int_equal(w->lb->ports->pool[0].in_use + w->lb->ports->pool[1].in_use, 0);
}

static void new_flows_are_admitted_at_their_rate(void **state)
{
	static const uint32_t rates[] = {0, 1, 7, 1000, 1000000, UINT32_MAX};

	bare_start(1, 100, false);
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		uint64_t tried = 0, admitted = 0, most = rates[i];
		struct worker *w = workers[0];

		bare.lb.new_flows_per_sec = rates[i];
		w->lb->tokens = 0;
		for (unsigned ms = 0; ms < 3000; ms++) {
			w->now_ns += NSEC_PER_MSEC;
			for (unsigned k = 0; k < 1500; k++, tried++)
				admitted += lb_flow_admit(w);
		}
		most = MIN_OF(3 * most, tried);
		assert_in_range(admitted, most - MIN_OF(most, 2), most + (rates[i] > 0));
		/* After a pause a tenth of a second's worth comes at once, or one. */
		w->now_ns += MINUTE_NS;
		admitted = 0;
		for (unsigned k = 0; k < 100000; k++)
			admitted += lb_flow_admit(w);
		most = MIN_OF(MAX_OF(rates[i] / 10, rates[i] > 0), 100000u);
		assert_int_equal(admitted, most);
	}
}

static void flows_are_shared_among_workers_and_main_has_none(void **state)
{
	bare_start(4, 100000, false);
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(
			workers[i]->lb->flows4.n_buckets * LB_FLOW_BUCKET_SLOTS, 31240, 31280);
	assert_null(workers[4]->lb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_flow_is_found_by_its_whole_key_only, stop),
		cmocka_unit_test_teardown(flows_of_one_tag_are_told_apart, stop),
		cmocka_unit_test_teardown(as_many_flows_as_configured_find_a_place, stop),
		cmocka_unit_test_teardown(a_table_grows_with_its_flows_and_shrinks_without, stop),
		cmocka_unit_test_teardown(most_flows_are_found_at_home, stop),
		cmocka_unit_test_teardown(a_flow_that_moves_stays_as_it_is, stop),
		cmocka_unit_test_teardown(
			a_flow_takes_at_most_64_bytes_with_slack_and_128_with_its_port, stop),
		cmocka_unit_test_teardown(only_an_idle_flow_gives_its_place_to_a_new_one, stop),
		cmocka_unit_test_teardown(idle_times_follow_the_states_of_both_sides, stop),
		cmocka_unit_test_teardown(the_sweep_ends_idle_flows_within_a_second, stop),
		cmocka_unit_test_teardown(flows_of_services_that_are_gone_are_swept, stop),
		cmocka_unit_test_teardown(
			a_flow_gives_its_port_back_and_says_whether_it_was_answered, stop),
		cmocka_unit_test_teardown(new_flows_are_admitted_at_their_rate, stop),
		cmocka_unit_test_teardown(flows_are_shared_among_workers_and_main_has_none, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
