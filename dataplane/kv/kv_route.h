/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands whose keys belong to other workers (DESIGN section 9). The client's worker makes an
 * operation of such a command, and parts of it travel to the owners by mailbox: pointers to the
 * operation's memory, which owners read, and write only their part of, until they have answered.
 *
 * Operations of several owners are atomic: the owners are held, in ascending order, before the
 * first part runs, and released behind the last. A held shard serves nobody else; what comes
 * meanwhile waits in its order. Because all hold in the same order, nobody waits for ever.
 * Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_ROUTE_H
#define DATAPLANE_KV_KV_ROUTE_H

#include "dataplane/core/mailbox.h"
#include "dataplane/kv/kv_exec.h"
#include "dataplane/kv/kv_multi.h"
#include "dataplane/kv/kv_watch.h"
#include "dataplane/kv/kv_worker.h"

#define KV_OPS_PER_CLIENT_MAX 128 /* under way at a time; then it reads no more */
#define KV_PART_SMALL_BYTES   96  /* shorter answers travel inside their part */

/* What a part asks its owner to do. */
enum kv_part_kind {
	KV_PART_CALL,    /* run the command */
	KV_PART_HOLD,    /* serve only this operation; EXEC: say if it may run */
	KV_PART_RELEASE, /* serve everybody again */
	KV_PART_FETCH,   /* say what the keys are */
	KV_PART_HOME,    /* run the command with others' keys as if they were here */
	KV_PART_APPLY,   /* make the keys what is said */
	KV_PART_PAIRS,   /* say whether there is room for the pairs, and one of the keys already */
	KV_PART_WATCH,   /* watch the keys for the client */
	KV_PART_UNWATCH, /* forget what it watches */
};

/* In a list of what waits for a place in a ring, or for its turn. */
struct kv_letter {
	struct kv_letter *next;
	uint8_t mail; /* enum mail */
	uint8_t to;
};

/* An answer that is too long for its part, in memory of the worker that made it. */
struct kv_answer {
	struct kv_letter letter;
	struct kv_answer *more; /* of a chain: the next block */
	struct kv_answer *last; /* kept in its first one */
	uint32_t len;
	uint32_t size;
	uint8_t bytes[];
};

struct kv_op;

/* What one owner does of an operation. */
struct kv_part {
	struct kv_letter letter;        /* first: its address is the part's */
	struct worker_task task;        /* the owner's, of a long command */
	struct kv_part *next_running;   /* of the owner's long commands */
	struct kv_letter *behind_first; /* of the same client: their turn is after it */
	struct kv_letter *behind_last;
	struct kv_op *op;
	struct kv_call call;
	uint8_t kind;
	uint8_t from;
	uint8_t owner;
	bool spoilt; /* no memory for the answer */
	uint32_t small_len;
	uint32_t skip;            /* bytes at the front of a chain that are not sent */
	uint32_t reply_len;       /* HOME: of the answer; what follows are keys */
	struct kv_answer *answer; /* NULL: small */
	const uint8_t *input;     /* HOME, APPLY: keys */
	uint32_t input_len;
	uint8_t small[KV_PART_SMALL_BYTES];
};

/* Sending a chain that is longer than a block. */
enum kv_long_state {
	KV_LONG_NONE,
	KV_LONG_UNDER_WAY,
	KV_LONG_OVER,
};

enum kv_op_state {
	KV_OP_HOLDING,
	KV_OP_RUNNING,
	KV_OP_RELEASING,
	KV_OP_ENDED,
};

/* One command of a client that other workers take part in. */
struct kv_op {
	struct kv_op *next;             /* of the same client */
	struct kv_op *last;             /* of the same client; kept in its first one */
	struct kv_client *client;       /* NULL: gone */
	uint64_t client_id;             /* also when it is gone; owners read it */
	struct kv_watch_client watcher; /* WATCH: who it is, for owners */
	const struct kv_command *command;
	const struct resp_arg *argv;
	uint32_t argc;
	uint32_t n_parts;
	uint32_t n_out; /* parts that have not been answered */
	uint16_t need;  /* workers to hold, by bit */
	uint16_t held;
	uint8_t state; /* enum kv_op_state */
	uint8_t phase; /* of the command */
	uint8_t db;
	uint8_t version;
	bool mute;
	bool delivered; /* its reply has been given to the client */
	bool done;      /* its reply is whole */
	bool spoilt;
	bool direct;             /* the reply is that of parts[0] */
	bool chained;            /* answers are chains, which go to the client behind the result */
	uint8_t long_state;      /* enum kv_long_state */
	uint32_t sent_parts;     /* of a long one */
	struct worker_task task; /* sends it */
	bool is_exec;
	uint64_t now_ms;
	struct kv_multi *multi; /* EXEC: what it runs, from @queued on; NULL: nothing */
	struct kv_queued *queued;
	struct kv_answer *result; /* the reply, unless direct */
	struct kv_answer *moved;  /* keys on their way */
	struct kv_part *parts;    /* [n_parts] */
	struct resp_arg *split;   /* arguments of parts */
};

/* A worker's side of it. */
struct kv_route {
	struct kv_letter *out_first[WORKERS_MAX]; /* for which there was no place in the ring */
	struct kv_letter *out_last[WORKERS_MAX];
	struct kv_letter *self_first; /* to this worker */
	struct kv_letter *self_last;
	struct kv_letter *deferred_first; /* behind the operation that holds the shard */
	struct kv_letter *deferred_last;
	struct kv_part *running; /* long commands of others' clients, newest first */
	const struct kv_op *holder;
	struct worker_task mail_task;
	struct kv_reply reply; /* of parts */
	uint8_t *reply_bytes;  /* [KV_REPLY_BYTES] */
};

/* Takes the memory of @w's side. 0 or -ENOMEM. Main thread. */
int kv_route_init(struct worker *w);

/* Frees it. Main thread. */
void kv_route_fini(struct worker *w);

/* The owner of @slot among @n workers. */
static inline uint8_t kv_slot_owner(uint16_t slot, unsigned n)
{
	return (uint8_t)((uint32_t)slot * n / KV_SLOTS);
}

/* The worker that owns the key @arg. */
uint8_t kv_route_owner(const struct worker *w, const struct resp_arg *key);

/* Owners of the keys of a command, by bit; 0: it has none. */
uint16_t kv_route_owners(const struct worker *w, const struct kv_command *command,
	const struct resp_arg *argv, uint32_t argc);

/*
 * Sends the command of @call on its way if it does not belong here alone, or has to wait for its
 * turn. False: run it here, now.
 */
bool kv_route_command(struct kv_call *call, enum kv_exec_result *result);

/* Calls the function of @part, a long command that sleeps, soon. */
void kv_part_wake(struct worker *w, struct kv_part *part);

/* Runs the transaction @m of @call's client unless what that watches has changed: on this worker if
 * all keys are here, else by operation. It takes @m over; NULL: nothing was queued. Nothing is
 * watched afterwards. */
void kv_route_multi(struct kv_call *call, struct kv_multi *m);

/* WATCH, from its arguments on. */
void kv_route_watch(struct kv_call *call);

/* @c watches nothing any more. Nothing of it may be under way. */
void kv_route_unwatch(struct worker *w, struct kv_client *c);

/* The same when @c is gone: what is under way ends, too. */
void kv_route_unwatch_last(struct worker *w, struct kv_client *c);

/* @c is gone; what is under way for it ends in silence. */
void kv_route_forget(struct worker *w, struct kv_client *c);

/* Whether an operation holds the shard. */
static inline bool kv_route_is_held(const struct worker *w)
{
	return w->kv->route && w->kv->route->holder;
}

/* --- between the files of kv_route* --- */

/* Makes the tasks of @r. */
void kv_route_mail_init(struct kv_route *r);

/* Gives @l to its worker. */
void kv_route_send(struct worker *w, struct kv_letter *l, enum mail mail, uint8_t to);

/* Serves what was sent to this worker itself. */
void kv_route_pump(struct worker *w);

/* Puts a new operation of @owners behind the client's others; NULL: no memory, the client is
 * doomed or, unless it runs here, waits for room. */
struct kv_op *kv_op_create(struct kv_call *call, uint16_t owners);

/* Starts @op; the workers in @need are held first. The client says no more until it is over. */
void kv_op_start(struct worker *w, struct kv_op *op, uint16_t need);

/* All parts of @op have been answered: does what comes next. */
void kv_op_advance(struct worker *w, struct kv_op *op);

/* Does a phase of op->command. True: it is over, its reply is in the result. */
bool kv_op_phase(struct worker *w, struct kv_op *op);

/* Sends part number @i of @op. */
void kv_op_issue(struct worker *w, struct kv_op *op, uint32_t i, enum kv_part_kind kind);

/* Makes part @i run the command with @argc arguments at @argv. */
void kv_op_call(struct kv_op *op, uint32_t i, const struct resp_arg *argv, uint32_t argc);

/* The part that travels to @owner. */
uint32_t kv_op_part_of(const struct kv_op *op, uint8_t owner);

/* What a part was answered. */
const uint8_t *kv_part_bytes(const struct kv_part *part, uint32_t *len);

/* Gives the answer's memory back to its worker. */
void kv_part_forget(struct worker *w, struct kv_part *part);

/* Adds bytes to the answer *@a, which may be NULL at first; false: no memory. */
bool kv_answer_add(struct worker *w, struct kv_answer **a, const void *p, uint32_t n);

/* The same for a chain. */
bool kv_chain_add(struct worker *w, struct kv_answer **a, const uint8_t *p, uint32_t n);

/* Gives the first block of the answer back to its worker; false: that was the last. */
bool kv_chain_pop(struct worker *w, struct kv_part *part);

/* Sends the chains of @op, the first of its client, piece by piece, or forgets them if that is
 * gone. The reply is the client's. False: they are not long, or have been sent. */
bool kv_chain_start(struct worker *w, struct kv_op *op);

/* @c has read what it was sent. */
void kv_chain_go_on(struct worker *w, struct kv_client *c);

/* Gives @c the replies that are whole, up to the first that is not. */
void kv_op_deliver(struct worker *w, struct kv_client *c);

/* Frees @op, at once or piece by piece. */
void kv_op_free(struct worker *w, struct kv_op *op);

/* Points the route's reply at the answer of @part. */
struct kv_reply *kv_route_capture(struct worker *w, struct kv_part *part);

/* Points the route's reply at the result of @op. */
struct kv_reply *kv_route_result(struct worker *w, struct kv_op *op);

/* FETCH at the owner: the answer is its keys. */
void kv_move_fetch(struct worker *w, struct kv_part *part);

/* HOME at the owner: the answer is the reply, and then what became of the keys. */
void kv_move_home(struct worker *w, struct kv_part *part);

/* APPLY at the owner. */
void kv_move_apply(struct worker *w, struct kv_part *part);

/* PAIRS at the owner. */
void kv_pairs_part(struct worker *w, struct kv_part *part);

/* MSET and MSETNX of several owners. True: it is over. */
bool kv_op_phase_pairs(struct worker *w, struct kv_op *op);

/* Gives each owner's part the keys that are its own, with what belongs to them. False: no memory.
 */
bool kv_op_split(struct worker *w, struct kv_op *op);

/* WATCH at the owner. */
void kv_watch_part(struct worker *w, struct kv_part *part);

/* HOLD of EXEC at the owner: says whether what the client watches has changed, and forgets it. */
void kv_exec_part(struct worker *w, struct kv_part *part);

/* @c is about to watch nothing any more, whose owners are to be asked; false: it watches nothing.
 */
bool kv_route_watched_take(struct worker *w, struct kv_client *c);

/* EXEC, once the owners are held: begins the result. */
void kv_op_exec_begin(struct worker *w, struct kv_op *op);

/* Joins the answers of all parts in the result. */
void kv_join(struct worker *w, struct kv_op *op);

#endif
