/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of the Redis protocol, whole and in every two pieces. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/wire/resp.h"

#define ARGS_MAX 64
#define OUT_MAX  4096

static const struct resp_limits open_limits = {.bulk_bytes_max = 512u << 20};
static const struct resp_limits guest_limits = {.bulk_bytes_max = 512u << 20, .guest = true};

/* What was read, as text: <arg|arg> for each command, !error at the end. */
struct story {
	char text[OUT_MAX];
	size_t len;
};

static void tell(struct story *s, const void *p, size_t n)
{
	assert_true(s->len + n < sizeof(s->text));
	memcpy(s->text + s->len, p, n);
	s->len += n;
	s->text[s->len] = '\0';
}

static void tell_args(struct story *s, const struct resp_arg *args, uint32_t argc)
{
	tell(s, "<", 1);
	for (uint32_t i = 0; i < argc; i++) {
		if (i > 0)
			tell(s, "|", 1);
		tell(s, args[i].bytes, args[i].len);
	}
	tell(s, ">", 1);
}

static bool tell_error(struct story *s, const struct resp_parser *parser)
{
	char text[RESP_ERROR_TEXT_MAX];

	tell(s, "!", 1);
	tell(s, text, resp_error_text(parser, text));
	return false;
}

static bool tell_line(struct story *s, const uint8_t *p, uint32_t len)
{
	struct resp_arg *args = malloc(RESP_LINE_ARGS(len) * sizeof(*args));
	uint8_t *line = malloc(len);
	int argc;

	memcpy(line, p, len);
	argc = resp_split(line, len, args);
	if (argc > 0)
		tell_args(s, args, (uint32_t)argc);
	free(line);
	free(args);
	return argc >= 0 || tell_error(s, &(struct resp_parser){.error = RESP_UNBALANCED_QUOTES});
}

/* Reads @len bytes, of which @at are offered first and then @step more at a time. */
static struct story read_all(const struct resp_limits *limits, const void *bytes, uint32_t len,
	uint32_t at, uint32_t step)
{
	struct story s = {.len = 0};
	struct resp_arg args[ARGS_MAX], *more = NULL;
	struct resp_parser parser = {0};
	uint32_t start = 0;
	bool go_on = true;

	while (go_on && start < len) {
		uint32_t have = MIN_OF(at, len);
		bool fresh = parser.bytes == 0 && parser.argc == 0;
		/* A copy of exactly this size, for the sanitizers. */
		uint8_t *p = malloc(MAX_OF(have - start, 1u));
		struct resp_arg input = {.bytes = p, .len = have - start};
		enum resp_result result;

		memcpy(p, (const uint8_t *)bytes + start, have - start);
		result = resp_parse(&parser, limits, &input, args, ARGS_MAX);
		if (result == RESP_MORE) {
			assert_true(resp_wants(&parser, input.len) > input.len);
			go_on = have < len;
			at += step;
		} else if (result == RESP_COMMAND && parser.argc > 0) {
			more = malloc(parser.argc * sizeof(*more));
			resp_collect(&parser, p, more);
			tell_args(&s, more, parser.argc);
			for (uint32_t i = 0; fresh && i < MIN_OF(parser.argc, ARGS_MAX); i++) {
				assert_ptr_equal(args[i].bytes, more[i].bytes);
				assert_int_equal(args[i].len, more[i].len);
			}
			free(more);
		} else if (result == RESP_LINE) {
			go_on = tell_line(&s, p, parser.bytes);
		} else if (result == RESP_ERROR) {
			go_on = tell_error(&s, &parser);
		}
		free(p);
		if (result != RESP_MORE) {
			start += parser.bytes;
			at = MAX_OF(at, start + 1);
			parser = (struct resp_parser){0};
		}
	}
	return s;
}

struct sample {
	const char *bytes;
	uint32_t len; /* 0: of the C string */
	const char *story;
};

static const struct sample samples[] = {
	{"*1\r\n$4\r\nPING\r\n", 0, "<PING>"},
	{"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n", 0, "<GET|a><PING>"},
	{"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$2\r\n\r\n\r\n", 0, "<SET||\r\n>"},
	{"*0\r\n*-1\r\n*-5\r\nPING\r\n", 0, "<PING>"},
	{"\r\n\n  \r\nPING\r\n", 0, "<PING>"},
	{"PING\nGET a\n", 0, "<PING><GET|a>"},
	{"  GET \t a  \r\n", 0, "<GET|a>"},
	{"SET a \"b c\"\r\n", 0, "<SET|a|b c>"},
	{"SET a 'b c'\r\n", 0, "<SET|a|b c>"},
	{"SET a \"\\x41\\x6a\\x4A\"\r\n", 0, "<SET|a|AjJ>"},
	{"SET a \"\\n\\r\\t\\b\\a\\\\\\\"\\q\"\r\n", 0, "<SET|a|\n\r\t\b\a\\\"q>"},
	{"SET a \"\\x4\\xg1\"\r\n", 0, "<SET|a|x4xg1>"},
	{"SET a 'it\\'s \\n'\r\n", 0, "<SET|a|it's \\n>"},
	{"SET a pre\"post\"\r\n", 0, "<SET|a|prepost>"},
	{"SET \"\" ''\r\n", 0, "<SET||>"},
	{"SET a \"b\"\tc\r\n", 0, "<SET|a|b|c>"},
	{"SET a b\\x41\r\n", 0, "<SET|a|b\\x41>"},
	{"PING\vX\r\n", 0, "<PING\vX>"},
	{"\vPING\r\n", 0, "<PING>"},
	{"SET a \"b\"c\r\n", 0, "!Protocol error: unbalanced quotes in request"},
	{"SET a 'b'c\r\n", 0, "!Protocol error: unbalanced quotes in request"},
	{"SET a \"b\r\n", 0, "!Protocol error: unbalanced quotes in request"},
	{"SET a 'b\r\n", 0, "!Protocol error: unbalanced quotes in request"},
	{"SET a \"b\\\"\r\n", 0, "!Protocol error: unbalanced quotes in request"},
	{"SET a \"b\\\r\n", 0, "!Protocol error: unbalanced quotes in request"},
	{"\"\r\nPING\r\n", 0, "!Protocol error: unbalanced quotes in request"},
	{"*a\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"* 1\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*+1\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*01\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*-0\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*1 \r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*1.5\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*0x1\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*2147483648\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*1048577\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*3000000000\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*9223372036854775808\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*99999999999999999999999\r\n", 0, "!Protocol error: invalid multibulk length"},
	{"*-9223372036854775808\r\nPING\r\n", 0, "<PING>"},
	{"*1\r\nPING\r\n", 0, "!Protocol error: expected '$', got 'P'"},
	{"*1\r\n*1\r\n", 0, "!Protocol error: expected '$', got '*'"},
	{"*1\r\n\r\n", 0, "!Protocol error: expected '$', got '\r'"},
	{"*1\r\n:5\r\n", 0, "!Protocol error: expected '$', got ':'"},
	{"*2\r\n$3\r\nGET\r\nabc\r\n", 0, "!Protocol error: expected '$', got 'a'"},
	{"*1\r\n\xff\r\n", 0, "!Protocol error: expected '$', got '\xff'"},
	{"*1\r\n$-1\r\n", 0, "!Protocol error: invalid bulk length"},
	{"*1\r\n$\r\n", 0, "!Protocol error: invalid bulk length"},
	{"*1\r\n$x\r\n", 0, "!Protocol error: invalid bulk length"},
	{"*1\r\n$04\r\nPING\r\n", 0, "!Protocol error: invalid bulk length"},
	{"*1\r\n$+4\r\nPING\r\n", 0, "!Protocol error: invalid bulk length"},
	{"*1\r\n$4 \r\nPING\r\n", 0, "!Protocol error: invalid bulk length"},
	{"*1\r\n$536870913\r\n", 0, "!Protocol error: invalid bulk length"},
	{"*1\r\n$2000000000\r\n", 0, "!Protocol error: invalid bulk length"},
	{"*1\r\n$4294967300\r\n", 0, "!Protocol error: invalid bulk length"},
	{"*1\r\n$18446744073709551620\r\n", 0, "!Protocol error: invalid bulk length"},
	/* Neither the byte behind a carriage return nor what ends an argument is looked at. */
	{"*1\rX$4\rXPINGXX", 0, "<PING>"},
	{"*1\r\n$4\r\nPINGab*1\r\n$4\r\nPONG\r\n", 0, "<PING><PONG>"},
	/* An argument that is longer than it says makes the next line wrong. */
	{"*2\r\n$3\r\nGETT\r\n$1\r\na\r\n", 0, "!Protocol error: expected '$', got '\n'"},
	/* A zero byte ends the search for line ends. */
	{"PI\0NG\r\nPING\r\n", 13, ""},
	{"*1\0\r\nPING\r\n", 11, ""},
	{"*1\r\n$4\0\r\nPING\r\n", 15, ""},
	{"*2\r\n$4\r\nECHO\r\n$3\r\n\0\r\n\r\n", 23, "<ECHO|"},
	/* Unfinished. */
	{"*", 0, ""},
	{"*1", 0, ""},
	{"*1\r", 0, ""},
	{"*1\r\n$4\r\nPIN", 0, ""},
	{"*1\r\n$4\r\nPING\r", 0, ""},
	{"PING", 0, ""},
	{"PING\r", 0, ""},
};

static void every_cut_of_a_request_tells_the_same_story(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *sample = &samples[i];
		uint32_t len = sample->len ? sample->len : (uint32_t)strlen(sample->bytes);
		struct story whole = read_all(&open_limits, sample->bytes, len, len, 1);

		if (strcmp(whole.text, sample->story) != 0)
			fail_msg("sample %zu: read as %s, not %s", i, whole.text, sample->story);
		for (uint32_t at = 1; at < len; at++) {
			struct story cut = read_all(&open_limits, sample->bytes, len, at, len);
			struct story crumbs = read_all(&open_limits, sample->bytes, len, at, 1);

			if (whole.len != cut.len || memcmp(whole.text, cut.text, cut.len) != 0)
				fail_msg("sample %zu cut at %u: %s", i, at, cut.text);
			if (whole.len != crumbs.len ||
				memcmp(whole.text, crumbs.text, crumbs.len) != 0)
				fail_msg("sample %zu bytewise from %u: %s", i, at, crumbs.text);
		}
	}
}

static void a_guest_may_send_ten_arguments_of_16_kib(void **state)
{
	static const struct {
		const char *bytes;
		const char *story;
	} cases[] = {
		{"*10\r\n", ""},
		{"*11\r\n", "!Protocol error: unauthenticated multibulk length"},
		{"*1048577\r\n", "!Protocol error: invalid multibulk length"},
		{"*1\r\n$16384\r\n", ""},
		{"*1\r\n$16385\r\n", "!Protocol error: unauthenticated bulk length"},
		{"*1\r\n$-1\r\n", "!Protocol error: invalid bulk length"},
		{"*0\r\nPING\r\n", "<PING>"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t len = (uint32_t)strlen(cases[i].bytes);
		struct story s = read_all(&guest_limits, cases[i].bytes, len, len, 1);

		assert_string_equal(s.text, cases[i].story);
	}
}

/* A line of @n bytes before its end, in pieces of @step. */
static struct story read_long(char first, uint32_t n, const char *end, uint32_t step)
{
	size_t tail = strlen(end);
	char *p = malloc(n + tail);
	struct story s;

	memset(p, '1', n);
	p[0] = first;
	memcpy(p + n, end, tail);
	s = read_all(&open_limits, p, n + (uint32_t)tail, step, step);
	free(p);
	return s;
}

static void a_line_may_have_64_kib_however_it_comes(void **state)
{
	for (uint32_t step = 1000; step <= 200000; step += 49750) {
		struct story s = read_long('*', RESP_INLINE_BYTES_MAX + 1, "\r\n", step);

		assert_string_equal(s.text, "!Protocol error: too big mbulk count string");
		s = read_long('*', RESP_INLINE_BYTES_MAX, "\r\n", step);
		assert_string_equal(s.text, "!Protocol error: invalid multibulk length");
		s = read_long('x', RESP_INLINE_BYTES_MAX + 1, "\n", step);
		assert_string_equal(s.text, "!Protocol error: too big inline request");
		s = read_long('x', RESP_INLINE_BYTES_MAX + 2, "", step);
		assert_string_equal(s.text, "!Protocol error: too big inline request");
	}
}

static void a_length_may_have_64_kib_too(void **state)
{
	char *p = malloc(100000);
	struct story s;

	memset(p, '1', 100000);
	memcpy(p, "*1\r\n$", 5);
	s = read_all(&open_limits, p, 100000, 100000, 1);
	assert_string_equal(s.text, "!Protocol error: too big bulk count string");
	s = read_all(&open_limits, p, 100000, 7, 1013);
	assert_string_equal(s.text, "!Protocol error: too big bulk count string");
	free(p);
}

static void a_million_arguments_are_the_most(void **state)
{
	uint32_t n = RESP_ARGS_MAX;
	char *p = malloc(16 + (size_t)n * 7);
	size_t len = (size_t)sprintf(p, "*%u\r\n", n);
	struct resp_arg *args = malloc(n * sizeof(*args));
	struct resp_parser parser = {0};

	for (uint32_t i = 0; i < n; i++) {
		memcpy(p + len, "$1\r\nx\r\n", 7);
		len += 7;
	}
	assert_int_equal(resp_parse(&parser, &open_limits,
				 &(struct resp_arg){(uint8_t *)p, (uint32_t)len}, args, 10),
		RESP_COMMAND);
	assert_int_equal(parser.argc, n);
	assert_int_equal(parser.bytes, len);
	resp_collect(&parser, (uint8_t *)p, args);
	assert_int_equal(args[n - 1].len, 1);
	assert_ptr_equal(args[n - 1].bytes, p + len - 3);
	free(args);
	free(p);
}

static void a_long_argument_says_how_much_it_wants(void **state)
{
	static const char head[] = "*2\r\n$3\r\nGET\r\n$100000\r\nabc";
	struct resp_parser parser = {0};
	struct resp_arg input = {(const uint8_t *)head, sizeof(head) - 1}, args[2];

	assert_int_equal(resp_parse(&parser, &open_limits, &input, args, 2), RESP_MORE);
	assert_int_equal(resp_wants(&parser, input.len), sizeof(head) - 1 - 3 + 100000 + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_of_a_request_tells_the_same_story),
		cmocka_unit_test(a_guest_may_send_ten_arguments_of_16_kib),
		cmocka_unit_test(a_line_may_have_64_kib_however_it_comes),
		cmocka_unit_test(a_length_may_have_64_kib_too),
		cmocka_unit_test(a_million_arguments_are_the_most),
		cmocka_unit_test(a_long_argument_says_how_much_it_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
