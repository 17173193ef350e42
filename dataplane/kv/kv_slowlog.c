/* SPDX-License-Identifier: BSD-3-Clause */
/* The slow log. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_info.h"
#include "dataplane/kv/kv_memory.h"
#include "lib/wire/number.h"

#define ARGS_MAX   32  /* kept of a command */
#define ARG_MAX    128 /* bytes kept of an argument */
#define NOTE_MAX   64  /* bytes that say what was left out */
#define NAME_SHOWN 128

/* One command; its arguments, as they are shown, lie behind it. */
struct kv_slow {
	struct kv_slow *next; /* older */
	uint64_t id;
	uint64_t time_s;
	uint64_t us;
	uint32_t argc;
	uint32_t lens[ARGS_MAX];
	char address[KV_ADDRESS_TEXT_MAX];
	char name[NAME_SHOWN];
	uint8_t bytes[];
};

/* "... (7 more bytes)" */
static uint32_t note(uint8_t *out, uint64_t n, const char *what)
{
	char number[NUMBER_INT_TEXT_MAX], text[NOTE_MAX];
	size_t len;

	number_format_int(number, (int64_t)n);
	len = base_strlcpy(text, "... (", sizeof(text));
	len += base_strlcpy(text + len, number, sizeof(text) - len);
	len += base_strlcpy(text + len, what, sizeof(text) - len);
	memcpy(out, text, len);
	return (uint32_t)len;
}

/* Whether argument @arg must not be kept. */
static bool is_secret(const struct kv_call *call, uint32_t arg)
{
	const struct kv_setting *s;

	if (call->command->fn == kv_cmd_auth)
		return arg > 0;
	if (call->command->fn == kv_cmd_hello)
		return arg > 2 &&
		       (kv_arg_is(call, arg - 1, "auth") || kv_arg_is(call, arg - 2, "auth"));
	if (call->command->fn != kv_cmd_config_set || arg < 3 || arg % 2 == 0)
		return false;
	s = kv_setting_find(&call->argv[arg - 1]);
	return s && (s->flags & KV_SETTING_SECRET);
}

/* Writes argument @arg to @out of ARG_MAX + NOTE_MAX bytes as it is shown; its length. */
static uint32_t show(const struct kv_call *call, uint32_t arg, uint8_t *out)
{
	static const char redacted[] = "(redacted)";
	const struct resp_arg *a = &call->argv[arg];
	uint32_t len = MIN_OF(a->len, (uint32_t)ARG_MAX);

	if (arg == ARGS_MAX - 1 && call->argc > ARGS_MAX)
		return note(out, call->argc - ARGS_MAX + 1, " more arguments)");
	if (is_secret(call, arg)) {
		memcpy(out, redacted, sizeof(redacted) - 1);
		return sizeof(redacted) - 1;
	}
	memcpy(out, a->bytes, len);
	if (a->len > ARG_MAX)
		len += note(out + len, a->len - ARG_MAX, " more bytes)");
	return len;
}

/* Numbers of one worker are that of workers apart, and each is above all that any worker has given
 * before: those of the node go up with time. */
static uint64_t next_id(struct worker *w)
{
	uint64_t n = w->n_workers, id = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct kv_worker *kv = kv_info_part(w, i);

		if (kv)
			id = MAX_OF(id, atomic_load_explicit(
						&kv->admin->slow.next_id, memory_order_relaxed));
	}
	return id + (w->id + n - id % n) % n;
}

void kv_slowlog_add(const struct kv_call *call, uint64_t us)
{
	struct worker *w = call->w;
	struct kv_slowlog *log = &w->kv->admin->slow;
	uint32_t argc = MIN_OF(call->argc, (uint32_t)ARGS_MAX), at = 0;
	uint8_t bytes[ARGS_MAX * (ARG_MAX + NOTE_MAX)];
	struct kv_slow head = {
		.id = next_id(w),
		.time_s = worker_wall_ms(w) / 1000,
		.us = us,
		.argc = argc,
	};
	struct kv_slow *slow;

	if (log->max == 0)
		return;
	for (uint32_t i = 0; i < argc; i++) {
		head.lens[i] = show(call, i, bytes + at);
		at += head.lens[i];
	}
	if (call->client) {
		kv_client_address(call->client, true, head.address);
		base_strlcpy(
			head.name, call->client->name ? call->client->name : "", sizeof(head.name));
	}
	slow = kv_memory_alloc(w, sizeof(*slow) + at);
	if (!slow)
		return;
	*slow = head;
	memcpy(slow->bytes, bytes, at);
	slow->next = log->first;
	log->first = slow;
	atomic_store_explicit(&log->next_id, slow->id + 1, memory_order_relaxed);
	log->n++;
	kv_slowlog_trim(w, log->max);
}

void kv_slowlog_trim(struct worker *w, uint32_t max)
{
	struct kv_slowlog *log = &w->kv->admin->slow;
	struct kv_slow **link = &log->first;

	log->max = max;
	if (log->n <= max)
		return;
	for (uint32_t i = 0; i < max; i++)
		link = &(*link)->next;
	while (*link) {
		struct kv_slow *slow = *link;

		*link = slow->next;
		kv_memory_free(w, slow);
		log->n--;
	}
}

static void answer(struct kv_call *c, const struct kv_slow *slow)
{
	uint32_t at = 0;

	kv_reply_array(c->reply, 6);
	kv_reply_int(c->reply, (int64_t)slow->id);
	kv_reply_int(c->reply, (int64_t)slow->time_s);
	kv_reply_int(c->reply, (int64_t)slow->us);
	kv_reply_array(c->reply, slow->argc);
	for (uint32_t i = 0; i < slow->argc; i++) {
		kv_reply_bulk(c->reply, slow->bytes + at, slow->lens[i]);
		at += slow->lens[i];
	}
	kv_reply_text(c->reply, slow->address);
	kv_reply_text(c->reply, slow->name);
}

void kv_cmd_slowlog_get(struct kv_call *c)
{
	const struct kv_slowlog *log = &c->w->kv->admin->slow;
	const struct kv_slow *slow = log->first;
	int64_t count = KV_SLOWLOG_COUNT;

	if (c->argc > 3) {
		kv_admin_refuse_sub(c);
		return;
	}
	if (c->argc == 3 &&
		(!kv_parse_int(c->argv[2].bytes, c->argv[2].len, &count) || count < -1)) {
		kv_reply_error(c->reply, "ERR count should be greater than or equal to -1");
		return;
	}
	count = count < 0 ? log->n : MIN_OF(count, (int64_t)log->n);
	kv_reply_array(c->reply, (uint32_t)count);
	for (; count > 0; count--, slow = slow->next)
		answer(c, slow);
}

void kv_cmd_slowlog_len(struct kv_call *c)
{
	kv_reply_int(c->reply, c->w->kv->admin->slow.n);
}

void kv_cmd_slowlog_reset(struct kv_call *c)
{
	uint32_t max = c->w->kv->admin->slow.max;

	kv_slowlog_trim(c->w, 0);
	kv_slowlog_trim(c->w, max);
	kv_reply_ok(c->reply);
}

void kv_cmd_slowlog_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"GET [<count>]",
		"    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
		"    Entries are made of:",
		"    id, timestamp, time in microseconds, arguments array, client IP and port,",
		"    client name",
		"LEN",
		"    Return the length of the slowlog.",
		"RESET",
		"    Reset the slowlog.",
	};

	kv_reply_help(c, lines, ARRAY_SIZE(lines));
}
