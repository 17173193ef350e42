/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a key's value is like: TYPE, OBJECT, MEMORY USAGE. Encodings are those that Redis would
 * report, since tools and tests know no others. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"

#define KV_SHARED_INTS     10000      /* Redis keeps one object for each integer below */
#define KV_SHARED_REFCOUNT 2147483647 /* and never frees it */
#define KV_POLICY_ADVICE                                                                           \
	" Please note that when switching between policies at runtime LRU and LFU data will take " \
	"some time to adjust."

void kv_cmd_type(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 1);

	kv_reply_status(c->reply, kv_shard_find(c->shard, &k, KV_LOOK_READ) ? "string" : "none");
}

/* The item of argument 2; NULL: there is none and the reply is null. */
static struct kv_item *object_find(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 2);
	struct kv_item *it = kv_shard_find(c->shard, &k, KV_LOOK_READ);

	if (!it)
		kv_reply_null(c->reply);
	return it;
}

/* Whether Redis would store the value of @it as an integer. */
static bool is_int(const struct kv_item *it, int64_t *n)
{
	enum kv_form form = kv_item_form(it);
	uint32_t len;
	const uint8_t *value = kv_item_value(it, &len);

	return (form == KV_FORM_PLAIN || form == KV_FORM_UNSHARED) && kv_parse_int(value, len, n);
}

const char *kv_object_encoding(const struct kv_item *it)
{
	uint32_t len;
	int64_t n;

	kv_item_value(it, &len);
	if (is_int(it, &n))
		return "int";
	if (len <= KV_TEXT_BYTES_MAX && kv_item_form(it) != KV_FORM_PATCHED)
		return "embstr";
	return "raw";
}

void kv_cmd_object_encoding(struct kv_call *c)
{
	struct kv_item *it = object_find(c);

	if (it)
		kv_reply_text(c->reply, kv_object_encoding(it));
}

static bool is_lfu(const struct kv_call *c)
{
	enum kv_policy policy = kv_shard_policy(c->shard);

	return policy == KV_ALLKEYS_LFU || policy == KV_VOLATILE_LFU;
}

static bool is_lru(const struct kv_call *c)
{
	enum kv_policy policy = kv_shard_policy(c->shard);

	return policy == KV_ALLKEYS_LRU || policy == KV_VOLATILE_LRU;
}

void kv_cmd_object_refcount(struct kv_call *c)
{
	struct kv_item *it = object_find(c);
	int64_t n;

	if (!it)
		return;
	if (kv_item_form(it) == KV_FORM_PLAIN && !is_lru(c) && !is_lfu(c) && is_int(it, &n) &&
		n >= 0 && n < KV_SHARED_INTS)
		kv_reply_int(c->reply, KV_SHARED_REFCOUNT);
	else
		kv_reply_int(c->reply, 1);
}

void kv_cmd_object_idletime(struct kv_call *c)
{
	struct kv_item *it = object_find(c);

	if (!it)
		return;
	if (is_lfu(c))
		kv_reply_error(c->reply, "ERR An LFU maxmemory policy is selected, idle time not "
					 "tracked." KV_POLICY_ADVICE);
	else
		kv_reply_int(c->reply, kv_shard_idle_s(c->shard, it));
}

void kv_cmd_object_freq(struct kv_call *c)
{
	struct kv_item *it = object_find(c);

	if (!it)
		return;
	if (!is_lfu(c))
		kv_reply_error(c->reply,
			"ERR An LFU maxmemory policy is not selected, access frequency not "
			"tracked." KV_POLICY_ADVICE);
	else
		kv_reply_int(c->reply, kv_shard_frequency(c->shard, it));
}

void kv_cmd_object_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
		"ENCODING <key>",
		"    Return the kind of internal representation used in order to store the value",
		"    associated with a <key>.",
		"FREQ <key>",
		"    Return the access frequency index of the <key>. The returned integer is",
		"    proportional to the logarithm of the recent access frequency of the key.",
		"IDLETIME <key>",
		"    Return the idle time of the <key>, that is the approximated number of",
		"    seconds elapsed since the last access to the key.",
		"REFCOUNT <key>",
		"    Return the number of references of the value associated with the specified",
		"    <key>.",
		"HELP",
		"    Prints this help.",
	};

	kv_reply_array(c->reply, ARRAY_SIZE(lines));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		kv_reply_status(c->reply, lines[i]);
}

void kv_cmd_memory_usage(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 2);
	struct kv_item *it;
	int64_t samples;

	/* Samples are of nested values, which strings have none of: checked and not used. */
	for (uint32_t arg = 3; arg < c->argc; arg += 2) {
		if (!kv_arg_is(c, arg, "samples") || arg + 1 == c->argc) {
			kv_reply_error(c->reply, KV_SYNTAX_ERROR);
			return;
		}
		if (!kv_data_int(c, arg + 1, &samples))
			return;
		if (samples < 0) {
			kv_reply_error(c->reply, KV_SYNTAX_ERROR);
			return;
		}
	}
	it = kv_shard_find(c->shard, &k, 0);
	if (it)
		kv_reply_int(c->reply, (int64_t)kv_shard_item_bytes(c->shard, it));
	else
		kv_reply_null(c->reply);
}
