/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The batch: commands of all clients that have something to say are read first, then what they will
 * look up is prefetched, then they run, in order. Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_exec.h"
#include "dataplane/kv/kv_output.h"
#include "dataplane/kv/kv_query.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_worker.h"

/* The next place of the batch, for a command of @in that begins where it is; put() keeps it. */
static inline struct kv_parsed *place(struct kv_worker *kv, struct kv_input *in)
{
	struct kv_parsed *p = &kv->parsed[kv->n_parsed];

	p->input = in;
	p->start = in->at;
	p->in_query = false;
	p->own_args = false;
	p->has_key = false;
	return p;
}

/* Keeps command @p, which is in its place, with @argc arguments at @argv. */
static inline void put(
	struct worker *w, struct kv_parsed *p, const struct resp_arg *argv, uint32_t argc)
{
	struct kv_worker *kv = w->kv;
	const struct kv_command *command = kv_command_of(argv, argc);

	kv->n_parsed++;
	p->input->n_batched++;
	p->command = command;
	p->argv = argv;
	p->argc = argc;
	if (LIKELY(!p->own_args))
		kv->n_args += argc;
	if (command && command->first_key > 0 && (uint32_t)command->first_key < argc) {
		const struct resp_arg *key = &argv[command->first_key];

		p->has_key = true;
		kv_key_make(kv->shard, &p->key, p->input->client->db, key->bytes, key->len);
		kv_shard_prefetch(kv->shard, &p->key);
	}
}

/* Puts an entry into the batch that answers with in->parser's error. */
static void put_error(struct worker *w, struct kv_input *in, const struct resp_parser *parser)
{
	struct kv_parsed *p = place(w->kv, in);

	w->kv->n_parsed++;
	in->parser = *parser;
	in->hold = true;
	p->argc = 0;
}

/* Room for @n arguments: in the worker's array, or when even the whole of it is too small in memory
 * of their own. NULL: not in this batch, or (@in stopped) never. */
static inline struct resp_arg *args_room(
	struct worker *w, struct kv_input *in, uint32_t n, struct kv_parsed *command)
{
	struct kv_worker *kv = w->kv;
	struct resp_arg *args;

	if (LIKELY(n <= KV_BATCH_ARGS - kv->n_args))
		return &kv->args[kv->n_args];
	if (kv->n_parsed > 0) {
		in->hold = true;
		return NULL;
	}
	args = kv_memory_alloc(w, (uint64_t)n * sizeof(*args));
	if (!args) {
		kv->stats.closed_memory++;
		kv_client_kill(w, in->client);
		in->stopped = true;
	}
	command->own_args = true;
	return args;
}

/* Cuts the line in the query buffer: its arguments, 0 or -EINVAL. */
static int split_query(struct worker *w, struct kv_input *in, struct resp_arg *args)
{
	uint8_t *line = kv_query_copy(w, in->client);

	if (!line) {
		in->stopped = true;
		return 0;
	}
	return resp_split(line, in->client->query->len, args);
}

/* The whole command in the query buffer. */
static void put_query(struct worker *w, struct kv_input *in)
{
	struct kv_query *q = in->client->query;
	struct kv_parsed *command = place(w->kv, in);
	int argc = (int)q->parser.argc;
	struct resp_arg *args;

	if (q->result == RESP_ERROR) {
		put_error(w, in, &q->parser);
		return;
	}
	args = args_room(
		w, in, q->result == RESP_LINE ? RESP_LINE_ARGS(q->len) : q->parser.argc, command);
	if (!args)
		return;
	if (q->result == RESP_COMMAND)
		resp_collect(&q->parser, q->bytes, args);
	else
		argc = split_query(w, in, args);
	if (argc > 0) {
		in->hold = true;
		command->in_query = true;
		put(w, command, args, (uint32_t)argc);
		return;
	}
	if (command->own_args)
		kv_memory_free(w, args);
	if (argc < 0)
		put_error(w, in, &(struct resp_parser){.error = RESP_UNBALANCED_QUOTES});
	else
		kv_query_free(w, in->client);
}

/* A command that begins in the bytes offered. */
static void read_direct(struct worker *w, struct kv_input *in, const struct resp_limits *limits)
{
	struct kv_worker *kv = w->kv;
	struct resp_arg rest = {.bytes = in->p + in->at, .len = in->len - in->at};
	struct resp_parser parser = {0};
	struct kv_parsed *command;
	struct resp_arg *args;

	switch (resp_parse(
		&parser, limits, &rest, &kv->args[kv->n_args], KV_BATCH_ARGS - kv->n_args)) {
	case RESP_COMMAND:
		break;
	case RESP_ERROR:
		put_error(w, in, &parser);
		return;
	case RESP_LINE:
	case RESP_MORE:
		/* A command before it may have to wait, and would be offered again behind it. */
		if (in->n_batched > 0) {
			in->hold = true;
			return;
		}
		in->at += kv_query_feed(w, in->client, limits, rest.bytes, rest.len);
		return;
	}
	if (parser.argc > 0) {
		command = place(kv, in);
		args = args_room(w, in, parser.argc, command);
		if (!args)
			return;
		if (UNLIKELY(command->own_args))
			resp_collect(&parser, rest.bytes, args);
		put(w, command, args, parser.argc);
	}
	in->at += parser.bytes;
}

void kv_batch_read(struct worker *w, struct kv_input *in)
{
	struct kv_worker *kv = w->kv;
	struct kv_client *c = in->client;
	struct resp_limits limits = {.bulk_bytes_max = kv->settings.bulk_max_bytes};

	while (kv->n_parsed < KV_BATCH_COMMANDS && kv_input_is_readable(in)) {
		/* Whoever has not authenticated may be about to: what the next command may be
		 * depends on this one. */
		limits.guest = !kv_client_is_trusted(w, c);
		if (LIKELY(!c->query))
			read_direct(w, in, &limits);
		else if (kv_query_is_ready(c->query))
			put_query(w, in);
		else
			in->at += kv_query_feed(w, c, &limits, in->p + in->at, in->len - in->at);
		if (limits.guest && kv->n_parsed > 0)
			in->hold = true;
	}
}

static void answer_protocol_error(struct worker *w, const struct kv_input *in)
{
	char text[RESP_ERROR_TEXT_MAX];
	uint32_t len = resp_error_text(&in->parser, text);

	w->kv->stats.protocol_errors++;
	in->client->flags |= KV_CLIENT_PROTOCOL_ERROR;
	kv_reply_error(&w->kv->reply, "ERR %.*s", (int)len, text);
	kv_client_close(w, in->client);
}

/* Runs one command of the batch unless its client has stopped. */
static void run(struct worker *w, struct kv_parsed *p)
{
	struct kv_input *in = p->input;
	struct kv_client *c = in->client;

	if (in->stopped)
		return;
	if (c->waits || (c->flags & KV_CLIENT_CLOSING)) {
		in->stopped = true;
	} else if (p->argc == 0 && c->ops_first) {
		c->waits |= KV_WAIT_ORDER;
		in->stopped = true;
	} else if (p->argc == 0) {
		answer_protocol_error(w, in);
		in->stopped = true;
	} else if (kv_exec(w, p) == KV_EXEC_WAIT) {
		in->stopped = true;
	} else {
		if (p->in_query)
			kv_query_free(w, c);
		return;
	}
	/* What was not run is offered again, but for what is in the query buffer. */
	in->done = p->start;
}

/* Fetches what the commands will look up. */
static void fetch(const struct kv_worker *kv)
{
	const struct kv_key *keys[KV_BATCH_COMMANDS];
	uint32_t n = 0;

	for (uint32_t i = 0; i < kv->n_parsed; i++) {
		keys[n] = &kv->parsed[i].key;
		n += kv->parsed[i].has_key;
	}
	kv_shard_fetch(kv->shard, keys, n);
}

void kv_batch_run(struct worker *w)
{
	struct kv_worker *kv = w->kv;
	struct kv_client *c = NULL;

	fetch(kv);
	kv->cycles = w->ops->cycles(w);
	for (uint32_t i = 0; i < kv->n_parsed; i++) {
		struct kv_parsed *p = &kv->parsed[i];

		if (p->input->client != c) {
			if (c)
				kv_output_end(w, c);
			c = p->input->client;
			kv_output_begin(w, c);
		}
		run(w, p);
		if (p->own_args)
			kv_memory_free(w, (void *)(uintptr_t)p->argv);
	}
	if (c)
		kv_output_end(w, c);
	kv_exec_time_brief(w);
	kv->n_parsed = 0;
	kv->n_args = 0;
	kv_shard_keep_room(kv->shard);
	kv_route_pump(w);
}

void kv_input_settle(struct kv_input *in)
{
	in->hold = false;
	in->n_batched = 0;
	if (!in->stopped)
		in->done = in->at;
	if (in->client && !(in->client->flags & KV_CLIENT_USED))
		in->client = NULL;
}

uint32_t kv_client_input(struct worker *w, struct kv_client *c, const uint8_t *p, uint32_t len)
{
	struct kv_input in = {.client = c, .p = p, .len = len};

	if (c->flags & KV_CLIENT_CLOSING)
		return len;
	c->active_s = (uint32_t)(w->now_ns / NSEC_PER_SEC);
	while (kv_input_is_readable(&in)) {
		kv_batch_read(w, &in);
		kv_batch_run(w);
		kv_client_see_ended(w);
		kv_input_settle(&in);
	}
	w->kv->stats.input_bytes += in.done;
	return in.client ? in.done : len;
}
