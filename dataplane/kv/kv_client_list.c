/* SPDX-License-Identifier: BSD-3-Clause */
/* CLIENT INFO, LIST and KILL: what is known of clients, one line each. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_multi.h"
#include "dataplane/kv/kv_text.h"
#include "dataplane/kv/kv_worker.h"

#define CLIENTS_PER_PIECE 32
#define FLAGS_MAX         16

static void flags_text(const struct kv_client *c, char out[FLAGS_MAX])
{
	static const struct {
		uint32_t flag;
		char letter;
	} letters[] = {
		{KV_CLIENT_MULTI, 'x'},
		{KV_CLIENT_DIRTY_CAS, 'd'},
		{KV_CLIENT_CLOSING, 'c'},
		{KV_CLIENT_DOOMED, 'A'},
		{KV_CLIENT_READONLY, 'r'},
		{KV_CLIENT_NO_EVICT, 'e'},
	};
	uint32_t n = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (c->flags & letters[i].flag)
			out[n++] = letters[i].letter;
	if (n == 0)
		out[n++] = 'N';
	out[n] = '\0';
}

/* The line of @c, in the order of Redis 7.0. */
static void describe(struct kv_text *t, const struct kv_client *c)
{
	char remote[KV_ADDRESS_TEXT_MAX], local[KV_ADDRESS_TEXT_MAX], flags[FLAGS_MAX];
	uint32_t now_s = (uint32_t)(t->w->now_ns / NSEC_PER_SEC);
	uint64_t query, room, output, queued = c->multi ? c->multi->bytes : 0;

	kv_client_address(c, true, remote);
	kv_client_address(c, false, local);
	kv_client_buffers(c, &query, &room, &output);
	flags_text(c, flags);
	kv_text_add(t, "id=%lu addr=%s laddr=%s fd=%u name=%s age=%u idle=%u flags=%s db=%u",
		(unsigned long)c->id, remote, local, (unsigned)(c - t->w->kv->clients) + 8,
		c->name ? c->name : "", now_s - c->created_s, now_s - c->active_s, flags, c->db);
	kv_text_add(t, " sub=0 psub=0 ssub=0 multi=%d qbuf=%lu qbuf-free=%lu argv-mem=0",
		c->flags & KV_CLIENT_MULTI ? (int)(c->multi ? c->multi->n : 0) : -1,
		(unsigned long)query, (unsigned long)room);
	kv_text_add(t, " multi-mem=%lu rbs=0 rbp=0 obl=0 oll=%d omem=%lu tot-mem=%lu events=%s",
		(unsigned long)queued, c->backlog_first ? 1 : 0, (unsigned long)output,
		(unsigned long)(sizeof(*c) + query + room + output + queued),
		c->backlog_first ? "rw" : "r");
	kv_text_add(t, " cmd=%s user=default redir=-1 resp=%u\n",
		c->command == UINT16_MAX ? "NULL" : kv_commands[c->command].name, c->version);
}

void kv_cmd_client_info(struct kv_call *c)
{
	struct kv_text t = {.w = c->w};

	describe(&t, c->client);
	kv_text_reply(&t, c->reply, true);
}

/* Which clients are meant; zero: all. */
struct filter {
	const struct resp_arg *remote;
	const struct resp_arg *local;
	uint64_t id;
	bool nobody; /* a type that no client here is of */
	bool skip_me;
};

/* Argument @arg as a type; false: it is none and the reply says so. */
static bool type_read(struct kv_call *c, uint32_t arg, struct filter *f)
{
	if (kv_arg_is(c, arg, "normal")) {
		f->nobody = false;
	} else if (kv_arg_is(c, arg, "slave") || kv_arg_is(c, arg, "replica") ||
		   kv_arg_is(c, arg, "pubsub") || kv_arg_is(c, arg, "master")) {
		f->nobody = true;
	} else {
		kv_reply_error(c->reply, "ERR Unknown client type '%.*s'", (int)c->argv[arg].len,
			(const char *)c->argv[arg].bytes);
		return false;
	}
	return true;
}

static void list_by_id(struct kv_call *c)
{
	struct kv_text t = {.w = c->w};

	for (uint32_t i = 3; i < c->argc; i++) {
		const struct kv_client *client;
		int64_t id;

		if (!kv_parse_int(c->argv[i].bytes, c->argv[i].len, &id)) {
			kv_reply_error(c->reply, "ERR Invalid client ID");
			kv_text_free(&t);
			return;
		}
		client = kv_client_find(c->w, (uint64_t)id);
		if (client)
			describe(&t, client);
	}
	kv_text_reply(&t, c->reply, true);
}

/* Some clients more; the text lies in a piece of memory of its own between the pieces. */
static void list_on(struct kv_call *c, bool nobody)
{
	struct kv_text none = {.w = c->w};
	struct kv_text *t = c->resume;
	uint64_t end = nobody ? 0 : kv_client_places(c->w);

	if (!t) {
		t = kv_memory_alloc(c->w, sizeof(*t));
		if (!t) {
			none.spoilt = true;
			kv_text_reply(&none, c->reply, true);
			return;
		}
		*t = none;
		c->resume = t;
	}
	for (unsigned n = 0; n < CLIENTS_PER_PIECE && c->at < end; n++, c->at++) {
		const struct kv_client *client = kv_client_at(c->w, (uint32_t)c->at);

		if (client)
			describe(t, client);
	}
	c->unfinished = c->at < end && !t->spoilt;
	if (c->unfinished)
		return;
	kv_text_reply(t, c->reply, true);
	kv_memory_free(c->w, t);
	c->resume = NULL;
}

void kv_cmd_client_list(struct kv_call *c)
{
	struct filter f = {.nobody = false};

	if (c->cancel) {
		kv_text_free(c->resume);
		kv_memory_free(c->w, c->resume);
	} else if (c->argc == 4 && kv_arg_is(c, 2, "type")) {
		if (type_read(c, 3, &f))
			list_on(c, f.nobody);
	} else if (c->argc > 3 && kv_arg_is(c, 2, "id")) {
		list_by_id(c);
	} else if (c->argc != 2) {
		kv_reply_error(c->reply, "ERR syntax error");
	} else {
		list_on(c, false);
	}
}

static bool is_text(const struct resp_arg *arg, const char *text)
{
	return arg->len == strlen(text) && memcmp(arg->bytes, text, arg->len) == 0;
}

static bool filter_matches(const struct filter *f, const struct kv_client *client, uint64_t me)
{
	char text[KV_ADDRESS_TEXT_MAX];

	if (f->nobody || (f->id != 0 && client->id != f->id) || (f->skip_me && client->id == me))
		return false;
	kv_client_address(client, true, text);
	if (f->remote && !is_text(f->remote, text))
		return false;
	kv_client_address(client, false, text);
	return !f->local || is_text(f->local, text);
}

/* One option of KILL and its value, arguments @i and the next; false: wrong and answered. */
static bool filter_read(struct kv_call *c, uint32_t i, struct filter *f)
{
	const struct resp_arg *value = &c->argv[i + 1];
	int64_t id;

	if (i + 1 >= c->argc)
		goto syntax;
	if (kv_arg_is(c, i, "id")) {
		if (!kv_parse_int(value->bytes, value->len, &id) || id < 1) {
			kv_reply_error(c->reply, "ERR client-id should be greater than 0");
			return false;
		}
		f->id = (uint64_t)id;
		return true;
	}
	if (kv_arg_is(c, i, "type"))
		return type_read(c, i + 1, f);
	if (kv_arg_is(c, i, "addr")) {
		f->remote = value;
		return true;
	}
	if (kv_arg_is(c, i, "laddr")) {
		f->local = value;
		return true;
	}
	if (kv_arg_is(c, i, "user")) {
		if (is_text(value, "default"))
			return true;
		kv_reply_error(c->reply, "ERR No such user '%.*s'", (int)value->len,
			(const char *)value->bytes);
		return false;
	}
	if (kv_arg_is(c, i, "skipme") &&
		(kv_arg_is(c, i + 1, "yes") || kv_arg_is(c, i + 1, "no"))) {
		f->skip_me = kv_arg_is(c, i + 1, "yes");
		return true;
	}
syntax:
	kv_reply_error(c->reply, "ERR syntax error");
	return false;
}

/* Ends those who match; how many. The client itself is answered first. */
static uint32_t kill_clients(struct kv_call *c, const struct filter *f)
{
	uint32_t n = 0, end = kv_client_places(c->w);

	for (uint32_t i = 0; i < end; i++) {
		struct kv_client *client = kv_client_at(c->w, i);

		if (!client || !filter_matches(f, client, c->client_id))
			continue;
		if (client->id == c->client_id)
			kv_client_close(c->w, client);
		else
			kv_client_kill(c->w, client);
		n++;
	}
	return n;
}

void kv_client_kill_answer(struct kv_reply *r, uint32_t argc, int64_t n)
{
	if (argc > 3)
		kv_reply_int(r, n);
	else if (n > 0)
		kv_reply_ok(r);
	else
		kv_reply_error(r, "ERR No such client");
}

void kv_cmd_client_kill(struct kv_call *c)
{
	struct filter f = {.skip_me = c->argc > 3};

	if (c->argc == 3)
		f.remote = &c->argv[2];
	for (uint32_t i = 2; i < c->argc && c->argc > 3; i += 2)
		if (!filter_read(c, i, &f))
			return;
	/* A share of it: the shares are put together. */
	if (c->w->n_workers > 1)
		kv_reply_int(c->reply, kill_clients(c, &f));
	else
		kv_client_kill_answer(c->reply, c->argc, kill_clients(c, &f));
}
