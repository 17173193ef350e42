/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strings as numbers: INCR and its relatives. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_decimal.h"
#include "lib/wire/number.h"

static void add(struct kv_call *c, int64_t by)
{
	struct kv_key k = kv_call_key(c, 1);
	struct kv_item *it = kv_shard_find(c->shard, &k, KV_FOR_WRITE);
	struct kv_write v = {.keep_expiry = true};
	char text[NUMBER_INT_TEXT_MAX];
	int64_t n = 0;

	if (it) {
		const uint8_t *value = kv_item_value(it, &v.len);

		if (!kv_parse_int(value, v.len, &n)) {
			kv_reply_error(c->reply, KV_INT_ERROR);
			return;
		}
	}
	if (__builtin_add_overflow(n, by, &n)) {
		kv_reply_error(c->reply, "ERR increment or decrement would overflow");
		return;
	}
	v.value = text;
	v.len = number_format_int(text, n);
	if (kv_data_set(c, &k, &v))
		kv_reply_int(c->reply, n);
}

void kv_cmd_incr(struct kv_call *c)
{
	add(c, 1);
}

void kv_cmd_decr(struct kv_call *c)
{
	add(c, -1);
}

void kv_cmd_incrby(struct kv_call *c)
{
	int64_t by;

	if (kv_data_int(c, 2, &by))
		add(c, by);
}

void kv_cmd_decrby(struct kv_call *c)
{
	int64_t by;

	if (!kv_data_int(c, 2, &by))
		return;
	if (by == INT64_MIN)
		kv_reply_error(c->reply, "ERR decrement would overflow");
	else
		add(c, -by);
}

void kv_cmd_incrbyfloat(struct kv_call *c)
{
	struct kv_key k = kv_call_key(c, 1);
	struct kv_item *it = kv_shard_find(c->shard, &k, KV_FOR_WRITE);
	struct kv_write v = {.keep_expiry = true, .form = KV_FORM_TEXT};
	char text[KV_DECIMAL_TEXT_MAX];
	const uint8_t *old = it ? kv_item_value(it, &v.len) : NULL;
	long double n = 0;
	long double by;

	if ((old && !kv_parse_double(old, v.len, &n)) ||
		!kv_parse_double(c->argv[2].bytes, c->argv[2].len, &by)) {
		kv_reply_error(c->reply, "ERR value is not a valid float");
		return;
	}
	n += by;
	if (!__builtin_isfinite(n)) {
		kv_reply_error(c->reply, "ERR increment would produce NaN or Infinity");
		return;
	}
	v.value = text;
	v.len = kv_decimal_text(text, n);
	if (kv_data_set(c, &k, &v))
		kv_reply_bulk(c->reply, v.value, v.len);
}
