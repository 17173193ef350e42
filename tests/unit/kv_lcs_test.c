/* SPDX-License-Identifier: BSD-3-Clause */
/* LCS: replies, limits, and long strings in pieces. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

#define LONG_BYTES 3000

static void a_common_subsequence_is_told_in_each_form(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"mset a ohmytext b mynewtext", OK}, {"lcs a b", "$6\r\nmytext\r\n"},
		{"lcs a b len", ":6\r\n"},
		{"lcs a b idx",
			"*4\r\n$7\r\nmatches\r\n*2\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n"
			"*2\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:6\r\n"},
		{"lcs a b idx minmatchlen 4 withmatchlen",
			"*4\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:"
			"4\r\n"
			"$3\r\nlen\r\n:6\r\n"},
		{"lcs a nosuch", "$0\r\n\r\n"}, {"lcs nosuch nosuch len", ZERO},
		{"lcs nosuch a idx", "*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0\r\n"},
		{"lcs a a", "$8\r\nohmytext\r\n"});
}

static void a_match_that_ends_before_both_beginnings_counts(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"mset a xab b yab", OK},
		{"lcs a b idx",
			"*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n:1\r\n:2\r\n"
			"$3\r\nlen\r\n:2\r\n"});
}

static void mistakes_are_refused(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"lcs a b foo", SYNTAX}, {"lcs a b minmatchlen", SYNTAX},
		{"lcs a b minmatchlen x", NOT_INT},
		{"lcs a b len idx", "-ERR If you want both the length and indexes, please just use "
				    "IDX.\r\n"},
		{"setrange a 20000 x", ":20001\r\n"}, {"setrange b 20000 x", ":20001\r\n"},
		{"lcs a b", "-ERR Insufficient memory, transient memory for LCS exceeds "
			    "proto-max-bulk-len\r\n"});
}

/* Two strings of @a_len and @b_len bytes out of few letters. */
static void random_strings(char *a, unsigned a_len, char *b, unsigned b_len)
{
	uint64_t rng = 88172645463325252ull + a_len;

	for (unsigned i = 0; i < a_len + b_len; i++) {
		rng ^= rng << 13;
		rng ^= rng >> 7;
		rng ^= rng << 17;
		*(i < a_len ? &a[i] : &b[i - a_len]) = (char)('a' + rng % 4);
	}
	a[a_len] = b[b_len] = '\0';
}

/* The length by the table itself. */
static unsigned model_length(const char *a, const char *b)
{
	static unsigned rows[2][LONG_BYTES + 1];
	size_t columns = strlen(b);

	memset(rows, 0, sizeof(rows));
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned *above = rows[(i - 1) & 1];
		unsigned *row = rows[i & 1];

		for (size_t j = 1; j <= columns; j++)
			row[j] = a[i - 1] == b[j - 1] ? above[j - 1] + 1
						      : MAX_OF(above[j], row[j - 1]);
	}
	return rows[strlen(a) & 1][columns];
}

/* Whether @sub is what remains of @s when bytes are left out. */
static bool is_subsequence(const char *sub, size_t len, const char *s)
{
	size_t found = 0;

	for (; *s && found < len; s++)
		found += *s == sub[found];
	return found == len;
}

static void long_strings_are_compared_in_pieces(void **state)
{
	static const unsigned sizes[][2] = {{LONG_BYTES, LONG_BYTES}, {LONG_BYTES, 7},
		{7, LONG_BYTES}, {1, 1}, {2500, 2999}, {1, LONG_BYTES}};
	static char a[LONG_BYTES + 1];
	static char b[LONG_BYTES + 1];
	int c = kv_rig_connect(0);

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const char *reply;
		unsigned length;

		random_strings(a, sizes[i][0], b, sizes[i][1]);
		length = model_length(a, b);
		assert_string_equal(kv_rig_words(c, "MSET", "a", a, "b", b, NULL), OK);
		reply = kv_rig_text(c, "lcs a b len\r\n");
		assert_int_equal(strtoul(reply + 1, NULL, 10), length);
		reply = kv_rig_text(c, "lcs a b\r\n");
		assert_int_equal(strtoul(reply + 1, NULL, 10), length);
		reply = strstr(reply, "\r\n") + 2;
		assert_true(is_subsequence(reply, length, a));
		assert_true(is_subsequence(reply, length, b));
	}
}

static void strings_may_change_while_they_are_compared(void **state)
{
	static const char lcs[] = "*3\r\n$3\r\nLCS\r\n$1\r\na\r\n$1\r\nb\r\n";
	static char a[LONG_BYTES + 1];
	static char b[LONG_BYTES + 1];
	int slow = kv_rig_connect(0);
	int other = kv_rig_connect(0);
	struct worker *w = kv_rig_worker(0);
	unsigned length;
	uint64_t used;

	random_strings(a, LONG_BYTES, b, LONG_BYTES);
	length = model_length(a, b);
	assert_string_equal(kv_rig_words(other, "MSET", "a", a, "b", b, NULL), OK);
	kv_client_input(w, kv_rig_client(slow), (const uint8_t *)lcs, sizeof(lcs) - 1);
	KV_STEPS(other, {"setrange a 0 zzzzzzzz", ":3000\r\n"}, {"del b", ONE});
	kv_rig_run();
	assert_int_equal(strtoul(kv_rig_take(slow).bytes + 1, NULL, 10), length);

	assert_string_equal(kv_rig_words(other, "MSET", "a", a, "b", b, NULL), OK);
	kv_rig_run();
	used = kv_shard_used_bytes(w->kv->shard);
	kv_client_input(w, kv_rig_client(slow), (const uint8_t *)lcs, sizeof(lcs) - 1);
	kv_rig_abort(slow);
	kv_rig_run();
	assert_int_equal(kv_shard_used_bytes(w->kv->shard), used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(a_common_subsequence_is_told_in_each_form),
		KV_STEPS_TEST(a_match_that_ends_before_both_beginnings_counts),
		KV_STEPS_TEST(mistakes_are_refused),
		KV_STEPS_TEST(long_strings_are_compared_in_pieces),
		KV_STEPS_TEST(strings_may_change_while_they_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
