/* SPDX-License-Identifier: BSD-3-Clause */
/* braidctl map: the command, and the loop that keeps batches under way. */
#include <stdlib.h>
#include <string.h>

#include "control/cli/map.h"

#define WAIT_STDIN_MS 100
#define WAIT_JOB_MS   100 /* for the batch whose turn it is */
#define WAIT_ANY_MS   5   /* for one of several */

static void on_tick(void *ctx)
{
	struct map *m = ctx;

	progress_draw(&m->progress, redis_now_ns());
}

/* What is done, counted when a batch has ended. */
static void count_progress(struct map *m, const struct map_slot *s)
{
	struct progress *p = &m->progress;

	p->done += s->batch.n;
	if (m->items.words)
		p->total = m->items.n_words;
	else if (m->items.is_over)
		p->total = m->items.n;
	else if (m->items.total_bytes > 0 && m->items.n > 0)
		p->share = (double)m->items.bytes / (double)m->items.total_bytes * (double)p->done /
			   (double)m->items.n;
	progress_draw(p, redis_now_ns());
}

/* The slot whose turn it is: of the first batch; NULL: nothing is under way. */
static struct map_slot *first_slot(struct map *m)
{
	struct map_slot *first = NULL;

	for (unsigned i = 0; i < MAP_WINDOW; i++) {
		struct map_slot *s = &m->slots[i];

		if (s->state != MAP_FREE && (!first || s->sequence < first->sequence))
			first = s;
	}
	return first;
}

static struct map_slot *free_slot(struct map *m)
{
	for (unsigned i = 0; i < MAP_WINDOW; i++)
		if (m->slots[i].state == MAP_FREE)
			return &m->slots[i];
	return NULL;
}

/* Sends batches while there is room and input; waits for input if nothing is under way. */
static enum cli_exit fill_window(struct map *m)
{
	enum cli_exit code = CLI_OK;
	struct map_slot *s;

	while (code == CLI_OK && !m->items.is_over && (s = free_slot(m))) {
		code = items_take(&m->items, &s->batch);
		if (code == CLI_OK && s->batch.n > 0) {
			s->sequence = m->n_batches++;
			code = map_send(m, s);
			continue;
		}
		map_slot_free(s);
		if (code != CLI_OK || m->items.is_over || first_slot(m))
			break;
		on_tick(m);
		items_ready(&m->items, WAIT_STDIN_MS);
		code = redis_pause(&m->redis, 0);
	}
	return code;
}

/* Brings one batch to its end: in turn, or one that has come to it. */
static enum cli_exit end_batch(struct map *m)
{
	struct map_slot *s = first_slot(m);
	bool ended = false;
	enum cli_exit code;

	for (unsigned i = 0; !ended; i++) {
		if (m->as_completed)
			s = &m->slots[i % MAP_WINDOW];
		if (s->state == MAP_FREE)
			continue;
		code = map_await(m, s);
		if (code == CLI_OK && s->state == MAP_JOB)
			code = map_await_job(
				m, s, m->as_completed ? WAIT_ANY_MS : WAIT_JOB_MS, &ended);
		else if (code == CLI_OK) {
			s->is_numbered = s->reply->elements == s->batch.n;
			code = map_print(m, s, s->reply->element, s->reply->elements, 0);
			ended = true;
		}
		if (code != CLI_OK)
			return code;
	}
	count_progress(m, s);
	map_slot_free(s);
	return CLI_OK;
}

/* All items. */
static enum cli_exit run(struct map *m)
{
	enum cli_exit code;

	if (m->cli->json)
		putchar('[');
	do {
		code = fill_window(m);
		if (code == CLI_OK && first_slot(m))
			code = end_batch(m);
	} while (code == CLI_OK && (first_slot(m) || !m->items.is_over));
	progress_clear(&m->progress);
	if (m->cli->json)
		puts(m->n_results + m->n_faults ? "\n]" : "]");
	return code;
}

/* Takes the program: of a file, or the name of a library. */
static enum cli_exit take_program(struct map *m)
{
	const char *where = m->cli->words[0], *name = m->cli->words[1];
	const struct task_function *f;
	enum cli_exit code;

	if (!program_is_file(where)) {
		snprintf(m->name, sizeof(m->name), "%s.%s", where, name);
		return CLI_OK;
	}
	code = program_open(m->cli, where, &m->program);
	if (code != CLI_OK)
		return code;
	f = program_find(&m->program, name);
	if (!f)
		return CLI_FAILED;
	if (f->kind != TASK_MAP && f->kind != TASK_FILTER)
		return cli_usage("%s is of kind \"%s\", which is for records, not for items; see "
				 "braidctl each --help",
			name, task_kind_name(f->kind));
	snprintf(m->name, sizeof(m->name), "%s.%s", m->program.library, name);
	return CLI_OK;
}

/* The command's options. */
static enum cli_exit take_options(struct map *m, uint64_t *deadline_ms)
{
	const struct cli *cli = m->cli;

	m->as_completed = cli_value(cli, "as-completed") != NULL;
	m->stop_at_fault = cli_value(cli, "cancel-on-error") != NULL;
	m->terminator = cli_value(cli, "null") ? '\0' : '\n';
	if (!output_format_parse(cli_value(cli, "format"), OUTPUT_TEXT, &m->format) ||
		!cli_duration(cli, "deadline", deadline_ms))
		return CLI_USAGE;
	return CLI_OK;
}

/* What the end means, and what remains to be done on the node. */
static enum cli_exit end(struct map *m, enum cli_exit code)
{
	if (code == CLI_OK && m->n_faults > 0)
		return CLI_FAULT;
	if (code == CLI_OK || code == CLI_FAILED)
		return code;
	map_cancel(m);
	if (code == CLI_INTERRUPTED)
		fprintf(stderr, "braidctl: interrupted");
	else if (code == CLI_DEADLINE)
		fprintf(stderr, "braidctl: the deadline has passed");
	else
		fprintf(stderr, "braidctl: ended at the first fault");
	fprintf(stderr, "; what was under way is cancelled, %llu results were printed\n",
		(unsigned long long)m->n_results);
	return code;
}

enum cli_exit cli_map(struct cli *cli)
{
	struct map m = {.cli = cli};
	uint64_t deadline_ms, start = redis_now_ns();
	enum cli_exit code = take_options(&m, &deadline_ms);

	if (code == CLI_OK)
		code = take_program(&m);
	if (code == CLI_OK)
		code = redis_open(cli, &m.redis);
	if (code == CLI_OK) {
		m.redis.deadline_ns = deadline_ms ? start + deadline_ms * NSEC_PER_MSEC : 0;
		m.redis.on_tick = on_tick;
		m.redis.ctx = &m;
		items_open(&m.items, cli->words + 2, cli->n_words - 2, m.terminator);
		progress_start(&m.progress, "items", start);
		code = end(&m, run(&m));
		items_close(&m.items);
		for (unsigned i = 0; i < MAP_WINDOW; i++)
			map_slot_free(&m.slots[i]);
	}
	redis_close(&m.redis);
	program_close(&m.program);
	return code;
}
