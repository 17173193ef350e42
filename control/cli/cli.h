/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * braidctl: one table of commands (commands.c) drives parsing, help, suggestions, bash completion
 * and the man page; each command is a function over the API sockets and the shared counters.
 */
#ifndef CONTROL_CLI_CLI_H
#define CONTROL_CLI_CLI_H

#include <stdio.h>

#include <jansson.h>

#include "lib/api/api.h"
#include "lib/api/stats.h"

#define CLI_WORDS_MANY   (1u << 20) /* args_max of a command that takes any number */
#define CLI_OPTIONS_MAX  16
#define CLI_GIVEN_MAX    64 /* options on one command line */
#define CLI_EXAMPLES_MAX 4
#define CLI_RUNTIME_BASE "/run/braid"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_FAULT = 3,      /* a user's program was refused, or ended with a fault */
	CLI_DEADLINE = 124, /* as timeout(1) */
	CLI_INTERRUPTED = 130,
};

/* What an argument or a value is, for completion. */
enum cli_kind {
	CLI_PLAIN,
	CLI_FILE,
	CLI_DIRECTORY,
	CLI_WORD, /* one of cli_option.choices */
};

struct cli_option {
	const char *name;  /* long name, without dashes */
	char letter;       /* short name, or 0 */
	const char *value; /* name of its value, NULL for a flag */
	enum cli_kind kind;
	const char *choices; /* CLI_WORD: separated by spaces */
	const char *help;
};

struct cli;

struct cli_command {
	const char *name; /* one word, or two: "show routes" */
	const char *args; /* as shown in the usage line, or NULL */
	unsigned args_min, args_max;
	enum cli_kind args_kind;
	const char *choices;                        /* of the argument, for CLI_WORD */
	const char *summary;                        /* one line */
	const char *text;                           /* paragraphs separated by an empty line */
	struct cli_option options[CLI_OPTIONS_MAX]; /* ends with one without a name */
	const char *examples[CLI_EXAMPLES_MAX];     /* "command  # what it shows" */
	enum cli_exit (*run)(struct cli *cli);
};

/* An option of a command as it was given. */
struct cli_given {
	const struct cli_option *option;
	const char *value;
};

/* One parsed command line. */
struct cli {
	const struct cli_command *command;
	const char *runtime_option; /* as given, or NULL */
	const char *node_option;
	bool json;
	bool help;
	bool version;
	char **words; /* the command's arguments; in argv, whose first places they take */
	unsigned n_words;
	const char *values[CLI_OPTIONS_MAX];   /* of command->options; "" for a flag that is set */
	struct cli_given given[CLI_GIVEN_MAX]; /* those of the command, as often as they came */
	unsigned n_given;
	char runtime[256]; /* cli_runtime() */
};

extern const struct cli_command cli_commands[];
extern const size_t cli_n_commands;
extern const struct cli_option cli_globals[]; /* ends with one without a name */

/* Parses argv into @cli. CLI_OK, or CLI_USAGE after an explanation on stderr. */
enum cli_exit cli_parse(struct cli *cli, int argc, char **argv);

/* The value of the command's option @name: NULL when not given, "" for a flag. */
const char *cli_value(const struct cli *cli, const char *name);

/*
 * The value of an option that is a number from @min to @max, @fallback when not given. False after
 * an explanation on stderr.
 */
bool cli_number(const struct cli *cli, const char *name, const uint64_t range[2], uint64_t fallback,
	uint64_t *out);

/* The value of an option that is a time: 500ms, 5s, 2m, 1h; 0 when not given. False after an
 * explanation on stderr. */
bool cli_duration(const struct cli *cli, const char *name, uint64_t *ms);

/* Whether an option of kind CLI_WORD has one of its words, or is not given; explains if not. */
bool cli_word(const struct cli *cli, const char *name);

/* Help on stdout: of the command (one or a group of them), or of everything for NULL. */
void cli_help(const char *name);

/* Prints "braidctl: <sentence>" to stderr; returns CLI_FAILED. */
enum cli_exit cli_fail(const struct base_error *err);

/* As above for a wrong command line; returns CLI_USAGE. */
enum cli_exit cli_usage(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * Finds the runtime directory from --runtime, --node or what is in /run/braid, into cli->runtime.
 * 0 or a negative errno with a sentence.
 */
int cli_runtime(struct cli *cli, struct base_error *err);

/* Connects to the socket called @name ("dataplane.sock") of the node. 0 or a negative errno. */
int cli_connect(struct cli *cli, const char *name, struct api_client *client,
	struct api_hello_reply *hello, struct base_error *err);

/* Opens the counters of the node. NULL with a sentence. */
const struct stats_file *cli_counters(struct cli *cli, struct base_error *err);

/* Calls @fn(@ctx, item) for every item of a dump; @fn returns false to stop. @request is the
 * structure that goes with @type, which begins with a cursor. 0 or a negative errno. */
int cli_dump(struct api_client *client, enum api_type type, const void *request,
	bool (*fn)(void *ctx, const void *item), void *ctx);

/* The sentence of the last failed cli_dump. */
const struct base_error *cli_dump_error(void);

/* Prints @json and a newline on stdout and releases it; returns CLI_OK. */
enum cli_exit cli_print_json(json_t *json);

/* braidctl status: both programs. */
enum cli_exit cli_status(struct cli *cli);

/* braidctl show ports. */
enum cli_exit cli_show_ports(struct cli *cli);

/* braidctl show interfaces. */
enum cli_exit cli_show_interfaces(struct cli *cli);

/* braidctl show addresses. */
enum cli_exit cli_show_addresses(struct cli *cli);

/* braidctl show routes, streamed. */
enum cli_exit cli_show_routes(struct cli *cli);

/* braidctl show neighbors. */
enum cli_exit cli_show_neighbors(struct cli *cli);

/* braidctl show services. */
enum cli_exit cli_show_services(struct cli *cli);

/* braidctl show backends. */
enum cli_exit cli_show_backends(struct cli *cli);

/* braidctl show flows, streamed. */
enum cli_exit cli_show_flows(struct cli *cli);

/* braidctl show conns, streamed. */
enum cli_exit cli_show_conns(struct cli *cli);

/* braidctl show shards, from the counters. */
enum cli_exit cli_show_shards(struct cli *cli);

/* braidctl show store. */
enum cli_exit cli_show_store(struct cli *cli);

/* braidctl drain. */
enum cli_exit cli_drain(struct cli *cli);

/* braidctl undrain. */
enum cli_exit cli_undrain(struct cli *cli);

/* braidctl show drops, from the counters. */
enum cli_exit cli_show_drops(struct cli *cli);

/* braidctl show stages, from the counters. */
enum cli_exit cli_show_stages(struct cli *cli);

/* braidctl show workers, from the counters. */
enum cli_exit cli_show_workers(struct cli *cli);

/* braidctl show config, from control. */
enum cli_exit cli_show_config(struct cli *cli);

/* braidctl apply. */
enum cli_exit cli_apply(struct cli *cli);

/* braidctl explain. */
enum cli_exit cli_explain(struct cli *cli);

/* braidctl capture. */
enum cli_exit cli_capture(struct cli *cli);

/* braidctl top. */
enum cli_exit cli_top(struct cli *cli);

/* braidctl cc. */
enum cli_exit cli_cc(struct cli *cli);

/* braidctl check. */
enum cli_exit cli_check(struct cli *cli);

/* braidctl load. */
enum cli_exit cli_load(struct cli *cli);

/* braidctl map. */
enum cli_exit cli_map(struct cli *cli);

/* braidctl each. */
enum cli_exit cli_each(struct cli *cli);

/* braidctl jobs. */
enum cli_exit cli_jobs(struct cli *cli);

/* braidctl completion: the script on stdout. */
enum cli_exit cli_completion(struct cli *cli);

/* braidctl man: roff on stdout. */
enum cli_exit cli_man(struct cli *cli);

#endif
