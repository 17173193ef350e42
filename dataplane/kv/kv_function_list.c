/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FUNCTION LIST: a library after the other, code in pieces, from libraries that are held until the
 * reply is whole. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_function.h"
#include "dataplane/kv/kv_memory.h"

#define CODE_PIECE_BYTES 16384

struct kv_libraries *kv_libraries_hold(struct kv_call *c, const struct resp_arg *pattern)
{
	const struct task_libraries *now = task_libraries();
	struct kv_libraries *held = kv_memory_alloc(c->w, sizeof(*held));

	if (!held) {
		kv_reply_error(c->reply, KV_OOM_ERROR);
		return NULL;
	}
	*held = (struct kv_libraries){.n = 0};
	for (uint32_t i = 0; i < now->n; i++) {
		struct task_library *l = now->all[i];

		if (pattern && !kv_glob_match(pattern, l->name, (uint32_t)strlen(l->name), true))
			continue;
		task_program_hold(&l->programs[0]);
		held->all[held->n++] = l;
	}
	c->resume = held;
	return held;
}

void kv_libraries_release(struct kv_call *c)
{
	struct kv_libraries *held = c->resume;

	for (uint32_t i = 0; i < held->n; i++)
		task_program_release(&held->all[i]->programs[0]);
	kv_memory_free(c->w, held);
	c->resume = NULL;
}

static void function(struct kv_reply *r, const struct task_program *p)
{
	kv_reply_map(r, 5);
	kv_reply_text(r, "name");
	kv_reply_text(r, p->function->name);
	kv_reply_text(r, "description");
	kv_reply_null(r);
	kv_reply_text(r, "flags");
	kv_reply_set(r, 2);
	kv_reply_status(r, "no-writes");
	kv_reply_status(r, "allow-oom");
	kv_reply_text(r, "kind");
	kv_reply_text(r, task_kind_name(p->function->kind));
	kv_reply_text(r, "cost");
	kv_reply_int(r, p->cost_max);
}

static void id(struct kv_reply *r, const uint8_t *bytes)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * TASK_ID_BYTES];

	for (unsigned i = 0; i < TASK_ID_BYTES; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	kv_reply_text(r, "sha256");
	kv_reply_bulk(r, text, sizeof(text));
}

/* What Redis tells of a library, up to its code. */
static void head(struct kv_reply *r, const struct task_library *l, bool with_code)
{
	kv_reply_map(r, with_code ? 5 : 4);
	kv_reply_text(r, "library_name");
	kv_reply_text(r, l->name);
	kv_reply_text(r, "engine");
	kv_reply_text(r, "BPF");
	kv_reply_text(r, "functions");
	kv_reply_array(r, l->n_programs);
	for (uint32_t i = 0; i < l->n_programs; i++)
		function(r, &l->programs[i]);
	if (with_code)
		kv_reply_text(r, "library_code");
}

/* A piece of the reply; true: there is more. */
static bool piece(struct kv_call *c, struct kv_libraries *held, bool with_code)
{
	struct kv_reply *r = c->reply;
	const struct task_library *l;
	uint32_t n;

	if (held->at == held->n)
		return false;
	l = held->all[held->at];
	if (held->sent == 0)
		head(r, l, with_code);
	if (with_code) {
		if (held->sent == 0)
			kv_reply_bulk_begin(r, l->payload_len);
		n = MIN_OF(l->payload_len - held->sent, (uint32_t)CODE_PIECE_BYTES);
		kv_reply_raw(r, l->payload + held->sent, n);
		held->sent += n;
		if (held->sent < l->payload_len)
			return true;
		kv_reply_raw(r, "\r\n", 2);
	}
	id(r, l->object->id);
	held->sent = 0;
	held->at++;
	return held->at < held->n;
}

/* Reads the arguments; false: refused and answered. */
static bool options(struct kv_call *c, const struct resp_arg **pattern, bool *with_code)
{
	for (uint32_t i = 2; i < c->argc; i++) {
		if (!*with_code && kv_arg_is(c, i, "withcode")) {
			*with_code = true;
		} else if (!*pattern && kv_arg_is(c, i, "libraryname")) {
			if (i + 1 == c->argc) {
				kv_reply_error(c->reply, "ERR library name argument was not given");
				return false;
			}
			*pattern = &c->argv[++i];
		} else {
			kv_reply_error(c->reply, "ERR Unknown argument %.*s", (int)c->argv[i].len,
				(const char *)c->argv[i].bytes);
			return false;
		}
	}
	return true;
}

void kv_cmd_function_list(struct kv_call *c)
{
	const struct resp_arg *pattern = NULL;
	struct kv_libraries *held = c->resume;
	bool with_code = false;

	if (!c->cancel) {
		if (!options(c, &pattern, &with_code))
			return;
		if (!held) {
			held = kv_libraries_hold(c, pattern);
			if (!held)
				return;
			kv_reply_array(c->reply, held->n);
		}
		c->unfinished = piece(c, held, with_code);
	}
	if (!c->unfinished && held)
		kv_libraries_release(c);
}
