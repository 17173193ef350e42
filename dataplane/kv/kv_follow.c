/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's settings follow the configuration. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_config.h"
#include "dataplane/kv/kv_worker.h"

void kv_config_follow(struct worker *w)
{
	const struct kv_config *config = w->world->kv;
	struct kv_worker *kv = w->kv;
	const struct api_store *want;

	if (LIKELY(!config || config->version == kv->config_version))
		return;
	want = &config->want;
	kv->config_version = config->version;
	kv->settings.timeout_s = want->timeout_s;
	kv->settings.port = want->port;
	kv->settings.protected_mode = want->protected_mode != 0;
	memset(kv->settings.password, 0, sizeof(kv->settings.password));
	base_strlcpy(kv->settings.password, want->password, sizeof(kv->settings.password));
	if (kv->settings.policy != want->policy) {
		kv->settings.policy = (uint8_t)want->policy;
		kv_shard_limit_set(kv->shard, kv->settings.memory_bytes / w->n_workers,
			(enum kv_policy)want->policy);
	}
}
