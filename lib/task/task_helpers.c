/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What helpers do. They are called from compiled programs, whose stack may be off by 8 bytes, so
 * each aligns it. A helper trusts nothing but its first argument, which the checker proved to be
 * the context; narrow arguments count with their lowest 32 bits, as C passes them. Any thread.
 */
#include <string.h>

#include "lib/hash/siphash.h"
#include "lib/task/task_helpers.h"
#include "lib/task/task_json.h"
#include "lib/wire/number.h"

#define HASH_KEY_HIGH 0x62726169645f7631ULL /* any number; results depend on it */
#define HELPER        static __attribute__((force_align_arg_pointer)) uint64_t

const struct task_layout task_layouts[TASK_KINDS] = {
	[TASK_MAP] =
		{
			.bytes = sizeof(struct braid_map),
			.writable = offsetof(struct braid_map, result_len),
			.value = offsetof(struct braid_map, value),
			.value_len = offsetof(struct braid_map, value_len),
		},
	[TASK_FILTER] =
		{
			.bytes = sizeof(struct braid_each),
			.writable = offsetof(struct braid_each, scratch),
			.value = offsetof(struct braid_each, value),
			.value_len = offsetof(struct braid_each, value_len),
		},
	[TASK_EACH] =
		{
			.bytes = sizeof(struct braid_each),
			.writable = offsetof(struct braid_each, acc),
			.value = offsetof(struct braid_each, value),
			.value_len = offsetof(struct braid_each, value_len),
		},
	[TASK_MERGE] =
		{
			.bytes = sizeof(struct braid_merge),
			.writable = offsetof(struct braid_merge, acc),
		},
};

static struct task_frame *frame_of(uint64_t ctx)
{
	return CONTAINER_OF((void *)(uintptr_t)ctx, struct task_frame, ctx);
}

static uint64_t fault(struct task_frame *f, uint32_t helper, int32_t code)
{
	if (f->fault == 0) {
		f->fault = code;
		f->fault_helper = helper;
	}
	return (uint64_t)(int64_t)code;
}

/* The place of @len bytes at @at in the context; NULL: they are not all in it, or too many. */
static uint8_t *readable(struct task_frame *f, uint64_t at, uint64_t len)
{
	uint32_t from = (uint32_t)at, n = (uint32_t)len;

	if (n > BRAID_LENGTH_MAX || from > task_layouts[f->kind].bytes ||
		n > task_layouts[f->kind].bytes - from)
		return NULL;
	return f->ctx.bytes + from;
}

static uint8_t *writable(struct task_frame *f, uint64_t at, uint64_t len)
{
	return (uint32_t)at < task_layouts[f->kind].writable ? NULL : readable(f, at, len);
}

static uint32_t value_len(const struct task_frame *f)
{
	const struct task_layout *layout = &task_layouts[f->kind];
	uint32_t len;

	if (layout->value == 0)
		return 0;
	memcpy(&len, f->ctx.bytes + layout->value_len, sizeof(len));
	return len;
}

/* Copies bytes of the value, from the window where that has them. How many: less at its end. */
static uint32_t read_value(struct task_frame *f, uint64_t position, void *to, uint32_t len)
{
	uint32_t have = value_len(f), n;

	if (position >= have)
		return 0;
	n = MIN_OF(len, have - (uint32_t)position);
	if (position + n > BRAID_VALUE_BYTES)
		return MIN_OF(n, f->host->read(f->host->arg, position, to, n));
	memcpy(to, f->ctx.bytes + task_layouts[f->kind].value + position, n);
	return n;
}

HELPER help_emit(uint64_t ctx, uint64_t key, uint64_t key_len, uint64_t value, uint64_t len)
{
	struct task_frame *f = frame_of(ctx);
	const uint8_t *k = readable(f, key, key_len), *v = readable(f, value, len);

	if (!k || !v || (f->kind != TASK_MAP && f->kind != TASK_EACH))
		return fault(f, 1, BRAID_FAULT_RANGE);
	if (!f->host->emit(f->host->arg, k, (uint32_t)key_len, v, (uint32_t)len))
		return fault(f, 1, BRAID_FAULT_FULL);
	return BRAID_OK;
}

HELPER help_load(uint64_t ctx, uint64_t position, uint64_t to, uint64_t len, uint64_t unused)
{
	struct task_frame *f = frame_of(ctx);
	uint8_t *place = writable(f, to, len);

	if (!place)
		return fault(f, 2, BRAID_FAULT_RANGE);
	return read_value(f, position, place, (uint32_t)len);
}

HELPER help_u32(uint64_t ctx, uint64_t position, uint64_t a, uint64_t b, uint64_t c)
{
	struct task_frame *f = frame_of(ctx);
	uint32_t n;

	if (read_value(f, position, &n, sizeof(n)) != sizeof(n))
		return fault(f, 3, BRAID_FAULT_RANGE);
	return le32toh(n);
}

HELPER help_u64(uint64_t ctx, uint64_t position, uint64_t a, uint64_t b, uint64_t c)
{
	struct task_frame *f = frame_of(ctx);
	uint64_t n;

	if (read_value(f, position, &n, sizeof(n)) != sizeof(n))
		return fault(f, 4, BRAID_FAULT_RANGE);
	return le64toh(n);
}

HELPER help_find(uint64_t ctx, uint64_t position, uint64_t span, uint64_t needle, uint64_t len)
{
	struct task_frame *f = frame_of(ctx);
	const uint8_t *wanted = readable(f, needle, len), *found;
	uint8_t bytes[BRAID_SPAN_MAX + BRAID_LENGTH_MAX];
	uint32_t n = (uint32_t)len;

	if (!wanted || n == 0 || (uint32_t)span > BRAID_SPAN_MAX)
		return fault(f, 5, BRAID_FAULT_RANGE);
	if ((uint32_t)span == 0)
		return (uint64_t)BRAID_NONE;
	found = memmem(bytes, read_value(f, position, bytes, (uint32_t)span + n - 1), wanted, n);
	return found ? position + (uint64_t)(found - bytes) : (uint64_t)BRAID_NONE;
}

HELPER help_compare(uint64_t ctx, uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	struct task_frame *f = frame_of(ctx);
	const uint8_t *x = readable(f, a, a_len), *y = readable(f, b, b_len);
	uint32_t n = (uint32_t)a_len, m = (uint32_t)b_len;
	int order;

	if (!x || !y)
		return fault(f, 6, BRAID_FAULT_RANGE);
	order = memcmp(x, y, MIN_OF(n, m));
	if (order == 0)
		order = n < m ? -1 : n > m;
	return (uint64_t)(order < 0 ? -1LL : order > 0);
}

HELPER help_hash(uint64_t ctx, uint64_t at, uint64_t len, uint64_t seed, uint64_t unused)
{
	const uint64_t key[2] = {seed, HASH_KEY_HIGH};
	struct task_frame *f = frame_of(ctx);
	const uint8_t *place = readable(f, at, len);

	if (!place)
		return fault(f, 7, BRAID_FAULT_RANGE);
	return siphash_1_3(key, place, (uint32_t)len);
}

HELPER help_parse_int(uint64_t ctx, uint64_t at, uint64_t len, uint64_t to, uint64_t unused)
{
	struct task_frame *f = frame_of(ctx);
	const uint8_t *text = readable(f, at, len);
	uint8_t *place = writable(f, to, sizeof(int64_t));
	int64_t n;

	if (!text || !place)
		return fault(f, 8, BRAID_FAULT_RANGE);
	if (!number_parse_int(text, (uint32_t)len, &n))
		return (uint64_t)BRAID_NONE;
	memcpy(place, &n, sizeof(n));
	return BRAID_OK;
}

HELPER help_format_int(uint64_t ctx, uint64_t n, uint64_t to, uint64_t a, uint64_t b)
{
	struct task_frame *f = frame_of(ctx);
	uint8_t *place = writable(f, to, BRAID_DECIMAL_BYTES);
	char text[NUMBER_INT_TEXT_MAX] = "";
	uint32_t len;

	if (!place)
		return fault(f, 9, BRAID_FAULT_RANGE);
	len = number_format_int(text, (int64_t)n);
	memcpy(place, text, len);
	return len;
}

HELPER help_json_field(uint64_t ctx, uint64_t name, uint64_t len, uint64_t to, uint64_t room)
{
	struct task_frame *f = frame_of(ctx);
	const uint8_t *wanted = readable(f, name, len);
	uint8_t *place = writable(f, to, room), bytes[BRAID_JSON_BYTES_MAX];
	struct task_piece text = {.bytes = bytes}, found;

	if (!wanted || !place)
		return fault(f, 10, BRAID_FAULT_RANGE);
	if (value_len(f) > BRAID_JSON_BYTES_MAX)
		return (uint64_t)BRAID_NONE;
	text.len = read_value(f, 0, bytes, BRAID_JSON_BYTES_MAX);
	if (!task_json_field(text, (struct task_piece){wanted, (uint32_t)len}, &found) ||
		found.len > (uint32_t)room)
		return (uint64_t)BRAID_NONE;
	memcpy(place, found.bytes, found.len);
	return found.len;
}

#define HELPER_ROW(n, which, fixed, per_8, params, a, b, c, d, e)                                  \
	[n] = {.name = "braid_" #which,                                                            \
		.cost = fixed,                                                                     \
		.cost_per_8 = per_8,                                                               \
		.args = {BRAID_ARG_##a, BRAID_ARG_##b, BRAID_ARG_##c, BRAID_ARG_##d,               \
			BRAID_ARG_##e},                                                            \
		.call = help_##which},

const struct task_helper task_helpers[BRAID_HELPERS_MAX + 1] = {BRAID_HELPERS(HELPER_ROW)};
