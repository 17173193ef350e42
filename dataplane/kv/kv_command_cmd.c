/* SPDX-License-Identifier: BSD-3-Clause */
/* COMMAND: the table of commands as clients ask for it. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_command_info.h"
#include "dataplane/kv/kv_exec.h"
#include "dataplane/kv/kv_text.h"

static bool is_top(uint32_t row)
{
	return !kv_command_is_sub(&kv_commands[row]);
}

static uint32_t count_top(void)
{
	uint32_t n = 0;

	for (uint32_t row = 0; row < kv_commands_count; row++)
		n += is_top(row);
	return n;
}

static void info_all(struct kv_call *c)
{
	kv_reply_array(c->reply, count_top());
	for (uint32_t row = 0; row < kv_commands_count; row++)
		if (is_top(row))
			kv_command_info(c->reply, &kv_commands[row]);
}

void kv_cmd_command(struct kv_call *c)
{
	info_all(c);
}

void kv_cmd_command_count(struct kv_call *c)
{
	kv_reply_int(c->reply, count_top());
}

void kv_cmd_command_info(struct kv_call *c)
{
	if (c->argc == 2) {
		info_all(c);
		return;
	}
	kv_reply_array(c->reply, c->argc - 2);
	for (uint32_t i = 2; i < c->argc; i++) {
		const struct kv_command *command =
			kv_command_find(c->argv[i].bytes, c->argv[i].len);

		if (command)
			kv_command_info(c->reply, command);
		else
			kv_reply_null(c->reply);
	}
}

void kv_cmd_command_docs(struct kv_call *c)
{
	uint32_t n = 0;

	if (c->argc == 2) {
		kv_reply_map(c->reply, count_top());
		for (uint32_t row = 0; row < kv_commands_count; row++)
			if (is_top(row))
				kv_command_docs(c->reply, &kv_commands[row]);
		return;
	}
	for (uint32_t i = 2; i < c->argc; i++)
		n += kv_command_find(c->argv[i].bytes, c->argv[i].len) != NULL;
	kv_reply_map(c->reply, n);
	for (uint32_t i = 2; i < c->argc; i++) {
		const struct kv_command *command =
			kv_command_find(c->argv[i].bytes, c->argv[i].len);

		if (command)
			kv_command_docs(c->reply, command);
	}
}

/* What COMMAND LIST FILTERBY asks for. */
enum filter { FILTER_NONE, FILTER_MODULE, FILTER_CATEGORY, FILTER_PATTERN };

static bool is_listed(enum filter filter, const struct resp_arg *word, uint32_t row)
{
	const char *name = kv_commands[row].name;
	uint64_t category;

	switch (filter) {
	case FILTER_NONE:
		return is_top(row);
	case FILTER_MODULE:
		break;
	case FILTER_CATEGORY:
		category = kv_category_find(word);
		return (kv_command_categories(&kv_commands[row]) & category) != 0;
	case FILTER_PATTERN:
		return kv_glob_match(word, name, (uint32_t)strlen(name), true);
	}
	return false;
}

void kv_cmd_command_list(struct kv_call *c)
{
	static const struct {
		const char *name;
		enum filter filter;
	} filters[] = {
		{"module", FILTER_MODULE},
		{"aclcat", FILTER_CATEGORY},
		{"pattern", FILTER_PATTERN},
	};
	enum filter filter = FILTER_NONE;
	uint32_t n = 0;

	if (c->argc == 5 && kv_arg_is(c, 2, "filterby"))
		for (unsigned i = 0; i < ARRAY_SIZE(filters); i++)
			if (kv_arg_is(c, 3, filters[i].name))
				filter = filters[i].filter;
	if (c->argc > 2 && filter == FILTER_NONE) {
		kv_reply_error(c->reply, "ERR syntax error");
		return;
	}
	for (uint32_t row = 0; row < kv_commands_count; row++)
		n += is_listed(filter, &c->argv[c->argc - 1], row);
	kv_reply_array(c->reply, n);
	for (uint32_t row = 0; row < kv_commands_count; row++)
		if (is_listed(filter, &c->argv[c->argc - 1], row))
			kv_reply_text(c->reply, kv_commands[row].name);
}

/* The command in arguments 2 and following, if it has keys; NULL: refused and answered. */
static const struct kv_command *find_with_keys(struct kv_call *c)
{
	uint32_t argc = c->argc - 2;
	const struct kv_command *command = kv_command_of(c->argv + 2, argc);

	if (!command)
		kv_reply_error(c->reply, "ERR Invalid command specified");
	else if (command->first_key == 0)
		kv_reply_error(c->reply, "ERR The command has no key arguments");
	else if ((command->arity > 0 && (uint32_t)command->arity != argc) ||
		 (int64_t)argc < -command->arity)
		kv_reply_error(c->reply, "ERR Invalid number of arguments specified for command");
	else
		return command;
	return NULL;
}

static void get_keys(struct kv_call *c, bool with_flags)
{
	const struct kv_command *command = find_with_keys(c);
	struct kv_command_keys keys;

	if (!command)
		return;
	keys = kv_command_keys(command, c->argv + 2, c->argc - 2);
	kv_reply_array(c->reply, keys.n);
	for (uint32_t i = 0; i < keys.n; i++) {
		const struct resp_arg *key = &c->argv[2 + keys.first + i * keys.step];

		if (with_flags)
			kv_reply_array(c->reply, 2);
		kv_reply_bulk(c->reply, key->bytes, key->len);
		if (with_flags)
			kv_command_key_flags(c->reply, command);
	}
}

void kv_cmd_command_getkeys(struct kv_call *c)
{
	get_keys(c, false);
}

void kv_cmd_command_getkeysandflags(struct kv_call *c)
{
	get_keys(c, true);
}

void kv_cmd_command_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"(no subcommand)",
		"    Return details about all Redis commands.",
		"COUNT",
		"    Return the total number of commands in this Redis server.",
		"LIST",
		"    Return a list of all commands in this Redis server.",
		"INFO [<command-name> ...]",
		"    Return details about multiple Redis commands.",
		"    If no command names are given, documentation details for all",
		"    commands are returned.",
		"DOCS [<command-name> ...]",
		"    Return documentation details about multiple Redis commands.",
		"    If no command names are given, documentation details for all",
		"    commands are returned.",
		"GETKEYS <full-command>",
		"    Return the keys from a full Redis command.",
		"GETKEYSANDFLAGS <full-command>",
		"    Return the keys and the access flags from a full Redis command.",
	};

	kv_reply_help(c, lines, ARRAY_SIZE(lines));
}

/* ACL CAT: the categories, or the commands of one. */
void kv_cmd_acl_cat(struct kv_call *c)
{
	uint64_t category;
	uint32_t n = 0;

	if (c->argc > 3) {
		kv_reply_error(c->reply, "ERR syntax error");
		return;
	}
	if (c->argc == 2) {
		kv_reply_array(c->reply, KV_CATEGORIES);
		for (unsigned i = 0; i < KV_CATEGORIES; i++)
			kv_reply_text(c->reply, kv_category_name(i));
		return;
	}
	category = kv_category_find(&c->argv[2]);
	if (!category) {
		kv_reply_error(c->reply, "ERR Unknown category '%.*s'", (int)c->argv[2].len,
			(const char *)c->argv[2].bytes);
		return;
	}
	for (uint32_t row = 0; row < kv_commands_count; row++)
		n += (kv_command_categories(&kv_commands[row]) & category) != 0;
	kv_reply_array(c->reply, n);
	for (uint32_t row = 0; row < kv_commands_count; row++)
		if (kv_command_categories(&kv_commands[row]) & category)
			kv_reply_text(c->reply, kv_commands[row].name);
}
