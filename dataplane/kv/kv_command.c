/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of commands and how a name finds its row: a hash that was chosen so that no two names
 * share a place would have to be chosen anew with every command, so names that meet are chained.
 * Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_command.h"

#define NAME_MAX_BYTES 32 /* no name is longer */
#define PLACES         512

const struct kv_command kv_commands[] = {
#define KV_COMMAND(name_, fn_, arity_, flags_, first_, last_, step_, where_, group_, since_,       \
	complexity_, summary_)                                                                     \
	{                                                                                          \
		.name = name_,                                                                     \
		.fn = fn_,                                                                         \
		.arity = arity_,                                                                   \
		.first_key = first_,                                                               \
		.last_key = last_,                                                                 \
		.key_step = step_,                                                                 \
		.where = where_,                                                                   \
		.flags = flags_,                                                                   \
		.since = since_,                                                                   \
		.group = group_,                                                                   \
		.complexity = complexity_,                                                         \
		.summary = summary_,                                                               \
	},
#include "dataplane/kv/kv_command.def"
#undef KV_COMMAND
};

const uint32_t kv_commands_count = ARRAY_SIZE(kv_commands);

/* Rows by the hash of their names: 1 + the first one's number, and 1 + the next one's. Filled once,
 * by kv_commands_init. */
static uint16_t places[PLACES];
static uint16_t next[ARRAY_SIZE(kv_commands)];

enum kind { PLAIN, CONTAINER, SUBCOMMAND };

static uint8_t kinds[ARRAY_SIZE(kv_commands)];

/* Of a name in any case: letters differ by one bit in theirs, and the other bytes that names
 * consist of have it set too. */
static uint32_t hash(const uint8_t *p, uint32_t len)
{
	uint32_t h = len;

	for (uint32_t i = 0; i < len; i++)
		h = (h ^ (p[i] | 0x20)) * 0x9e3779b1u;
	return (h >> 16) & (PLACES - 1);
}

/* A subcommand makes the row of its first word a container. */
static void init_kind(uint32_t i)
{
	const char *bar = strchr(kv_commands[i].name, '|');
	const struct kv_command *container;

	if (!bar)
		return;
	kinds[i] = SUBCOMMAND;
	container = kv_command_find(kv_commands[i].name, (uint32_t)(bar - kv_commands[i].name));
	if (container)
		kinds[container - kv_commands] = CONTAINER;
}

void kv_commands_init(void)
{
	memset(places, 0, sizeof(places));
	for (uint32_t i = 0; i < kv_commands_count; i++) {
		size_t len = strlen(kv_commands[i].name);
		uint32_t h = hash((const uint8_t *)kv_commands[i].name, (uint32_t)len);

		BRAID_ASSERT(len <= NAME_MAX_BYTES);
		next[i] = places[h];
		places[h] = (uint16_t)(i + 1);
	}
	for (uint32_t i = 0; i < kv_commands_count; i++)
		init_kind(i);
}

/* Whether the @len bytes at @p are @name, which is lower case, in any case. */
static bool same(const char *name, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		uint8_t c = p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 0x20 : p[i];

		if (c != (uint8_t)name[i] || c == '\0')
			return false;
	}
	return name[len] == '\0';
}

const struct kv_command *kv_command_find(const void *name, uint32_t len)
{
	if (len > NAME_MAX_BYTES)
		return NULL;
	for (uint16_t i = places[hash(name, len)]; i != 0; i = next[i - 1])
		if (same(kv_commands[i - 1].name, name, len))
			return &kv_commands[i - 1];
	return NULL;
}

const struct kv_command *kv_subcommand_find(
	const struct kv_command *container, const void *name, uint32_t len)
{
	uint32_t n = (uint32_t)strlen(container->name);
	uint8_t whole[NAME_MAX_BYTES];

	if (len > NAME_MAX_BYTES || n + 1 + len > NAME_MAX_BYTES)
		return NULL;
	memcpy(whole, container->name, n);
	whole[n] = '|';
	memcpy(whole + n + 1, name, len);
	return kv_command_find(whole, n + 1 + len);
}

bool kv_command_is_container(const struct kv_command *command)
{
	return kinds[command - kv_commands] == CONTAINER;
}

bool kv_command_is_sub(const struct kv_command *command)
{
	return kinds[command - kv_commands] == SUBCOMMAND;
}

void kv_cmd_container(struct kv_call *c)
{
	BRAID_ASSERT(!"the rows of containers are not called");
}
