/* SPDX-License-Identifier: BSD-3-Clause */
/* From a command's arrival to its function. The order of the checks is Redis's. Thread: worker. */
#include <string.h>
#include <strings.h>

#include "dataplane/kv/kv_exec.h"
#include "dataplane/kv/kv_long.h"
#include "dataplane/kv/kv_latency.h"
#include "dataplane/kv/kv_multi.h"
#include "dataplane/kv/kv_route.h"

#define BRIEF_ARGS_MAX 3
#define BRIEF_US_MAX   100 /* nothing brief takes as long */

#define NAME_SHOWN 128 /* bytes of an unknown command, and of its arguments */

#define EXECABORT "EXECABORT Transaction discarded because of: "

/* Up to @max bytes of @arg, as a C string would show them. */
static int shown(const struct resp_arg *arg, uint32_t max)
{
	return (int)strnlen((const char *)arg->bytes, MIN_OF(arg->len, max));
}

static bool is_word(const struct resp_arg *arg, const char *word)
{
	return arg->len == strlen(word) &&
	       strncasecmp((const char *)arg->bytes, word, arg->len) == 0;
}

/* The client's transaction, if it is making one, cannot be run any more. */
static void flag_transaction(struct kv_client *c)
{
	if (c->flags & KV_CLIENT_MULTI)
		c->flags |= KV_CLIENT_DIRTY_EXEC;
}

/* Refuses the command of @call with the sentence @text. EXEC discards its transaction. */
static void reject(struct kv_call *call, const char *text)
{
	struct kv_worker *kv = call->w->kv;

	kv->commands[call->command - kv_commands].rejected++;
	if (call->command->flags & KV_EXEC) {
		kv_multi_discard(call->w, call->client);
		if (kv->on_discard)
			kv->on_discard(call->w, call->client);
		kv_reply_error(call->reply, EXECABORT "%s", text);
		return;
	}
	flag_transaction(call->client);
	kv_reply_error(call->reply, "%s", text);
}

static void reject_arity(struct kv_call *call)
{
	struct kv_worker *kv = call->w->kv;

	kv->commands[call->command - kv_commands].rejected++;
	flag_transaction(call->client);
	if (call->command->flags & KV_EXEC) {
		kv_multi_discard(call->w, call->client);
		if (kv->on_discard)
			kv->on_discard(call->w, call->client);
		kv_reply_error(call->reply, EXECABORT "wrong number of arguments for '%s' command",
			call->command->name);
		return;
	}
	kv_reply_error(
		call->reply, "ERR wrong number of arguments for '%s' command", call->command->name);
}

/* A container with a word that is none of its subcommands. */
static void answer_unknown_sub(struct kv_call *call)
{
	const struct kv_command *container =
		kv_command_find(call->argv[0].bytes, call->argv[0].len);
	char name[NAME_SHOWN];
	uint32_t n = 0;

	for (; container->name[n] && n < sizeof(name); n++)
		name[n] = container->name[n] >= 'a' && container->name[n] <= 'z'
				  ? (char)(container->name[n] & ~0x20)
				  : container->name[n];
	kv_reply_error(call->reply, "ERR unknown subcommand '%.*s'. Try %.*s HELP.",
		shown(&call->argv[1], NAME_SHOWN), (const char *)call->argv[1].bytes, (int)n, name);
}

static void answer_unknown(struct kv_call *call)
{
	const struct kv_command *known = kv_command_find(call->argv[0].bytes, call->argv[0].len);
	char args[2 * NAME_SHOWN];
	uint32_t n = 0;

	flag_transaction(call->client);
	if (known && !kv_command_is_sub(known)) {
		answer_unknown_sub(call);
		return;
	}
	for (uint32_t i = 1; i < call->argc && n < NAME_SHOWN; i++) {
		int len = shown(&call->argv[i], NAME_SHOWN - n);

		args[n++] = '\'';
		memcpy(args + n, call->argv[i].bytes, (size_t)len);
		n += (uint32_t)len;
		args[n++] = '\'';
		args[n++] = ' ';
	}
	kv_reply_error(call->reply, "ERR unknown command '%.*s', with args beginning with: %.*s",
		shown(&call->argv[0], NAME_SHOWN), (const char *)call->argv[0].bytes, (int)n, args);
}

/* The flags of what a command does: EXEC does what was queued. */
static uint32_t effective_flags(const struct kv_call *call)
{
	uint32_t flags = call->command->flags;

	if ((flags & KV_EXEC) && call->client->multi)
		flags |= call->client->multi->flags;
	return flags;
}

bool kv_exec_is_full(const struct worker *w)
{
	const struct kv_settings *s = &w->kv->settings;

	return s->policy == KV_NOEVICTION &&
	       kv_shard_used_bytes(w->kv->shard) > s->memory_bytes / w->n_workers;
}

/* Whether the pause of clients holds this one up. */
static bool is_paused(const struct kv_call *call, uint32_t flags)
{
	const struct kv_worker *kv = call->w->kv;

	return kv->pause_until_ms > call->now_ms &&
	       (kv->pause_all || (flags & (KV_WRITE | KV_MAY_REPLICATE)));
}

/* Why the command must not run now; NULL: it may. */
static const char *refusal(const struct kv_call *call, uint32_t flags)
{
	const struct kv_client *c = call->client;
	bool queued = (c->flags & KV_CLIENT_MULTI) && !(flags & KV_IN_MULTI);

	if (!(flags & KV_NO_AUTH) && !kv_client_is_trusted(call->w, c))
		return "NOAUTH Authentication required.";
	if ((flags & KV_NO_MULTI) && (c->flags & KV_CLIENT_MULTI))
		return "ERR Command not allowed inside a transaction";
	if (((flags & KV_DENYOOM) || queued) && kv_exec_is_full(call->w))
		return "OOM command not allowed when used memory > 'maxmemory'.";
	return NULL;
}

/* Cycles since the clock was last read. */
static uint64_t elapsed(struct worker *w)
{
	uint64_t now = w->ops->cycles(w), cycles = now - w->kv->cycles;

	w->kv->cycles = now;
	return cycles;
}

/* Counts that a call of row @row took @cycles. */
static inline void count_time(struct kv_worker *kv, uint32_t row, uint64_t cycles)
{
	if (LIKELY(kv->latency_steps != NULL))
		kv_latency_count(kv->latency_steps, &kv_commands[row], cycles);
}

void kv_exec_time_brief(struct worker *w)
{
	struct kv_worker *kv = w->kv;
	uint64_t share;

	if (kv->n_brief == 0)
		return;
	share = elapsed(w) / kv->n_brief;
	for (uint32_t i = 0; i < kv->n_brief; i++) {
		kv->commands[kv->brief[i]].cycles += share;
		count_time(kv, kv->brief[i], share);
	}
	kv->n_brief = 0;
}

/* Counts the call and takes its time. */
static void count(struct kv_call *call)
{
	struct worker *w = call->w;
	struct kv_worker *kv = w->kv;
	uint32_t row = (uint32_t)(call->command - kv_commands);
	struct kv_command_stats *st = &kv->commands[row];
	uint64_t cycles, ns;

	st->failed += kv_reply_is_error(call->reply);
	if (call->brief && LIKELY(!call->unfinished)) {
		st->calls++;
		kv->stats.commands++;
		kv->brief[kv->n_brief++] = (uint16_t)row;
		if (kv->n_brief == KV_BRIEF_MAX)
			kv_exec_time_brief(w);
		return;
	}
	cycles = elapsed(w);
	st->cycles += cycles;
	call->cycles += cycles;
	if (UNLIKELY(call->unfinished))
		return;
	st->calls++;
	kv->stats.commands++;
	ns = (uint64_t)(((__uint128_t)call->cycles * w->ns_per_cycle_q32) >> 32);
	count_time(kv, row, call->cycles);
	if (UNLIKELY(kv->on_slow && ns / NSEC_PER_USEC >= kv->settings.slow_us) &&
		!(call->command->flags & KV_SKIP_SLOWLOG))
		kv->on_slow(call, ns / NSEC_PER_USEC);
}

void kv_exec_call(struct kv_call *call)
{
	if (!call->brief)
		kv_exec_time_brief(call->w);
	kv_reply_begin(call->reply);
	call->command->fn(call);
	if (UNLIKELY(call->atomic && call->unfinished))
		kv_long_finish(call);
	count(call);
}

/* Whether reading the clock would be a good part of the time that the call takes. */
static inline bool is_brief(const struct kv_call *call)
{
	const uint32_t both = KV_READONLY | KV_FAST;

	return (call->command->flags & both) == both && call->argc <= BRIEF_ARGS_MAX &&
	       call->w->kv->settings.slow_us >= BRIEF_US_MAX;
}

/* What resetClient does of CLIENT REPLY and ASKING when a command is over. */
static void after(struct kv_call *call)
{
	struct kv_client *c = call->client;

	if (!(c->flags & (KV_CLIENT_ASKING | KV_CLIENT_REPLY_SKIP | KV_CLIENT_REPLY_SKIP_NEXT)))
		return;
	if (!(call->command && (call->command->flags & KV_ASKING)) && !(c->flags & KV_CLIENT_MULTI))
		c->flags &= ~KV_CLIENT_ASKING;
	c->flags &= ~KV_CLIENT_REPLY_SKIP;
	if (c->flags & KV_CLIENT_REPLY_SKIP_NEXT) {
		c->flags &= ~KV_CLIENT_REPLY_SKIP_NEXT;
		c->flags |= KV_CLIENT_REPLY_SKIP;
	}
	call->reply->mute = (c->flags & (KV_CLIENT_REPLY_OFF | KV_CLIENT_REPLY_SKIP)) != 0;
}

/* What is answered at once must not overtake what is with other workers. */
static bool must_wait(struct kv_client *c)
{
	if (LIKELY(!c->ops_first))
		return false;
	c->waits |= KV_WAIT_ORDER;
	return true;
}

static void queue(struct kv_call *call)
{
	if (kv_multi_queue(call->w, call->client, call) < 0)
		reject(call, "OOM command not allowed when used memory > 'maxmemory'.");
	else
		kv_reply_raw(call->reply, "+QUEUED\r\n", 9);
}

/* A command that exists. */
static enum kv_exec_result exec_known(struct kv_call *call)
{
	int arity = call->command->arity;
	struct kv_client *c = call->client;
	enum kv_exec_result result;
	uint32_t flags;
	const char *why;

	if ((arity > 0 && (uint32_t)arity != call->argc) || (int64_t)call->argc < -arity) {
		if (must_wait(c))
			return KV_EXEC_WAIT;
		reject_arity(call);
		return KV_EXEC_DONE;
	}
	flags = effective_flags(call);
	why = refusal(call, flags);
	if (UNLIKELY(why != NULL)) {
		if (must_wait(c))
			return KV_EXEC_WAIT;
		reject(call, why);
		return KV_EXEC_DONE;
	}
	if (UNLIKELY(is_paused(call, flags))) {
		c->waits |= KV_WAIT_PAUSE;
		return KV_EXEC_WAIT;
	}
	c->command = (uint16_t)(call->command - kv_commands);
	if ((c->flags & KV_CLIENT_MULTI) && !(call->command->flags & KV_IN_MULTI)) {
		queue(call);
		return KV_EXEC_DONE;
	}
	if (call->w->n_workers > 1 && kv_route_command(call, &result))
		return result;
	call->brief = is_brief(call);
	kv_exec_call(call);
	if (UNLIKELY(call->short_of_room) && kv_client_wait_room(call->w, c))
		return KV_EXEC_WAIT;
	if (UNLIKELY(call->unfinished) && kv_long_start(call) < 0) {
		call->w->kv->stats.closed_memory++;
		kv_client_kill(call->w, c);
	}
	return KV_EXEC_DONE;
}

enum kv_exec_result kv_exec(struct worker *w, struct kv_parsed *p)
{
	struct kv_worker *kv = w->kv;
	struct kv_client *c = p->input->client;
	enum kv_exec_result ret = KV_EXEC_DONE;
	struct kv_call call = {
		.w = w,
		.shard = kv->shard,
		.client = c,
		.client_id = c->id,
		.reply = &kv->reply,
		.command = p->command,
		.argv = p->argv,
		.argc = p->argc,
		.db = c->db,
		.now_ms = worker_wall_ms(w),
	};

	if (p->has_key) {
		p->key.db = c->db;
		call.key = &p->key;
	}
	if (LIKELY(p->command != NULL)) {
		ret = exec_known(&call);
	} else if (must_wait(c)) {
		return KV_EXEC_WAIT;
	} else if (is_word(&p->argv[0], "host:") || is_word(&p->argv[0], "post")) {
		/* A browser that was lured into talking to us: it gets nothing to read. */
		kv_client_kill(w, c);
		return KV_EXEC_DONE;
	} else {
		answer_unknown(&call);
	}
	if (ret == KV_EXEC_DONE)
		after(&call);
	return ret;
}
