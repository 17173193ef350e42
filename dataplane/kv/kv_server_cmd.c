/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands on the server that are short here: there is no disk, no replica, one user.
 * What would need them is refused in words that say so. Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_text.h"
#include "lib/wire/number.h"

void kv_cmd_time(struct kv_call *c)
{
	int64_t offset_ns = atomic_load_explicit(&c->w->wall_offset_ns, memory_order_relaxed);
	uint64_t us = (uint64_t)((int64_t)c->w->now_ns + offset_ns) / NSEC_PER_USEC;
	char text[NUMBER_INT_TEXT_MAX];

	kv_reply_array(c->reply, 2);
	number_format_int(text, (int64_t)(us / 1000000));
	kv_reply_text(c->reply, text);
	number_format_int(text, (int64_t)(us % 1000000));
	kv_reply_text(c->reply, text);
}

void kv_cmd_role(struct kv_call *c)
{
	kv_reply_array(c->reply, 3);
	kv_reply_text(c->reply, "master");
	kv_reply_int(c->reply, 0);
	kv_reply_array(c->reply, 0);
}

void kv_cmd_replicaof(struct kv_call *c)
{
	if (kv_arg_is(c, 1, "no") && kv_arg_is(c, 2, "one"))
		kv_reply_ok(c->reply);
	else
		kv_reply_error(c->reply, "ERR %s is not supported: this node is no replica",
			c->command->name);
}

void kv_cmd_save(struct kv_call *c)
{
	kv_reply_error(c->reply, "ERR %s is not supported: the store keeps nothing on disk",
		c->command->name);
}

void kv_cmd_lastsave(struct kv_call *c)
{
	kv_reply_int(c->reply, (int64_t)(c->w->kv->admin->start_ms / 1000));
}

void kv_cmd_shutdown(struct kv_call *c)
{
	if (c->argc == 2 && kv_arg_is(c, 1, "abort"))
		kv_reply_error(c->reply, "ERR No shutdown in progress.");
	else
		kv_reply_error(c->reply, "ERR SHUTDOWN is not allowed: the node is stopped by its "
					 "service manager");
}

/* Three strands. */
void kv_cmd_lolwut(struct kv_call *c)
{
	static const char *const rows[] = {"  \\ / /", "   / / ", "  / \\ \\", "  \\ \\ /"};
	struct kv_text t = {.w = c->w};

	for (unsigned i = 0; i < 2 * ARRAY_SIZE(rows); i++)
		kv_text_add(&t, "%s\n", rows[i % ARRAY_SIZE(rows)]);
	kv_text_add(&t, "\nRedis ver. " KV_REDIS_VERSION "\n");
	kv_text_reply(&t, c->reply, true);
}

void kv_cmd_memory_doctor(struct kv_call *c)
{
	static const char text[] = "Sam, I can't find any memory issue in your instance. I can "
				   "only account for what occurs on this base.\n";

	kv_reply_verbatim(c->reply, text, sizeof(text) - 1);
}

void kv_cmd_memory_malloc_stats(struct kv_call *c)
{
	static const char text[] = "Stats not supported for the current allocator";

	kv_reply_bulk(c->reply, text, sizeof(text) - 1);
}

/* Free memory is given back as it comes. */
void kv_cmd_memory_purge(struct kv_call *c)
{
	kv_reply_ok(c->reply);
}

void kv_cmd_memory_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"DOCTOR",
		"    Return memory problems reports.",
		"MALLOC-STATS",
		"    Return internal statistics report from the memory allocator.",
		"PURGE",
		"    Attempt to purge dirty pages for reclamation by the allocator.",
		"STATS",
		"    Return information about the memory usage of the server.",
		"USAGE <key> [SAMPLES <count>]",
		"    Return memory in bytes used by <key> and its value. Nested values are",
		"    sampled up to <count> times (default: 5, 0 means sample all).",
	};

	kv_reply_help(c, lines, ARRAY_SIZE(lines));
}

void kv_cmd_acl_whoami(struct kv_call *c)
{
	kv_reply_text(c->reply, "default");
}

void kv_cmd_acl_users(struct kv_call *c)
{
	kv_reply_array(c->reply, 1);
	kv_reply_text(c->reply, "default");
}

void kv_cmd_acl_list(struct kv_call *c)
{
	bool open = c->w->kv->settings.password[0] == '\0';

	kv_reply_array(c->reply, 1);
	kv_reply_text(c->reply,
		open ? "user default on nopass ~* &* +@all" : "user default on ~* &* +@all");
}

void kv_cmd_acl_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"CAT [<category>]",
		"    List all commands that belong to <category>, or all command categories",
		"    when no category is specified.",
		"USERS",
		"    List all the registered usernames.",
		"LIST",
		"    Show users details in config file format.",
		"WHOAMI",
		"    Return the current connection username.",
	};

	kv_reply_help(c, lines, ARRAY_SIZE(lines));
}
