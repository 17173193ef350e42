/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Services through control as a whole: they reach the dataplane, their backends are looked after,
 * and nothing of that is lost with control or the dataplane.
 */
#include "tests/unit/control_rig.h"

static const char balanced[] =
	"nat: {pool: [203.0.113.200]}\n"
	"services:\n"
	"  - {name: web, vip: 203.0.113.10, port: 80, mode: nat, panic_threshold: 0%, health: "
	"{fall: 2, rise: 2}, backends: [{address: 192.0.2.21}, {address: 192.0.2.22}]}\n";

/* Runs the loop until backend @i of the fake is as expected. */
static void wait_backend(struct rig *r, uint32_t i, bool draining, bool down)
{
	const struct api_backend_state *b = &r->fake->backends[i].state;
	double end = now_s() + WAIT_S;

	while ((b->draining != draining || b->down != down || r->fake->n_told == 0) &&
		now_s() < end)
		turn(r);
	assert_int_equal(b->draining, draining);
	assert_int_equal(b->down, down);
}

static void drain(struct rig *r, const char *address, bool on)
{
	struct request *q = calloc(1, sizeof(*q));

	q->type = API_control_drain;
	q->drain = (struct api_control_drain){.service = "web", .any_port = 1, .drain = on};
	assert_int_equal(ip_addr_parse(address, &q->drain.address), 0);
	ask(r, q);
	if (q->rc < 0)
		fail_msg("%s", q->err.text);
	free(q);
}

static void services_arrive_and_their_backends_are_looked_after(void **state)
{
	struct rig *r = *state;
	struct stats_probe *probe;

	write_config(r, head, balanced);
	r->fake = fake_dataplane_start(r->dir, "n1");
	probe = &r->fake->counters->probes[1];
	start_control(r);
	wait_commits(r, 1);
	assert_true(r->fake->installed.has_lb);
	assert_int_equal(r->fake->installed.n_pool, 1);
	assert_int_equal(r->fake->installed.n_services, 1);
	assert_int_equal(r->fake->installed.n_backends, 2);
	probe->streak = -2;
	wait_backend(r, 1, false, true);
	assert_int_equal(status_of(r).backends, 2);
	assert_int_equal(status_of(r).backends_down, 1);
	probe->succeeded = 2;
	probe->streak = 2;
	wait_backend(r, 1, false, false);
}

static void drains_and_health_outlive_control_and_dataplane(void **state)
{
	struct rig *r = *state;
	double end;

	write_config(r, head, balanced);
	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	drain(r, "192.0.2.21", true);
	r->fake->counters->probes[1].streak = -2;
	wait_backend(r, 0, true, false);
	wait_backend(r, 1, false, true);
	stop_control(r);
	r->fake->n_told = 0;
	start_control(r);
	for (end = now_s() + 1.2; now_s() < end;) {
		turn(r);
		assert_true(r->fake->backends[0].state.draining);
		assert_true(r->fake->backends[1].state.down);
	}
	/* Once all of it, and nothing more. */
	assert_int_equal(r->fake->n_told, 1);
	fake_dataplane_kill(r->fake);
	r->fake = fake_dataplane_start(r->dir, "n1");
	wait_commits(r, 1);
	assert_true(r->fake->backends[0].began_draining);
	assert_true(r->fake->backends[1].began_down);
	wait_backend(r, 0, true, false);
	wait_backend(r, 1, false, true);
	/* With both of them gone at once drains are still known, from the disk. */
	stop_control(r);
	fake_dataplane_kill(r->fake);
	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	assert_true(r->fake->backends[0].began_draining);
	assert_false(r->fake->backends[1].began_draining || r->fake->backends[1].began_down);
	wait_backend(r, 0, true, false);
	drain(r, "192.0.2.21", false);
	wait_backend(r, 0, false, false);
}

static void the_key_of_the_choice_stays_the_same(void **state)
{
	struct rig *r = *state;
	struct request *q;
	struct api_lb first;

	write_config(r, head, balanced);
	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	first = r->fake->installed.lb;
	assert_true(first.key[0] != 0 && first.key[1] != 0);
	stop_control(r);
	start_control(r);
	wait_commits(r, 1);
	write_config(r, head, one_route);
	q = apply(r, 0);
	assert_int_equal(q->rc, 0);
	free(q);
	assert_memory_equal(first.key, r->fake->installed.lb.key, sizeof(first.key));
	fake_dataplane_kill(r->fake);
	r->fake = fake_dataplane_start(r->dir, "n1");
	wait_commits(r, 1);
	assert_memory_equal(first.key, r->fake->installed.lb.key, sizeof(first.key));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(services_arrive_and_their_backends_are_looked_after),
		CASE(drains_and_health_outlive_control_and_dataplane),
		CASE(the_key_of_the_choice_stays_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
