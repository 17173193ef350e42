/* SPDX-License-Identifier: BSD-3-Clause */
/* When a backend goes down and comes up again: by probes, by its traffic, and not too easily. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "control/service/health.h"

static const struct health_settings probed = {
	.active = true, .interval_ms = 1000, .rise = 2, .fall = 3};
static const struct health_settings unprobed = {.interval_ms = 0, .rise = 2, .fall = 2};
static const struct health_settings udp = {.is_udp = true, .rise = 2, .fall = 2};

/* What happens in one step of a case, and what is expected after it. */
struct step {
	int32_t streak;   /* of probes, from now on */
	unsigned refused; /* attempts since the last step */
	unsigned silent;
	unsigned answered;
	unsigned ms; /* time that passes */
	bool down;
};

struct health_case {
	const char *what;
	const struct health_settings *settings;
	struct step steps[12]; /* ends with one in which no time passes */
};

static const struct health_case cases[] = {
	{"a new backend is up, and stays so while probes succeed", &probed,
		{{.streak = 0, .ms = 250}, {.streak = 1, .ms = 1000}, {.streak = 2, .ms = 1000}}},
	{"fewer failures than fall are forgiven", &probed,
		{{.streak = -2, .ms = 2000}, {.streak = 1, .ms = 1000}, {.streak = -2, .ms = 2000},
			{.streak = 1, .ms = 1000}}},
	{"fall failures bring it down, rise successes up", &probed,
		{{.streak = -1, .ms = 1000}, {.streak = -2, .ms = 1000},
			{.streak = -3, .ms = 1000, .down = true},
			{.streak = 1, .ms = 1000, .down = true},
			{.streak = -1, .ms = 1000, .down = true},
			{.streak = 1, .ms = 1000, .down = true}, {.streak = 2, .ms = 1000}}},
	{"failures between two looks count all", &probed,
		{{.streak = -7, .ms = 250, .down = true}}},
	{"dead traffic is one more failure", &probed,
		{{.streak = -1, .ms = 500}, {.streak = -2, .refused = 5, .ms = 500, .down = true}}},
	{"four attempts are not enough", &probed,
		{{.streak = -1, .ms = 500}, {.streak = -2, .refused = 4, .ms = 500}}},
	{"a probe that succeeds outweighs dead traffic", &probed,
		{{.streak = 1, .silent = 9, .ms = 1000}, {.streak = 2, .silent = 9, .ms = 1000},
			{.streak = 3, .silent = 9, .ms = 1000},
			{.streak = 4, .silent = 9, .ms = 1000}}},
	{"down by traffic, it needs new successes, not old ones", &probed,
		{{.streak = 40, .ms = 1000}, {.streak = 40, .refused = 9, .ms = 1000},
			{.streak = 40, .refused = 9, .ms = 1000},
			{.streak = 40, .refused = 9, .ms = 1000, .down = true},
			{.streak = 41, .ms = 1000, .down = true}, {.streak = 42, .ms = 1000}}},
	{"without probes traffic decides", &unprobed,
		{{.refused = 3, .silent = 2, .ms = 1000}, {.silent = 7, .ms = 1000, .down = true}}},
	{"an answer in between forgives", &unprobed,
		{{.refused = 5, .ms = 1000}, {.refused = 9, .answered = 1, .ms = 1000},
			{.refused = 5, .ms = 1000}, {.refused = 5, .ms = 1000, .down = true}}},
	{"a quiet window neither accuses nor forgives", &unprobed,
		{{.refused = 5, .ms = 1000}, {.refused = 1, .ms = 1000}, {.ms = 1000},
			{.refused = 5, .ms = 1000, .down = true}}},
	{"what comes within a second is one window", &unprobed,
		{{.refused = 5, .ms = 300}, {.refused = 5, .ms = 300}, {.refused = 5, .ms = 300},
			{.refused = 5, .ms = 300}, {.refused = 5, .ms = 300}}},
	{"without probes it is tried again after ten seconds, and one failure is enough then",
		&unprobed,
		{{.refused = 5, .ms = 1000}, {.refused = 5, .ms = 1000, .down = true},
			{.ms = 9999, .down = true}, {.ms = 1},
			{.refused = 5, .ms = 1000, .down = true}, {.ms = 10000},
			{.answered = 3, .ms = 1000}, {.refused = 5, .ms = 1000},
			{.refused = 5, .ms = 1000, .down = true}}},
	{"UDP that was never answered is let be", &udp,
		{{.silent = 50, .ms = 1000}, {.silent = 50, .ms = 1000},
			{.silent = 50, .ms = 1000}}},
	{"UDP that was answered before is missed", &udp,
		{{.answered = 1, .ms = 1000}, {.silent = 50, .ms = 1000},
			{.silent = 50, .ms = 1000, .down = true}}},
	{"without probes their counters mean nothing", &unprobed, {{.streak = -9, .ms = 1000}}},
};

/* Takes a step: the counters move as the dataplane would move them. */
static void advance(struct health_input *in, const struct step *step)
{
	in->now_ns += step->ms * NSEC_PER_MSEC;
	if (step->streak > in->streak)
		in->succeeded += (uint64_t)(step->streak - (in->streak > 0 ? in->streak : 0));
	in->streak = step->streak;
	in->last_failure = API_PROBE_TIMEOUT;
	in->refused += step->refused;
	in->silent += step->silent;
	in->reply_pkts += step->refused + step->answered;
}

static void each_story_ends_as_it_should(void **state)
{
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		struct health_input in = {.now_ns = 5};
		struct health h = {0};

		health_start(&h, &in);
		for (size_t s = 0; cases[c].steps[s].ms > 0; s++) {
			bool was = h.down;

			advance(&in, &cases[c].steps[s]);
			if (health_update(&h, cases[c].settings, &in) != (was != h.down))
				fail_msg("%s: step %zu says a change that is none", cases[c].what,
					s);
			if (h.down != cases[c].steps[s].down)
				fail_msg("%s: step %zu: %s", cases[c].what, s,
					h.down ? "down" : "up");
			if ((h.reason[0] != '\0') != h.down)
				fail_msg("%s: step %zu: reason \"%s\"", cases[c].what, s, h.reason);
		}
	}
}

static const struct {
	int32_t streak;
	uint32_t failure;
	unsigned refused, silent;
	const char *reason;
} reasons[] = {
	{-3, API_PROBE_TIMEOUT, 0, 0, "3 probes timed out"},
	{-4, API_PROBE_REFUSED, 0, 0, "4 probes refused"},
	{-3, API_PROBE_UNREACHABLE, 0, 0, "3 probes: unreachable"},
	{-3, API_PROBE_UNEXPECTED, 0, 0, "3 wrong answers"},
	{INT32_MIN, API_PROBE_UNREACHABLE, 0, 0, "9999 probes: unreachable"},
	{-3, 77, 0, 0, "3 probes failed"},
	{-2, API_PROBE_TIMEOUT, 6, 1, "7 flows refused"},
	{-2, API_PROBE_TIMEOUT, 1, 2000000000, "999999 flows unanswered"},
};

static void the_reason_says_what_was_seen_and_fits(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		struct health_input in = {.now_ns = 5};
		struct health h = {0};

		health_start(&h, &in);
		advance(&in, &(struct step){.streak = reasons[i].streak,
				     .refused = reasons[i].refused,
				     .silent = reasons[i].silent,
				     .ms = 1000});
		in.last_failure = reasons[i].failure;
		assert_true(health_update(&h, &probed, &in));
		assert_string_equal(h.reason, reasons[i].reason);
		assert_true(strlen("panic: ") + strlen(h.reason) < API_REASON_MAX);
	}
}

static void what_was_decided_before_is_taken_over(void **state)
{
	struct health_input in = {.now_ns = 5, .streak = 50, .succeeded = 50, .refused = 900};
	struct health h = {0};

	health_adopt(&h, true, "3 probes timed out");
	health_start(&h, &in);
	assert_false(health_update(&h, &probed, &in));
	assert_true(h.down);
	assert_string_equal(h.reason, "3 probes timed out");
	advance(&in, &(struct step){.streak = 51, .ms = 1000});
	assert_false(health_update(&h, &probed, &in));
	advance(&in, &(struct step){.streak = 52, .ms = 1000});
	assert_true(health_update(&h, &probed, &in));
	assert_false(h.down);
	health_adopt(&h, false, "drained by command");
	assert_string_equal(h.reason, "");
}

static void old_counters_are_no_evidence(void **state)
{
	struct health_input in = {.now_ns = 5, .refused = 900, .silent = 900};
	struct health h = {0};

	health_start(&h, &in);
	for (unsigned i = 0; i < 10; i++) {
		advance(&in, &(struct step){.ms = 1000});
		assert_false(health_update(&h, &unprobed, &in));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_story_ends_as_it_should),
		cmocka_unit_test(the_reason_says_what_was_seen_and_fits),
		cmocka_unit_test(what_was_decided_before_is_taken_over),
		cmocka_unit_test(old_counters_are_no_evidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
