/* SPDX-License-Identifier: BSD-3-Clause */
/* What helpers do with good arguments and with bad ones, over contexts of each kind. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/task/task_helpers.h"

#define AT(kind, field) offsetof(struct braid_##kind, field)

enum { EMIT = 1, LOAD, U32, U64, FIND, COMPARE, HASH, PARSE_INT, FORMAT_INT, JSON_FIELD };

/* A frame over a value, and what was emitted last. */
struct rig {
	const char *value;
	uint32_t len;
	uint32_t room; /* for pairs */
	char pair[64];
	struct task_host host;
	struct task_frame frame;
};

static uint32_t read_value(void *arg, uint64_t position, void *to, uint32_t len)
{
	struct rig *rig = arg;

	len = (uint32_t)MIN_OF((uint64_t)len, rig->len - position);
	memcpy(to, rig->value + position, len);
	return len;
}

static bool emit(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	struct rig *rig = arg;

	if (rig->room == 0)
		return false;
	rig->room--;
	snprintf(rig->pair, sizeof(rig->pair), "%.*s=%.*s", (int)key_len, key, (int)value_len,
		value);
	return true;
}

static void set(struct rig *rig, enum task_kind kind, const char *value, uint32_t len)
{
	const struct task_layout *layout = &task_layouts[kind];

	memset(rig, 0, sizeof(*rig));
	rig->value = value;
	rig->len = len;
	rig->room = 1;
	rig->host = (struct task_host){.read = read_value, .emit = emit, .arg = rig};
	rig->frame.host = &rig->host;
	rig->frame.kind = kind;
	if (layout->value == 0)
		return;
	memcpy(rig->frame.ctx.bytes + layout->value_len, &len, sizeof(len));
	memcpy(rig->frame.ctx.bytes + layout->value, value, MIN_OF(len, BRAID_VALUE_BYTES));
}

static int64_t ask(struct rig *rig, uint32_t helper, uint64_t a, uint64_t b, uint64_t c)
{
	return (int64_t)task_helpers[helper].call((uintptr_t)&rig->frame.ctx, a, b, c, 4);
}

static void pairs_go_to_the_host(void **state)
{
	struct rig rig;

	set(&rig, TASK_EACH, "value", 5);
	memcpy(rig.frame.ctx.each.key, "shop:1", 6);
	assert_int_equal(ask(&rig, EMIT, AT(each, key), 6, AT(each, value)), BRAID_OK);
	assert_string_equal(rig.pair, "shop:1=valu");
	assert_int_equal(ask(&rig, EMIT, AT(each, key), 6, AT(each, value)), BRAID_FAULT_FULL);
	assert_int_equal(rig.frame.fault, BRAID_FAULT_FULL);
	assert_int_equal(rig.frame.fault_helper, EMIT);
	set(&rig, TASK_MERGE, "", 0);
	assert_int_equal(ask(&rig, EMIT, 0, 1, 0), BRAID_FAULT_RANGE);
}

static void long_values_are_read_at_any_position(void **state)
{
	static char value[3000];
	struct rig rig;

	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (char)(i * 7);
	set(&rig, TASK_MAP, value, sizeof(value));
	for (uint64_t at = 0; at < 2990; at += 1) {
		uint64_t wanted;

		memcpy(&wanted, value + at, 8);
		assert_int_equal(ask(&rig, U64, at, 0, 0), (int64_t)wanted);
		assert_int_equal(ask(&rig, U32, at, 0, 0), (uint32_t)wanted);
		assert_int_equal(ask(&rig, LOAD, at, AT(map, scratch), 10), MIN_OF(10, 3000 - at));
		assert_memory_equal(rig.frame.ctx.map.scratch, value + at, 10);
	}
	assert_int_equal(ask(&rig, LOAD, 2995, AT(map, scratch), 10), 5);
	assert_int_equal(ask(&rig, LOAD, 3000, AT(map, scratch), 10), 0);
	assert_int_equal(ask(&rig, LOAD, UINT64_MAX, AT(map, scratch), 10), 0);
	assert_int_equal(rig.frame.fault, 0);
	assert_int_equal(ask(&rig, U32, 2997, 0, 0), BRAID_FAULT_RANGE);
	assert_int_equal(rig.frame.fault, BRAID_FAULT_RANGE);
	assert_int_equal(ask(&rig, U64, UINT64_MAX - 3, 0, 0), BRAID_FAULT_RANGE);
}

static void bytes_are_found_across_the_window(void **state)
{
	static char value[6000];
	struct rig rig;

	memcpy(value + 510, "gold", 4);
	memcpy(value + 5000, "gold", 4);
	set(&rig, TASK_MAP, value, sizeof(value));
	memcpy(rig.frame.ctx.map.scratch, "gold", 4);
	assert_int_equal(ask(&rig, FIND, 0, 4096, AT(map, scratch)), 510);
	assert_int_equal(ask(&rig, FIND, 510, 1, AT(map, scratch)), 510);
	assert_int_equal(ask(&rig, FIND, 0, 510, AT(map, scratch)), BRAID_NONE);
	assert_int_equal(ask(&rig, FIND, 511, 4096, AT(map, scratch)), BRAID_NONE);
	assert_int_equal(ask(&rig, FIND, 1000, 4096, AT(map, scratch)), 5000);
	assert_int_equal(ask(&rig, FIND, 7000, 4096, AT(map, scratch)), BRAID_NONE);
	assert_int_equal(ask(&rig, FIND, 0, 0, AT(map, scratch)), BRAID_NONE);
	assert_int_equal(rig.frame.fault, 0);
	assert_int_equal(ask(&rig, FIND, 0, 4097, AT(map, scratch)), BRAID_FAULT_RANGE);
}

static void bytes_are_compared_and_hashed(void **state)
{
	struct rig rig;

	set(&rig, TASK_MAP, "abcdabce", 8);
	assert_int_equal(ask(&rig, COMPARE, AT(map, value), 4, AT(map, value)), 0);
	assert_int_equal(ask(&rig, COMPARE, AT(map, value), 4, AT(map, value) + 4), -1);
	assert_int_equal(ask(&rig, COMPARE, AT(map, value) + 4, 4, AT(map, value)), 1);
	assert_int_equal(ask(&rig, COMPARE, AT(map, value), 3, AT(map, value)), -1);
	assert_int_equal(ask(&rig, COMPARE, AT(map, value), 5, AT(map, value)), 1);
	assert_true(
		ask(&rig, HASH, AT(map, value), 3, 1) == ask(&rig, HASH, AT(map, value) + 4, 3, 1));
	assert_true(
		ask(&rig, HASH, AT(map, value), 4, 1) != ask(&rig, HASH, AT(map, value) + 4, 4, 1));
	assert_true(ask(&rig, HASH, AT(map, value), 4, 1) != ask(&rig, HASH, AT(map, value), 4, 2));
}

static void numbers_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		int64_t result, n;
	} cases[] = {
		{"0", 0, 0},
		{"-7", 0, -7},
		{"9223372036854775807", 0, INT64_MAX},
		{"-9223372036854775808", 0, INT64_MIN},
		{"9223372036854775808", BRAID_NONE, 0},
		{"", BRAID_NONE, 0},
		{"1.5", BRAID_NONE, 0},
		{" 1", BRAID_NONE, 0},
		{"+1", BRAID_NONE, 0},
		{"01", BRAID_NONE, 0},
		{"12a", BRAID_NONE, 0},
	};
	struct rig rig;
	int64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t len = (uint32_t)strlen(cases[i].text);

		set(&rig, TASK_MAP, cases[i].text, len);
		assert_int_equal(ask(&rig, PARSE_INT, AT(map, value), len, AT(map, scratch)),
			cases[i].result);
		memcpy(&n, rig.frame.ctx.map.scratch, sizeof(n));
		assert_int_equal(n, cases[i].n);
		if (cases[i].result != 0)
			continue;
		assert_int_equal(ask(&rig, FORMAT_INT, (uint64_t)n, AT(map, result), 0), len);
		assert_memory_equal(rig.frame.ctx.map.result, cases[i].text, len);
	}
}

static void a_field_of_json_is_copied(void **state)
{
	static const char text[] = "{\"name\": \"tea\", \"price\": 12}";
	struct rig rig;

	set(&rig, TASK_MAP, text, sizeof(text) - 1);
	memcpy(rig.frame.ctx.map.scratch, "priceprince", 11);
	assert_int_equal(ask(&rig, JSON_FIELD, AT(map, scratch), 5, AT(map, result)), 2);
	assert_memory_equal(rig.frame.ctx.map.result, "12", 3);
	assert_int_equal(
		ask(&rig, JSON_FIELD, AT(map, scratch) + 5, 6, AT(map, result)), BRAID_NONE);
	assert_int_equal(rig.frame.fault, 0);
}

/* The helper, its arguments, for a map with a value of 8 bytes. */
static void places_outside_are_refused(void **state)
{
	static const struct {
		uint32_t helper;
		uint64_t a, b, c;
	} cases[] = {
		{EMIT, 0, 513, 0},
		{EMIT, sizeof(struct braid_map), 1, 0},
		{EMIT, 0, 1, 1301},
		{EMIT, UINT64_MAX, 1, 0},
		{EMIT, 0, UINT32_MAX, 0},
		{LOAD, 0, AT(map, value), 8},
		{LOAD, 0, AT(map, scratch), 257},
		{LOAD, 0, AT(map, result), 513},
		{LOAD, 0, 0, 8},
		{LOAD, 0, AT(map, result_len) - 1, 1},
		{FIND, 0, 8, 1301},
		{COMPARE, 0, 513, 0},
		{COMPARE, 1304, 1, 0},
		{COMPARE, 0, 4, 1301},
		{HASH, 0, 513, 0},
		{HASH, 1300, 5, 0},
		{HASH, 0xffffff00, 0x200, 0},
		{PARSE_INT, 1304, 1, AT(map, scratch)},
		{PARSE_INT, 16, 1, 16},
		{PARSE_INT, 16, 1, 1297},
		{PARSE_INT, 16, 513, AT(map, scratch)},
		{FORMAT_INT, 5, 0, 0},
		{FORMAT_INT, 5, 1281, 0},
		{FORMAT_INT, 5, 520, 0},
		{JSON_FIELD, 16, 4, 16},
		{JSON_FIELD, 1304, 1, AT(map, result)},
		{JSON_FIELD, 16, 513, AT(map, result)},
		{JSON_FIELD, 16, 4, 1301},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig rig, before;

		set(&rig, TASK_MAP, "12345678", 8);
		before = rig;
		if (ask(&rig, cases[i].helper, cases[i].a, cases[i].b, cases[i].c) !=
			BRAID_FAULT_RANGE)
			fail_msg("case %zu was not refused", i);
		assert_int_equal(rig.frame.fault, BRAID_FAULT_RANGE);
		assert_int_equal(rig.frame.fault_helper, cases[i].helper);
		assert_memory_equal(&rig.frame.ctx, &before.frame.ctx, sizeof(rig.frame.ctx));
	}
}

static void lengths_count_with_32_bits(void **state)
{
	struct rig rig;

	set(&rig, TASK_MAP, "12", 2);
	assert_int_equal(
		ask(&rig, PARSE_INT, 1ULL << 32 | AT(map, value), 7ULL << 40 | 2, AT(map, scratch)),
		0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_go_to_the_host),
		cmocka_unit_test(long_values_are_read_at_any_position),
		cmocka_unit_test(bytes_are_found_across_the_window),
		cmocka_unit_test(bytes_are_compared_and_hashed),
		cmocka_unit_test(numbers_are_read_and_written),
		cmocka_unit_test(a_field_of_json_is_copied),
		cmocka_unit_test(places_outside_are_refused),
		cmocka_unit_test(lengths_count_with_32_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
