/* SPDX-License-Identifier: BSD-3-Clause */
/* The store's part of a generation: settings and listeners. Thread: main. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane/core/generation.h"
#include "dataplane/core/server.h"
#include "dataplane/kv/kv.h"
#include "dataplane/kv/kv_config.h"

#define BACKLOG 1024 /* half-open connections of a worker before cookies */

static struct {
	uint64_t version;
	bool is_staged;
	struct api_store staged;
	struct kv_config *next;      /* prepared */
	struct kv_config *installed; /* NULL: none */
	struct kv_config *replaced;  /* workers may still see it */
} state;

int server_on_store_set(struct server_client *client, const struct api_store *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	int ret = generation_check_staging(client, err);

	if (ret < 0)
		return ret;
	return generation_staged(kv_config_stage(body, err));
}

int server_on_store_info(struct server_client *client, const struct api_none *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	const struct kv_settings *settings = kv_settings_get();
	struct api_store_info *info = reply->body;

	*info = (struct api_store_info){
		.memory_bytes = settings->memory_bytes,
		.max_clients = settings->clients_max,
		.n_workers = workers[0]->n_workers,
	};
	if (!state.installed)
		return 0;
	info->want = state.installed->want;
	/* Whoever may ask for this need not know it. */
	if (info->want.password[0])
		base_strlcpy(info->want.password, "(set)", sizeof(info->want.password));
	return 0;
}

int kv_config_stage(const struct api_store *want, struct base_error *err)
{
	if (state.is_staged)
		return base_error_set(err, EEXIST, "the generation has two stores");
	if (want->n_listen == 0 || want->n_listen > ARRAY_SIZE(want->listen))
		return base_error_set(err, EINVAL,
			"the store listens on %u addresses, 1 to %zu fit", want->n_listen,
			ARRAY_SIZE(want->listen));
	if (want->port == 0 || want->port + workers[0]->n_workers > UINT16_MAX)
		return base_error_set(err, EINVAL,
			"port %u of the store, and one more for each "
			"worker, must be from 1 to %u",
			want->port, UINT16_MAX);
	if (want->policy > API_STORE_VOLATILE_TTL)
		return base_error_set(err, EINVAL, "unknown policy %u of the store", want->policy);
	if (!api_string_ok(want->password, sizeof(want->password)))
		return base_error_set(err, EINVAL, "the password of the store does not end");
	for (uint16_t i = 0; i < want->n_listen; i++)
		if (want->listen[i].family != 4 && want->listen[i].family != 6)
			return base_error_set(err, EINVAL, "the store listens on no address");
	if ((1u + workers[0]->n_workers) * want->n_listen > TCP_LISTENERS_MAX)
		return base_error_set(err, E2BIG,
			"the store has %u listeners, %u fit (listen on fewer addresses)",
			(1u + workers[0]->n_workers) * want->n_listen, TCP_LISTENERS_MAX);
	state.staged = *want;
	state.is_staged = true;
	return 0;
}

void kv_config_forget(void)
{
	state.is_staged = false;
}

int kv_config_check(struct api_commit_reply *counts, struct base_error *err)
{
	if (state.is_staged && !workers[0]->kv)
		return base_error_set(err, EBUSY,
			"this dataplane was started without a store: restart it with the new "
			"configuration");
	return 0;
}

static bool is_unchanged(void)
{
	if (!state.installed)
		return !state.is_staged;
	return state.is_staged &&
	       memcmp(&state.installed->want, &state.staged, sizeof(state.staged)) == 0;
}

/* Every address gets a listener for all workers and one for each. */
static void listen_on(struct tcp_world *tcp, const struct api_store *want)
{
	for (uint16_t a = 0; a < want->n_listen; a++) {
		for (unsigned i = 0; i <= workers[0]->n_workers; i++) {
			struct tcp_listener *l = &tcp->listeners[tcp->n_listeners++];

			*l = (struct tcp_listener){
				.addr = want->listen[a],
				.port_be = htobe16((uint16_t)(want->port + i)),
				.owner = i == 0 ? TCP_ANY_WORKER : (uint8_t)(i - 1),
				.tag = (uint8_t)i,
				.backlog = BACKLOG,
				.app = &kv_tcp_app,
			};
		}
	}
}

int kv_config_prepare(unsigned quantum, struct base_error *err)
{
	if (is_unchanged() || !state.is_staged)
		return 0;
	state.next = calloc(1, sizeof(*state.next));
	if (!state.next)
		return base_error_set(err, ENOMEM, "no memory for the settings of the store");
	state.next->want = state.staged;
	state.next->version = ++state.version;
	listen_on(&state.next->tcp, &state.staged);
	return 0;
}

int kv_config_rollback(unsigned quantum)
{
	free(state.next);
	state.next = NULL;
	return 0;
}

void kv_config_apply(struct world *next)
{
	if (!is_unchanged()) {
		state.replaced = state.installed;
		state.installed = state.next;
		state.next = NULL;
	}
	next->kv = state.installed;
	next->tcp = state.installed ? &state.installed->tcp : NULL;
}

int kv_config_published(unsigned quantum)
{
	free(state.replaced);
	state.replaced = NULL;
	return 0;
}

int kv_config_init(const struct conf *conf, struct base_error *err)
{
	const struct conf_store *store = &conf->store;
	struct kv_settings settings;

	kv_settings_default(&settings, store->n_listen ? store->memory_bytes : 0);
	settings.clients_max = store->max_clients;
	settings.policy = (uint8_t)store->policy;
	settings.timeout_s = store->timeout_ms / 1000;
	settings.port = store->port;
	settings.protected_mode = store->protected_mode == CONF_YES;
	base_strlcpy(settings.password, store->password, sizeof(settings.password));
	if (getrandom(settings.secret, sizeof(settings.secret), 0) != sizeof(settings.secret))
		return base_error_set(err, EIO, "no random numbers for the hash of keys");
	kv_settings_set(&settings);
	return 0;
}

void kv_config_fini(void)
{
	free(state.installed);
	free(state.next);
	memset(&state, 0, sizeof(state));
}
