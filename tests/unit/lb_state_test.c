/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens to backends between generations: draining and down at once, refused by name, kept
 * over generations, and never while one is being applied.
 */
#include "tests/unit/lb_node.h"

/* Commits one service of three backends. */
static void start_web(void)
{
	struct base_error err = {};

	lb_begin();
	assert_int_equal(lb_want_service("web", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.21", 0, 1, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.22", 0, 1, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.23", 0, 2, NULL), 0);
	if (lb_commit(&err) < 0)
		fail_msg("%s", err.text);
}

static int tell_down(const char *address, bool down, const char *reason)
{
	struct api_backend_state item = {.address = lb_addr(address), .down = down};

	base_strlcpy(item.service, "web", sizeof(item.service));
	base_strlcpy(item.reason, reason, sizeof(item.reason));
	return lb_state_set(&item, 1, NULL);
}

static void a_draining_backend_gets_no_new_flows(void **state)
{
	const struct lb_world *before;
	uint64_t generation;
	uint16_t n, other;

	start_web();
	n = lb_backend_number("web", "192.0.2.21", 0);
	other = lb_backend_number("web", "192.0.2.22", 0);
	before = world_current->lb;
	generation = world_current->generation;
	assert_int_equal(lb_tell("web", "192.0.2.21", 0, true, NULL), 0);
	assert_ptr_not_equal(world_current->lb, before);
	assert_int_equal(world_current->generation, generation);
	assert_int_equal(world_current->lb->backends[n].use, API_BACKEND_DRAINING);
	assert_int_equal(world_current->lb->backends[n].weight, 1);
	assert_int_not_equal(world_current->lb->backends[n].nexthop, 0);
	assert_int_equal(lb_entries("web", n), 0);
	assert_in_range(lb_entries("web", other), MAGLEV_SIZE / 3 - 300, MAGLEV_SIZE / 3 + 300);
	assert_int_equal(lb_tell("web", "192.0.2.21", 0, false, NULL), 0);
	assert_int_equal(world_current->lb->backends[n].use, API_BACKEND_UP);
	assert_in_range(lb_entries("web", n), MAGLEV_SIZE / 4 - 300, MAGLEV_SIZE / 4 + 300);
}

static void the_table_depends_on_who_is_usable_alone(void **state)
{
	static uint16_t before[MAGLEV_SIZE];
	const struct lb_service *s;

	start_web();
	s = &lb_main.now->services[lb_block_service(lb_main.now, "web")];
	memcpy(before, s->table, sizeof(before));
	assert_int_equal(tell_down("192.0.2.22", true, "probe timed out"), 0);
	s = &lb_main.now->services[lb_block_service(lb_main.now, "web")];
	assert_memory_not_equal(before, s->table, sizeof(before));
	assert_int_equal(tell_down("192.0.2.22", false, ""), 0);
	s = &lb_main.now->services[lb_block_service(lb_main.now, "web")];
	assert_memory_equal(before, s->table, sizeof(before));
}

static void a_service_whose_backends_are_all_down_has_no_table(void **state)
{
	start_web();
	assert_int_equal(tell_down("192.0.2.21", true, "x"), 0);
	assert_int_equal(tell_down("192.0.2.22", true, "x"), 0);
	assert_int_equal(tell_down("192.0.2.23", true, "x"), 0);
	assert_null(lb_main.now->services[lb_block_service(lb_main.now, "web")].table);
	assert_int_equal(tell_down("192.0.2.23", false, ""), 0);
	assert_int_equal(lb_entries("web", lb_backend_number("web", "192.0.2.23", 0)), MAGLEV_SIZE);
}

static void what_was_told_outlives_generations(void **state)
{
	uint16_t n;

	start_web();
	n = lb_backend_number("web", "192.0.2.22", 0);
	assert_int_equal(tell_down("192.0.2.22", true, "refused"), 0);
	start_web();
	assert_int_equal(lb_main.now->backends[n].use, API_BACKEND_DOWN);
	assert_string_equal(lb_main.now->backend_notes[n].reason, "refused");
	assert_int_equal(lb_entries("web", n), 0);
}

static void what_was_told_outlives_a_change_of_mode(void **state)
{
	uint16_t n;

	start_web();
	assert_int_equal(lb_tell("web", "192.0.2.21", 0, true, NULL), 0);
	assert_int_equal(tell_down("192.0.2.22", true, "refused"), 0);
	lb_begin();
	assert_int_equal(lb_want_service("web", "203.0.113.10", 80, API_LB_GUE, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.21", 0, 1, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.22", 0, 1, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.23", 0, 1, NULL), 0);
	/* What is told while they are staged concerns both. */
	assert_int_equal(tell_down("192.0.2.23", true, "late"), 0);
	assert_int_equal(tell_down("192.0.2.22", false, ""), 0);
	assert_int_equal(lb_commit(NULL), 0);
	n = lb_backend_number("web", "192.0.2.21", 0);
	assert_int_equal(lb_main.now->backends[n].mode, API_LB_GUE);
	assert_int_equal(lb_main.now->backends[n].use, API_BACKEND_DRAINING);
	assert_int_equal(lb_entries("web", n), 0);
	n = lb_backend_number("web", "192.0.2.22", 0);
	assert_int_equal(lb_main.now->backends[n].use, API_BACKEND_UP);
	n = lb_backend_number("web", "192.0.2.23", 0);
	assert_int_equal(lb_main.now->backends[n].use, API_BACKEND_DOWN);
	assert_string_equal(lb_main.now->backend_notes[n].reason, "late");
}

static void a_generation_being_staged_hears_of_it_too(void **state)
{
	uint16_t n;

	start_web();
	n = lb_backend_number("web", "192.0.2.22", 0);
	lb_begin();
	assert_int_equal(lb_want_service("web", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.21", 0, 1, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.22", 0, 1, NULL), 0);
	assert_int_equal(tell_down("192.0.2.22", true, "x"), 0);
	assert_int_equal(lb_entries("web", n), 0);
	assert_int_equal(lb_commit(NULL), 0);
	assert_int_equal(lb_main.now->backends[n].use, API_BACKEND_DOWN);
	assert_int_equal(lb_entries("web", n), 0);
}

static void nothing_is_told_while_a_generation_is_applied(void **state)
{
	struct base_error err = {};

	start_web();
	lb_begin();
	assert_int_equal(generation_commit_start(world_current->generation + 1, 0, NULL, NULL), 0);
	assert_int_equal(lb_tell("web", "192.0.2.21", 0, true, &err), -EBUSY);
	assert_non_null(strstr(err.text, "try again"));
	while (generation_busy())
		generation_step(1000);
}

static void unknown_names_are_refused_with_those_that_exist(void **state)
{
	struct base_error err = {};
	struct api_backend_state items[2] = {
		{.service = "web", .address = lb_addr("192.0.2.21"), .draining = 1},
		{.service = "web", .address = lb_addr("192.0.2.99"), .draining = 1},
	};

	assert_int_equal(lb_tell("web", "192.0.2.21", 0, true, &err), -ENOENT);
	assert_non_null(strstr(err.text, "there is no service \"web\": none is configured"));
	start_web();
	assert_int_equal(lb_tell("wep", "192.0.2.21", 0, true, &err), -ENOENT);
	assert_non_null(strstr(err.text, "there is no service \"wep\" (did you mean \"web\")"));
	assert_int_equal(lb_tell("zzzzzz", "192.0.2.21", 0, true, &err), -ENOENT);
	assert_non_null(strstr(err.text, "(one of them is \"web\")"));
	assert_int_equal(lb_tell("web", "192.0.2.21", 8080, true, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no backend 192.0.2.21, port 8080 (it has 192.0.2.21"));
	/* All or none. */
	assert_int_equal(lb_state_set(items, 2, &err), -ENOENT);
	assert_int_equal(lb_main.now->backends[lb_backend_number("web", "192.0.2.21", 0)].use,
		API_BACKEND_UP);
	memset(items[0].reason, 'x', sizeof(items[0].reason));
	assert_int_equal(lb_state_set(items, 1, &err), -EINVAL);
	memset(items[0].service, 'x', sizeof(items[0].service));
	assert_int_equal(lb_state_set(items, 1, &err), -EINVAL);
}

static void the_neighbours_of_backends_stay_pinned(void **state)
{
	struct ip_addr a = lb_addr("192.0.2.21");
	uint16_t n, pin, number;

	start_web();
	n = lb_backend_number("web", "192.0.2.21", 0);
	pin = lb_main.now->backend_notes[n].pin;
	number = pin;
	assert_int_not_equal(pin, 0);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(lb_tell("web", "192.0.2.21", 0, i % 2 == 0, NULL), 0);
		assert_int_equal(lb_main.now->backend_notes[n].pin, pin);
	}
	start_web();
	assert_int_equal(lb_main.now->backend_notes[n].pin, number);
	/* Its only pin: when the service goes, so does the entry. */
	lb_begin();
	assert_int_equal(lb_commit(NULL), 0);
	node_advance(2 * NSEC_PER_SEC);
	assert_int_equal(neigh_lookup4(world_current->neighbors, 0, ip_addr_v4_be(&a)), 0);
	assert_int_equal(neigh_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LB_TEST(a_draining_backend_gets_no_new_flows),
		LB_TEST(the_table_depends_on_who_is_usable_alone),
		LB_TEST(a_service_whose_backends_are_all_down_has_no_table),
		LB_TEST(what_was_told_outlives_generations),
		LB_TEST(what_was_told_outlives_a_change_of_mode),
		LB_TEST(a_generation_being_staged_hears_of_it_too),
		LB_TEST(nothing_is_told_while_a_generation_is_applied),
		LB_TEST(unknown_names_are_refused_with_those_that_exist),
		LB_TEST(the_neighbours_of_backends_stay_pinned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
