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

/* A name in any case as two words: its first and its last eight bytes, which overlap in short ones.
 * Letters differ by one bit in their case; it is set in all bytes. */
struct words {
	uint64_t first;
	uint64_t last;
};

enum kind { PLAIN, CONTAINER, SUBCOMMAND };

/* Of a row's name. */
struct name {
	struct words words;
	uint8_t len;
	uint8_t kind;  /* enum kind */
	bool exact;    /* who has its words and length has its name */
	uint16_t next; /* 1 + number of the next row in its place */
};

/* Rows by the hash of their names: 1 + the first one's number. Filled once, by kv_commands_init. */
static uint16_t places[PLACES];
static struct name names[ARRAY_SIZE(kv_commands)];

static inline struct words words_of(const uint8_t *p, uint32_t len)
{
	const uint64_t lower = 0x2020202020202020;
	uint32_t low, high;
	struct words w = {0, 0};

	if (len >= 8) {
		memcpy(&w.first, p, 8);
		memcpy(&w.last, p + len - 8, 8);
	} else if (len >= 4) {
		memcpy(&low, p, 4);
		memcpy(&high, p + len - 4, 4);
		w.first = (uint64_t)high << 32 | low;
	} else if (len > 0) {
		w.first = (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1];
	}
	w.first |= lower;
	w.last |= lower;
	return w;
}

static inline uint32_t place_of(const struct words *w, uint32_t len)
{
	uint64_t h = (w->first ^ w->last << 23 ^ len) * 0x9e3779b97f4a7c15;

	return (uint32_t)(h >> 48) & (PLACES - 1);
}

/* Whether the words of a name of @len letters are those of no other. */
static bool is_exact(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (name[i] < 'a' || name[i] > 'z')
			return false;
	return len <= sizeof(struct words);
}

/* A subcommand makes the row of its first word a container. */
static void init_kind(uint32_t i)
{
	const char *bar = strchr(kv_commands[i].name, '|');
	const struct kv_command *container;

	if (!bar)
		return;
	names[i].kind = SUBCOMMAND;
	container = kv_command_find(kv_commands[i].name, (uint32_t)(bar - kv_commands[i].name));
	if (container)
		names[container - kv_commands].kind = CONTAINER;
}

void kv_commands_init(void)
{
	memset(places, 0, sizeof(places));
	for (uint32_t i = 0; i < kv_commands_count; i++) {
		const char *name = kv_commands[i].name;
		size_t len = strlen(name);
		struct words words = words_of((const uint8_t *)name, (uint32_t)len);
		uint16_t *place = &places[place_of(&words, (uint32_t)len)];

		BRAID_ASSERT(len <= NAME_MAX_BYTES);
		names[i] = (struct name){
			.words = words,
			.len = (uint8_t)len,
			.exact = is_exact(name, len),
			.next = *place,
		};
		*place = (uint16_t)(i + 1);
	}
	for (uint32_t i = 0; i < kv_commands_count; i++)
		init_kind(i);
}

/* Whether the @len bytes at @p are @name, which is lower case, in any case. */
static __attribute__((noinline)) bool same(const char *name, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		uint8_t c = p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 0x20 : p[i];

		if (c != (uint8_t)name[i] || c == '\0')
			return false;
	}
	return name[len] == '\0';
}

/* 1 + number of the row of @name, 0: there is none. */
static inline uint16_t find_row(const uint8_t *name, uint32_t len)
{
	struct words words;

	if (UNLIKELY(len > NAME_MAX_BYTES))
		return 0;
	words = words_of(name, len);
	for (uint16_t row = places[place_of(&words, len)]; row != 0; row = names[row - 1].next) {
		const struct name *n = &names[row - 1];

		if (n->words.first == words.first && n->words.last == words.last && n->len == len &&
			(LIKELY(n->exact) || same(kv_commands[row - 1].name, name, len)))
			return row;
	}
	return 0;
}

const struct kv_command *kv_command_find(const void *name, uint32_t len)
{
	uint16_t row = find_row(name, len);

	return row ? &kv_commands[row - 1] : NULL;
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

const struct kv_command *kv_command_of(const struct resp_arg *argv, uint32_t argc)
{
	uint16_t row = find_row(argv[0].bytes, argv[0].len);
	const struct kv_command *command;

	if (row == 0)
		return NULL;
	command = &kv_commands[row - 1];
	if (LIKELY(names[row - 1].kind == PLAIN))
		return command;
	if (names[row - 1].kind == SUBCOMMAND)
		return NULL;
	return argc == 1 ? command : kv_subcommand_find(command, argv[1].bytes, argv[1].len);
}

/* Keys behind their number. */
static struct kv_command_keys counted_keys(
	uint32_t number_arg, const struct resp_arg *argv, uint32_t argc)
{
	struct kv_command_keys keys = {.first = number_arg + 1, .step = 1};
	int64_t n;

	if (number_arg < argc && kv_parse_int(argv[number_arg].bytes, argv[number_arg].len, &n) &&
		n > 0 && n <= (int64_t)argc - keys.first)
		keys.n = (uint32_t)n;
	return keys;
}

struct kv_command_keys kv_command_keys(
	const struct kv_command *command, const struct resp_arg *argv, uint32_t argc)
{
	struct kv_command_keys keys = {.step = 1};
	int64_t last =
		command->last_key < 0 ? (int64_t)argc + command->last_key : command->last_key;

	if (command->first_key < 0)
		return counted_keys((uint32_t)-command->first_key, argv, argc);
	last = MIN_OF(last, (int64_t)argc - 1);
	if (command->first_key == 0 || last < command->first_key)
		return keys;
	keys.first = (uint32_t)command->first_key;
	keys.step = (uint32_t)command->key_step;
	keys.n = ((uint32_t)last - keys.first) / keys.step + 1;
	return keys;
}

bool kv_command_is_container(const struct kv_command *command)
{
	return names[command - kv_commands].kind == CONTAINER;
}

bool kv_command_is_sub(const struct kv_command *command)
{
	return names[command - kv_commands].kind == SUBCOMMAND;
}

void kv_cmd_container(struct kv_call *c)
{
	BRAID_ASSERT(!"the rows of containers are not called");
}
