/* SPDX-License-Identifier: BSD-3-Clause */
/* Who a client is, and which protocol it speaks: AUTH and HELLO. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_worker.h"

/* Whether @password, with zeros behind it, is the one that is set; in a time that does not depend
 * on where they differ. */
static bool is_password(const struct worker *w, const struct resp_arg *password)
{
	const char *right = w->kv->settings.password;
	unsigned differ = password->len >= KV_PASSWORD_MAX;

	for (uint32_t i = 0; i < KV_PASSWORD_MAX; i++)
		differ |= (i < password->len ? password->bytes[i] : 0u) ^ (uint8_t)right[i];
	return differ == 0;
}

/* There is one user; without a password any will do. */
static bool authenticate(
	struct kv_call *c, const struct resp_arg *user, const struct resp_arg *password)
{
	bool known = !user || (user->len == 7 && memcmp(user->bytes, "default", 7) == 0);

	if (!known || (c->w->kv->settings.password[0] != '\0' && !is_password(c->w, password))) {
		kv_reply_error(
			c->reply, "WRONGPASS invalid username-password pair or user is disabled.");
		return false;
	}
	c->client->flags |= KV_CLIENT_AUTHENTICATED;
	return true;
}

void kv_cmd_auth(struct kv_call *c)
{
	if (c->argc > 3) {
		kv_reply_error(c->reply, "ERR syntax error");
		return;
	}
	if (c->argc == 2 && c->w->kv->settings.password[0] == '\0') {
		kv_reply_error(c->reply,
			"ERR AUTH <password> called without any password configured for the "
			"default user. Are you sure your configuration is correct?");
		return;
	}
	if (authenticate(c, c->argc == 3 ? &c->argv[1] : NULL, &c->argv[c->argc - 1]))
		kv_reply_ok(c->reply);
}

bool kv_client_name_set(struct kv_call *c, const struct resp_arg *name)
{
	for (uint32_t i = 0; i < name->len; i++) {
		if (name->bytes[i] >= '!' && name->bytes[i] <= '~')
			continue;
		kv_reply_error(c->reply, "ERR Client names cannot contain spaces, newlines or "
					 "special characters.");
		return false;
	}
	if (kv_client_set_name(c->w, c->client, name->bytes, name->len) == 0)
		return true;
	kv_reply_error(c->reply, "OOM no memory for the name");
	return false;
}

static void describe(struct kv_call *c)
{
	struct kv_reply *r = c->reply;

	kv_reply_map(r, 7);
	kv_reply_text(r, "server");
	kv_reply_text(r, "redis");
	kv_reply_text(r, "version");
	kv_reply_text(r, KV_REDIS_VERSION);
	kv_reply_text(r, "proto");
	kv_reply_int(r, c->client->version);
	kv_reply_text(r, "id");
	kv_reply_int(r, (int64_t)c->client->id);
	kv_reply_text(r, "mode");
	kv_reply_text(r, kv_admin_is_cluster(c->client) ? "cluster" : "standalone");
	kv_reply_text(r, "role");
	kv_reply_text(r, "master");
	kv_reply_text(r, "modules");
	kv_reply_array(r, 0);
}

/* Options of HELLO from argument 2 on; false: refused and answered. */
static bool hello_options(struct kv_call *c)
{
	for (uint32_t i = 2; i < c->argc; i++) {
		uint32_t more = c->argc - 1 - i;

		if (kv_arg_is(c, i, "auth") && more >= 2) {
			if (!authenticate(c, &c->argv[i + 1], &c->argv[i + 2]))
				return false;
			i += 2;
		} else if (kv_arg_is(c, i, "setname") && more >= 1) {
			if (!kv_client_name_set(c, &c->argv[i + 1]))
				return false;
			i++;
		} else {
			kv_reply_error(c->reply, "ERR Syntax error in HELLO option '%.*s'",
				(int)c->argv[i].len, (const char *)c->argv[i].bytes);
			return false;
		}
	}
	return true;
}

void kv_cmd_hello(struct kv_call *c)
{
	int64_t version = 0;

	if (c->argc >= 2) {
		if (!kv_parse_int(c->argv[1].bytes, c->argv[1].len, &version)) {
			kv_reply_error(
				c->reply, "ERR Protocol version is not an integer or out of range");
			return;
		}
		if (version < 2 || version > 3) {
			kv_reply_error(c->reply, "NOPROTO unsupported protocol version");
			return;
		}
	}
	if (!hello_options(c))
		return;
	if (!kv_client_is_trusted(c->w, c->client)) {
		kv_reply_error(c->reply,
			"NOAUTH HELLO must be called with the client already authenticated, "
			"otherwise the HELLO AUTH <user> <pass> option can be used to "
			"authenticate the client and select the RESP protocol version at the same "
			"time");
		return;
	}
	if (version != 0) {
		c->client->version = (uint8_t)version;
		c->reply->version = (uint8_t)version;
	}
	describe(c);
}
