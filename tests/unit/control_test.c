/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control as a whole, in one process with a fake dataplane: it installs, adopts, replays, applies
 * all or nothing, and says why not.
 */
#include <errno.h>

#include "tests/unit/control_rig.h"

static const char two_routes[] = "routes: [{prefix: 198.51.100.0/24, via: 192.0.2.253},\n"
				 "  {prefix: 203.0.113.0/24, action: blackhole}]\n";

static const char *diff_of(const struct request *q)
{
	return (const char *)q->reply + sizeof(struct api_control_applied);
}

static void a_fresh_dataplane_gets_the_file(void **state)
{
	struct rig *r = *state;
	struct api_control_status s;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	assert_int_equal(r->fake->installed.n_interfaces, 1);
	assert_string_equal(r->fake->installed.interfaces[0].name, "lan");
	assert_int_equal(r->fake->installed.n_routes, 1);
	s = status_of(r);
	assert_int_equal(s.generation, 1);
	assert_int_equal(s.installed, 1);
	assert_int_equal(s.routes, 1);
	assert_string_equal(s.config_path, r->file);
}

static void a_dataplane_that_comes_later_is_found(void **state)
{
	struct rig *r = *state;
	double end;

	start_control(r);
	for (end = now_s() + 0.3; now_s() < end;)
		turn(r);
	assert_int_equal(status_of(r).dataplane_pid, 0);
	assert_non_null(strstr(status_of(r).last_error, "braid-dataplane is not running"));
	r->fake = fake_dataplane_start(r->dir, "n1");
	wait_commits(r, 1);
	assert_string_equal(status_of(r).last_error, "");
}

static void a_restarted_dataplane_gets_what_was_in_force_not_the_file(void **state)
{
	struct rig *r = *state;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	write_config(r, head, two_routes);
	fake_dataplane_kill(r->fake);
	r->fake = fake_dataplane_start(r->dir, "n1");
	wait_commits(r, 1);
	assert_int_equal(r->fake->installed.n_routes, 1);
	assert_int_equal(r->fake->generation, 2);
	assert_int_equal(status_of(r).reconnects, 1);
}

static void a_restarted_control_adopts_what_is_in_force(void **state)
{
	struct rig *r = *state;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	stop_control(r);
	write_config(r, head, two_routes);
	start_control(r);
	wait_commits(r, 1);
	assert_int_equal(status_of(r).generation, 1);
	assert_int_equal(status_of(r).routes, 1);
	assert_int_equal(r->fake->n_commits, 1);
}

static void a_restarted_control_with_a_broken_file_adopts_all_the_same(void **state)
{
	struct rig *r = *state;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	stop_control(r);
	write_config(r, head, "bananas: 3\n");
	start_control(r);
	wait_commits(r, 1);
	assert_int_equal(status_of(r).routes, 1);
}

static void a_generation_committed_in_the_moment_of_death_is_adopted(void **state)
{
	struct rig *r = *state;
	char from[96], to[96];

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	stop_control(r);
	/* As if control had died between the commit and the renaming. */
	snprintf(from, sizeof(from), "%s/applied.yaml", r->dir);
	snprintf(to, sizeof(to), "%s/next.yaml", r->dir);
	assert_int_equal(rename(from, to), 0);
	write_config(r, head, two_routes);
	start_control(r);
	wait_commits(r, 1);
	assert_int_equal(status_of(r).routes, 1);
	assert_int_equal(access(from, F_OK), 0);
	assert_int_not_equal(access(to, F_OK), 0);
}

static void an_apply_says_the_difference_and_takes_effect_as_one_generation(void **state)
{
	struct rig *r = *state;
	struct request *q;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	write_config(r, head, two_routes);
	q = apply(r, API_APPLY_DRY_RUN);
	assert_int_equal(q->rc, 0);
	assert_int_equal(r->fake->n_dry_runs, 1);
	assert_int_equal(r->fake->installed.n_routes, 1);
	assert_int_equal(status_of(r).generation, 1);
	free(q);
	q = apply(r, 0);
	assert_int_equal(q->rc, 0);
	assert_string_equal(diff_of(q),
		"+ route 203.0.113.0/24 blackhole\n"
		"~ route 198.51.100.0/24 via 192.0.2.254 -> via 192.0.2.253\n");
	assert_int_equal(r->fake->installed.n_routes, 2);
	assert_int_equal(r->fake->generation, 2);
	assert_int_equal(status_of(r).generation, 2);
	assert_true(q->n_progress > 0);
	free(q);
}

static void a_broken_file_changes_nothing(void **state)
{
	struct rig *r = *state;
	struct request *q;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	write_config(r, head, "rotues: []\n");
	q = apply(r, 0);
	assert_int_equal(q->rc, -EINVAL);
	assert_non_null(strstr(q->err.text, "braid.yaml:8:1: "));
	assert_non_null(strstr(q->err.text, "did you mean \"routes\"?"));
	assert_int_equal(r->fake->n_commits, 1);
	assert_int_equal(status_of(r).generation, 1);
	free(q);
}

static void the_dataplanes_refusal_reaches_the_user_verbatim(void **state)
{
	struct rig *r = *state;
	struct request *q;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	base_strlcpy(r->fake->refusal.text, "no room for route 203.0.113.0/24", 64);
	write_config(r, head, two_routes);
	q = apply(r, 0);
	assert_int_equal(q->rc, -EINVAL);
	assert_string_equal(q->err.text, "no room for route 203.0.113.0/24");
	assert_int_equal(r->fake->n_aborts, 1);
	assert_int_equal(r->fake->installed.n_routes, 1);
	assert_int_equal(status_of(r).generation, 1);
	free(q);
}

static void changes_that_need_a_restart_are_refused(void **state)
{
	static const char other[] =
		"node:\n  name: n1\n  workers: [1, 1]\n  main: 0\n  ports:\n"
		"    - {name: lan, device: net_null0, addresses: [192.0.2.1/24]}\n";
	struct rig *r = *state;
	struct request *q;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	write_config(r, other, one_route);
	q = apply(r, 0);
	assert_int_equal(q->rc, -EBUSY);
	assert_non_null(strstr(q->err.text, "\"workers\" of the node differs"));
	assert_non_null(strstr(q->err.text, "needs a restart"));
	free(q);
}

static void an_apply_without_a_dataplane_is_refused(void **state)
{
	struct rig *r = *state;
	struct request *q;

	start_control(r);
	q = apply(r, 0);
	assert_int_equal(q->rc, -ENOTCONN);
	assert_non_null(strstr(q->err.text, "braid-dataplane is not connected"));
	free(q);
}

static void a_dataplane_lost_in_an_apply_fails_it_and_keeps_the_old_state(void **state)
{
	struct rig *r = *state;
	struct request *q;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	r->fake->hang_up_after = 3;
	write_config(r, head, two_routes);
	q = apply(r, 0);
	assert_int_equal(q->rc, -ECONNRESET);
	r->fake->hang_up_after = 0;
	free(q);
	assert_int_equal(status_of(r).routes, 1);
	assert_int_equal(r->fake->installed.n_routes, 1);
	q = NULL;
	while (!q || q->rc == -ENOTCONN) {
		free(q);
		q = apply(r, 0);
	}
	assert_int_equal(q->rc, 0);
	assert_int_equal(r->fake->installed.n_routes, 2);
	free(q);
}

static void a_dataplane_of_another_node_is_left_alone(void **state)
{
	struct rig *r = *state;
	double end;

	r->fake = fake_dataplane_start(r->dir, "other");
	start_control(r);
	for (end = now_s() + 0.5; now_s() < end;)
		turn(r);
	assert_int_equal(r->fake->n_commits, 0);
	assert_non_null(strstr(status_of(r).last_error, "is of node \"other\""));
}

static void a_dataplane_of_another_api_version_is_refused_with_the_remedy(void **state)
{
	struct rig *r = *state;
	double end;

	r->fake = fake_dataplane_start(r->dir, "n1");
	r->fake->version = 9;
	start_control(r);
	for (end = now_s() + 0.5; now_s() < end;)
		turn(r);
	assert_int_equal(r->fake->n_commits, 0);
	assert_non_null(strstr(status_of(r).last_error, "speaks API version 9"));
}

static void a_second_control_is_told_that_one_runs(void **state)
{
	struct rig *r = *state;
	struct core_options options = {0};
	struct base_error err = {0};

	start_control(r);
	base_strlcpy(options.config, r->file, sizeof(options.config));
	base_strlcpy(options.runtime, r->dir, sizeof(options.runtime));
	assert_null(core_create(r->base, &options, &err));
	assert_non_null(strstr(err.text, "another process is running on this socket"));
	assert_int_equal(status_of(r).dataplane_pid, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_fresh_dataplane_gets_the_file),
		CASE(a_dataplane_that_comes_later_is_found),
		CASE(a_restarted_dataplane_gets_what_was_in_force_not_the_file),
		CASE(a_restarted_control_adopts_what_is_in_force),
		CASE(a_restarted_control_with_a_broken_file_adopts_all_the_same),
		CASE(a_generation_committed_in_the_moment_of_death_is_adopted),
		CASE(an_apply_says_the_difference_and_takes_effect_as_one_generation),
		CASE(a_broken_file_changes_nothing),
		CASE(the_dataplanes_refusal_reaches_the_user_verbatim),
		CASE(changes_that_need_a_restart_are_refused),
		CASE(an_apply_without_a_dataplane_is_refused),
		CASE(a_dataplane_lost_in_an_apply_fails_it_and_keeps_the_old_state),
		CASE(a_dataplane_of_another_node_is_left_alone),
		CASE(a_dataplane_of_another_api_version_is_refused_with_the_remedy),
		CASE(a_second_control_is_told_that_one_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
