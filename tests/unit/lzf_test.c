/* SPDX-License-Identifier: BSD-3-Clause */
/* LZF: the bytes that liblzf 3.6 gives, whatever the steps; hostile input is refused. One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/wire/lzf.h"

#define LEN_MAX 70000
#define ROUNDS  3000

static uint32_t table[LZF_TABLE_ENTRIES];
static uint32_t seed = 1;

static uint32_t pick(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Packs into memory of exactly @room bytes in steps of @step. p->out is for the
 * caller to free. */
static enum lzf_result pack(
	const void *in, uint32_t len, uint32_t room, uint32_t step, struct lzf_pack *p)
{
	enum lzf_result result;

	*p = (struct lzf_pack){
		.in = in, .in_len = len, .out = malloc(room + 1), .out_len = room, .table = table};
	assert_non_null(p->out);
	do {
		result = lzf_pack_step(p, step);
	} while (result == LZF_MORE);
	lzf_pack_clear(p);
	return result;
}

static enum lzf_result unpack(struct lzf_unpack *u, uint32_t step)
{
	enum lzf_result result;

	do {
		result = lzf_unpack_step(u, step);
	} while (result == LZF_MORE);
	return result;
}

static void the_bytes_are_those_of_liblzf(void **state)
{
	static const struct {
		const char *text;
		const char *packed;
		uint32_t len;
	} cases[] = {
		{"aaaaaaaaaaaaaaaaaaaaa", "\x01\x61\x61\xe0\x0a\x00", 6},
		{"abcabcabcabcabcabcabcabc", "\x03\x61\x62\x63\x61\xe0\x0a\x02\x00\x63", 10},
		{"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz",
			"\x1f"
			"0123456789abcdefghijklmnopqrstuv\x04wxyz0\xe0\x18\x23\x01yz",
			45},
		{"the cat and the dog and the cat", NULL, 0},
		{"abcdefghijklmnopqrstuvwxyz", NULL, 0},
		{"", NULL, 0},
	};
	struct lzf_pack p;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t len = (uint32_t)strlen(cases[i].text);
		enum lzf_result result =
			pack(cases[i].text, len, len > 4 ? len - 4 : 0, (uint32_t)i + 1, &p);

		assert_int_equal(result, cases[i].packed ? LZF_DONE : LZF_FULL);
		if (cases[i].packed) {
			assert_int_equal(p.made, cases[i].len);
			assert_memory_equal(p.out, cases[i].packed, cases[i].len);
		}
		free(p.out);
	}
}

/* Bytes with some that come again. */
static void fill(uint8_t *in, uint32_t len)
{
	uint32_t letters = 1 + pick(pick(2) ? 256 : 4), back = 1 + pick(pick(3) ? 40 : 9000);

	for (uint32_t i = 0; i < len; i++)
		in[i] = i >= back && pick(4) ? in[i - back] : (uint8_t)pick(letters);
}

static void what_is_packed_comes_out_again_in_any_steps(void **state)
{
	static uint8_t in[LEN_MAX];
	unsigned packed = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t len = 5 + pick(round % 50 ? 400 : LEN_MAX - 5);
		struct lzf_pack p, once;
		enum lzf_result result;

		fill(in, len);
		result = pack(in, len, len - 4, 1 + pick(600), &p);
		assert_int_equal(pack(in, len, len - 4, UINT32_MAX, &once), result);
		if (result == LZF_DONE) {
			struct lzf_unpack u = {.in = p.out, .in_len = p.made, .out_len = len};

			packed++;
			assert_int_equal(once.made, p.made);
			assert_memory_equal(once.out, p.out, p.made);
			u.out = malloc(len);
			assert_non_null(u.out);
			assert_int_equal(unpack(&u, 1 + pick(600)), LZF_DONE);
			assert_memory_equal(u.out, in, len);
			assert_true(len <= (uint64_t)p.made * LZF_RATIO_MAX);
			free(u.out);
		}
		free(p.out);
		free(once.out);
	}
	assert_true(packed > ROUNDS / 3);
	for (uint32_t i = 0; i < LZF_TABLE_ENTRIES; i++)
		assert_int_equal(table[i], 0);
}

static void what_is_no_lzf_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t len;
		uint32_t out;
		enum lzf_result result;
	} cases[] = {
		{"", 0, 0, LZF_DONE},
		{"", 0, 1, LZF_BAD},
		{"\x00x", 2, 1, LZF_DONE},
		{"\x00x", 2, 0, LZF_BAD},
		{"\x00x", 2, 2, LZF_BAD},
		{"\x00", 1, 1, LZF_BAD},
		{"\x01x", 2, 2, LZF_BAD},
		{"\x00x\x20\x00", 4, 4, LZF_DONE},
		{"\x00x\x20\x01", 4, 4, LZF_BAD}, /* before the beginning */
		{"\x00x\x20\x00", 4, 3, LZF_BAD},
		{"\x00x\x20", 3, 4, LZF_BAD},
		{"\x00x\xe0", 3, 10, LZF_BAD},
		{"\x00x\xe0\x00", 4, 10, LZF_BAD},
		{"\x00x\xe0\x00\x00", 5, 10, LZF_DONE},
		{"\x00x\xe0\xff\x00", 5, 265, LZF_DONE},
		{"\x20\x00", 2, 3, LZF_BAD},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t *in = malloc(cases[i].len + !cases[i].len), *out = malloc(300);
		struct lzf_unpack u = {
			.in = in, .in_len = cases[i].len, .out = out, .out_len = cases[i].out};

		assert_non_null(in);
		assert_non_null(out);
		memcpy(in, cases[i].bytes, cases[i].len);
		assert_int_equal(unpack(&u, 1), cases[i].result);
		free(in);
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_are_those_of_liblzf),
		cmocka_unit_test(what_is_packed_comes_out_again_in_any_steps),
		cmocka_unit_test(what_is_no_lzf_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
