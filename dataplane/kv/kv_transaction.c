/* SPDX-License-Identifier: BSD-3-Clause */
/* MULTI, EXEC and what belongs to them. Thread: worker. */
#include "dataplane/kv/kv_exec.h"
#include "dataplane/kv/kv_multi.h"
#include "dataplane/kv/kv_route.h"

static void forget(struct worker *w, struct kv_client *c)
{
	kv_multi_discard(w, c);
	kv_route_unwatch(w, c);
}

void kv_cmd_multi(struct kv_call *c)
{
	if (c->client->flags & KV_CLIENT_MULTI) {
		kv_reply_error(c->reply, "ERR MULTI calls can not be nested");
		return;
	}
	c->client->flags |= KV_CLIENT_MULTI;
	kv_reply_ok(c->reply);
}

void kv_cmd_discard(struct kv_call *c)
{
	if (!(c->client->flags & KV_CLIENT_MULTI)) {
		kv_reply_error(c->reply, "ERR DISCARD without MULTI");
		return;
	}
	forget(c->w, c->client);
	kv_reply_ok(c->reply);
}

void kv_cmd_exec(struct kv_call *c)
{
	struct kv_client *client = c->client;
	struct kv_multi *m = client->multi;

	if (!(client->flags & KV_CLIENT_MULTI)) {
		kv_reply_error(c->reply, "ERR EXEC without MULTI");
		return;
	}
	if (client->flags & KV_CLIENT_DIRTY_EXEC) {
		forget(c->w, client);
		kv_reply_error(
			c->reply, "EXECABORT Transaction discarded because of previous errors.");
		return;
	}
	/* It takes over what is watched, too. */
	client->multi = NULL;
	kv_multi_discard(c->w, client);
	kv_route_multi(c, m);
	/* Its errors are those of the commands it ran. */
	kv_reply_begin(c->reply);
}

void kv_cmd_watch(struct kv_call *c)
{
	if (c->client->flags & KV_CLIENT_MULTI) {
		kv_reply_error(c->reply, "ERR WATCH inside MULTI is not allowed");
		return;
	}
	/* It is too late already: EXEC will fail. */
	if (c->client->flags & KV_CLIENT_DIRTY_CAS) {
		kv_reply_ok(c->reply);
		return;
	}
	kv_route_watch(c);
}

void kv_cmd_unwatch(struct kv_call *c)
{
	kv_route_unwatch(c->w, c->client);
	c->client->flags &= ~(uint32_t)KV_CLIENT_DIRTY_CAS;
	kv_reply_ok(c->reply);
}
