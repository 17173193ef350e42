/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BITFIELD: integers of any width at any bit of a string. The arguments are gone through twice: to
 * check them all and see how far the string must reach, then to do what they say. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"

#include <string.h>

#define FIELD_BYTES_MAX 9 /* 64 bits that start within a byte */

enum field_kind { FIELD_GET, FIELD_SET, FIELD_INCRBY };
enum field_overflow { FIELD_WRAP, FIELD_SAT, FIELD_FAIL };

struct field_op {
	enum field_kind kind;
	enum field_overflow overflow;
	bool is_signed;
	unsigned bits;
	uint64_t offset; /* of its first bit */
	int64_t operand;
};

/* The type in argument @arg, "i16"; false: it is none and the reply says so. */
static bool field_type(struct kv_call *c, uint32_t arg, struct field_op *op)
{
	const struct resp_arg *a = &c->argv[arg];
	uint32_t len = (uint32_t)strnlen((const char *)a->bytes, a->len);
	int64_t bits;

	if (len && (a->bytes[0] == 'i' || a->bytes[0] == 'u') &&
		kv_parse_int(a->bytes + 1, len - 1, &bits) && bits >= 1 &&
		bits <= (a->bytes[0] == 'i' ? 64 : 63)) {
		op->is_signed = a->bytes[0] == 'i';
		op->bits = (unsigned)bits;
		return true;
	}
	kv_reply_error(c->reply, "ERR Invalid bitfield type. Use something like i16 u8. Note that "
				 "u64 is not supported but i64 is.");
	return false;
}

/* The offset in argument @arg, in bits or "#N" in fields; false: it is none and the reply says so.
 */
static bool field_offset(struct kv_call *c, uint32_t arg, struct field_op *op)
{
	const struct resp_arg *a = &c->argv[arg];
	uint32_t in_fields = a->len && a->bytes[0] == '#';
	int64_t n;

	if (kv_parse_int(a->bytes + in_fields, a->len - in_fields, &n)) {
		if (in_fields)
			n = (int64_t)((uint64_t)n * op->bits);
		op->offset = (uint64_t)n;
		if (n >= 0 && n >> 3 < kv_data_bytes_max(c))
			return true;
	}
	kv_reply_error(c->reply, "ERR bit offset is not an integer or out of range");
	return false;
}

/* Reads the overflow type in argument @arg; false: it is none and the reply says so. */
static bool field_overflow(struct kv_call *c, uint32_t arg, struct field_op *op)
{
	if (kv_arg_is(c, arg, "wrap"))
		op->overflow = FIELD_WRAP;
	else if (kv_arg_is(c, arg, "sat"))
		op->overflow = FIELD_SAT;
	else if (kv_arg_is(c, arg, "fail"))
		op->overflow = FIELD_FAIL;
	else
		kv_reply_error(c->reply, "ERR Invalid OVERFLOW type specified");
	return !kv_reply_is_error(c->reply);
}

enum field_next { FIELD_OP, FIELD_END, FIELD_ERROR };

/* Reads the next operation from argument *@arg on and moves it on. @op keeps the overflow type from
 * one to the next. */
static enum field_next field_next(struct kv_call *c, uint32_t *arg, struct field_op *op)
{
	uint32_t left;

	for (; *arg + 1 < c->argc && kv_arg_is(c, *arg, "overflow"); *arg += 2)
		if (!field_overflow(c, *arg + 1, op))
			return FIELD_ERROR;
	if (*arg == c->argc)
		return FIELD_END;
	left = c->argc - *arg - 1;
	if (left >= 2 && kv_arg_is(c, *arg, "get")) {
		op->kind = FIELD_GET;
	} else if (left >= 3 && kv_arg_is(c, *arg, "set")) {
		op->kind = FIELD_SET;
	} else if (left >= 3 && kv_arg_is(c, *arg, "incrby")) {
		op->kind = FIELD_INCRBY;
	} else {
		kv_reply_error(c->reply, KV_SYNTAX_ERROR);
		return FIELD_ERROR;
	}
	if (!field_type(c, *arg + 1, op) || !field_offset(c, *arg + 2, op))
		return FIELD_ERROR;
	if (op->kind != FIELD_GET && !kv_data_int(c, *arg + 3, &op->operand))
		return FIELD_ERROR;
	*arg += op->kind == FIELD_GET ? 3 : 4;
	return FIELD_OP;
}

/* Up to FIELD_BYTES_MAX bytes from @at on, zeros behind the string, as one number. */
static unsigned __int128 field_window(const struct kv_item *it, uint64_t at)
{
	unsigned __int128 window = 0;
	const uint8_t *value = NULL;
	uint32_t len = 0;

	if (it)
		value = kv_item_value(it, &len);
	for (unsigned i = 0; i < FIELD_BYTES_MAX; i++)
		window = window << 8 | (at + i < len ? value[at + i] : 0);
	return window;
}

/* How far the field is from the window's end. */
static unsigned field_shift(const struct field_op *op)
{
	return FIELD_BYTES_MAX * 8 - (unsigned)(op->offset % 8) - op->bits;
}

static uint64_t field_mask(const struct field_op *op)
{
	return UINT64_MAX >> (64 - op->bits);
}

/* The low bits of @raw as a number of the field's type. */
static int64_t field_number(const struct field_op *op, uint64_t raw)
{
	if (!op->is_signed)
		return (int64_t)(raw & field_mask(op));
	return (int64_t)(raw << (64 - op->bits)) >> (64 - op->bits);
}

static int64_t field_get(const struct kv_item *it, const struct field_op *op)
{
	unsigned __int128 window = field_window(it, op->offset / 8);

	return field_number(op, (uint64_t)(window >> field_shift(op)));
}

/* What becomes of @sum in the field; false: it does not fit and that is to fail. */
static bool field_fit(const struct field_op *op, __int128 sum, int64_t *fitting)
{
	__int128 max = field_mask(op) >> op->is_signed;
	__int128 min = op->is_signed ? -max - 1 : 0;

	*fitting = field_number(op, (uint64_t)sum);
	if (sum >= min && sum <= max)
		return true;
	/* Redis takes what is so far below that max - sum overflows for too large. */
	if (op->kind == FIELD_SET && op->is_signed && op->bits < 64 && max - sum > INT64_MAX)
		sum = max + 1;
	if (op->overflow == FIELD_SAT)
		*fitting = (int64_t)(sum > max ? max : min);
	return op->overflow != FIELD_FAIL;
}

/* Writes @n into the field; 0 or -errno. */
static int field_put(
	struct kv_call *c, const struct kv_key *k, const struct field_op *op, int64_t n)
{
	struct kv_item *it = kv_shard_find(c->shard, k, 0);
	unsigned __int128 mask = (unsigned __int128)field_mask(op) << field_shift(op);
	unsigned __int128 window = field_window(it, op->offset / 8);
	uint8_t bytes[FIELD_BYTES_MAX];
	struct kv_patch p = {
		.offset = (uint32_t)(op->offset / 8),
		.bytes = bytes,
		.len = (uint32_t)((op->offset % 8 + op->bits + 7) / 8),
	};
	uint32_t total;

	window &= ~mask;
	window |= (unsigned __int128)((uint64_t)n & field_mask(op)) << field_shift(op);
	for (unsigned i = 0; i < FIELD_BYTES_MAX; i++)
		bytes[i] = (uint8_t)(window >> 8 * (FIELD_BYTES_MAX - 1 - i));
	return kv_shard_write(c->shard, k, &p, &total);
}

/* Does one operation and answers it. */
static void field_do(struct kv_call *c, const struct kv_key *k, const struct field_op *op)
{
	int64_t old = field_get(kv_shard_find(c->shard, k, 0), op);
	__int128 sum = (__int128)old + op->operand;
	int64_t n;
	int err = 0;

	if (op->kind == FIELD_GET) {
		kv_reply_int(c->reply, old);
		return;
	}
	if (op->kind == FIELD_SET)
		sum = op->is_signed ? op->operand : (__int128)(uint64_t)op->operand;
	if (!field_fit(op, sum, &n)) {
		kv_reply_null(c->reply);
		return;
	}
	if (n != old)
		err = field_put(c, k, op, n);
	if (err)
		kv_reply_error(c->reply, KV_OOM_ERROR);
	else
		kv_reply_int(c->reply, op->kind == FIELD_SET ? old : n);
}

/* Makes the string reach byte @last; false: refused and answered. */
static bool field_reach(struct kv_call *c, const struct kv_key *k, uint32_t last)
{
	struct kv_item *it = kv_shard_find(c->shard, k, KV_FOR_WRITE);
	struct kv_patch p = {.offset = last, .bytes = "", .len = 1};
	uint32_t len = 0;
	int err;

	if (it) {
		kv_item_value(it, &len);
		it->form = KV_FORM_PATCHED;
	}
	if (last < len)
		return true;
	err = kv_shard_write(c->shard, k, &p, &len);
	if (err)
		kv_data_refused(c, err);
	return !err;
}

static void bitfield(struct kv_call *c, bool may_write)
{
	struct kv_key k = kv_call_key(c, 1);
	struct field_op op = {0};
	enum field_next next;
	uint64_t reach = 0; /* one past the last bit to be written */
	uint32_t arg = 2;
	uint32_t n = 0;

	while ((next = field_next(c, &arg, &op)) == FIELD_OP) {
		n++;
		if (op.kind != FIELD_GET)
			reach = MAX_OF(reach, op.offset + op.bits);
	}
	if (next == FIELD_ERROR)
		return;
	if (reach && !may_write) {
		kv_reply_error(c->reply, "ERR BITFIELD_RO only supports the GET subcommand");
		return;
	}
	kv_shard_begin(c->shard);
	if (!reach)
		kv_shard_find(c->shard, &k, KV_FOR_READ);
	if (!reach || field_reach(c, &k, (uint32_t)((reach - 1) / 8))) {
		kv_reply_array(c->reply, n);
		op = (struct field_op){0};
		arg = 2;
		while (field_next(c, &arg, &op) == FIELD_OP)
			field_do(c, &k, &op);
	}
	kv_shard_end(c->shard);
}

void kv_cmd_bitfield(struct kv_call *c)
{
	bitfield(c, true);
}

void kv_cmd_bitfield_ro(struct kv_call *c)
{
	bitfield(c, false);
}
