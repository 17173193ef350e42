/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of requests and the replies they must get, for tests of commands. One thread. */
#ifndef TESTS_UNIT_KV_STEPS_H
#define TESTS_UNIT_KV_STEPS_H

#include <stdio.h>
#include <string.h>

#include "tests/unit/kv_rig.h"

#define KV_STEPS_MEMORY (64u << 20)

/* An inline request without its line end, and what must come back. */
struct kv_step {
	const char *ask;
	const char *reply;
};

/* Runs @n steps as client @c; -1: all replies are right, else the number of the first wrong one,
 * which has been printed. */
static inline int kv_steps_run(int c, const struct kv_step *steps, size_t n)
{
	char line[4096];

	for (size_t i = 0; i < n; i++) {
		const char *reply;

		snprintf(line, sizeof(line), "%s\r\n", steps[i].ask);
		reply = kv_rig_text(c, line);
		if (!strcmp(reply, steps[i].reply))
			continue;
		fprintf(stderr, "step %zu, %s\n  wanted: %s\n  got: %s\n", i, steps[i].ask,
			steps[i].reply, reply);
		return (int)i;
	}
	return -1;
}

/* Runs the steps in braces as client @c; each reply must be right. */
#define KV_STEPS(c, ...)                                                                           \
	do {                                                                                       \
		static const struct kv_step steps_[] = {__VA_ARGS__};                              \
		assert_int_equal(kv_steps_run(c, steps_, ARRAY_SIZE(steps_)), -1);                 \
	} while (0)

/* Fixtures: a store with one worker for each test. */
static inline int kv_steps_start(void **state)
{
	kv_rig_start(KV_STEPS_MEMORY);
	return 0;
}

static inline int kv_steps_stop(void **state)
{
	kv_rig_stop();
	return 0;
}

#define KV_STEPS_TEST(name) cmocka_unit_test_setup_teardown(name, kv_steps_start, kv_steps_stop)

#define OK        "+OK\r\n"
#define NIL       "$-1\r\n"
#define ZERO      ":0\r\n"
#define ONE       ":1\r\n"
#define SYNTAX    "-ERR syntax error\r\n"
#define NOT_INT   "-ERR value is not an integer or out of range\r\n"
#define NOT_FLOAT "-ERR value is not a valid float\r\n"
#define TOO_LONG  "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"

#endif
