/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading libraries into the store of kv_rig.h, for tests of FUNCTION, FCALL and FMAP. One thread.
 */
#ifndef TESTS_UNIT_KV_FUNCTION_RIG_H
#define TESTS_UNIT_KV_FUNCTION_RIG_H

#include "tests/unit/kv_steps.h"
#include "tests/unit/task_loaded.h"

/* Asks client @c: FUNCTION LOAD [REPLACE] and the @len bytes at @payload. The reply. */
static inline const char *kv_function_load(int c, bool replace, const void *payload, size_t len)
{
	struct resp_arg argv[4] = {
		{(const uint8_t *)"FUNCTION", 8},
		{(const uint8_t *)"LOAD", 4},
		{(const uint8_t *)"REPLACE", 7},
	};
	uint32_t argc = replace ? 3 : 2;

	argv[argc++] = (struct resp_arg){payload, (uint32_t)len};
	return kv_rig_args(c, argv, argc).bytes;
}

/* The same with the object of tests/unit/task_programs/@object.c as library @name. */
static inline const char *kv_function_load_object(
	int c, bool replace, const char *object, const char *name)
{
	struct task_file payload = task_payload_make(object, name);
	const char *reply = kv_function_load(c, replace, payload.bytes, payload.len);

	free(payload.bytes);
	return reply;
}

/* Fixture: one worker, or three, with library "good"; children may take long in tests. */
static inline void kv_function_start(unsigned n_workers)
{
	struct task_compile_setup setup;
	struct kv_settings settings;
	int c;

	kv_settings_default(&settings, KV_STEPS_MEMORY);
	settings.clients_max = 100;
	kv_rig_start_with(&settings, n_workers);
	task_compile_setup_default(&setup);
	setup.wall_ns = 60 * NSEC_PER_SEC;
	task_compile_setup_set(&setup);
	c = kv_rig_connect(0);
	assert_string_equal(kv_function_load_object(c, false, "good", "good"), "$4\r\ngood\r\n");
	kv_rig_abort(c);
}

/* Fails unless @text begins with @with. */
static inline void assert_begins(const char *text, const char *with)
{
	if (strncmp(text, with, strlen(with)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", text, with);
}

#endif
