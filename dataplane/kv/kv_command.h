/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands: one row each in kv_command.def drives dispatch, arity errors, routing by slot, COMMAND
 * and the documentation's list. A function gets a struct kv_call and answers through kv_reply_*.
 * Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_COMMAND_H
#define DATAPLANE_KV_KV_COMMAND_H

#include "dataplane/core/worker.h"
#include "dataplane/kv/kv_reply.h"
#include "dataplane/kv/kv_shard.h"
#include "lib/wire/resp.h"

/* Redis's flags as COMMAND shows them, and braid's own routing below. */
enum kv_command_flags {
	KV_WRITE = 1 << 0,
	KV_READONLY = 1 << 1,
	KV_DENYOOM = 1 << 2,
	KV_ADMIN = 1 << 3,
	KV_PUBSUB = 1 << 4,
	KV_NOSCRIPT = 1 << 5,
	KV_BLOCKING = 1 << 6,
	KV_LOADING = 1 << 7,
	KV_STALE = 1 << 8,
	KV_SKIP_MONITOR = 1 << 9,
	KV_SKIP_SLOWLOG = 1 << 10,
	KV_ASKING = 1 << 11,
	KV_FAST = 1 << 12,
	KV_NO_AUTH = 1 << 13,
	KV_MAY_REPLICATE = 1 << 14,
	KV_NO_ASYNC_LOADING = 1 << 15,
	KV_NO_MULTI = 1 << 16,
	KV_MOVABLE_KEYS = 1 << 17,
	KV_ALLOW_BUSY = 1 << 18,
	/* Not shown: how braid treats the row. */
	KV_IN_MULTI = 1 << 19, /* runs at once inside MULTI: EXEC DISCARD MULTI WATCH QUIT RESET */
	KV_EXEC = 1 << 20,     /* EXEC itself: has the flags of what it runs */
	/* Shown. */
	KV_NO_MANDATORY_KEYS = 1 << 21,
};

/* Where a command runs. */
enum kv_where {
	KV_AT_CLIENT, /* on the worker of the connection: no keys */
	KV_AT_KEY,   /* on the owner of its key; several keys of different owners are refused by the
			function's row having KV_SPLIT or KV_TOGETHER instead */
	KV_SPLIT,    /* keys are independent: each owner does its share, the replies are joined */
	KV_TOGETHER, /* needs all its keys at once (RENAME, COPY, LCS, MSETNX) */
	KV_AT_JOB,   /* on the worker that argument 2, the id of a job, names */
	KV_EVERYWHERE, /* every worker does its share (DBSIZE, FLUSHALL, KEYS, SCAN, RANDOMKEY) */
};

struct kv_call;
struct kv_client;

struct kv_command {
	const char *name; /* lower case; a subcommand: "config|get" */
	void (*fn)(struct kv_call *c);
	int8_t arity; /* as Redis's: the name counts, negative: at least */
	/* Negative, with KV_MOVABLE_KEYS: argument -first_key says how many keys follow it. */
	int8_t first_key;
	int8_t last_key; /* negative: from the end */
	int8_t key_step;
	uint8_t where; /* enum kv_where */
	uint32_t flags;
	const char *since; /* Redis's version */
	const char
		*group; /* "string", "generic", "connection", "server", "transactions", "cluster" */
	const char *complexity;
	const char *summary;
};

/* One execution of one command. */
struct kv_call {
	struct worker *w;
	struct kv_shard *shard;   /* of this worker */
	struct kv_client *client; /* NULL when another worker's client asked */
	uint64_t client_id;       /* of the one who asked, wherever it is */
	struct kv_reply *reply;
	const struct kv_command *command;
	const struct resp_arg *argv; /* [argc], valid during the call */
	uint32_t argc;
	uint8_t db;
	const struct kv_key *key; /* the row's first one, hashed already; NULL: it is not */
	uint64_t now_ms;          /* UNIX time, the same for all of a transaction */
	bool brief;               /* timed together with its neighbours */
	/*
	 * Long commands are cut into pieces (KEYS, SCAN, LCS, DEL of many): a function that has
	 * more to do sets @unfinished and keeps what it needs in the next three. It is then called
	 * again with the same arguments, these as it left them and @unfinished false, until it
	 * leaves it false; between the pieces other clients are served (a transaction calls in a
	 * loop). What it replied so far may be sent. When the client goes away meanwhile it is
	 * called with @cancel, in pieces as well, to give back what @resume holds.
	 */
	void *resume; /* NULL in the first piece and after the last */
	uint64_t at;  /* 0 in the first piece */
	uint64_t sum; /* 0 in the first piece */
	/* With @unfinished: not before this time; 0: soon; UINT64_MAX: not before kv_long_wake, but
	 * for the second piece. It may be called without reason. Not of a transaction. */
	uint64_t wake_ms;
	uint64_t cycles; /* of all pieces so far; DEBUG SLEEP adds those that it has slept */
	bool unfinished;
	bool cancel;
	bool short_of_room; /* with @unfinished: nothing was done, there will be room soon */
	bool atomic;        /* of a transaction: nothing may wait for time to pass */
};

/* The functions of all rows. */
#define KV_COMMAND(name, function, ...) void function(struct kv_call *c);
#include "dataplane/kv/kv_command.def"
#undef KV_COMMAND

/* Key number @arg of the call, hashed. */
static inline struct kv_key kv_call_key(const struct kv_call *c, uint32_t arg)
{
	struct kv_key k;

	if (c->key && arg == (uint32_t)c->command->first_key)
		return *c->key;
	kv_key_make(c->shard, &k, c->db, c->argv[arg].bytes, c->argv[arg].len);
	return k;
}

/* Some keys of a call, to be looked up at once. */
struct kv_call_keys {
	uint32_t n;
	const struct kv_key *all[KV_KEYS_MAX];
	struct kv_key keys[KV_KEYS_MAX];
};

/* The arguments from @first to before @end, as many as fit, hashed and on their way into the
 * cache. */
static inline void kv_call_keys(
	const struct kv_call *c, uint32_t first, uint32_t end, struct kv_call_keys *some)
{
	some->n = MIN_OF(end - first, (uint32_t)KV_KEYS_MAX);
	for (uint32_t i = 0; i < some->n; i++) {
		some->keys[i] = kv_call_key(c, first + i);
		some->all[i] = &some->keys[i];
		kv_shard_prefetch(c->shard, &some->keys[i]);
	}
}

/* The row of a name (any case, of @len bytes); NULL: unknown. Containers ("config") are rows too,
 * their subcommands are found by kv_subcommand_find. */
const struct kv_command *kv_command_find(const void *name, uint32_t len);

/* The row of a subcommand, in any case; NULL: unknown. */
const struct kv_command *kv_subcommand_find(
	const struct kv_command *container, const void *name, uint32_t len);

/* The row of argv[0] and, of containers, argv[1]; NULL: there is none. */
const struct kv_command *kv_command_of(const struct resp_arg *argv, uint32_t argc);

/* Which arguments of a command are keys: @n of them, each @step-th from @first on. */
struct kv_command_keys {
	uint32_t first;
	uint32_t n;
	uint32_t step;
};

/* Those of a command with the arguments that its arity asks for. A number of keys that is none, or
 * is too large, means no keys: the command's function refuses it. */
struct kv_command_keys kv_command_keys(
	const struct kv_command *command, const struct resp_arg *argv, uint32_t argc);

/* Whether it has subcommands. */
bool kv_command_is_container(const struct kv_command *command);

/* Whether it is one. */
bool kv_command_is_sub(const struct kv_command *command);

/* Makes the table ready. Main thread, before any look-up; again is harmless. */
void kv_commands_init(void);

/* The function of containers: never called, one of their subcommands is. */
void kv_cmd_container(struct kv_call *c);

/* All rows in the order of kv_command.def, subcommands included. */
extern const struct kv_command kv_commands[];
extern const uint32_t kv_commands_count;

/* Whether argument @arg equals @word, any case. */
bool kv_arg_is(const struct kv_call *c, uint32_t arg, const char *word);

/* Reads an integer exactly as Redis's string2ll does (no spaces, no plus, no leading zeros). False:
 * it is none. */
bool kv_parse_int(const void *p, uint32_t len, int64_t *out);

/* Reads a float as Redis's getLongDoubleFromObject does (no spaces, no NaN). */
bool kv_parse_double(const void *p, uint32_t len, long double *out);

/* Reads SELECT's argument; false: it is no database, and *@db stays. */
bool kv_select_db(const struct resp_arg *a, uint8_t *db);

/* Reads SCAN's argument 1 as strtoul does; the worker whose shard it is of is in the bits above
 * KV_CURSOR_BITS. False: it is none. */
bool kv_scan_cursor(const struct resp_arg *a, uint64_t *cursor);

/* Whether @string matches the glob @pattern as Redis's stringmatchlen does; bounded against
 * exponential patterns. */
bool kv_glob_match(const struct resp_arg *pattern, const void *string, uint32_t len, bool nocase);

#endif
