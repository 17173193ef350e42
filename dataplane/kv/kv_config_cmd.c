/* SPDX-License-Identifier: BSD-3-Clause */
/* CONFIG: settings of this worker, all or none of a command. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_text.h"

/* What CONFIG GET has found: names as they were asked for, in any case; NULL: not asked for. */
struct found {
	const char *names[KV_SETTINGS_COUNT];
	const char *aliases[KV_SETTINGS_COUNT];
};

/* Notes @name, if there is one and it was not found before. */
static void note(const char **found, const char *name)
{
	if (!*found)
		*found = name;
}

/* Notes what argument @arg names: by its name, or by pattern. */
static void match(struct kv_call *c, uint32_t arg, struct found *f)
{
	const struct resp_arg *pattern = &c->argv[arg];
	bool is_pattern = false;
	const struct kv_setting *s;

	for (uint32_t i = 0; i < pattern->len; i++)
		is_pattern |= strchr("[*?", pattern->bytes[i]) != NULL && pattern->bytes[i];
	if (!is_pattern) {
		s = kv_setting_find(pattern);
		if (s)
			note(&(kv_arg_is(c, arg, s->name) ? f->names
							  : f->aliases)[s - kv_settings_table],
				(const char *)pattern->bytes);
		return;
	}
	for (uint32_t i = 0; i < KV_SETTINGS_COUNT; i++) {
		s = &kv_settings_table[i];
		if (s->flags & KV_SETTING_HIDDEN)
			continue;
		if (kv_glob_match(pattern, s->name, (uint32_t)strlen(s->name), true))
			note(&f->names[i], s->name);
		if (s->alias && kv_glob_match(pattern, s->alias, (uint32_t)strlen(s->alias), true))
			note(&f->aliases[i], s->alias);
	}
}

/* Answers setting @s as @found, which is @name in any case. */
static void answer(
	struct kv_call *c, const struct kv_setting *s, const char *found, const char *name)
{
	struct kv_text t = {.w = c->w};

	kv_reply_bulk(c->reply, found, (uint32_t)strlen(name));
	kv_setting_show(c->w, s, &t);
	kv_text_reply(&t, c->reply, false);
}

void kv_cmd_config_get(struct kv_call *c)
{
	struct found f = {};
	uint32_t n = 0;

	for (uint32_t i = 2; i < c->argc; i++)
		match(c, i, &f);
	for (uint32_t i = 0; i < KV_SETTINGS_COUNT; i++)
		n += (f.names[i] != NULL) + (f.aliases[i] != NULL);
	kv_reply_map(c->reply, n);
	for (uint32_t i = 0; i < KV_SETTINGS_COUNT; i++) {
		const struct kv_setting *s = &kv_settings_table[i];

		if (f.names[i])
			answer(c, s, f.names[i], s->name);
		if (f.aliases[i])
			answer(c, s, f.aliases[i], s->alias);
	}
}

/* A CONFIG SET that is being made. */
struct change {
	uint32_t n;
	const struct kv_setting *settings[KV_SETTINGS_COUNT];
	char *copies[KV_SETTINGS_COUNT]; /* of texts */
	char why[KV_SETTING_TEXT_MAX];
};

static void refuse(struct kv_call *c, const struct resp_arg *name, const char *why)
{
	kv_reply_error(c->reply, "ERR CONFIG SET failed (possibly related to argument '%.*s') - %s",
		(int)name->len, (const char *)name->bytes, why);
}

/* Finds the settings that are named; false: refused and answered. */
static bool find_all(struct kv_call *c, struct change *change)
{
	const struct resp_arg *wrong = NULL;
	const char *why = NULL;

	for (uint32_t i = 2; i < c->argc; i += 2) {
		const struct kv_setting *s = kv_setting_find(&c->argv[i]);

		if (!s) {
			kv_reply_error(c->reply,
				"ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
				(int)c->argv[i].len, (const char *)c->argv[i].bytes);
			return false;
		}
		if (why)
			continue;
		if (s->flags & (KV_SETTING_FIXED | KV_SETTING_PROTECTED)) {
			wrong = &c->argv[i];
			why = s->flags & KV_SETTING_FIXED ? "can't set immutable config"
							  : "can't set protected config";
			continue;
		}
		for (uint32_t k = 0; k < change->n; k++) {
			if (change->settings[k] != s)
				continue;
			wrong = &c->argv[i];
			why = "duplicate parameter";
		}
		if (!why)
			change->settings[change->n++] = s;
	}
	if (why)
		refuse(c, wrong, why);
	return why == NULL;
}

/* Looks at the values, and makes copies of those that are texts. */
static bool check_all(struct kv_call *c, struct change *change)
{
	struct kv_value v;

	for (uint32_t i = 0; i < change->n; i++) {
		const struct kv_setting *s = change->settings[i];
		const struct resp_arg *arg = &c->argv[3 + 2 * i];
		struct resp_arg name = {
			.bytes = (const uint8_t *)s->name,
			.len = (uint32_t)strlen(s->name),
		};

		if (!kv_setting_read(c->w, s, arg, &v, change->why)) {
			refuse(c, &name, change->why);
			return false;
		}
		if (s->kind != KV_SETTING_TEXT || (s->flags & KV_SETTING_LIVE))
			continue;
		change->copies[i] = kv_memory_alloc(c->w, arg->len + 1);
		if (!change->copies[i]) {
			refuse(c, &name, "no memory");
			return false;
		}
		memcpy(change->copies[i], arg->bytes, arg->len);
		change->copies[i][arg->len] = '\0';
	}
	return true;
}

void kv_cmd_config_set(struct kv_call *c)
{
	struct change change = {.n = 0};
	struct kv_value v;

	if (c->argc % 2 != 0) {
		kv_reply_error(c->reply, "ERR syntax error");
		return;
	}
	if (!find_all(c, &change))
		return;
	if (!check_all(c, &change)) {
		for (uint32_t i = 0; i < change.n; i++)
			kv_memory_free(c->w, change.copies[i]);
		return;
	}
	for (uint32_t i = 0; i < change.n; i++) {
		kv_setting_read(c->w, change.settings[i], &c->argv[3 + 2 * i], &v, change.why);
		kv_setting_apply(c->w, change.settings[i], &v, change.copies[i]);
	}
	kv_reply_ok(c->reply);
}

void kv_cmd_config_resetstat(struct kv_call *c)
{
	kv_worker_stats_reset(c->w);
	kv_latency_reset(c->w);
	kv_reply_ok(c->reply);
}

void kv_cmd_config_rewrite(struct kv_call *c)
{
	kv_reply_error(c->reply, "ERR The server is running without a config file");
}

void kv_cmd_config_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"GET <pattern>",
		"    Return parameters matching the glob-like <pattern> and their values.",
		"SET <directive> <value>",
		"    Set the configuration <directive> to <value>.",
		"RESETSTAT",
		"    Reset statistics reported by the INFO command.",
		"REWRITE",
		"    Rewrite the configuration file.",
	};

	kv_reply_help(c, lines, ARRAY_SIZE(lines));
}
