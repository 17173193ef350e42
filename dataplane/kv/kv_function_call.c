/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of users' functions: the function by its name, the pairs it sends, a frame apart for what
 * takes longer, and what went wrong. Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_function.h"
#include "dataplane/kv/kv_memory.h"
#include "lib/wire/number.h"

#define PAIR_HEADS_BYTES (2 * (NUMBER_INT_TEXT_MAX + 5)) /* of two bulk strings */
#define KEY_SHOWN        64                              /* bytes of a key in a fault */

const struct task_program *kv_function_find(struct kv_call *c, uint32_t arg)
{
	const struct resp_arg *name = &c->argv[arg];
	const struct task_program *p = task_program_find(name->bytes, name->len, NULL);
	struct base_error err;

	if (LIKELY(p != NULL))
		return p;
	task_program_find(name->bytes, name->len, &err);
	kv_reply_error(c->reply, "ERR Function not found: %s", err.text);
	return NULL;
}

bool kv_function_has_time(struct worker *w)
{
	struct kv_functions *f = w->kv->functions;

	if (f->turn_ns != w->now_ns) {
		f->turn_ns = w->now_ns;
		f->spent_ns = 0;
	}
	return f->spent_ns < KV_TURN_NS;
}

void kv_function_spent(struct worker *w, uint64_t start_cycles)
{
	uint64_t cycles = w->ops->cycles(w) - start_cycles;

	w->kv->functions->spent_ns += (uint64_t)(((__uint128_t)cycles * w->ns_per_cycle_q32) >> 32);
}

/* Adds a bulk string to what was emitted, where there is room. */
static void add_bulk(struct kv_functions *f, const uint8_t *bytes, uint32_t len)
{
	uint8_t *p = f->emitted + f->emitted_len;
	uint32_t n = 1;

	p[0] = '$';
	n += number_format_int((char *)p + n, len);
	memcpy(p + n, "\r\n", 2);
	memcpy(p + n + 2, bytes, len);
	memcpy(p + n + 2 + len, "\r\n", 2);
	f->emitted_len += n + 4 + len;
}

bool kv_functions_emit(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	struct kv_functions *f = arg;

	if ((uint64_t)key_len + value_len + PAIR_HEADS_BYTES > sizeof(f->emitted) - f->emitted_len)
		return false;
	add_bulk(f, key, key_len);
	add_bulk(f, value, value_len);
	f->n_emitted++;
	return true;
}

/* The first place for a cache line from @p on. */
static void *aligned(void *p)
{
	return (void *)(((uintptr_t)p + CACHE_LINE_BYTES - 1) & ~(uintptr_t)(CACHE_LINE_BYTES - 1));
}

struct kv_apart *kv_apart_create(struct kv_call *c, const struct task_program *p, uint32_t n)
{
	uint64_t explain_bytes = task_explain_bytes();
	void *memory = kv_memory_alloc(
		c->w, sizeof(struct kv_apart) + CACHE_LINE_BYTES + explain_bytes + n);
	struct kv_apart *a;

	if (!memory) {
		kv_reply_error(c->reply, KV_OOM_ERROR);
		return NULL;
	}
	a = aligned(memory);
	*a = (struct kv_apart){.memory = memory, .program = p};
	a->explain = (struct task_explain *)(a + 1);
	a->verdicts = (uint8_t *)(a + 1) + explain_bytes;
	task_exec_init(&a->exec, p, kv_function_emit(p), c->w->kv->functions);
	task_program_hold(p);
	c->resume = a;
	return a;
}

void kv_apart_end(struct kv_call *c)
{
	struct kv_apart *a = c->resume;

	if (!a)
		return;
	task_program_release(a->program);
	if (a->it)
		kv_shard_unpin(c->shard, a->it);
	kv_memory_free(c->w, a->memory);
	c->resume = NULL;
}

void kv_apart_search(struct kv_apart *a, int32_t code)
{
	/* As it was before the call. */
	if (a->exec.frame.kind == TASK_EACH)
		memset(a->exec.frame.ctx.each.acc, 0, BRAID_ACC_BYTES);
	task_explain_init(a->explain, &a->exec, code);
	a->is_searching = true;
}

bool kv_apart_step(struct kv_apart *a)
{
	a->is_searching = task_explain_step(a->explain, &a->fault);
	return a->is_searching;
}

void kv_function_fault(
	struct kv_reply *r, const struct kv_fault_place *place, const struct task_fault *fault)
{
	const char *library = place->program->library->name;
	const char *function = place->program->function->name;

	if (place->key)
		kv_reply_error(r, "FAULT key \"%.*s\": %s.%s: %s",
			(int)MIN_OF(place->key->len, (uint32_t)KEY_SHOWN),
			(const char *)place->key->bytes, library, function, fault->text);
	else if (place->number >= 0)
		kv_reply_error(r, "FAULT item %ld: %s.%s: %s", (long)place->number, library,
			function, fault->text);
	else
		kv_reply_error(r, "FAULT %s.%s: %s", library, function, fault->text);
}
