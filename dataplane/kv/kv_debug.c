/* SPDX-License-Identifier: BSD-3-Clause */
/* DEBUG, as far as tests of clients need it. Thread: worker. */
#include <math.h>
#include <string.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_text.h"
#include "lib/wire/number.h"

#define SLEEP_MAX_S (24.0L * 3600)

/* Only its client waits. In a transaction nothing may. */
void kv_cmd_debug_sleep(struct kv_call *c)
{
	long double seconds = 0;

	if (c->cancel)
		return;
	if (c->at == 0) {
		kv_parse_double(c->argv[2].bytes, c->argv[2].len, &seconds);
		if (!(seconds > 0))
			seconds = 0;
		c->at = c->now_ms + (uint64_t)(fminl(seconds, SLEEP_MAX_S) * 1000);
	}
	if (c->now_ms < c->at && !c->atomic) {
		c->sum = c->sum ? c->sum : c->at - c->now_ms;
		c->unfinished = true;
		c->wake_ms = c->at;
		return;
	}
	/* Who looks for slow commands finds it. */
	if (c->w->ns_per_cycle_q32)
		c->cycles += (uint64_t)(((__uint128_t)(c->sum * NSEC_PER_MSEC) << 32) /
					c->w->ns_per_cycle_q32);
	kv_reply_ok(c->reply);
}

static void protocol_map(struct kv_reply *r)
{
	kv_reply_map(r, 3);
	for (int i = 0; i < 3; i++) {
		kv_reply_int(r, i);
		kv_reply_bool(r, i == 1);
	}
}

static void protocol_attribute(struct kv_reply *r)
{
	static const char attribute[] = "|1\r\n$14\r\nkey-popularity\r\n";

	if (kv_reply_version(r) == 3) {
		kv_reply_raw(r, attribute, sizeof(attribute) - 1);
		kv_reply_array(r, 2);
		kv_reply_text(r, "key:123");
		kv_reply_int(r, 90);
	}
	kv_reply_text(r, "Some real reply following the attribute");
}

static void protocol_push(struct kv_reply *r)
{
	if (kv_reply_version(r) == 2) {
		kv_reply_error(r, "ERR RESP2 is not supported by this command");
		return;
	}
	kv_reply_push(r, 2);
	kv_reply_text(r, "server-cpu-usage");
	kv_reply_int(r, 42);
	kv_reply_text(r, "Some real reply following the push reply");
}

static void protocol_number(struct kv_reply *r)
{
	static const char number[] = "1234567999999999999999999999999999999";

	if (kv_reply_version(r) == 2) {
		kv_reply_text(r, number);
		return;
	}
	kv_reply_raw(r, "(", 1);
	kv_reply_raw(r, number, sizeof(number) - 1);
	kv_reply_raw(r, "\r\n", 2);
}

static void three_numbers(struct kv_reply *r)
{
	for (int i = 0; i < 3; i++)
		kv_reply_int(r, i);
}

/* One reply of each type. */
void kv_cmd_debug_protocol(struct kv_call *c)
{
	static const char verbatim[] = "This is a verbatim\nstring";
	struct kv_reply *r = c->reply;

	if (kv_arg_is(c, 2, "string")) {
		kv_reply_text(r, "Hello World");
	} else if (kv_arg_is(c, 2, "integer")) {
		kv_reply_int(r, 12345);
	} else if (kv_arg_is(c, 2, "double")) {
		kv_reply_double(r, 3.141);
	} else if (kv_arg_is(c, 2, "bignum")) {
		protocol_number(r);
	} else if (kv_arg_is(c, 2, "null")) {
		kv_reply_null(r);
	} else if (kv_arg_is(c, 2, "array")) {
		kv_reply_array(r, 3);
		three_numbers(r);
	} else if (kv_arg_is(c, 2, "set")) {
		kv_reply_set(r, 3);
		three_numbers(r);
	} else if (kv_arg_is(c, 2, "map")) {
		protocol_map(r);
	} else if (kv_arg_is(c, 2, "attrib")) {
		protocol_attribute(r);
	} else if (kv_arg_is(c, 2, "push")) {
		protocol_push(r);
	} else if (kv_arg_is(c, 2, "true") || kv_arg_is(c, 2, "false")) {
		kv_reply_bool(r, kv_arg_is(c, 2, "true"));
	} else if (kv_arg_is(c, 2, "verbatim")) {
		kv_reply_verbatim(r, verbatim, sizeof(verbatim) - 1);
	} else {
		kv_reply_error(r,
			"ERR Wrong protocol type name. Please use one of the following: "
			"string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|"
			"false");
	}
}

/* What is known of a key, one line; where it lies is told as the distance from the shard. */
void kv_cmd_debug_object(struct kv_call *c)
{
	static const char digits[] = "0123456789abcdef";
	struct kv_key k = kv_call_key(c, 2);
	struct kv_item *it = kv_shard_find(c->shard, &k, 0);
	struct kv_text t = {.w = c->w};
	uint64_t place;
	uint32_t len;

	if (!it) {
		kv_reply_error(c->reply, "ERR no such key");
		return;
	}
	place = (uint64_t)((uintptr_t)it - (uintptr_t)c->shard);
	kv_item_value(it, &len);
	kv_text_add(&t, "Value at:0x");
	for (int shift = 44; shift >= 0; shift -= 4)
		kv_text_bytes(&t, &digits[place >> shift & 15], 1);
	kv_text_add(&t, " refcount:1 encoding:%s serializedlength:%u lru:0 lru_seconds_idle:%u",
		kv_object_encoding(it), len, kv_shard_idle_s(c->shard, it));
	kv_text_status(&t, c->reply);
}

void kv_cmd_debug_set_active_expire(struct kv_call *c)
{
	int64_t on = 1;

	kv_parse_int(c->argv[2].bytes, c->argv[2].len, &on);
	kv_shard_expire_actively(c->shard, on != 0);
	kv_reply_ok(c->reply);
}

/* DEBUG STRINGMATCH-LEN length pattern: time that a match of a long string takes. */
void kv_cmd_debug_stringmatch_len(struct kv_call *c)
{
	int64_t len;
	uint8_t *text;

	if (!kv_parse_int(c->argv[2].bytes, c->argv[2].len, &len) || len < 0 ||
		len > KV_VALUE_BYTES_MAX) {
		kv_reply_error(c->reply, "ERR value is not an integer or out of range");
		return;
	}
	text = kv_memory_alloc(c->w, (uint64_t)len + 1);
	if (!text) {
		kv_reply_error(c->reply, "OOM no memory for the text");
		return;
	}
	memset(text, 'a', (size_t)len);
	kv_reply_int(c->reply, kv_glob_match(&c->argv[3], text, (uint32_t)len, false));
	kv_memory_free(c->w, text);
}

void kv_cmd_debug_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"OBJECT <key>",
		"    Show low level info about `key` and associated value.",
		"PROTOCOL <type>",
		"    Reply with a test value of the specified type.",
		"SET-ACTIVE-EXPIRE <0|1>",
		"    Setting it to 0 disables expiring keys in background when they are not",
		"    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
		"    default.",
		"SLEEP <seconds>",
		"    Stop the client for <seconds>. Decimals allowed.",
		"STRINGMATCH-LEN <len> <pattern>",
		"    Run the pattern matcher on a string of <len> letters 'a'.",
	};

	kv_reply_help(c, lines, ARRAY_SIZE(lines));
}
