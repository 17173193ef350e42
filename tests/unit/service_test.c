/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of services: what it asks and tells, what it takes over from the dataplane, health and
 * the panic threshold.
 */
#include "tests/unit/service_rig.h"

static void numbers_are_learned_and_everything_told_once(void **state)
{
	struct rig *r = *state;
	struct service_view v;

	install(r, four);
	follow(r);
	v = service_view(r->table);
	assert_int_equal(v.n_services, 2);
	assert_int_equal(v.services[1].index, 6);
	assert_int_equal(v.backends[4].index, 14);
	assert_int_equal(r->n_told, 1);
	assert_int_equal(r->n_items, 5);
	tick(r, 20);
	assert_int_equal(r->n_told, 1);
	follow(r);
	assert_int_equal(r->n_told, 1);
}

static void failed_probes_take_a_backend_down_and_good_ones_bring_it_back(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	set_streak(r, "192.0.2.22", -1);
	tick(r, 4);
	assert_int_equal(r->n_told, 1);
	set_streak(r, "192.0.2.22", -2);
	tick(r, 1);
	assert_int_equal(r->n_told, 2);
	assert_int_equal(r->n_items, 6);
	assert_true(backend(r, "192.0.2.22")->down);
	assert_string_equal(backend(r, "192.0.2.22")->reason, "2 probes refused");
	set_streak(r, "192.0.2.22", -50);
	tick(r, 8);
	assert_int_equal(r->n_told, 2);
	set_streak(r, "192.0.2.22", 1);
	tick(r, 1);
	assert_true(backend(r, "192.0.2.22")->down);
	set_streak(r, "192.0.2.22", 2);
	tick(r, 1);
	assert_false(backend(r, "192.0.2.22")->down);
	assert_string_equal(backend(r, "192.0.2.22")->reason, "");
	assert_int_equal(r->n_items, 7);
}

static void refused_flows_count_only_where_answers_can_be_seen(void **state)
{
	struct rig *r = *state;
	uint16_t index;

	install(r, four);
	follow(r);
	index = backend(r, "192.0.2.31")->index;
	r->counters->workers[1].backends[index].reply_pkts = 1;
	for (unsigned i = 0; i < 3; i++) {
		r->counters->workers[i % 2].backends[index].refused += 3;
		r->counters->workers[(i + 1) % 2].backends[index].silent += 3;
		tick(r, 8);
	}
	assert_true(backend(r, "192.0.2.31")->down);
	assert_string_equal(backend(r, "192.0.2.31")->reason, "6 flows refused");
	tick(r, 41);
	assert_false(backend(r, "192.0.2.31")->down);
}

static void what_traffic_took_down_stays_down_when_control_is_restarted(void **state)
{
	struct rig *r = *state;
	struct event_base *base;
	struct timespec now;
	uint16_t index;

	install(r, four);
	follow(r);
	index = backend(r, "192.0.2.31")->index;
	r->counters->workers[1].backends[index].reply_pkts = 1;
	for (unsigned i = 0; i < 3; i++) {
		r->counters->workers[0].backends[index].refused += 6;
		tick(r, 8);
	}
	assert_true(backend(r, "192.0.2.31")->down);
	service_destroy(r->table);
	/* All is learned before its timer fires for the first time. */
	base = event_base_new();
	start_on(r, base);
	follow(r);
	clock_gettime(CLOCK_MONOTONIC, &now);
	r->now_ns = (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
	tick(r, 4);
	assert_true(backend(r, "192.0.2.31")->down);
	tick(r, 41);
	assert_false(backend(r, "192.0.2.31")->down);
	service_destroy(r->table);
	event_base_free(base);
	start(r);
}

static void the_last_ones_are_used_though_they_are_down(void **state)
{
	struct rig *r = *state;
	const struct service_entry *web;

	install(r, four);
	follow(r);
	web = &service_view(r->table).services[0];
	set_streak(r, "192.0.2.21", -2);
	set_streak(r, "192.0.2.22", -2);
	tick(r, 1);
	assert_false(web->panic);
	assert_true(backend(r, "192.0.2.21")->down && backend(r, "192.0.2.22")->down);
	set_streak(r, "192.0.2.23", -2);
	tick(r, 1);
	assert_true(web->panic);
	assert_int_equal(web->n_usable, 1);
	assert_false(backend(r, "192.0.2.21")->down || backend(r, "192.0.2.23")->down);
	assert_string_equal(backend(r, "192.0.2.21")->reason, "panic: 2 probes refused");
	assert_string_equal(backend(r, "192.0.2.24")->reason, "");
	set_streak(r, "192.0.2.21", 2);
	tick(r, 1);
	assert_false(web->panic);
	assert_true(backend(r, "192.0.2.22")->down && backend(r, "192.0.2.23")->down);
	assert_false(backend(r, "192.0.2.21")->down);
}

/* Half of the backends are drained: the share is of the others. */
static void what_is_drained_takes_no_part_in_a_panic(void **state)
{
	struct rig *r = *state;
	const struct service_entry *web;

	install(r, four);
	follow(r);
	web = &service_view(r->table).services[0];
	assert_int_equal(drain(r, "web", "192.0.2.21", true), 0);
	assert_int_equal(drain(r, "web", "192.0.2.22", true), 0);
	assert_int_equal(web->n_weighted, 2);
	set_streak(r, "192.0.2.22", -2);
	set_streak(r, "192.0.2.23", -2);
	tick(r, 1);
	/* One of two. */
	assert_false(web->panic);
	assert_int_equal(web->n_usable, 1);
	assert_true(backend(r, "192.0.2.23")->down);
	set_streak(r, "192.0.2.24", -2);
	tick(r, 1);
	assert_true(web->panic);
	assert_false(backend(r, "192.0.2.23")->down || backend(r, "192.0.2.24")->down);
	/* The drained ones stay out of use. */
	assert_true(backend(r, "192.0.2.21")->draining && backend(r, "192.0.2.22")->draining);
	assert_int_equal(drain(r, "web", "192.0.2.23", true), 0);
	assert_int_equal(drain(r, "web", "192.0.2.24", true), 0);
	tick(r, 1);
	assert_false(web->panic);
	assert_int_equal(web->n_weighted, 0);
}

static void without_a_threshold_all_may_be_down(void **state)
{
	struct rig *r = *state;
	static const char text[] =
		NODE "services:\n  - {name: web, vip: 203.0.113.10, port: 80, mode: nat, "
		     "panic_threshold: 0%, " HEALTH "backends: [{address: 192.0.2.21}]}\n";

	install(r, text);
	follow(r);
	set_streak(r, "192.0.2.21", -2);
	tick(r, 1);
	assert_true(backend(r, "192.0.2.21")->down);
}

static void a_restarted_control_takes_over_before_it_decides(void **state)
{
	struct rig *r = *state;
	struct service_view v;

	install(r, four);
	follow(r);
	set_streak(r, "192.0.2.21", -2);
	tick(r, 1);
	assert_int_equal(drain(r, "web", "192.0.2.22", true), 0);
	assert_int_equal(unlink(strcat(strcpy((char[96]){0}, r->dir), "/drains")), 0);
	service_destroy(r->table);
	/* The probe has just succeeded once: not enough to come up, nor to be told so. */
	set_streak(r, "192.0.2.21", 1);
	start(r);
	follow(r);
	tick(r, 4);
	v = service_view(r->table);
	assert_true(v.backends[0].health.down);
	assert_string_equal(v.backends[0].health.reason, "2 probes refused");
	assert_true(v.backends[1].drained);
	assert_true(backend(r, "192.0.2.21")->down);
	assert_true(backend(r, "192.0.2.22")->draining);
	set_streak(r, "192.0.2.21", 3);
	tick(r, 1);
	assert_false(backend(r, "192.0.2.21")->down);
}

static void a_panic_is_taken_over_too(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	for (unsigned i = 0; i < 3; i++)
		set_streak(r, i == 0 ? "192.0.2.21" : i == 1 ? "192.0.2.22" : "192.0.2.23", -2);
	tick(r, 1);
	service_destroy(r->table);
	start(r);
	r->n_told = r->n_items = 0;
	follow(r);
	tick(r, 2);
	assert_true(service_view(r->table).services[0].panic);
	assert_true(service_view(r->table).backends[0].health.down);
	assert_string_equal(backend(r, "192.0.2.21")->reason, "panic: 2 probes refused");
	assert_int_equal(r->n_told, 1);
}

static void a_new_dataplane_is_told_everything_again(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	set_streak(r, "192.0.2.21", -2);
	tick(r, 1);
	service_on_down(r->table);
	memset(r->counters->probes, 0, sizeof(r->counters->probes));
	r->n_backends = 0;
	r->n_told = r->n_items = 0;
	tick(r, 4);
	assert_int_equal(r->n_told, 0);
	install(r, four);
	follow(r);
	tick(r, 4);
	assert_int_equal(r->n_told, 1);
	assert_int_equal(r->n_items, 5);
	assert_true(backend(r, "192.0.2.21")->down);
	set_streak(r, "192.0.2.21", 2);
	tick(r, 1);
	assert_false(backend(r, "192.0.2.21")->down);
}

static void backends_keep_their_health_through_a_new_configuration(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	set_streak(r, "192.0.2.22", -2);
	tick(r, 1);
	install(r, three);
	follow(r);
	tick(r, 4);
	assert_true(backend(r, "192.0.2.22")->down);
	assert_int_equal(service_view(r->table).n_backends, 3);
	assert_true(service_view(r->table).backends[1].health.down);
	/* Only the new one had to be told, and only if it is not as the dataplane starts it. */
	assert_int_equal(r->n_told, 2);
}

static void a_refusal_is_no_end_but_a_new_beginning(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	r->refuse = true;
	set_streak(r, "192.0.2.21", -2);
	tick(r, 1);
	/* It did not take that. */
	backend(r, "192.0.2.21")->down = false;
	backend(r, "192.0.2.21")->reason[0] = '\0';
	tick(r, 2);
	r->refuse = false;
	tick(r, 1);
	assert_false(backend(r, "192.0.2.21")->down);
	tick(r, 5);
	assert_true(backend(r, "192.0.2.21")->down);
}

static void an_answer_to_an_older_question_is_not_taken_for_a_newer(void **state)
{
	struct rig *r = *state;

	install(r, four);
	service_follow(r->table, r->conf, r->generation);
	assert_int_equal(r->asked, API_service_dump);
	install(r, three);
	service_follow(r->table, r->conf, r->generation);
	answer_all(r);
	assert_int_equal(service_view(r->table).n_backends, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_not_equal(service_view(r->table).backends[i].index, SERVICE_NO_INDEX);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(numbers_are_learned_and_everything_told_once),
		CASE(failed_probes_take_a_backend_down_and_good_ones_bring_it_back),
		CASE(refused_flows_count_only_where_answers_can_be_seen),
		CASE(what_traffic_took_down_stays_down_when_control_is_restarted),
		CASE(the_last_ones_are_used_though_they_are_down),
		CASE(what_is_drained_takes_no_part_in_a_panic),
		CASE(without_a_threshold_all_may_be_down),
		CASE(a_restarted_control_takes_over_before_it_decides),
		CASE(a_panic_is_taken_over_too),
		CASE(a_new_dataplane_is_told_everything_again),
		CASE(backends_keep_their_health_through_a_new_configuration),
		CASE(a_refusal_is_no_end_but_a_new_beginning),
		CASE(an_answer_to_an_older_question_is_not_taken_for_a_newer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
