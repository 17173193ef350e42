/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of commands: every row is found by its name, and fits together. One thread. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/kv/kv_exec.h"

/* The row that a client finds with the words of @name. */
static const struct kv_command *look_up(const char *name)
{
	const char *bar = strchr(name, '|');
	struct resp_arg argv[2] = {
		{(const uint8_t *)name, (uint32_t)(bar ? (size_t)(bar - name) : strlen(name))}};

	if (bar)
		argv[1] = (struct resp_arg){(const uint8_t *)bar + 1, (uint32_t)strlen(bar + 1)};
	return kv_command_of(argv, bar ? 2 : 1);
}

static int start(void **state)
{
	kv_commands_init();
	return 0;
}

static void every_row_is_found_by_its_name_in_any_case(void **state)
{
	for (uint32_t i = 0; i < kv_commands_count; i++) {
		char upper[64];
		size_t n = base_strlcpy(upper, kv_commands[i].name, sizeof(upper));

		assert_ptr_equal(look_up(kv_commands[i].name), &kv_commands[i]);
		for (size_t k = 0; k < n; k++)
			upper[k] = (char)toupper((unsigned char)upper[k]);
		assert_ptr_equal(look_up(upper), &kv_commands[i]);
		upper[n - 1] = '!';
		assert_ptr_not_equal(look_up(upper), &kv_commands[i]);
	}
}

static void a_subcommand_is_no_command(void **state)
{
	struct resp_arg whole = {(const uint8_t *)"object|encoding", 15};

	assert_non_null(kv_command_find("object|encoding", 15));
	assert_null(kv_command_of(&whole, 1));
	assert_null(look_up("object|nothing"));
	assert_true(kv_command_is_container(kv_command_find("object", 6)));
	assert_true(kv_command_is_sub(kv_command_find("object|encoding", 15)));
	assert_false(kv_command_is_container(kv_command_find("get", 3)));
	assert_null(kv_command_find("", 0));
	assert_null(kv_command_find("get\0", 4));
	assert_null(kv_command_find("a name that is much longer than any of a command", 48));
}

static void rows_fit_together(void **state)
{
	for (uint32_t i = 0; i < kv_commands_count; i++) {
		const struct kv_command *c = &kv_commands[i];
		/* WATCH goes to the owners of its keys by a way of its own. */
		bool has_keys = c->first_key != 0 && strcmp(c->name, "watch") != 0;
		bool counted = c->first_key < 0;

		if (has_keys !=
			(c->where == KV_AT_KEY || c->where == KV_SPLIT || c->where == KV_TOGETHER))
			fail_msg("%s: keys and owners do not fit", c->name);
		if (has_keys && (c->key_step < 1 || (c->last_key == 0) != counted))
			fail_msg("%s: positions of keys", c->name);
		if (counted != ((c->flags & KV_MOVABLE_KEYS) != 0))
			fail_msg("%s: a number of keys without its flag", c->name);
		if (c->arity == 0 || !c->fn)
			fail_msg("%s: arity or function", c->name);
		if ((c->flags & KV_WRITE) && (c->flags & KV_READONLY))
			fail_msg("%s: reads only and writes", c->name);
		/* A key, or their number, is always there once the arity is right. */
		if (has_keys && abs(c->first_key) >= (c->arity < 0 ? -c->arity : c->arity))
			fail_msg("%s: its first key may be missing", c->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_found_by_its_name_in_any_case),
		cmocka_unit_test(a_subcommand_is_no_command),
		cmocka_unit_test(rows_fit_together),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
