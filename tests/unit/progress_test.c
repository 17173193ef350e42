/* SPDX-License-Identifier: BSD-3-Clause */
/* The progress line. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/progress.h"

static const struct {
	uint64_t done, total;
	double share;
	double seconds;
	unsigned columns;
	const char *want;
} rows[] = {
	{5, 10, -1, 1, 80, " 50% [###############...............] 5 of 10 items, 5/s, 0:01 left"},
	{0, 10, -1, 0, 80, "  0% [..............................] 0 of 10 items, 0/s, 0:00"},
	{10, 10, -1, 5, 80, "100% [##############################] 10 of 10 items, 2/s, 0:00 left"},
	{1234567, 4000000, -1, 10, 80,
		" 31% [#########.....................] 1.23M of 4.00M items, 123k/s, 0:22 left"},
	/* What is under way may be more than was thought. */
	{12, 10, -1, 1, 80,
		"100% [##############################] 12 of 10 items, 12/s, 0:00 left"},
	{999600, 0, -1, 7300, 80, "1.00M items, 137/s, 2:01:40"},
	{54321, 0, -1, 60, 80, "54.3k items, 905/s, 1:00"},
	{500, 0, 0.25, 60, 80, " 25% [#######.......................] 500 items, 8/s, 3:00 left"},
	/* Narrow terminals: a shorter bar, none, and less. */
	{5, 10, -1, 1, 50, " 50% [######......] 5 of 10 items, 5/s, 0:01 left"},
	{5, 10, -1, 1, 42, "5 of 10 items, 5/s, 0:01 left"},
	{5, 10, -1, 1, 14, "5 of 10 items"},
	{0, 0, -1, 1, 80, "0 items, 0/s, 0:01"},
};

static void the_line_says_share_counts_rate_and_time_left(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct progress p = {.noun = "items",
			.done = rows[i].done,
			.total = rows[i].total,
			.share = rows[i].share,
			.started_ns = 77,
			.columns = rows[i].columns};
		char line[PROGRESS_LINE_MAX];

		progress_format(&p, 77 + (uint64_t)(rows[i].seconds * 1e9), line);
		assert_string_equal(line, rows[i].want);
		assert_true(strlen(line) < rows[i].columns);
	}
}

static void nothing_is_drawn_where_there_is_no_terminal(void **state)
{
	struct progress p = {.noun = "items", .share = -1, .columns = 80};

	progress_draw(&p, 10 * NSEC_PER_SEC);
	assert_false(p.is_drawn);
	progress_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_says_share_counts_rate_and_time_left),
		cmocka_unit_test(nothing_is_drawn_where_there_is_no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
