/* SPDX-License-Identifier: BSD-3-Clause */
/* Command lines of braidctl: what they are taken for. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/cli.h"

#define ARGS_MAX 12

/* Parses "braidctl" and the words of @args up to a NULL. */
static enum cli_exit parse(struct cli *cli, const char *const args[ARGS_MAX])
{
	static char *argv[ARGS_MAX + 2];
	int argc = 1;

	*cli = (struct cli){0};
	argv[0] = "braidctl";
	for (; argc <= ARGS_MAX && args[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)args[argc - 1];
	argv[argc] = NULL;
	return cli_parse(cli, argc, argv);
}

static const struct {
	const char *args[ARGS_MAX];
	const char *command; /* NULL: it is no command line */
	const char *words;   /* with a comma behind each */
	bool json;
} rows[] = {
	{{"status"}, "status", "", false},
	{{"-j", "show", "routes", "10.0.0.0/8"}, "show routes", "10.0.0.0/8,", true},
	{{"drain", "web", "192.0.2.21", "-j"}, "drain", "web,192.0.2.21,", true},
	{{"map", "a.o", "f"}, "map", "a.o,f,", false},
	{{"map", "a.o", "f", "1", "-2", "-3.5", "4"}, "map", "a.o,f,1,-2,-3.5,4,", false},
	{{"map", "a.o", "f", "--", "-x", "--json"}, "map", "a.o,f,-x,--json,", false},
	{{"map", "a.o", "f", "-"}, "map", "a.o,f,-,", false},
	{{"map", "-s", "host", "a.o", "-Iinclude", "f", "-j", "1"}, "map", "a.o,f,1,", true},
	{{"map", "a.o", "f", "--deadline=5s", "--", "--"}, "map", "a.o,f,--,", false},
	{{"cc", "a.c", "-I", "x", "-D", "A=1", "-DB"}, "cc", "a.c,", false},
	/* Only where there are many arguments a number may begin with a dash. */
	{{"drain", "web", "-2"}, NULL, NULL, false},
	{{"map", "a.o"}, NULL, NULL, false},
	{{"map", "a.o", "f", "-x"}, NULL, NULL, false},
	{{"map", "a.o", "f", "--deadline"}, NULL, NULL, false},
	{{"map", "a.o", "f", "--as-completed=yes"}, NULL, NULL, false},
	{{"each", "a.o", "f", "1"}, NULL, NULL, false},
	{{"show"}, NULL, NULL, false},
	{{"nonsense"}, NULL, NULL, false},
};

static void command_lines_have_a_command_words_and_options(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char words[128] = "";
		struct cli cli;
		enum cli_exit code = parse(&cli, rows[i].args);

		assert_int_equal(code, rows[i].command ? CLI_OK : CLI_USAGE);
		if (!rows[i].command)
			continue;
		for (unsigned j = 0; j < cli.n_words; j++)
			snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s,",
				cli.words[j]);
		assert_string_equal(cli.command->name, rows[i].command);
		assert_string_equal(words, rows[i].words);
		assert_int_equal(cli.json, rows[i].json);
	}
}

static void options_are_kept_as_often_as_they_come(void **state)
{
	static const char *const args[ARGS_MAX] = {
		"cc", "-I", "one", "a.c", "-Itwo", "-D", "A=1", "--include=three"};
	static const char *const want[] = {"one", "two", "A=1", "three"};
	struct cli cli;

	assert_int_equal(parse(&cli, args), CLI_OK);
	assert_int_equal(cli.n_given, ARRAY_SIZE(want));
	for (unsigned i = 0; i < cli.n_given; i++)
		assert_string_equal(cli.given[i].value, want[i]);
	assert_int_equal(cli.given[2].option->letter, 'D');
	assert_string_equal(cli_value(&cli, "include"), "three");
	assert_null(cli_value(&cli, "output"));
}

static const struct {
	const char *text;
	uint64_t ms; /* 0: it is none */
} durations[] = {
	{"1ms", 1},
	{"500ms", 500},
	{"5s", 5000},
	{"2m", 120000},
	{"1h", 3600000},
	{"5", 0},
	{"0s", 0},
	{"s", 0},
	{"-1s", 0},
	{" 1s", 0},
	{"1 s", 0},
	{"1d", 0},
	{"1.5s", 0},
	{"99999999999999999999s", 0},
};

static void times_have_a_unit(void **state)
{
	const char *args[ARGS_MAX] = {"map", "a.o", "f", "--deadline"};
	uint64_t ms;
	struct cli cli;

	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		args[4] = durations[i].text;
		assert_int_equal(parse(&cli, args), CLI_OK);
		assert_int_equal(cli_duration(&cli, "deadline", &ms), durations[i].ms != 0);
		assert_int_equal(ms, durations[i].ms);
	}
	args[3] = NULL;
	assert_int_equal(parse(&cli, args), CLI_OK);
	assert_true(cli_duration(&cli, "deadline", &ms));
	assert_int_equal(ms, 0);
}

static void words_of_an_option_are_those_of_the_table(void **state)
{
	const char *args[ARGS_MAX] = {"each", "a.o", "f", "--class", "batch"};
	struct cli cli;

	assert_int_equal(parse(&cli, args), CLI_OK);
	assert_true(cli_word(&cli, "class"));
	args[4] = "bat";
	assert_int_equal(parse(&cli, args), CLI_OK);
	assert_false(cli_word(&cli, "class"));
	args[4] = "normal batch";
	assert_int_equal(parse(&cli, args), CLI_OK);
	assert_false(cli_word(&cli, "class"));
	args[3] = NULL;
	assert_int_equal(parse(&cli, args), CLI_OK);
	assert_true(cli_word(&cli, "class"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines_have_a_command_words_and_options),
		cmocka_unit_test(options_are_kept_as_often_as_they_come),
		cmocka_unit_test(times_have_a_unit),
		cmocka_unit_test(words_of_an_option_are_those_of_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
