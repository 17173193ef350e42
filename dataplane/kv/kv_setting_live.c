/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings that mean something here: each of them by its row's name. Thread: worker. */
#include <string.h>
#include <strings.h>

#include "dataplane/kv/kv_admin.h"
#include "lib/wire/number.h"

#define OUTPUT_NUMBERS 3 /* of a class: hard, soft, seconds */

/* The rows that have KV_SETTING_LIVE. */
enum live {
	LIVE_BIND,
	LIVE_OUTPUT,
	LIVE_QUERY,
	LIVE_LATENCY_MONITOR,
	LIVE_LATENCY_TRACKING,
	LIVE_PERCENTILES,
	LIVE_CLIENTS,
	LIVE_MEMORY,
	LIVE_POLICY,
	LIVE_PORT,
	LIVE_PROTECTED,
	LIVE_BULK,
	LIVE_PASSWORD,
	LIVE_SLOWER_THAN,
	LIVE_SLOWLOG_LEN,
	LIVE_KEEPALIVE,
	LIVE_TIMEOUT,
};

static const char *const names[] = {
	[LIVE_BIND] = "bind",
	[LIVE_OUTPUT] = "client-output-buffer-limit",
	[LIVE_QUERY] = "client-query-buffer-limit",
	[LIVE_LATENCY_MONITOR] = "latency-monitor-threshold",
	[LIVE_LATENCY_TRACKING] = "latency-tracking",
	[LIVE_PERCENTILES] = "latency-tracking-info-percentiles",
	[LIVE_CLIENTS] = "maxclients",
	[LIVE_MEMORY] = "maxmemory",
	[LIVE_POLICY] = "maxmemory-policy",
	[LIVE_PORT] = "port",
	[LIVE_PROTECTED] = "protected-mode",
	[LIVE_BULK] = "proto-max-bulk-len",
	[LIVE_PASSWORD] = "requirepass",
	[LIVE_SLOWER_THAN] = "slowlog-log-slower-than",
	[LIVE_SLOWLOG_LEN] = "slowlog-max-len",
	[LIVE_KEEPALIVE] = "tcp-keepalive",
	[LIVE_TIMEOUT] = "timeout",
};

/* In the order of the row's words. */
static const uint8_t policies[] = {
	KV_VOLATILE_LRU,
	KV_VOLATILE_LFU,
	KV_VOLATILE_RANDOM,
	KV_VOLATILE_TTL,
	KV_ALLKEYS_LRU,
	KV_ALLKEYS_LFU,
	KV_ALLKEYS_RANDOM,
	KV_NOEVICTION,
};
static const char *const policy_names[] = {
	[KV_NOEVICTION] = "noeviction",
	[KV_ALLKEYS_LRU] = "allkeys-lru",
	[KV_ALLKEYS_LFU] = "allkeys-lfu",
	[KV_ALLKEYS_RANDOM] = "allkeys-random",
	[KV_VOLATILE_LRU] = "volatile-lru",
	[KV_VOLATILE_LFU] = "volatile-lfu",
	[KV_VOLATILE_RANDOM] = "volatile-random",
	[KV_VOLATILE_TTL] = "volatile-ttl",
};

static enum live live_of(const struct kv_setting *s)
{
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], s->name) == 0)
			return (enum live)i;
	BRAID_ASSERT(!"a live setting has no code");
}

const char *kv_policy_name(enum kv_policy policy)
{
	return policy_names[policy];
}

/* The next word of *@rest, which moves behind it; false: there is none. */
static bool next_word(struct resp_arg *rest, struct resp_arg *word)
{
	while (rest->len > 0 && rest->bytes[0] == ' ') {
		rest->bytes++;
		rest->len--;
	}
	*word = (struct resp_arg){.bytes = rest->bytes};
	while (rest->len > 0 && rest->bytes[0] != ' ') {
		rest->bytes++;
		rest->len--;
		word->len++;
	}
	return word->len > 0;
}

static bool read_percentiles(const struct resp_arg *arg, struct kv_value *v, char *why)
{
	struct resp_arg rest = *arg, word;
	long double x;

	v->n_percentiles = 0;
	while (next_word(&rest, &word)) {
		if (v->n_percentiles == KV_SETTING_PERCENT_MAX) {
			base_strlcpy(why, "too many percentiles", KV_SETTING_TEXT_MAX);
			return false;
		}
		if (!number_parse_float(word.bytes, word.len, &x) || x < 0 || x > 100) {
			base_strlcpy(why, "Invalid latency-tracking-info-percentiles parameters",
				KV_SETTING_TEXT_MAX);
			return false;
		}
		v->percentiles[v->n_percentiles++] = (double)x;
	}
	return true;
}

static int output_class(const struct resp_arg *word)
{
	static const struct {
		const char *name;
		enum kv_output_class class;
	} classes[] = {
		{"normal", KV_OUTPUT_NORMAL},
		{"slave", KV_OUTPUT_REPLICA},
		{"replica", KV_OUTPUT_REPLICA},
		{"pubsub", KV_OUTPUT_PUBSUB},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++)
		if (word->len == strlen(classes[i].name) &&
			strncasecmp((const char *)word->bytes, classes[i].name, word->len) == 0)
			return (int)classes[i].class;
	return -1;
}

/* A class and its three numbers; what is right with it: NULL. */
static const char *read_output(struct resp_arg *rest, struct kv_value *v)
{
	struct kv_output_limit *limit;
	struct resp_arg word = {};
	int64_t numbers[OUTPUT_NUMBERS];
	int class = next_word(rest, &word) ? output_class(&word) : -1;

	if (class < 0)
		return "Invalid client class specified in buffer limit configuration.";
	for (unsigned i = 0; i < OUTPUT_NUMBERS; i++) {
		if (!next_word(rest, &word))
			return "Wrong number of arguments in buffer limit configuration.";
		if (!kv_setting_read_memory(&word, &numbers[i]) || numbers[i] < 0)
			return "Error in hard, soft or soft_seconds setting in buffer limit "
			       "configuration.";
	}
	limit = &v->outputs[class];
	limit->hard_bytes = (uint64_t)numbers[0];
	limit->soft_bytes = (uint64_t)numbers[1];
	limit->soft_s = (uint64_t)MIN_OF(numbers[2], (int64_t)UINT32_MAX);
	return NULL;
}

static struct kv_output_limit normal_output(const struct kv_worker *kv)
{
	return (struct kv_output_limit){
		.hard_bytes = kv->settings.output_hard_bytes,
		.soft_bytes = kv->settings.output_soft_bytes,
		.soft_s = kv->settings.output_soft_s,
	};
}

static bool read_outputs(
	struct worker *w, const struct resp_arg *arg, struct kv_value *v, char *why)
{
	struct kv_settings defaults;
	struct resp_arg rest = *arg, ahead, word;
	const char *wrong = NULL;

	memcpy(v->outputs, w->kv->admin->stored.outputs, sizeof(v->outputs));
	v->outputs[KV_OUTPUT_NORMAL] = normal_output(w->kv);
	do {
		wrong = read_output(&rest, v);
		ahead = rest;
	} while (!wrong && next_word(&ahead, &word));
	if (wrong) {
		base_strlcpy(why, wrong, KV_SETTING_TEXT_MAX);
		return false;
	}
	/* Without a limit one client could take all memory. */
	kv_settings_default(&defaults, w->kv->admin->stored.memory_bytes);
	if (v->outputs[KV_OUTPUT_NORMAL].hard_bytes == 0)
		v->outputs[KV_OUTPUT_NORMAL].hard_bytes = defaults.output_hard_bytes;
	return true;
}

static bool at_most(int64_t number, uint64_t most, const char *text, char *why)
{
	if ((uint64_t)number <= most)
		return true;
	base_strlcpy(why, text, KV_SETTING_TEXT_MAX);
	return false;
}

bool kv_setting_live_check(
	struct worker *w, const struct kv_setting *s, struct kv_value *v, char *why)
{
	switch (live_of(s)) {
	case LIVE_OUTPUT:
		return read_outputs(w, v->text, v, why);
	case LIVE_PERCENTILES:
		return read_percentiles(v->text, v, why);
	case LIVE_CLIENTS:
		return at_most(v->number, w->kv->admin->stored.clients_max,
			"the store was started with room for fewer clients", why);
	case LIVE_MEMORY:
		return at_most(v->number, w->kv->admin->stored.memory_bytes,
			"the store was started with less memory", why);
	case LIVE_BULK:
		return at_most(
			v->number, KV_VALUE_BYTES_MAX, "argument must be at most 512mb", why);
	case LIVE_PASSWORD:
		return at_most(v->text->len, KV_PASSWORD_MAX - 1, "the password is too long", why);
	case LIVE_BIND:
	case LIVE_QUERY:
	case LIVE_LATENCY_MONITOR:
	case LIVE_LATENCY_TRACKING:
	case LIVE_POLICY:
	case LIVE_PORT:
	case LIVE_PROTECTED:
	case LIVE_SLOWER_THAN:
	case LIVE_SLOWLOG_LEN:
	case LIVE_KEEPALIVE:
	case LIVE_TIMEOUT:
		break;
	}
	return true;
}

static void show_outputs(struct worker *w, struct kv_text *t)
{
	static const char *const classes[] = {"normal", "slave", "pubsub"};
	struct kv_output_limit normal = normal_output(w->kv);

	for (unsigned i = 0; i < KV_OUTPUT_CLASSES; i++) {
		const struct kv_output_limit *limit =
			i == KV_OUTPUT_NORMAL ? &normal : &w->kv->admin->stored.outputs[i];

		kv_text_add(t, "%s%s %lu %lu %lu", i > 0 ? " " : "", classes[i],
			(unsigned long)limit->hard_bytes, (unsigned long)limit->soft_bytes,
			(unsigned long)limit->soft_s);
	}
}

void kv_setting_live_show(struct worker *w, const struct kv_setting *s, struct kv_text *t)
{
	const struct kv_settings *now = &w->kv->settings;
	const struct kv_stored *stored = &w->kv->admin->stored;

	switch (live_of(s)) {
	case LIVE_BIND:
		kv_text_add(t, "%s", s->value);
		break;
	case LIVE_OUTPUT:
		show_outputs(w, t);
		break;
	case LIVE_QUERY:
		kv_text_add(t, "%lu", (unsigned long)now->query_max_bytes);
		break;
	case LIVE_LATENCY_MONITOR:
		kv_text_add(t, "%lu", (unsigned long)stored->latency_ms);
		break;
	case LIVE_LATENCY_TRACKING:
		kv_text_add(t, "%s", stored->tracks_latency ? "yes" : "no");
		break;
	case LIVE_PERCENTILES:
		for (uint32_t i = 0; i < stored->n_percentiles; i++) {
			kv_text_add(t, "%s", i > 0 ? " " : "");
			kv_text_trimmed(t, (uint64_t)(stored->percentiles[i] * 1e6 + 0.5), 6);
		}
		break;
	case LIVE_CLIENTS:
		kv_text_add(t, "%u", now->clients_max);
		break;
	case LIVE_MEMORY:
		kv_text_add(t, "%lu", (unsigned long)now->memory_bytes);
		break;
	case LIVE_POLICY:
		kv_text_add(t, "%s", kv_policy_name((enum kv_policy)now->policy));
		break;
	case LIVE_PORT:
		kv_text_add(t, "%u", now->port);
		break;
	case LIVE_PROTECTED:
		kv_text_add(t, "%s", now->protected_mode ? "yes" : "no");
		break;
	case LIVE_BULK:
		kv_text_add(t, "%u", now->bulk_max_bytes);
		break;
	case LIVE_PASSWORD:
		kv_text_add(t, "%s", now->password);
		break;
	case LIVE_SLOWER_THAN:
		kv_text_add(t, "%ld", stored->slow_us == UINT64_MAX ? -1L : (long)stored->slow_us);
		break;
	case LIVE_SLOWLOG_LEN:
		kv_text_add(t, "%u", w->kv->admin->slow.max);
		break;
	case LIVE_KEEPALIVE:
		kv_text_add(t, "%u", now->keepalive_s);
		break;
	case LIVE_TIMEOUT:
		kv_text_add(t, "%u", now->timeout_s);
		break;
	}
}

static void apply_outputs(struct kv_worker *kv, const struct kv_value *v)
{
	const struct kv_output_limit *normal = &v->outputs[KV_OUTPUT_NORMAL];

	memcpy(kv->admin->stored.outputs, v->outputs, sizeof(v->outputs));
	kv->settings.output_hard_bytes = normal->hard_bytes;
	kv->settings.output_soft_bytes = normal->soft_bytes;
	kv->settings.output_soft_s = (uint32_t)normal->soft_s;
}

void kv_setting_live_apply(struct worker *w, const struct kv_setting *s, const struct kv_value *v)
{
	struct kv_settings *now = &w->kv->settings;
	struct kv_stored *stored = &w->kv->admin->stored;

	switch (live_of(s)) {
	case LIVE_OUTPUT:
		apply_outputs(w->kv, v);
		break;
	case LIVE_QUERY:
		now->query_max_bytes = (uint64_t)v->number;
		break;
	case LIVE_LATENCY_MONITOR:
		stored->latency_ms = (uint64_t)v->number;
		break;
	case LIVE_LATENCY_TRACKING:
		stored->tracks_latency = v->number != 0;
		break;
	case LIVE_PERCENTILES:
		stored->n_percentiles = v->n_percentiles;
		memcpy(stored->percentiles, v->percentiles, sizeof(v->percentiles));
		break;
	case LIVE_CLIENTS:
		now->clients_max = (uint32_t)v->number;
		break;
	case LIVE_MEMORY:
		now->memory_bytes = v->number ? (uint64_t)v->number : stored->memory_bytes;
		break;
	case LIVE_POLICY:
		now->policy = policies[v->number];
		break;
	case LIVE_PROTECTED:
		now->protected_mode = v->number != 0;
		break;
	case LIVE_BULK:
		now->bulk_max_bytes = (uint32_t)v->number;
		break;
	case LIVE_PASSWORD:
		memset(now->password, 0, sizeof(now->password));
		memcpy(now->password, v->text->bytes, v->text->len);
		break;
	case LIVE_SLOWER_THAN:
		stored->slow_us = v->number < 0 ? UINT64_MAX : (uint64_t)v->number;
		break;
	case LIVE_SLOWLOG_LEN:
		kv_slowlog_trim(w, (uint32_t)MIN_OF(v->number, (int64_t)KV_SLOWLOG_MAX));
		break;
	case LIVE_KEEPALIVE:
		now->keepalive_s = (uint32_t)v->number;
		break;
	case LIVE_TIMEOUT:
		now->timeout_s = (uint32_t)v->number;
		break;
	case LIVE_BIND:
	case LIVE_PORT:
		break;
	}
	kv_settings_changed(w);
}

void kv_settings_changed(struct worker *w)
{
	struct kv_worker *kv = w->kv;
	const struct kv_stored *stored = &kv->admin->stored;
	uint64_t event_us = stored->latency_ms ? stored->latency_ms * 1000 : UINT64_MAX;

	kv->settings.slow_us = MIN_OF(stored->slow_us, event_us);
	kv->latency_steps = stored->tracks_latency ? kv->admin->latency.steps : NULL;
	kv_shard_limit_set(kv->shard, kv->settings.memory_bytes / w->n_workers,
		(enum kv_policy)kv->settings.policy);
}

void kv_stored_init(struct kv_stored *stored, struct kv_worker *kv)
{
	static const double percentiles[] = {50, 99, 99.9};

	*stored = (struct kv_stored){
		.outputs = {[KV_OUTPUT_REPLICA] = {256u << 20, 64u << 20, 60},
			[KV_OUTPUT_PUBSUB] = {32u << 20, 8u << 20, 60}},
		.n_percentiles = ARRAY_SIZE(percentiles),
		.memory_bytes = kv->settings.memory_bytes,
		.clients_max = kv->settings.clients_max,
		.slow_us = kv->settings.slow_us,
		.tracks_latency = true,
	};
	memcpy(stored->percentiles, percentiles, sizeof(percentiles));
	for (uint32_t i = 0; i < KV_SETTINGS_COUNT; i++) {
		const struct kv_setting *s = &kv_settings_table[i];
		struct resp_arg value = {
			.bytes = (const uint8_t *)s->value,
			.len = (uint32_t)strlen(s->value),
		};
		char why[KV_SETTING_TEXT_MAX];
		struct kv_value v;

		if (s->flags & KV_SETTING_LIVE)
			continue;
		BRAID_ASSERT(kv_setting_read(NULL, s, &value, &v, why));
		stored->numbers[i] = v.number;
	}
}
