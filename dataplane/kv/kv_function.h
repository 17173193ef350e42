/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Users' functions over RESP: what FUNCTION, FCALL and FMAP share. A worker has one frame per kind
 * of function, made once; a call that needs more than a moment, because it has many items or
 * because it went wrong and the line is looked for, goes on in a frame of its own. Private to the
 * kv_function*, kv_fcall and kv_fmap files. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_FUNCTION_H
#define DATAPLANE_KV_KV_FUNCTION_H

#include "dataplane/kv/kv_command.h"
#include "dataplane/kv/kv_worker.h"
#include "dataplane/task/task.h"

#define KV_FMAP_INLINE_MAX     16    /* items that are worked on at once */
#define KV_INLINE_COST_MAX     1024  /* instructions; less than a GET where all of them are run */
#define KV_TURN_NS             5000  /* per turn, for calls that may cost more, but mostly do not */
#define KV_FMAP_ITEMS_MAX      65536 /* of one command */
#define KV_FMAP_ITEM_BYTES_MAX (1u << 20)  /* of one item */
#define KV_EMITTED_BYTES_MAX   (64u << 10) /* pairs that a function sends in one FCALL */

/* What a worker has for calls. */
struct kv_functions {
	struct task_exec frames[TASK_KINDS]; /* as left by the last call of the kind */
	uint64_t turn_ns;                    /* the turn whose time is */
	uint64_t spent_ns;                   /* ... spent by calls that may cost much */
	uint32_t n_emitted;                  /* pairs of this call */
	uint32_t emitted_len;
	uint8_t emitted[KV_EMITTED_BYTES_MAX]; /* as RESP */
};

/* A call with a frame of its own, between turns. Its program is held. */
struct kv_apart {
	void *memory; /* where it lies */
	const struct task_program *program;
	struct kv_item *it; /* pinned; NULL: it is about items */
	bool is_searching;  /* for the line where the last call went wrong */
	struct task_fault fault;
	struct task_explain *explain;
	uint8_t *verdicts;  /* of a filter, one per item */
	uint32_t n_answers; /* of them that are answered */
	struct task_exec exec;
};

/* Takes the memory of @w's side. 0 or -ENOMEM. Main thread. */
int kv_functions_init(struct worker *w);

/* Frees it. Main thread. */
void kv_functions_fini(struct worker *w);

/* Takes a pair that a function sends, as struct kv_functions *@arg says. False: no room. */
bool kv_functions_emit(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len);

/* The program that argument @arg of @c names; NULL: there is none, and the reply says which there
 * are. */
const struct task_program *kv_function_find(struct kv_call *c, uint32_t arg);

/* Whether this turn has time for a call that may cost more than KV_INLINE_COST_MAX. */
bool kv_function_has_time(struct worker *w);

/* Counts what such a call, which began at @start_cycles, has taken. */
void kv_function_spent(struct worker *w, uint64_t start_cycles);

/* Who takes the pairs that @p sends: only records have any. */
static inline bool (*kv_function_emit(const struct task_program *p))(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	return p->function->kind == TASK_EACH ? kv_functions_emit : NULL;
}

/* The worker's frame for @p; nothing has been emitted. */
static inline struct task_exec *kv_function_frame(
	struct kv_functions *f, const struct task_program *p)
{
	struct task_exec *x = &f->frames[p->function->kind];
	uint32_t clear = p->result_bytes ? p->result_bytes : BRAID_RESULT_BYTES;

	/* Another program must not see what the last one left, nor may its clients. Another one may
	 * lie where one lay that was deleted. */
	if (UNLIKELY(x->program != p || x->result_clear < clear))
		task_exec_init(x, p, kv_function_emit(p), f);
	f->n_emitted = f->emitted_len = 0;
	return x;
}

/* Whether the @n items from argument @first on are such as FMAP takes; if not, it is answered. */
bool kv_fmap_are_items(struct kv_call *c, uint32_t first, uint32_t n);

/* A frame of its own for a call of @p by @c, with room for @n verdicts; c->resume. NULL: no memory,
 * and the reply says so. */
struct kv_apart *kv_apart_create(struct kv_call *c, const struct task_program *p, uint32_t n);

/* Ends it. */
void kv_apart_end(struct kv_call *c);

/* Begins to look for the line where the call of @a's frame went wrong, with @code. */
void kv_apart_search(struct kv_apart *a, int32_t code);

/* A piece of it; true: there is more. Then @a->fault says what was wrong. */
bool kv_apart_step(struct kv_apart *a);

/* In which call of which function something went wrong. */
struct kv_fault_place {
	const struct task_program *program;
	const struct resp_arg *key; /* NULL: an item */
	int64_t number;             /* of the item; -1: there is only one */
};

/* Answers -FAULT, the place, and what is wrong there. */
void kv_function_fault(
	struct kv_reply *r, const struct kv_fault_place *place, const struct task_fault *fault);

/* An item as a record, for filters: a value without a key. */
static inline struct task_record kv_item_record(const struct resp_arg *item)
{
	return (struct task_record){
		.key = item->bytes,
		.value = item->bytes,
		.value_len = item->len,
		.ttl_ms = BRAID_TTL_NONE,
	};
}

/* --- libraries in pieces --- */

/* Some libraries that stay as they are while a reply is made of them. */
struct kv_libraries {
	uint32_t n;
	uint32_t at;   /* the one that is being sent */
	uint32_t sent; /* bytes of it */
	uint64_t crc;
	struct task_library *all[TASK_LIBRARIES_MAX];
};

/* Holds those that match @pattern, NULL: all; c->resume. NULL: no memory, and the reply says so. */
struct kv_libraries *kv_libraries_hold(struct kv_call *c, const struct resp_arg *pattern);

/* Lets go of them. */
void kv_libraries_release(struct kv_call *c);

/* --- changes of libraries --- */

/* A change that the main thread is asked for. It outlives its client. */
struct kv_change {
	struct task_request request;
	struct kv_client *client; /* NULL: gone */
	bool is_sent;
	bool is_done;
	uint8_t bytes[];
};

/* A change of kind @change with room for @n bytes; c->resume. NULL: no memory, and the reply says
 * so. */
struct kv_change *kv_change_create(struct kv_call *c, enum task_change change, uint64_t n);

/* Sends it; the call waits, or is refused and answered. */
void kv_change_send(struct kv_call *c);

/* What every piece of a call that waits begins with: true, there is nothing else to do. */
bool kv_change_waits(struct kv_call *c);

#endif
