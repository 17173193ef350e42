/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of a commit over modules that write down what is asked of them, and its refusals. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/generation.h"
#include "dataplane/core/nexthop.h"
#include "dataplane/modules.h"

static char said[512];                   /* the hooks in order of their calls */
static int check_result, prepare_result; /* of module b */
static unsigned prepare_quanta, rollback_quanta, published_quanta; /* of module b: calls it wants */

static void say(const char *what)
{
	assert_true(strlen(said) + strlen(what) + 2 < sizeof(said));
	strcat(said, what);
	strcat(said, " ");
}

static void a_forget(void)
{
	say("forget");
}

static int a_check(struct api_commit_reply *counts, struct base_error *err)
{
	say("a.check");
	counts->routes.added = 7;
	return 0;
}

static int a_prepare(unsigned quantum, struct base_error *err)
{
	say("a.prepare");
	return 0;
}

static int a_rollback(unsigned quantum)
{
	say("a.rollback");
	return 0;
}

static void a_apply(struct world *next)
{
	say("a.apply");
	assert_int_not_equal(next->generation, world_current->generation);
}

static int a_published(unsigned quantum)
{
	say("a.published");
	return 0;
}

static int b_check(struct api_commit_reply *counts, struct base_error *err)
{
	say("b.check");
	return check_result ? base_error_set(err, -check_result, "b refuses") : 0;
}

static int b_prepare(unsigned quantum, struct base_error *err)
{
	say("b.prepare");
	if (prepare_quanta > 0)
		return (int)prepare_quanta--;
	return prepare_result ? base_error_set(err, -prepare_result, "b is full") : 0;
}

static int b_rollback(unsigned quantum)
{
	say("b.rollback");
	return rollback_quanta > 0 ? (int)rollback_quanta-- : 0;
}

static int b_published(unsigned quantum)
{
	say("b.published");
	return published_quanta > 0 ? (int)published_quanta-- : 0;
}

static const struct module fakes[] = {
	{
		.name = "a",
		.forget = a_forget,
		.check = a_check,
		.prepare = a_prepare,
		.rollback = a_rollback,
		.apply = a_apply,
		.published = a_published,
	},
	{.name = "nothing"},
	{
		.name = "b",
		.check = b_check,
		.prepare = b_prepare,
		.rollback = b_rollback,
		.published = b_published,
	},
};

static int start(void **state)
{
	assert_int_equal(nexthop_init(NULL), 0);
	assert_int_equal(world_init(NULL), 0);
	generation_init(fakes, ARRAY_SIZE(fakes));
	said[0] = '\0';
	check_result = prepare_result = 0;
	prepare_quanta = rollback_quanta = published_quanta = 0;
	return 0;
}

static int end(void **state)
{
	world_fini();
	nexthop_fini();
	return 0;
}

/* Begins and commits @number to the end; how it ended. */
static int commit(uint64_t number, uint32_t flags, struct base_error *err)
{
	assert_int_equal(generation_begin(number, NULL), 0);
	assert_int_equal(generation_commit_start(number, flags, NULL, NULL), 0);
	for (unsigned i = 0; generation_busy(); i++) {
		assert_true(i < 100);
		assert_int_equal(generation_step(10), 1);
	}
	assert_int_equal(generation_step(10), 0);
	return generation_result(err);
}

static void a_commit_goes_through_the_modules_in_order(void **state)
{
	prepare_quanta = 1;
	published_quanta = 2;
	assert_int_equal(commit(5, 0, NULL), 0);
	assert_string_equal(said,
		"forget a.check b.check a.prepare b.prepare b.prepare a.apply a.published "
		"b.published b.published b.published forget ");
	assert_int_equal(world_current->generation, 5);
	assert_int_equal(generation_counts()->routes.added, 7);
	assert_false(generation_is_open());
}

static void a_refusal_of_the_check_changes_nothing(void **state)
{
	const struct world *before = world_current;
	struct base_error err;

	check_result = -EEXIST;
	assert_int_equal(commit(5, 0, &err), -EEXIST);
	assert_string_equal(err.text, "b refuses");
	assert_string_equal(said, "forget a.check b.check ");
	assert_ptr_equal(world_current, before);
	assert_true(generation_is_open());
}

static void a_failed_preparation_is_rolled_back_in_reverse(void **state)
{
	const struct world *before = world_current;
	struct base_error err;

	prepare_result = -ENOSPC;
	prepare_quanta = 1;
	rollback_quanta = 1;
	assert_int_equal(commit(5, 0, &err), -ENOSPC);
	assert_string_equal(err.text, "b is full");
	assert_string_equal(said,
		"forget a.check b.check a.prepare b.prepare b.prepare b.rollback b.rollback "
		"a.rollback ");
	assert_ptr_equal(world_current, before);
	assert_int_equal(world_current->generation, 0);
}

static void a_dry_run_only_checks(void **state)
{
	const struct world *before = world_current;

	assert_int_equal(commit(5, API_COMMIT_DRY_RUN, NULL), 0);
	assert_string_equal(said, "forget a.check b.check forget ");
	assert_int_equal(generation_counts()->routes.added, 7);
	assert_ptr_equal(world_current, before);
	assert_false(generation_is_open());
}

static void a_failed_commit_can_be_tried_again(void **state)
{
	prepare_result = -ENOSPC;
	assert_int_equal(commit(5, 0, NULL), -ENOSPC);
	prepare_result = 0;
	assert_int_equal(generation_commit_start(5, 0, NULL, NULL), 0);
	while (generation_busy())
		generation_step(10);
	assert_int_equal(generation_result(NULL), 0);
	assert_int_equal(world_current->generation, 5);
}

static void only_a_newer_generation_may_begin(void **state)
{
	struct base_error err;

	assert_int_equal(commit(5, 0, NULL), 0);
	assert_int_equal(generation_begin(5, &err), -EINVAL);
	assert_string_equal(err.text, "generation 5 is not newer than the installed 5: ask for the "
				      "installed one (hello) and count on from there");
	assert_int_equal(generation_begin(6, NULL), 0);
}

static void a_commit_must_name_what_was_begun(void **state)
{
	struct base_error err;

	assert_int_equal(generation_commit_start(1, 0, NULL, &err), -EPROTO);
	assert_string_equal(err.text, "no generation was begun: send begin first");
	assert_int_equal(generation_begin(2, NULL), 0);
	assert_int_equal(generation_commit_start(1, 0, NULL, &err), -EINVAL);
	assert_int_equal(generation_commit_start(2, 8, NULL, &err), -EINVAL);
	assert_string_equal(err.text, "commit: unknown flags 0x8");
	assert_false(generation_busy());
}

static void nothing_may_be_staged_during_a_commit(void **state)
{
	struct base_error err;

	assert_int_equal(generation_begin(1, NULL), 0);
	assert_int_equal(generation_check_open(NULL), 0);
	assert_int_equal(generation_commit_start(1, 0, NULL, NULL), 0);
	assert_int_equal(generation_check_open(&err), -EBUSY);
	assert_string_equal(
		err.text, "generation 1 is being applied: wait for its end and try again");
	assert_int_equal(generation_begin(2, NULL), -EBUSY);
	assert_int_equal(generation_abort(NULL), -EBUSY);
	assert_int_equal(generation_commit_start(1, 0, NULL, NULL), -EBUSY);
	while (generation_busy())
		generation_step(1);
	assert_int_equal(generation_check_open(NULL), -EPROTO);
}

static void a_refused_message_spoils_the_generation(void **state)
{
	assert_int_equal(generation_begin(1, NULL), 0);
	assert_int_equal(generation_staged(0), 0);
	assert_int_equal(generation_staged(-EINVAL), -EINVAL);
	assert_int_equal(generation_commit_start(1, 0, NULL, NULL), -EINVAL);
	assert_int_equal(generation_begin(1, NULL), 0);
	assert_int_equal(generation_commit_start(1, 0, NULL, NULL), 0);
	while (generation_busy())
		generation_step(1);
}

static void an_abort_forgets_what_was_staged(void **state)
{
	assert_int_equal(generation_begin(1, NULL), 0);
	said[0] = '\0';
	assert_int_equal(generation_abort(NULL), 0);
	assert_string_equal(said, "forget ");
	assert_false(generation_is_open());
	assert_int_equal(generation_abort(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_commit_goes_through_the_modules_in_order, start, end),
		cmocka_unit_test_setup_teardown(a_refusal_of_the_check_changes_nothing, start, end),
		cmocka_unit_test_setup_teardown(
			a_failed_preparation_is_rolled_back_in_reverse, start, end),
		cmocka_unit_test_setup_teardown(a_dry_run_only_checks, start, end),
		cmocka_unit_test_setup_teardown(a_failed_commit_can_be_tried_again, start, end),
		cmocka_unit_test_setup_teardown(only_a_newer_generation_may_begin, start, end),
		cmocka_unit_test_setup_teardown(a_commit_must_name_what_was_begun, start, end),
		cmocka_unit_test_setup_teardown(nothing_may_be_staged_during_a_commit, start, end),
		cmocka_unit_test_setup_teardown(
			a_refused_message_spoils_the_generation, start, end),
		cmocka_unit_test_setup_teardown(an_abort_forgets_what_was_staged, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
