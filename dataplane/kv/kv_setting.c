/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings by name: reading, keeping and showing values. Thread: worker. */
#include <string.h>
#include <strings.h>

#include "dataplane/kv/kv_admin.h"
#include "lib/wire/number.h"

#define MEMORY_DIGITS_MAX 128

const struct kv_setting kv_settings_table[KV_SETTINGS_COUNT] = {
#define KV_SETTING(name_, alias_, kind_, flags_, least_, most_, words_, value_)                    \
	{                                                                                          \
		.name = name_,                                                                     \
		.alias = alias_,                                                                   \
		.kind = kind_,                                                                     \
		.flags = flags_,                                                                   \
		.least = least_,                                                                   \
		.most = most_,                                                                     \
		.words = words_,                                                                   \
		.value = value_,                                                                   \
	},
#include "dataplane/kv/kv_setting.def"
#undef KV_SETTING
};

/* Sentences are put together by hand: there is no formatting on a worker. */
static void say(char *why, const char *text)
{
	size_t n = strlen(why);

	base_strlcpy(why + n, text, KV_SETTING_TEXT_MAX - n);
}

static void say_int(char *why, int64_t n)
{
	char text[NUMBER_INT_TEXT_MAX];

	number_format_int(text, n);
	say(why, text);
}

static bool is_word(const struct resp_arg *arg, const char *word, size_t len)
{
	return arg->len == len && strncasecmp((const char *)arg->bytes, word, len) == 0;
}

const struct kv_setting *kv_setting_find(const struct resp_arg *name)
{
	for (uint32_t i = 0; i < KV_SETTINGS_COUNT; i++) {
		const struct kv_setting *s = &kv_settings_table[i];

		if (is_word(name, s->name, strlen(s->name)) ||
			(s->alias && is_word(name, s->alias, strlen(s->alias))))
			return s;
	}
	return NULL;
}

bool kv_setting_read_memory(const struct resp_arg *arg, int64_t *out)
{
	static const struct {
		const char *unit;
		uint64_t bytes;
	} units[] = {
		{"", 1},
		{"b", 1},
		{"k", 1000},
		{"kb", 1024},
		{"m", 1000 * 1000},
		{"mb", 1024 * 1024},
		{"g", 1000ULL * 1000 * 1000},
		{"gb", 1024ULL * 1024 * 1024},
	};
	uint32_t digits = 0;
	uint64_t n = 0;

	/* As Redis's memtoull: nothing is 0, too much the most there is, and products wrap. */
	for (; digits < arg->len && arg->bytes[digits] >= '0' && arg->bytes[digits] <= '9';
		digits++)
		if (__builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, arg->bytes[digits] - '0', &n))
			n = UINT64_MAX;
	if (digits >= MEMORY_DIGITS_MAX)
		return false;
	for (uint32_t i = 0; i < ARRAY_SIZE(units); i++) {
		struct resp_arg unit = {.bytes = arg->bytes + digits, .len = arg->len - digits};

		if (is_word(&unit, units[i].unit, strlen(units[i].unit))) {
			*out = (int64_t)(n * units[i].bytes);
			return true;
		}
	}
	return false;
}

static bool read_octal(const struct resp_arg *arg, int64_t *out)
{
	*out = 0;
	for (uint32_t i = 0; i < arg->len; i++) {
		if (arg->bytes[i] < '0' || arg->bytes[i] > '7' || i > 8)
			return false;
		*out = *out * 8 + (arg->bytes[i] - '0');
	}
	return arg->len > 0;
}

static bool read_bool(const struct resp_arg *arg, struct kv_value *v, char *why)
{
	v->number = is_word(arg, "yes", 3);
	if (v->number || is_word(arg, "no", 2))
		return true;
	say(why, "argument must be 'yes' or 'no'");
	return false;
}

/* Word number *@i of @words; its length, 0: there are not as many. */
static size_t word_at(const char *words, int64_t i, const char **word)
{
	for (; i > 0 && *words; i--) {
		words += strcspn(words, "|");
		words += *words == '|';
	}
	*word = words;
	return strcspn(words, "|");
}

static bool read_enum(
	const struct kv_setting *s, const struct resp_arg *arg, struct kv_value *v, char *why)
{
	const char *word;
	size_t len, n;

	for (v->number = 0; (len = word_at(s->words, v->number, &word)) > 0; v->number++)
		if (is_word(arg, word, len))
			return true;
	say(why, "argument(s) must be one of the following: ");
	for (int64_t i = 0; (len = word_at(s->words, i, &word)) > 0; i++) {
		if (i > 0)
			say(why, ", ");
		n = strlen(why);
		base_strlcpy(why + n, word, MIN_OF(len + 1, KV_SETTING_TEXT_MAX - n));
	}
	return false;
}

static bool read_number(
	const struct kv_setting *s, const struct resp_arg *arg, struct kv_value *v, char *why)
{
	bool percent =
		s->kind == KV_SETTING_PERCENT && arg->len > 1 && arg->bytes[arg->len - 1] == '%';
	bool ok;

	if (s->kind == KV_SETTING_INT) {
		ok = number_parse_int(arg->bytes, arg->len, &v->number);
		say(why, "argument couldn't be parsed into an integer");
	} else if (s->kind == KV_SETTING_OCTAL) {
		ok = read_octal(arg, &v->number);
		say(why, "argument couldn't be parsed as an octal number");
	} else if (percent) {
		ok = number_parse_int(arg->bytes, arg->len - 1, &v->number) && v->number >= 0;
		v->number = -v->number;
		say(why, "argument must be a memory or percent value");
	} else {
		ok = kv_setting_read_memory(arg, &v->number);
		say(why, s->kind == KV_SETTING_MEMORY
				 ? "argument must be a memory value"
				 : "argument must be a memory or percent value");
	}
	if (!ok)
		return false;
	why[0] = '\0';
	if (v->number >= s->least && v->number <= s->most)
		return true;
	if (percent) {
		say(why, "percentage argument must be less or equal to ");
		say_int(why, -s->least);
		return false;
	}
	say(why, "argument must be between ");
	say_int(why, s->least);
	say(why, " and ");
	say_int(why, s->most);
	say(why, " inclusive");
	return false;
}

bool kv_setting_read(struct worker *w, const struct kv_setting *s, const struct resp_arg *arg,
	struct kv_value *v, char *why)
{
	bool ok = true;

	why[0] = '\0';
	v->text = arg;
	switch ((enum kv_setting_kind)s->kind) {
	case KV_SETTING_BOOL:
		ok = read_bool(arg, v, why);
		break;
	case KV_SETTING_INT:
	case KV_SETTING_MEMORY:
	case KV_SETTING_PERCENT:
	case KV_SETTING_OCTAL:
		ok = read_number(s, arg, v, why);
		break;
	case KV_SETTING_ENUM:
		ok = read_enum(s, arg, v, why);
		break;
	case KV_SETTING_TEXT:
		break;
	}
	return ok && (!(s->flags & KV_SETTING_LIVE) || kv_setting_live_check(w, s, v, why));
}

void kv_setting_show(struct worker *w, const struct kv_setting *s, struct kv_text *t)
{
	const struct kv_stored *stored = &w->kv->admin->stored;
	uint32_t i = (uint32_t)(s - kv_settings_table);
	int64_t n = stored->numbers[i];
	const char *word;
	size_t len;

	if (s->flags & KV_SETTING_LIVE) {
		kv_setting_live_show(w, s, t);
		return;
	}
	switch ((enum kv_setting_kind)s->kind) {
	case KV_SETTING_BOOL:
		kv_text_add(t, "%s", n ? "yes" : "no");
		break;
	case KV_SETTING_ENUM:
		len = word_at(s->words, n, &word);
		kv_text_bytes(t, word, (uint32_t)len);
		break;
	case KV_SETTING_INT:
	case KV_SETTING_MEMORY:
		kv_text_add(t, "%ld", (long)n);
		break;
	case KV_SETTING_PERCENT:
		kv_text_add(t, n < 0 ? "%ld%%" : "%ld", (long)(n < 0 ? -n : n));
		break;
	case KV_SETTING_OCTAL:
		for (int shift = 27; shift >= 0; shift -= 3)
			if (shift == 0 || n >> shift)
				kv_text_add(t, "%u", (unsigned)(n >> shift & 7));
		break;
	case KV_SETTING_TEXT:
		kv_text_add(t, "%s", stored->texts[i] ? stored->texts[i] : s->value);
		break;
	}
}

void kv_setting_apply(
	struct worker *w, const struct kv_setting *s, const struct kv_value *v, char *copy)
{
	struct kv_stored *stored = &w->kv->admin->stored;
	uint32_t i = (uint32_t)(s - kv_settings_table);

	if (s->flags & KV_SETTING_LIVE) {
		kv_setting_live_apply(w, s, v);
		return;
	}
	stored->numbers[i] = v->number;
	if (s->kind == KV_SETTING_TEXT) {
		kv_memory_free(w, stored->texts[i]);
		stored->texts[i] = copy;
	}
}
