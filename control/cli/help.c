/* SPDX-License-Identifier: BSD-3-Clause */
/* Help for people, from the table of commands. */
#include <string.h>

#include "control/cli/cli.h"

#define HELP_COLUMNS 78

/* Prints @text in lines of HELP_COLUMNS, @indent spaces before each, paragraphs kept apart. */
static void wrap(const char *text, unsigned indent)
{
	unsigned column = 0;

	while (*text) {
		size_t word = strcspn(text, " \n");

		if (column > 0 && column + 1 + word > HELP_COLUMNS) {
			putchar('\n');
			column = 0;
		}
		if (column == 0)
			column = (unsigned)printf("%*s", (int)indent, "");
		else
			column += (unsigned)printf(" ");
		column += (unsigned)printf("%.*s", (int)word, text);
		text += word;
		if (text[0] == '\n' && text[1] == '\n') {
			printf("\n\n");
			column = 0;
		}
		text += strspn(text, " \n");
	}
	putchar('\n');
}

static void options_help(const struct cli_option *options, size_t max)
{
	for (size_t i = 0; i < max && options[i].name; i++) {
		const struct cli_option *o = &options[i];
		char left[40];

		if (o->letter)
			snprintf(left, sizeof(left), "-%c, --%s%s%s", o->letter, o->name,
				o->value ? " " : "", o->value ? o->value : "");
		else
			snprintf(left, sizeof(left), "    --%s%s%s", o->name, o->value ? " " : "",
				o->value ? o->value : "");
		printf("  %-24s %s\n", left, o->help);
	}
}

static void command_help(const struct cli_command *c)
{
	printf("Usage: braidctl [OPTIONS] %s%s%s%s\n\n", c->name, c->args ? " " : "",
		c->args ? c->args : "", c->options[0].name ? " [...]" : "");
	wrap(c->summary, 2);
	putchar('\n');
	wrap(c->text, 2);
	if (c->options[0].name) {
		printf("\nOptions of this command:\n");
		options_help(c->options, CLI_OPTIONS_MAX);
	}
	printf("\nOptions of all commands:\n");
	options_help(cli_globals, CLI_OPTIONS_MAX);
	printf("\nExamples:\n");
	for (size_t i = 0; i < CLI_EXAMPLES_MAX && c->examples[i]; i++)
		printf("  %s\n", c->examples[i]);
}

/* Whether the command belongs to the group (NULL: all do). */
static bool in_group(const struct cli_command *c, const char *group)
{
	size_t n = group ? strlen(group) : 0;

	return !group || (strncmp(c->name, group, n) == 0 && c->name[n] == ' ');
}

static void list_help(const char *group)
{
	printf("Usage: braidctl [OPTIONS] %s\n\n", group ? group : "COMMAND");
	printf("  Shows, changes and explains a running braid node, and runs programs on "
	       "it.\n\nCommands:\n");
	for (size_t i = 0; i < cli_n_commands; i++)
		if (in_group(&cli_commands[i], group))
			printf("  %-18s %s\n", cli_commands[i].name, cli_commands[i].summary);
	printf("\nOptions of all commands:\n");
	options_help(cli_globals, CLI_OPTIONS_MAX);
	printf("\nExamples:\n"
	       "  braidctl status\n"
	       "  braidctl show routes\n"
	       "  braidctl apply --dry-run braid.yaml\n"
	       "  braidctl map double.c twice 1 2 3 4 5\n"
	       "\nEach command explains itself: braidctl COMMAND --help\n"
	       "Exit status: 0 success, 1 failure, 2 wrong command line; of commands that run\n"
	       "programs also 3 a fault, 124 deadline, 130 interrupted.\n");
}

void cli_help(const char *name)
{
	for (size_t i = 0; name && i < cli_n_commands; i++) {
		if (strcmp(cli_commands[i].name, name) == 0) {
			command_help(&cli_commands[i]);
			return;
		}
	}
	list_help(name);
}
