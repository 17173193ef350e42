/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands on the connection itself. Thread: worker. */
#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_multi.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_worker.h"

void kv_cmd_ping(struct kv_call *c)
{
	if (c->argc > 2)
		kv_reply_error(c->reply, "ERR wrong number of arguments for 'ping' command");
	else if (c->argc == 2)
		kv_reply_bulk(c->reply, c->argv[1].bytes, c->argv[1].len);
	else
		kv_reply_raw(c->reply, "+PONG\r\n", 7);
}

void kv_cmd_echo(struct kv_call *c)
{
	kv_reply_bulk(c->reply, c->argv[1].bytes, c->argv[1].len);
}

void kv_cmd_quit(struct kv_call *c)
{
	kv_reply_ok(c->reply);
	kv_client_close(c->w, c->client);
}

bool kv_select_db(const struct resp_arg *a, uint8_t *db)
{
	int64_t n;

	if (!kv_parse_int(a->bytes, a->len, &n) || n < 0 || n >= KV_DATABASES)
		return false;
	*db = (uint8_t)n;
	return true;
}

void kv_cmd_select(struct kv_call *c)
{
	int64_t db;

	if (!kv_parse_int(c->argv[1].bytes, c->argv[1].len, &db)) {
		kv_reply_error(c->reply, "ERR value is not an integer or out of range");
	} else if (db < INT32_MIN || db > INT32_MAX) {
		kv_reply_error(c->reply,
			"ERR value is out of range, value must between %ld and %ld",
			(long)INT32_MIN, (long)INT32_MAX);
	} else if (db < 0 || db >= KV_DATABASES) {
		kv_reply_error(c->reply, "ERR DB index is out of range");
	} else {
		c->client->db = (uint8_t)db;
		kv_reply_ok(c->reply);
	}
}

/* All that a client may have changed of itself is as after connecting. */
void kv_cmd_reset(struct kv_call *c)
{
	struct kv_client *client = c->client;

	kv_route_unwatch(c->w, client);
	kv_multi_discard(c->w, client);
	client->flags &= ~(uint32_t)(KV_CLIENT_REPLY_OFF | KV_CLIENT_REPLY_SKIP_NEXT |
				     KV_CLIENT_ASKING | KV_CLIENT_READONLY | KV_CLIENT_NO_EVICT |
				     KV_CLIENT_NO_TOUCH | KV_CLIENT_JOB_PROGRESS);
	kv_client_auth_default(c->w, client);
	client->db = 0;
	client->version = 2;
	c->reply->version = 2;
	c->reply->mute = (client->flags & KV_CLIENT_REPLY_SKIP) != 0;
	kv_client_set_name(c->w, client, NULL, 0);
	kv_reply_status(c->reply, "RESET");
}

/* Cluster clients say these; there are no replicas and no slots on their way, so nothing else
 * follows. */
void kv_cmd_readonly(struct kv_call *c)
{
	c->client->flags |= KV_CLIENT_READONLY;
	kv_reply_ok(c->reply);
}

void kv_cmd_readwrite(struct kv_call *c)
{
	c->client->flags &= ~(uint32_t)KV_CLIENT_READONLY;
	kv_reply_ok(c->reply);
}

void kv_cmd_asking(struct kv_call *c)
{
	c->client->flags |= KV_CLIENT_ASKING;
	kv_reply_ok(c->reply);
}
