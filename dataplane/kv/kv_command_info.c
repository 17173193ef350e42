/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of the table of commands in Redis's form. Thread: worker. */
#include <string.h>
#include <strings.h>

#include "dataplane/kv/kv_command_info.h"

/* In the order of their names. */
enum category {
	CATEGORY_KEYSPACE,
	CATEGORY_READ,
	CATEGORY_WRITE,
	CATEGORY_STRING = 7,
	CATEGORY_BITMAP,
	CATEGORY_PUBSUB = 12,
	CATEGORY_ADMIN,
	CATEGORY_FAST,
	CATEGORY_SLOW,
	CATEGORY_BLOCKING,
	CATEGORY_DANGEROUS,
	CATEGORY_CONNECTION,
	CATEGORY_TRANSACTION,
	CATEGORY_SCRIPTING,
};

static const char *const category_names[KV_CATEGORIES] = {"keyspace", "read", "write", "set",
	"sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream", "pubsub",
	"admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting"};

static const struct {
	uint32_t flag;
	const char *name;
} flag_names[] = {
	{KV_WRITE, "write"},
	{KV_READONLY, "readonly"},
	{KV_DENYOOM, "denyoom"},
	{KV_ADMIN, "admin"},
	{KV_PUBSUB, "pubsub"},
	{KV_NOSCRIPT, "noscript"},
	{KV_BLOCKING, "blocking"},
	{KV_LOADING, "loading"},
	{KV_STALE, "stale"},
	{KV_SKIP_MONITOR, "skip_monitor"},
	{KV_SKIP_SLOWLOG, "skip_slowlog"},
	{KV_ASKING, "asking"},
	{KV_FAST, "fast"},
	{KV_NO_AUTH, "no_auth"},
	{KV_MAY_REPLICATE, "may_replicate"},
	{KV_NO_MANDATORY_KEYS, "no_mandatory_keys"},
	{KV_NO_ASYNC_LOADING, "no_async_loading"},
	{KV_NO_MULTI, "no_multi"},
	{KV_MOVABLE_KEYS, "movablekeys"},
	{KV_ALLOW_BUSY, "allow_busy"},
};

/* Categories of commands, and of their subcommands, that are not those of their group. */
static const struct {
	const char *name;
	uint64_t bits;
} special[] = {
	{"asking", 1u << CATEGORY_CONNECTION},
	{"command", 1u << CATEGORY_CONNECTION},
	{"dbsize", 1u << CATEGORY_KEYSPACE},
	{"flushall", 1u << CATEGORY_KEYSPACE | 1u << CATEGORY_DANGEROUS},
	{"flushdb", 1u << CATEGORY_KEYSPACE | 1u << CATEGORY_DANGEROUS},
	{"info", 1u << CATEGORY_DANGEROUS},
	{"keys", 1u << CATEGORY_KEYSPACE | 1u << CATEGORY_DANGEROUS},
	{"lastsave", 1u << CATEGORY_ADMIN | 1u << CATEGORY_DANGEROUS},
	{"readonly", 1u << CATEGORY_CONNECTION},
	{"readwrite", 1u << CATEGORY_CONNECTION},
	{"role", 1u << CATEGORY_ADMIN | 1u << CATEGORY_DANGEROUS},
	{"restore", 1u << CATEGORY_KEYSPACE | 1u << CATEGORY_DANGEROUS},
	{"swapdb", 1u << CATEGORY_KEYSPACE | 1u << CATEGORY_DANGEROUS},
	{"wait", 1u << CATEGORY_CONNECTION},
};

static const struct {
	const char *group;
	uint64_t bits;
} groups[] = {
	{"generic", 1u << CATEGORY_KEYSPACE},
	{"string", 1u << CATEGORY_STRING},
	{"bitmap", 1u << CATEGORY_BITMAP},
	{"connection", 1u << CATEGORY_CONNECTION},
	{"transactions", 1u << CATEGORY_TRANSACTION},
	{"scripting", 1u << CATEGORY_SCRIPTING},
};

static const struct {
	uint32_t flag;
	uint64_t bits;
} implied[] = {
	{KV_WRITE, 1u << CATEGORY_WRITE},
	{KV_READONLY, 1u << CATEGORY_READ},
	{KV_ADMIN, 1u << CATEGORY_ADMIN | 1u << CATEGORY_DANGEROUS},
	{KV_PUBSUB, 1u << CATEGORY_PUBSUB},
	{KV_FAST, 1u << CATEGORY_FAST},
	{KV_BLOCKING, 1u << CATEGORY_BLOCKING},
};

const char *kv_category_name(unsigned i)
{
	return category_names[i];
}

uint64_t kv_category_find(const struct resp_arg *word)
{
	for (unsigned i = 0; i < KV_CATEGORIES; i++)
		if (strlen(category_names[i]) == word->len &&
			strncasecmp((const char *)word->bytes, category_names[i], word->len) == 0)
			return 1ULL << i;
	return 0;
}

/* What @command is used for. Containers are in no category of their own. */
static uint64_t purpose(const struct kv_command *command)
{
	size_t n = strcspn(command->name, "|");

	for (unsigned i = 0; i < ARRAY_SIZE(special); i++)
		if (strlen(special[i].name) == n && memcmp(command->name, special[i].name, n) == 0)
			return special[i].bits;
	for (unsigned i = 0; i < ARRAY_SIZE(groups) && command->fn != kv_cmd_container; i++)
		if (strcmp(command->group, groups[i].group) == 0)
			return groups[i].bits;
	return 0;
}

uint64_t kv_command_categories(const struct kv_command *command)
{
	uint64_t bits = purpose(command) | (command->flags & KV_FAST ? 0 : 1u << CATEGORY_SLOW);

	for (unsigned i = 0; i < ARRAY_SIZE(implied); i++)
		if (command->flags & implied[i].flag)
			bits |= implied[i].bits;
	return bits;
}

static void status_if(struct kv_reply *r, bool yes, const char *text)
{
	if (yes)
		kv_reply_status(r, text);
}

void kv_command_key_flags(struct kv_reply *r, const struct kv_command *command)
{
	bool writes = (command->flags & KV_WRITE) != 0;

	kv_reply_set(r, 2);
	kv_reply_status(r, writes ? "RW" : "RO");
	kv_reply_status(r, writes ? "update" : "access");
}

/* How the keys are found from where they begin. */
static void find_keys(struct kv_reply *r, const struct kv_command *command)
{
	bool counted = command->first_key < 0;
	int last = command->last_key;

	kv_reply_map(r, 2);
	kv_reply_text(r, "type");
	kv_reply_text(r, counted ? "keynum" : "range");
	kv_reply_text(r, "spec");
	kv_reply_map(r, 3);
	kv_reply_text(r, counted ? "keynumidx" : "lastkey");
	kv_reply_int(r, counted || last < 0 ? last : last - command->first_key);
	kv_reply_text(r, counted ? "firstkey" : "keystep");
	kv_reply_int(r, command->key_step);
	kv_reply_text(r, counted ? "keystep" : "limit");
	kv_reply_int(r, counted ? command->key_step : 0);
}

static void key_specification(struct kv_reply *r, const struct kv_command *command)
{
	kv_reply_set(r, command->first_key ? 1 : 0);
	if (command->first_key == 0)
		return;
	kv_reply_map(r, 3);
	kv_reply_text(r, "flags");
	kv_command_key_flags(r, command);
	kv_reply_text(r, "begin_search");
	kv_reply_map(r, 2);
	kv_reply_text(r, "type");
	kv_reply_text(r, "index");
	kv_reply_text(r, "spec");
	kv_reply_map(r, 1);
	kv_reply_text(r, "index");
	kv_reply_int(r, command->first_key < 0 ? -command->first_key : command->first_key);
	kv_reply_text(r, "find_keys");
	find_keys(r, command);
}

/* How cluster clients split it: Redis's hints. */
static void hints(struct kv_reply *r, const struct kv_command *command)
{
	bool split = command->where == KV_SPLIT, everywhere = command->where == KV_EVERYWHERE;

	kv_reply_set(r, split || everywhere);
	status_if(r, split, "request_policy:multi_shard");
	status_if(r, everywhere, "request_policy:all_shards");
}

/* Whether @sub is a subcommand of @container. */
static bool is_sub_of(const struct kv_command *sub, const struct kv_command *container)
{
	size_t n = strlen(container->name);

	return strncmp(sub->name, container->name, n) == 0 && sub->name[n] == '|';
}

static uint32_t count_subs(const struct kv_command *command)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < kv_commands_count; i++)
		n += is_sub_of(&kv_commands[i], command);
	return n;
}

/* All of it but the subcommands. */
static void info_row(struct kv_reply *r, const struct kv_command *command)
{
	uint64_t categories = kv_command_categories(command);
	bool movable = command->first_key < 0;
	uint32_t n = 0;

	kv_reply_array(r, 10);
	kv_reply_text(r, command->name);
	kv_reply_int(r, command->arity);
	for (unsigned i = 0; i < ARRAY_SIZE(flag_names); i++)
		n += (command->flags & flag_names[i].flag) != 0;
	kv_reply_set(r, n);
	for (unsigned i = 0; i < ARRAY_SIZE(flag_names); i++)
		status_if(r, (command->flags & flag_names[i].flag) != 0, flag_names[i].name);
	kv_reply_int(r, movable ? 0 : command->first_key);
	kv_reply_int(r, movable ? 0 : command->last_key);
	kv_reply_int(r, movable ? 0 : command->key_step);
	kv_reply_set(r, (uint32_t)__builtin_popcountll(categories));
	for (unsigned i = 0; i < KV_CATEGORIES; i++) {
		if (!(categories >> i & 1))
			continue;
		kv_reply_raw(r, "+@", 2);
		kv_reply_raw(r, category_names[i], (uint32_t)strlen(category_names[i]));
		kv_reply_raw(r, "\r\n", 2);
	}
	hints(r, command);
	key_specification(r, command);
}

void kv_command_info(struct kv_reply *r, const struct kv_command *command)
{
	info_row(r, command);
	kv_reply_array(r, count_subs(command));
	for (uint32_t i = 0; i < kv_commands_count; i++) {
		if (!is_sub_of(&kv_commands[i], command))
			continue;
		info_row(r, &kv_commands[i]);
		kv_reply_array(r, 0);
	}
}

static void docs_row(struct kv_reply *r, const struct kv_command *command, bool has_subs)
{
	bool complex = command->complexity[0] != '\0';

	kv_reply_text(r, command->name);
	kv_reply_map(r, 3u + complex + has_subs);
	kv_reply_text(r, "summary");
	kv_reply_text(r, command->summary);
	kv_reply_text(r, "since");
	kv_reply_text(r, command->since);
	kv_reply_text(r, "group");
	kv_reply_text(r, command->group);
	if (!complex)
		return;
	kv_reply_text(r, "complexity");
	kv_reply_text(r, command->complexity);
}

void kv_command_docs(struct kv_reply *r, const struct kv_command *command)
{
	uint32_t n = count_subs(command);

	docs_row(r, command, n > 0);
	if (n == 0)
		return;
	kv_reply_text(r, "subcommands");
	kv_reply_map(r, n);
	for (uint32_t i = 0; i < kv_commands_count; i++)
		if (is_sub_of(&kv_commands[i], command))
			docs_row(r, &kv_commands[i], false);
}
