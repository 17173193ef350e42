/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line, by the table: command words, options anywhere, suggestions on typos. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"

#define SUGGEST_MAX 32

enum cli_exit cli_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("braidctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CLI_USAGE;
}

enum cli_exit cli_fail(const struct base_error *err)
{
	fprintf(stderr, "braidctl: %s\n", err->text);
	return CLI_FAILED;
}

/* Whether @word is the first word of a command's name; the rest of the name, or NULL. */
static const char *after_word(const char *name, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(name, word, n) != 0 || (name[n] != '\0' && name[n] != ' '))
		return NULL;
	return name[n] ? name + n + 1 : name + n;
}

/* Explains that @word is not a command after @group (NULL: the first word), with a suggestion. */
static enum cli_exit unknown_command(const char *group, const char *word)
{
	static char first[SUGGEST_MAX][24];
	const char *words[SUGGEST_MAX];
	const char *best;
	size_t n = 0;

	for (size_t i = 0; i < cli_n_commands && n < SUGGEST_MAX; i++) {
		const char *name = cli_commands[i].name;

		if (group && !after_word(name, group))
			continue;
		base_strlcpy(first[n], group ? after_word(name, group) : name, sizeof(first[n]));
		first[n][strcspn(first[n], " ")] = '\0';
		words[n] = first[n];
		n++;
	}
	best = base_suggest(word, words, n);
	if (best)
		return cli_usage("unknown command \"%s%s%s\" (did you mean \"%s%s%s\"?)",
			group ? group : "", group ? " " : "", word, group ? group : "",
			group ? " " : "", best);
	return cli_usage("unknown command \"%s%s%s\" (see braidctl --help)", group ? group : "",
		group ? " " : "", word);
}

/*
 * Takes @word as part of the command's name: CLI_OK and *@group or cli->command moves on, CLI_USAGE
 * after an explanation.
 */
static enum cli_exit take_command(struct cli *cli, const char **group, const char *word)
{
	for (size_t i = 0; i < cli_n_commands; i++) {
		const char *rest = cli_commands[i].name;

		if (*group)
			rest = after_word(rest, *group);
		rest = rest && *rest ? after_word(rest, word) : NULL;
		if (!rest)
			continue;
		if (*rest == '\0')
			cli->command = &cli_commands[i];
		else
			*group = word;
		return CLI_OK;
	}
	return unknown_command(*group, word);
}

/* The option called @name of @len letters, or with that letter when @len is 0, in @table. */
static const struct cli_option *find_option(
	const struct cli_option *table, size_t max, const char *name, size_t len)
{
	for (size_t i = 0; i < max && table[i].name; i++)
		if (len == 0 ? table[i].letter == *name && *name != '\0'
			     : strlen(table[i].name) == len &&
					strncmp(table[i].name, name, len) == 0)
			return &table[i];
	return NULL;
}

static enum cli_exit unknown_option(const struct cli *cli, const char *arg)
{
	const char *names[2 * CLI_OPTIONS_MAX];
	const char *best;
	char name[48];
	size_t n = 0;

	for (size_t i = 0; cli_globals[i].name; i++)
		names[n++] = cli_globals[i].name;
	for (size_t i = 0; cli->command && i < CLI_OPTIONS_MAX && cli->command->options[i].name;
		i++)
		names[n++] = cli->command->options[i].name;
	base_strlcpy(name, arg + strspn(arg, "-"), sizeof(name));
	name[strcspn(name, "=")] = '\0';
	best = base_suggest(name, names, n);
	if (best)
		return cli_usage("unknown option \"%s\" (did you mean \"--%s\"?)", arg, best);
	return cli_usage("unknown option \"%s\" (see braidctl %s%s--help)", arg,
		cli->command ? cli->command->name : "", cli->command ? " " : "");
}

/* Stores a global option. */
static void set_global(struct cli *cli, const struct cli_option *option, const char *value)
{
	switch (option->letter) {
	case 'r':
		cli->runtime_option = value;
		break;
	case 'n':
		cli->node_option = value;
		break;
	case 'j':
		cli->json = true;
		break;
	case 'h':
		cli->help = true;
		break;
	case 'V':
		cli->version = true;
		break;
	}
}

/* Stores an option of the command. */
static enum cli_exit set_own(struct cli *cli, const struct cli_option *option, const char *value)
{
	if (cli->n_given == CLI_GIVEN_MAX)
		return cli_usage("more than %d options", CLI_GIVEN_MAX);
	cli->values[option - cli->command->options] = value;
	cli->given[cli->n_given++] = (struct cli_given){option, value};
	return CLI_OK;
}

/* Whether @arg is an option: it begins with a dash, and is no number among many arguments. */
static bool is_option(const struct cli *cli, const char *arg)
{
	bool is_number = arg[0] == '-' && arg[1] >= '0' && arg[1] <= '9';

	if (is_number && cli->command && cli->command->args_max == CLI_WORDS_MANY)
		return false;
	return arg[0] == '-' && arg[1] != '\0';
}

/* Takes the option argv[*@i], and its value if that is the next word. */
static enum cli_exit take_option(struct cli *cli, int argc, char **argv, int *i)
{
	const char *arg = argv[*i];
	bool is_long = arg[1] == '-';
	const char *name = arg + (is_long ? 2 : 1);
	size_t len = is_long ? strcspn(name, "=") : 0;
	const struct cli_option *global = find_option(cli_globals, CLI_OPTIONS_MAX, name, len);
	const struct cli_option *option = global;
	const char *value = "";

	if (cli->command) {
		const struct cli_option *own =
			find_option(cli->command->options, CLI_OPTIONS_MAX, name, len);

		if (own) {
			option = own;
			global = NULL;
		}
	}
	if (!option || (!is_long && name[1] != '\0' && !option->value))
		return unknown_option(cli, arg);
	if (is_long && name[len] == '=') {
		if (!option->value)
			return cli_usage("--%s takes no value", option->name);
		value = name + len + 1;
	} else if (!is_long && name[1] != '\0') {
		value = name + 1;
	} else if (option->value) {
		if (*i + 1 >= argc)
			return cli_usage("--%s needs a value: %s", option->name, option->help);
		value = argv[++*i];
	}
	if (global)
		set_global(cli, global, value);
	else
		return set_own(cli, option, value);
	return CLI_OK;
}

/* Checks the number of arguments. */
static enum cli_exit check_words(const struct cli *cli)
{
	const struct cli_command *c = cli->command;

	if (cli->n_words < c->args_min)
		return cli_usage("%s needs %s (see braidctl %s --help)", c->name, c->args, c->name);
	if (cli->n_words > c->args_max)
		return cli_usage("%s: \"%s\" is too much (see braidctl %s --help)", c->name,
			cli->words[c->args_max], c->name);
	return CLI_OK;
}

enum cli_exit cli_parse(struct cli *cli, int argc, char **argv)
{
	const char *group = NULL;
	bool only_words = false;
	enum cli_exit rc = CLI_OK;

	cli->words = argv;
	for (int i = 1; i < argc && rc == CLI_OK; i++) {
		if (!only_words && strcmp(argv[i], "--") == 0)
			only_words = true;
		else if (!only_words && is_option(cli, argv[i]))
			rc = take_option(cli, argc, argv, &i);
		else if (!cli->command)
			rc = take_command(cli, &group, argv[i]);
		else
			cli->words[cli->n_words++] = argv[i];
	}
	if (rc != CLI_OK || cli->version)
		return rc;
	if (cli->help) {
		cli_help(cli->command ? cli->command->name : group);
		return CLI_OK;
	}
	if (!cli->command && group)
		return cli_usage("%s what? (see braidctl %s --help)", group, group);
	if (!cli->command) {
		cli_help(NULL);
		return CLI_USAGE;
	}
	return check_words(cli);
}

const char *cli_value(const struct cli *cli, const char *name)
{
	for (size_t i = 0; i < CLI_OPTIONS_MAX && cli->command->options[i].name; i++)
		if (strcmp(cli->command->options[i].name, name) == 0)
			return cli->values[i];
	BRAID_ASSERT(false);
	return NULL;
}

bool cli_number(const struct cli *cli, const char *name, const uint64_t range[2], uint64_t fallback,
	uint64_t *out)
{
	const char *text = cli_value(cli, name);
	char *end;

	*out = fallback;
	if (!text)
		return true;
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno == 0 && *end == '\0' && text[0] >= '0' && text[0] <= '9' && *out >= range[0] &&
		*out <= range[1])
		return true;
	cli_usage("--%s \"%s\": not a number from %llu to %llu", name, text,
		(unsigned long long)range[0], (unsigned long long)range[1]);
	return false;
}

bool cli_duration(const struct cli *cli, const char *name, uint64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	const char *text = cli_value(cli, name);
	unsigned long long n;
	char *end;

	*ms = 0;
	if (!text)
		return true;
	errno = 0;
	n = strtoull(text, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (errno != 0 || text[0] < '0' || text[0] > '9' || n < 1 || n > 1000000 ||
			strcmp(end, units[i].unit) != 0)
			continue;
		*ms = n * units[i].ms;
		return true;
	}
	cli_usage("--%s \"%s\": not a time; write 500ms, 5s, 2m or 1h", name, text);
	return false;
}

bool cli_word(const struct cli *cli, const char *name)
{
	const char *value = cli_value(cli, name), *choices = "";

	for (size_t i = 0; i < CLI_OPTIONS_MAX && cli->command->options[i].name; i++)
		if (strcmp(cli->command->options[i].name, name) == 0)
			choices = cli->command->options[i].choices;
	if (!value)
		return true;
	for (const char *at = choices; *at; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");

		if (strlen(value) == n && strncmp(at, value, n) == 0)
			return true;
		at += n;
	}
	cli_usage("--%s \"%s\": not one of %s", name, value, choices);
	return false;
}
