/* SPDX-License-Identifier: BSD-3-Clause */
/* CLIENT, but for LIST and KILL. Thread: worker. */
#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_text.h"
#include "dataplane/kv/kv_worker.h"

void kv_cmd_client_id(struct kv_call *c)
{
	kv_reply_int(c->reply, (int64_t)c->client->id);
}

void kv_cmd_client_getname(struct kv_call *c)
{
	if (c->client->name)
		kv_reply_text(c->reply, c->client->name);
	else
		kv_reply_null(c->reply);
}

void kv_cmd_client_setname(struct kv_call *c)
{
	if (kv_client_name_set(c, &c->argv[2]))
		kv_reply_ok(c->reply);
}

void kv_cmd_client_reply(struct kv_call *c)
{
	struct kv_client *client = c->client;

	if (kv_arg_is(c, 2, "on")) {
		client->flags &= ~(uint32_t)(KV_CLIENT_REPLY_SKIP | KV_CLIENT_REPLY_OFF);
		c->reply->mute = false;
		kv_reply_ok(c->reply);
	} else if (kv_arg_is(c, 2, "off")) {
		client->flags |= KV_CLIENT_REPLY_OFF;
		c->reply->mute = true;
	} else if (kv_arg_is(c, 2, "skip")) {
		if (!(client->flags & KV_CLIENT_REPLY_OFF))
			client->flags |= KV_CLIENT_REPLY_SKIP_NEXT;
	} else {
		kv_reply_error(c->reply, "ERR syntax error");
	}
}

/* Nothing evicts clients here: the mark is kept and shown. */
void kv_cmd_client_no_evict(struct kv_call *c)
{
	if (kv_arg_is(c, 2, "on")) {
		c->client->flags |= KV_CLIENT_NO_EVICT;
	} else if (kv_arg_is(c, 2, "off")) {
		c->client->flags &= ~(uint32_t)KV_CLIENT_NO_EVICT;
	} else {
		kv_reply_error(c->reply, "ERR syntax error");
		return;
	}
	kv_reply_ok(c->reply);
}

void kv_cmd_client_pause(struct kv_call *c)
{
	bool all = true;
	int64_t ms;

	if (c->argc > 4) {
		kv_admin_refuse_sub(c);
		return;
	}
	if (c->argc == 4 && kv_arg_is(c, 3, "write")) {
		all = false;
	} else if (c->argc == 4 && !kv_arg_is(c, 3, "all")) {
		kv_reply_error(c->reply, "ERR CLIENT PAUSE mode must be WRITE or ALL");
		return;
	}
	if (!kv_parse_int(c->argv[2].bytes, c->argv[2].len, &ms)) {
		kv_reply_error(c->reply, "ERR timeout is not an integer or out of range");
		return;
	}
	if (ms < 0) {
		kv_reply_error(c->reply, "ERR timeout is negative");
		return;
	}
	kv_client_pause(c->w, (uint64_t)ms + c->now_ms, all);
	kv_reply_ok(c->reply);
}

void kv_cmd_client_unpause(struct kv_call *c)
{
	kv_client_unpause(c->w);
	kv_reply_ok(c->reply);
}

/* No command blocks a client. */
void kv_cmd_client_unblock(struct kv_call *c)
{
	int64_t id;

	if (c->argc > 4) {
		kv_admin_refuse_sub(c);
	} else if (c->argc == 4 && !kv_arg_is(c, 3, "timeout") && !kv_arg_is(c, 3, "error")) {
		kv_reply_error(c->reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
	} else if (!kv_parse_int(c->argv[2].bytes, c->argv[2].len, &id)) {
		kv_reply_error(c->reply, "ERR value is not an integer or out of range");
	} else {
		kv_reply_int(c->reply, 0);
	}
}

void kv_cmd_client_getredir(struct kv_call *c)
{
	kv_reply_int(c->reply, -1);
}

void kv_cmd_client_trackinginfo(struct kv_call *c)
{
	kv_reply_map(c->reply, 3);
	kv_reply_text(c->reply, "flags");
	kv_reply_set(c->reply, 1);
	kv_reply_text(c->reply, "off");
	kv_reply_text(c->reply, "redirect");
	kv_reply_int(c->reply, -1);
	kv_reply_text(c->reply, "prefixes");
	kv_reply_array(c->reply, 0);
}

void kv_cmd_client_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"GETREDIR",
		"    Return the client ID we are redirecting to when tracking is enabled.",
		"GETNAME",
		"    Return the name of the current connection.",
		"ID",
		"    Return the ID of the current connection.",
		"INFO",
		"    Return information about the current client connection.",
		"KILL <ip:port>",
		"    Kill connection made from <ip:port>.",
		"KILL <option> <value> [<option> <value> [...]]",
		"    Kill connections. Options are:",
		"    * ADDR <ip:port>",
		"      Kill connections made from the specified address",
		"    * LADDR <ip:port>",
		"      Kill connections made to specified local address",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
		"      Kill connections by type.",
		"    * USER <username>",
		"      Kill connections authenticated by <username>.",
		"    * SKIPME (YES|NO)",
		"      Skip killing current connection (default: yes).",
		"LIST [options ...]",
		"    Return information about client connections. Options:",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
		"      Return clients of specified type.",
		"UNPAUSE",
		"    Stop the current client pause, resuming traffic.",
		"PAUSE <timeout> [WRITE|ALL]",
		"    Suspend all, or just write, clients for <timeout> milliseconds.",
		"REPLY (ON|OFF|SKIP)",
		"    Control the replies sent to the current connection.",
		"SETNAME <name>",
		"    Assign the name <name> to the current connection.",
		"UNBLOCK <clientid> [TIMEOUT|ERROR]",
		"    Unblock the specified blocked client.",
		"TRACKINGINFO",
		"    Report tracking status for the current connection.",
		"NO-EVICT (ON|OFF)",
		"    Protect current client connection from eviction.",
	};

	kv_reply_help(c, lines, ARRAY_SIZE(lines));
}
