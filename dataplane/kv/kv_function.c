/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FUNCTION LOAD, DELETE and FLUSH: the main thread is asked, and the client waits without its
 * worker. What is being changed belongs to the change, which the main thread reads, so that a
 * client that goes away takes nothing with it. Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_function.h"
#include "dataplane/kv/kv_long.h"
#include "dataplane/kv/kv_text.h"

/* The main thread has done it. */
static void on_done(struct worker *w, struct task_request *r)
{
	struct kv_change *change = CONTAINER_OF(r, struct kv_change, request);

	change->is_done = true;
	if (change->client)
		kv_long_wake(w, change->client);
	else
		kv_memory_free(w, change);
}

struct kv_change *kv_change_create(struct kv_call *c, enum task_change change, uint64_t n)
{
	struct kv_change *new = kv_memory_alloc(c->w, sizeof(*new) + n);

	if (!new) {
		kv_reply_error(c->reply, KV_OOM_ERROR);
		return NULL;
	}
	*new = (struct kv_change){
		.request = {.change = change, .bytes = new->bytes, .done = on_done},
		.client = c->client,
	};
	c->resume = new;
	return new;
}

static void wait_for_main(struct kv_call *c)
{
	c->unfinished = true;
	c->wake_ms = UINT64_MAX;
}

static void end(struct kv_call *c)
{
	kv_memory_free(c->w, c->resume);
	c->resume = NULL;
}

void kv_change_send(struct kv_call *c)
{
	struct kv_change *change = c->resume;

	if (task_request_send(c->w, &change->request) < 0) {
		kv_reply_error(c->reply, "BUSY libraries are being changed by many; try again");
		end(c);
		return;
	}
	change->is_sent = true;
	wait_for_main(c);
}

/* The client is gone. */
static void forget(struct kv_call *c, struct kv_change *change)
{
	if (change->is_sent && !change->is_done)
		change->client = NULL;
	else
		kv_memory_free(c->w, change);
	c->resume = NULL;
}

static void answer(struct kv_call *c, const struct task_request *r)
{
	if (r->status < 0)
		kv_reply_error(c->reply, "ERR %s", r->err.text);
	else if (r->change == TASK_CHANGE_LOAD)
		kv_reply_text(c->reply, r->name);
	else
		kv_reply_ok(c->reply);
}

bool kv_change_waits(struct kv_call *c)
{
	struct kv_change *change = c->resume;

	if (c->cancel && change)
		forget(c, change);
	if (c->cancel)
		return true;
	if (!change || !change->is_sent)
		return false;
	if (!change->is_done) {
		wait_for_main(c);
		return true;
	}
	answer(c, &change->request);
	end(c);
	return true;
}

void kv_cmd_function_load(struct kv_call *c)
{
	const struct resp_arg *code = &c->argv[c->argc - 1];
	struct kv_change *change;
	uint32_t arg = 2;

	if (kv_change_waits(c))
		return;
	while (arg < c->argc - 1 && kv_arg_is(c, arg, "replace"))
		arg++;
	if (arg < c->argc - 1) {
		kv_reply_error(c->reply, "ERR Unknown option given: %.*s", (int)c->argv[arg].len,
			(const char *)c->argv[arg].bytes);
		return;
	}
	if (code->len > TASK_PAYLOAD_BYTES_MAX) {
		kv_reply_error(c->reply,
			"ERR a library has at most %u bytes (TASK_PAYLOAD_BYTES_MAX), this one has "
			"%u: strip what is only for debuggers, or split it",
			TASK_PAYLOAD_BYTES_MAX, code->len);
		return;
	}
	change = kv_change_create(c, TASK_CHANGE_LOAD, code->len);
	if (!change)
		return;
	memcpy(change->bytes, code->bytes, code->len);
	change->request.len = code->len;
	change->request.replace = arg > 2 ? TASK_REPLACE_SAME : TASK_REPLACE_NEVER;
	kv_change_send(c);
}

void kv_cmd_function_delete(struct kv_call *c)
{
	const struct resp_arg *name = &c->argv[2];
	struct kv_change *change;

	if (kv_change_waits(c))
		return;
	if (!task_library_find(name->bytes, name->len)) {
		kv_reply_error(c->reply, "ERR Library not found");
		return;
	}
	change = kv_change_create(c, TASK_CHANGE_DELETE, name->len);
	if (!change)
		return;
	memcpy(change->bytes, name->bytes, name->len);
	change->request.len = name->len;
	kv_change_send(c);
}

void kv_cmd_function_flush(struct kv_call *c)
{
	if (kv_change_waits(c))
		return;
	if (c->argc > 3)
		kv_admin_refuse_sub(c);
	else if (c->argc == 3 && !kv_arg_is(c, 2, "sync") && !kv_arg_is(c, 2, "async"))
		kv_reply_error(c->reply, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
	else if (kv_change_create(c, TASK_CHANGE_FLUSH, 0))
		kv_change_send(c);
}

/* One call is over before the next begins, so that nobody sees one running. */
void kv_cmd_function_stats(struct kv_call *c)
{
	const struct task_libraries *libraries = task_libraries();

	kv_reply_map(c->reply, 2);
	kv_reply_text(c->reply, "running_script");
	kv_reply_null(c->reply);
	kv_reply_text(c->reply, "engines");
	kv_reply_map(c->reply, 1);
	kv_reply_text(c->reply, "BPF");
	kv_reply_map(c->reply, 2);
	kv_reply_text(c->reply, "libraries_count");
	kv_reply_int(c->reply, libraries->n);
	kv_reply_text(c->reply, "functions_count");
	kv_reply_int(c->reply, libraries->n_programs);
}

void kv_cmd_function_kill(struct kv_call *c)
{
	kv_reply_error(c->reply, "NOTBUSY No scripts in execution right now.");
}

void kv_cmd_function_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"LOAD [REPLACE] <FUNCTION CODE>",
		"    Create a new library: the line \"#!bpf name=<LIBRARY NAME>\", then the object",
		"    file that clang made (braidctl load does it).",
		"DELETE <LIBRARY NAME>",
		"    Delete the given library.",
		"LIST [LIBRARYNAME PATTERN] [WITHCODE]",
		"    Return general information on all the libraries:",
		"    * Library name",
		"    * The engine used to run the Library",
		"    * Functions list, with kind and cost in instructions",
		"    * Library code (if WITHCODE is given)",
		"    * SHA-256 of the object file",
		"    It also possible to get only function that matches a pattern using "
		"LIBRARYNAME "
		"argument.",
		"STATS",
		"    Return information about the current function running:",
		"    If no function is running, return nil",
		"    In addition, returns a list of available engines.",
		"KILL",
		"    Kill the current running function.",
		"FLUSH [ASYNC|SYNC]",
		"    Delete all the libraries.",
		"DUMP",
		"    Return a serialized payload representing the current libraries, can be "
		"restored using FUNCTION RESTORE command",
		"RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
		"    Restore the libraries represented by the given payload, it is possible to "
		"give "
		"a restore policy to",
		"    control how to handle existing libraries (default APPEND):",
		"    * FLUSH: delete all existing libraries.",
		"    * APPEND: appends the restored libraries to the existing libraries. On "
		"collision, abort.",
		"    * REPLACE: appends the restored libraries to the existing libraries, On "
		"collision, replace the old",
		"      libraries with the new libraries.",
	};

	kv_reply_help(c, lines, ARRAY_SIZE(lines));
}
