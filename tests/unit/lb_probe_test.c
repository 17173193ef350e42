/* SPDX-License-Identifier: BSD-3-Clause */
/* When health probes are sent, what silence means, and how they follow the configuration. */
#include "tests/unit/lb_probe_node.h"

static void silence_is_a_failure_and_what_comes_later_is_stray(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_TCP);
	const struct stats_probe *r = &probe_results[PROBE_BACKEND];

	probe_node_start_one("192.0.2.2", API_LB_NAT, &want);
	probe_node_wait(2 * PROBE_INTERVAL_NS);
	node_advance(PROBE_TIMEOUT_NS - 10 * NSEC_PER_MSEC);
	assert_int_equal(r->failed, 0);
	node_advance(20 * NSEC_PER_MSEC);
	assert_int_equal(r->failed, 1);
	assert_int_equal(r->last_failure, API_PROBE_TIMEOUT);
	node_clear();
	probe_node_input(0, FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=18}");
	assert_int_equal(node_drop_reason(), DROP_lb_probe_stray);
	assert_int_equal(node_worker(1)->stats->stages[STAGE_lb_probe].pkts, 0);
	assert_int_equal(r->streak, -1);
	probe_node_wait(2 * PROBE_INTERVAL_NS);
	probe_node_input(0, FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=18}");
	assert_int_equal(r->streak, 1);
	probe_node_stop();
}

/* The pace is kept whether answers come or not, and a streak counts either. */
static void questions_come_at_the_interval(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_TCP);
	const struct stats_probe *r = &probe_results[PROBE_BACKEND];
	uint64_t first_ns = 0;

	probe_node_start_one("192.0.2.2", API_LB_NAT, &want);
	for (unsigned i = 0; i < 20; i++) {
		const struct node_frame *f = probe_node_wait(2 * PROBE_INTERVAL_NS);

		assert_non_null(f);
		if (i == 0)
			first_ns = f->time_ns;
		assert_in_range(f->time_ns, first_ns + i * PROBE_INTERVAL_NS,
			first_ns + i * PROBE_INTERVAL_NS + 20 * NSEC_PER_MSEC);
		if (i < 8)
			probe_node_input(0, FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=18}");
	}
	node_advance(PROBE_TIMEOUT_NS + 10 * NSEC_PER_MSEC);
	assert_int_equal(r->succeeded, 8);
	assert_int_equal(r->failed, 12);
	assert_int_equal(r->streak, -12);
	probe_node_wait(2 * PROBE_INTERVAL_NS);
	probe_node_input(0, FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=18}");
	assert_int_equal(r->streak, 1);
	assert_int_equal(r->last_failure, API_PROBE_TIMEOUT);
	probe_node_stop();
}

/* A timeout as long as the interval or longer: still one question at a time. */
static void only_one_question_is_under_way(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_TCP);

	want.timeout_ms = 3 * want.interval_ms;
	probe_node_start_one("192.0.2.2", API_LB_NAT, &want);
	probe_node_wait(2 * PROBE_INTERVAL_NS);
	node_clear();
	node_advance(3 * PROBE_INTERVAL_NS - 10 * NSEC_PER_MSEC);
	assert_int_equal(node_n_output(), 0);
	node_advance(30 * NSEC_PER_MSEC);
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(probe_results[PROBE_BACKEND].failed, 1);
	probe_node_stop();
}

static void probes_follow_the_configuration(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_TCP);
	struct lb_backend *b = &probe_backends[PROBE_BACKEND];
	const struct stats_probe *r = &probe_results[PROBE_BACKEND];

	probe_node_start_one("192.0.2.2", API_LB_NAT, &want);
	node_advance(3 * PROBE_INTERVAL_NS);
	assert_int_equal(r->failed, 3);
	/* Draining and down: as before, results go on. */
	b->use = API_BACKEND_DRAINING;
	probe_node_publish(&probe_world);
	node_advance(PROBE_INTERVAL_NS);
	b->use = API_BACKEND_DOWN;
	probe_node_publish(&probe_world);
	node_advance(PROBE_INTERVAL_NS);
	assert_int_equal(r->failed, 5);
	/* Other settings: results go on, the question that was under way is forgotten. */
	probe_node_wait(2 * PROBE_INTERVAL_NS);
	want.kind = API_PROBE_ICMP;
	lb_probe_configure(PROBE_BACKEND, &want);
	probe_node_publish(&probe_world);
	node_clear();
	probe_node_input(0, FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=18}");
	assert_int_equal(node_drop_reason(), DROP_lb_probe_stray);
	assert_int_equal(r->failed, 5);
	probe_node_wait(2 * PROBE_INTERVAL_NS);
	assert_int_equal(asked.protocol, 1);
	/* Another backend under the number: a new life. */
	probe_node_backend(PROBE_BACKEND, "192.0.2.2");
	b->port_be = htobe16(8081);
	probe_node_publish(&probe_world);
	assert_int_equal(r->failed, 0);
	assert_int_equal(r->streak, 0);
	node_advance(2 * PROBE_INTERVAL_NS);
	assert_in_range(r->failed, 1, 2);
	probe_node_stop();
}

static void probes_end_with_their_backend(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_TCP);
	struct api_probe none = probe_node_settings(API_PROBE_NONE);
	struct lb_backend *b = &probe_backends[PROBE_BACKEND];

	for (unsigned i = 0; i < 4; i++) {
		probe_node_start_one("192.0.2.2", API_LB_NAT, &want);
		probe_node_wait(2 * PROBE_INTERVAL_NS);
		if (i == 0)
			b->use = API_BACKEND_REMOVED;
		else if (i == 1)
			b->service_gone = true;
		else if (i == 2)
			b->addr.family = 0;
		else
			lb_probe_configure(PROBE_BACKEND, &none);
		probe_node_publish(&probe_world);
		node_clear();
		node_advance(3 * PROBE_INTERVAL_NS);
		assert_int_equal(node_n_output(), 0);
		assert_int_equal(probe_results[PROBE_BACKEND].failed, 0);
		probe_node_input(0, FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=18}");
		assert_int_equal(node_drop_reason(), DROP_lb_probe_stray);
		probe_node_stop();
	}
}

/* All backends there can be, none of which answers: questions are spread over the interval and all
 * have a place to wait. In mode dsr each has the same destination. */
static void as_many_backends_as_there_can_be_are_probed(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_TCP);
	unsigned least = UINT32_MAX, most = 0;

	want.timeout_ms = want.interval_ms;
	probe_node_start(PROBE_NODE, "203.0.113.16/28", API_LB_DSR);
	for (unsigned i = 0; i < LB_BACKENDS_MAX; i++) {
		probe_node_backend(i, "192.0.2.2");
		lb_probe_configure((uint16_t)i, &want);
	}
	probe_node_publish(&probe_world);
	for (unsigned i = 0; i < 10; i++) {
		node_clear();
		node_advance(PROBE_INTERVAL_NS / 10);
		least = MIN_OF(least, node_n_output());
		most = MAX_OF(most, node_n_output());
	}
	assert_in_range(least, 300, 410);
	assert_in_range(most, 410, 520);
	node_advance(2 * PROBE_INTERVAL_NS);
	for (unsigned i = 0; i < LB_BACKENDS_MAX; i++) {
		assert_in_range(probe_results[i].failed, 1, 3);
		assert_int_equal(probe_results[i].last_failure, API_PROBE_TIMEOUT);
	}
	probe_node_stop();
}

/* UDP answers are told apart by their port alone: no two questions to one host share one. */
static void udp_questions_to_one_host_have_different_ports(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_UDP);
	uint64_t seen[LB_PROBE_SLOTS / 64] = {0};
	unsigned n = 0;

	want.timeout_ms = 2 * want.interval_ms;
	probe_node_start(PROBE_NODE, "203.0.113.16/28", API_LB_DSR);
	for (unsigned i = 0; i < LB_PROBE_SLOTS + 100; i++) {
		probe_node_backend(i, "192.0.2.2");
		lb_probe_configure((uint16_t)i, &want);
	}
	probe_node_publish(&probe_world);
	for (unsigned k = 0; k < 10; k++) {
		node_clear();
		node_advance(PROBE_INTERVAL_NS / 10);
		for (unsigned i = 0; i < node_n_output(); i++, n++) {
			unsigned slot;

			probe_node_learn(node_output(i));
			slot = lb_probe_slot(&asked);
			assert_false(seen[slot / 64] >> slot % 64 & 1);
			seen[slot / 64] |= 1ULL << slot % 64;
		}
	}
	/* Those beyond have to wait until a port is free, which is no failure. */
	assert_int_equal(n, LB_PROBE_SLOTS);
	for (unsigned i = 0; i < LB_PROBE_SLOTS + 100; i++)
		assert_int_equal(probe_results[i].failed, 0);
	probe_node_stop();
}

/* A long commit: the world is new already, the probes follow later. */
static void a_backend_that_is_gone_is_not_asked_meanwhile(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_TCP);

	for (unsigned i = 0; i < 2; i++) {
		struct world *next;

		probe_node_start_one("192.0.2.2", API_LB_NAT, &want);
		probe_node_wait(2 * PROBE_INTERVAL_NS);
		next = world_draft();
		assert_non_null(next);
		probe_backends[PROBE_BACKEND].addr.family = 0;
		next->lb = i == 0 ? &probe_world : NULL;
		world_publish(next);
		node_clear();
		node_advance(3 * PROBE_INTERVAL_NS);
		assert_int_equal(node_n_output(), 0);
		probe_node_backend(PROBE_BACKEND, "192.0.2.2");
		probe_node_publish(&probe_world);
		assert_non_null(probe_node_wait(2 * PROBE_INTERVAL_NS));
		probe_node_stop();
	}
}

/* The backends of a service in a configuration file, from the first generation to the last. */
static void configured_backends_are_probed(void **state)
{
	static const char service[] = "services:\n"
				      "  - name: web\n"
				      "    vip: 203.0.113.10\n"
				      "    port: 80\n"
				      "    protocol: tcp\n"
				      "    mode: dsr\n"
				      "    health: {interval: 1s, timeout: 300ms}\n"
				      "    backends:\n"
				      "      - {address: 192.0.2.2}\n";
	char with[sizeof(PROBE_NODE) + sizeof(service)];
	uint8_t frame[FRAME_MAX];

	snprintf(with, sizeof(with), "%s%s", PROBE_NODE, service);
	memset(probe_results, 0, sizeof(probe_results));
	lb_probe_results(probe_results);
	node_start(with);
	node_advance(6 * NSEC_PER_SEC);
	probe_node_same(probe_node_wait(2 * PROBE_INTERVAL_NS),
		"eth{dst=host,src=node} ip4{id=$i,src=node,dst=203.0.113.10} "
		"tcp{sport=$p,dport=80,seq=$c,flags=2,win=65535,hex=02040218}");
	probe_node_input(0, "eth ip4{src=203.0.113.10,dst=node} "
			    "tcp{sport=80,dport=$p,ack=$a,flags=18}");
	assert_int_equal(probe_results[0].streak, 1);
	/* A client may use those ports of the VIP as any other that is closed. */
	node_clear();
	node_input(
		0, frame, frame_build("eth ip4{dst=203.0.113.10} tcp{dport=65000,flags=2}", frame));
	node_run();
	assert_int_equal(node_drop_reason(), DROP_tcp_refused);
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(node_apply(PROBE_NODE, NULL), 0);
	node_clear();
	node_advance(3 * PROBE_INTERVAL_NS);
	assert_int_equal(node_n_output(), 0);
	assert_int_equal(probe_results[0].succeeded, 0);
	node_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_a_failure_and_what_comes_later_is_stray),
		cmocka_unit_test(questions_come_at_the_interval),
		cmocka_unit_test(only_one_question_is_under_way),
		cmocka_unit_test(probes_follow_the_configuration),
		cmocka_unit_test(probes_end_with_their_backend),
		cmocka_unit_test(as_many_backends_as_there_can_be_are_probed),
		cmocka_unit_test(a_backend_that_is_gone_is_not_asked_meanwhile),
		cmocka_unit_test(configured_backends_are_probed),
		cmocka_unit_test(udp_questions_to_one_host_have_different_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
