/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * braidctl each: a program visits the records of the store, as a job of the node. What comes back
 * are the pairs it emitted, the keys a filter kept, or the accumulator of all.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/load.h"
#include "control/cli/output.h"
#include "control/cli/progress.h"
#include "control/cli/redis_job.h"

#define WAIT_MS        100
#define AGAIN_MS       50  /* before a job is tried again */
#define AGAIN_MAX      100 /* times */
#define SLOTS          16384
#define NAME_MAX_CHARS (2 * TASK_NAME_BYTES_MAX + 2)

struct each {
	struct cli *cli;
	struct redis redis;
	struct program program; /* of a file; .object is NULL for a library of the node */
	char name[NAME_MAX_CHARS];
	char slots[2][16];
	char deadline[24];
	enum output_format format;
	bool reduce;
	bool is_filter;
	char terminator;
	uint64_t n_results;
	struct progress progress;
	struct redis_job job;
};

static void on_tick(void *ctx)
{
	struct each *e = ctx;

	progress_draw(&e->progress, redis_now_ns());
}

/* The words of JOB SUBMIT. */
static void submit_words(struct each *e, const char *words[REDIS_ARGS_MAX])
{
	const char *match = cli_value(e->cli, "match"), *type = cli_value(e->cli, "type");
	const char *class = cli_value(e->cli, "class");
	size_t n = 0;

	words[n++] = "JOB";
	words[n++] = "SUBMIT";
	words[n++] = "TTL";
	words[n++] = REDIS_JOB_TTL_S;
	if (class) {
		words[n++] = "CLASS";
		words[n++] = class;
	}
	if (e->deadline[0]) {
		words[n++] = "DEADLINE";
		words[n++] = e->deadline;
	}
	words[n++] = "FEACH";
	words[n++] = e->name;
	if (match) {
		words[n++] = "MATCH";
		words[n++] = match;
	}
	if (type) {
		words[n++] = "TYPE";
		words[n++] = type;
	}
	if (e->slots[0][0]) {
		words[n++] = "SLOTS";
		words[n++] = e->slots[0];
		words[n++] = e->slots[1];
	}
	if (e->reduce)
		words[n++] = "REDUCE";
	words[n] = NULL;
}

/* Submits the job; loads the program if the node does not have it, and waits while the node is
 * full. */
static enum cli_exit submit(struct each *e)
{
	const char *words[REDIS_ARGS_MAX];
	bool loaded = e->program.object == NULL;
	redisReply *reply = NULL, *loading;
	enum cli_exit code;

	submit_words(e, words);
	for (;;) {
		unsigned busy_ms;

		code = redis_call(&e->redis, &reply, words);
		if (code != CLI_OK)
			return code;
		if (redis_job_id(reply, e->job.id))
			break;
		busy_ms = redis_busy_ms(&e->redis, reply);
		if (busy_ms > 0) {
			code = redis_pause(&e->redis, busy_ms);
		} else if (!loaded && load_is_missing(reply)) {
			loaded = true;
			code = load_program(&e->redis, &e->program, false, &loading);
			if (code == CLI_OK && loading->type == REDIS_REPLY_ERROR &&
				!load_is_there(loading))
				code = redis_refused(&e->redis, loading);
			else if (code == CLI_OK)
				freeReplyObject(loading);
		} else {
			return redis_refused(&e->redis, reply);
		}
		freeReplyObject(reply);
		if (code != CLI_OK)
			return code;
	}
	freeReplyObject(reply);
	return CLI_OK;
}

/* Waits for the end of the job. */
static enum cli_exit await(struct each *e)
{
	enum cli_exit code;

	do {
		code = redis_job_wait(&e->redis, WAIT_MS, &e->job);
		if (code != CLI_OK)
			return code;
		e->progress.done = e->job.done;
		e->progress.total = e->job.total;
		progress_draw(&e->progress, redis_now_ns());
	} while (!redis_job_ended(&e->job));
	progress_clear(&e->progress);
	e->is_filter = strcmp(e->job.kind, "filter") == 0;
	if (strcmp(e->job.state, "done") == 0 || strcmp(e->job.state, "gone") == 0)
		return CLI_OK;
	return redis_job_failed(&e->redis, &e->job);
}

/* The accumulator, up to its last word that is not zero. */
static void print_acc(struct each *e, const redisReply *acc)
{
	size_t len = acc->type == REDIS_REPLY_STRING ? acc->len : 0;

	while (len > 0 && acc->str[len - 1] == '\0')
		len--;
	if (e->format == OUTPUT_U64)
		len = MAX_OF((len + 7) / 8 * 8, 8u);
	if (e->cli->json)
		output_member(stdout, "acc", e->format, acc->str, MIN_OF(len, acc->len));
	else
		output_value(stdout, e->format, acc->str, MIN_OF(len, acc->len));
	if (!e->cli->json)
		putchar(e->terminator);
}

/* A page of keys, or of keys and values. */
static void print_page(struct each *e, const redisReply *page)
{
	size_t step = e->is_filter ? 1 : 2;

	for (size_t i = 0; i + step <= page->elements; i += step) {
		const redisReply *key = page->element[i], *value = page->element[i + step - 1];

		if (e->cli->json) {
			printf("%s\n  {", e->n_results ? "," : "");
			output_member(stdout, "key", OUTPUT_TEXT, key->str, key->len);
			if (!e->is_filter) {
				fputs(", ", stdout);
				output_member(stdout, "value", e->format, value->str, value->len);
			}
			putchar('}');
		} else {
			output_value(stdout, e->format == OUTPUT_RAW ? OUTPUT_RAW : OUTPUT_TEXT,
				key->str, key->len);
			if (!e->is_filter) {
				putchar('\t');
				output_value(stdout, e->format, value->str, value->len);
			}
			putchar(e->terminator);
		}
		e->n_results++;
	}
}

/* The pairs of a page of each: it is the accumulator, which goes to *@acc, and they. */
static const redisReply *pairs_of(const redisReply *page, const redisReply **acc)
{
	if (page->elements != 2 || page->element[1]->type != REDIS_REPLY_ARRAY)
		return NULL;
	*acc = page->element[0];
	return page->element[1];
}

/* The results of the job, page by page, the accumulator on the first one. */
static enum cli_exit print_results(struct each *e)
{
	char cursor[REDIS_JOB_ID_MAX] = "0";
	const char *args[] = {"JOB", "RESULT", e->job.id, cursor, NULL};
	bool first = true;
	enum cli_exit code;

	do {
		const redisReply *page, *acc = NULL;
		redisReply *reply;

		code = redis_call(&e->redis, &reply, args);
		if (code != CLI_OK)
			return code;
		if (first && redis_job_is_gone(reply)) {
			base_strlcpy(e->job.state, "gone", sizeof(e->job.state));
			freeReplyObject(reply);
			return CLI_OK;
		}
		page = redis_job_page(reply, cursor);
		if (page && !e->is_filter)
			page = pairs_of(page, &acc);
		if (!page)
			return redis_refused(&e->redis, reply);
		if (first && e->cli->json)
			putchar('{');
		if (first && e->reduce && acc)
			print_acc(e, acc);
		if (first && e->cli->json)
			printf("%s\"%s\": [", e->reduce && acc ? ", " : "",
				e->is_filter ? "keys" : "pairs");
		print_page(e, page);
		freeReplyObject(reply);
		first = false;
	} while (strcmp(cursor, "0") != 0);
	if (e->cli->json)
		puts(e->n_results ? "\n]}" : "]}");
	return CLI_OK;
}

/* Takes the program: of a file, or the name of a library. */
static enum cli_exit take_program(struct each *e)
{
	const char *where = e->cli->words[0], *name = e->cli->words[1];
	const struct task_function *f;
	enum cli_exit code;

	if (!program_is_file(where)) {
		snprintf(e->name, sizeof(e->name), "%s.%s", where, name);
		return CLI_OK;
	}
	code = program_open(e->cli, where, &e->program);
	if (code != CLI_OK)
		return code;
	f = program_find(&e->program, name);
	if (!f)
		return CLI_FAILED;
	if (f->kind != TASK_EACH && f->kind != TASK_FILTER)
		return cli_usage("%s is of kind \"%s\", which is not for records; see braidctl %s",
			name, task_kind_name(f->kind),
			f->kind == TASK_MAP ? "map --help" : "each --help");
	snprintf(e->name, sizeof(e->name), "%s.%s", e->program.library, name);
	return CLI_OK;
}

/* "A-B", or one slot. */
static bool take_slots(struct each *e, const char *text)
{
	unsigned first, last;
	int n = 0;

	if (sscanf(text, "%5u-%5u%n", &first, &last, &n) == 2 && text[n] == '\0' && first <= last &&
		last < SLOTS) {
		snprintf(e->slots[0], sizeof(e->slots[0]), "%u", first);
		snprintf(e->slots[1], sizeof(e->slots[1]), "%u", last);
		return true;
	}
	cli_usage("--slots \"%s\": not FIRST-LAST of 0 to %d", text, SLOTS - 1);
	return false;
}

static enum cli_exit take_options(struct each *e, uint64_t *deadline_ms)
{
	const struct cli *cli = e->cli;
	const char *slots = cli_value(cli, "slots");

	e->reduce = cli_value(cli, "reduce") != NULL;
	e->terminator = cli_value(cli, "null") ? '\0' : '\n';
	if (!output_format_parse(
		    cli_value(cli, "format"), e->reduce ? OUTPUT_U64 : OUTPUT_TEXT, &e->format) ||
		!cli_duration(cli, "deadline", deadline_ms) || (slots && !take_slots(e, slots)) ||
		!cli_word(cli, "class"))
		return CLI_USAGE;
	if (*deadline_ms)
		snprintf(e->deadline, sizeof(e->deadline), "%" PRIu64, *deadline_ms);
	return CLI_OK;
}

/* Says that the job is given up, and cancels it. */
static void give_up(struct each *e, enum cli_exit code)
{
	progress_clear(&e->progress);
	fprintf(stderr, "braidctl: %s",
		code == CLI_DEADLINE ? "the deadline has passed" : "interrupted");
	if (e->job.id[0])
		fprintf(stderr, "; job %s is cancelled", e->job.id);
	fputc('\n', stderr);
	redis_calm(&e->redis);
	if (e->job.id[0])
		redis_job_cancel(&e->redis, e->job.id);
}

/* Runs the job; again, when its results had to make room for others' before they were fetched. */
static enum cli_exit run(struct each *e)
{
	enum cli_exit code;

	for (unsigned i = 0;; i++) {
		code = submit(e);
		if (code == CLI_OK)
			code = await(e);
		if (code == CLI_OK && strcmp(e->job.state, "done") == 0)
			code = print_results(e);
		if (code != CLI_OK || strcmp(e->job.state, "gone") != 0)
			break;
		if (i == AGAIN_MAX) {
			fprintf(stderr,
				"braidctl: %s drops results before they are fetched: "
				"it has too many jobs; see braidctl jobs\n",
				e->redis.name);
			return CLI_FAILED;
		}
		code = redis_pause(&e->redis, AGAIN_MS);
		if (code != CLI_OK)
			break;
	}
	if (code == CLI_INTERRUPTED || code == CLI_DEADLINE)
		give_up(e, code);
	return code;
}

enum cli_exit cli_each(struct cli *cli)
{
	struct each e = {.cli = cli};
	uint64_t deadline_ms, start = redis_now_ns();
	enum cli_exit code = take_options(&e, &deadline_ms);

	if (code == CLI_OK)
		code = take_program(&e);
	if (code == CLI_OK)
		code = redis_open(cli, &e.redis);
	if (code == CLI_OK) {
		e.redis.deadline_ns = deadline_ms ? start + deadline_ms * NSEC_PER_MSEC : 0;
		e.redis.on_tick = on_tick;
		e.redis.ctx = &e;
		progress_start(&e.progress, "records", start);
		code = run(&e);
	}
	redis_close(&e.redis);
	program_close(&e.program);
	return code;
}
