/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies in both versions of the protocol, byte for byte. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/kv_rig.h"

/* What a reply's sink got. */
static struct {
	char bytes[1 << 20];
	size_t len;
} got;

static bool take(struct kv_reply *r, const void *p, uint32_t n)
{
	assert_true(got.len + n < sizeof(got.bytes));
	memcpy(got.bytes + got.len, p, n);
	got.len += n;
	got.bytes[got.len] = '\0';
	return true;
}

static const struct kv_reply_sink sink = {.bytes = take};
static uint8_t buffer[256]; /* small, so that it is often full */

static struct kv_reply reply(uint8_t version)
{
	got.len = 0;
	got.bytes[0] = '\0';
	return (struct kv_reply){
		.w = kv_rig_worker(0),
		.buffer = buffer,
		.size = sizeof(buffer),
		.version = version,
		.sink = &sink,
	};
}

static int start(void **state)
{
	kv_rig_start(32u << 20);
	return 0;
}

static int stop(void **state)
{
	kv_rig_stop();
	return 0;
}

static void write_one_of_each(struct kv_reply *r)
{
	kv_reply_status(r, "PONG");
	kv_reply_ok(r);
	kv_reply_int(r, -12);
	kv_reply_int(r, INT64_MIN);
	kv_reply_bulk(r, "a\0b", 3);
	kv_reply_text(r, "");
	kv_reply_null(r);
	kv_reply_null_array(r);
	kv_reply_array(r, 10);
	kv_reply_map(r, 2);
	kv_reply_set(r, 3);
	kv_reply_push(r, 4);
	kv_reply_bool(r, true);
	kv_reply_bool(r, false);
	kv_reply_double(r, 3.5);
	kv_reply_verbatim(r, "text", 4);
	kv_reply_flush(r);
}

static void each_kind_has_its_form(void **state)
{
	static const char two[] = "+PONG\r\n+OK\r\n:-12\r\n:-9223372036854775808\r\n$3\r\na\0b\r\n"
				  "$0\r\n\r\n$-1\r\n*-1\r\n*10\r\n*4\r\n*3\r\n*4\r\n:1\r\n:0\r\n"
				  "$3\r\n3.5\r\n$4\r\ntext\r\n";
	static const char three[] =
		"+PONG\r\n+OK\r\n:-12\r\n:-9223372036854775808\r\n$3\r\na\0b\r\n"
		"$0\r\n\r\n_\r\n_\r\n*10\r\n%2\r\n~3\r\n>4\r\n#t\r\n#f\r\n"
		",3.5\r\n=8\r\ntxt:text\r\n";
	struct kv_reply r = reply(2);

	write_one_of_each(&r);
	assert_int_equal(got.len, sizeof(two) - 1);
	assert_memory_equal(got.bytes, two, got.len);
	r = reply(3);
	write_one_of_each(&r);
	assert_int_equal(got.len, sizeof(three) - 1);
	assert_memory_equal(got.bytes, three, got.len);
}

static void an_error_is_one_line_and_counted(void **state)
{
	struct kv_reply r = reply(2);

	kv_reply_begin(&r);
	assert_false(kv_reply_is_error(&r));
	kv_reply_error(&r, "ERR a %s %.*s %d %u %ld %lu %zu %c%%", "b\r\nc", 2, "def", -1, 2u, -3L,
		4UL, (size_t)5, 'x');
	assert_true(kv_reply_is_error(&r));
	kv_reply_flush(&r);
	assert_string_equal(got.bytes, "-ERR a b  c de -1 2 -3 4 5 x%\r\n");
	kv_reply_error(&r, "WRONGTYPE no");
	assert_int_equal(kv_rig_worker(0)->kv->n_errors, 2);
	assert_string_equal(kv_rig_worker(0)->kv->errors[1].name, "WRONGTYPE");
	assert_int_equal(r.errors, 2);
}

static void a_long_error_is_cut(void **state)
{
	struct kv_reply r = reply(2);
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	kv_reply_error(&r, "%s", text);
	kv_reply_flush(&r);
	assert_int_equal(got.len, KV_REPLY_ERROR_MAX + 3);
}

static void what_is_larger_than_the_buffer_passes_through(void **state)
{
	struct kv_reply r = reply(2);
	char *p = malloc(100000);

	for (int i = 0; i < 100000; i++)
		p[i] = (char)(i * 31);
	kv_reply_int(&r, 7);
	kv_reply_bulk(&r, p, 100000);
	kv_reply_int(&r, 8);
	kv_reply_flush(&r);
	assert_int_equal(got.len, 4 + 9 + 100000 + 2 + 4);
	assert_memory_equal(got.bytes, ":7\r\n$100000\r\n", 13);
	assert_memory_equal(got.bytes + 13, p, 100000);
	assert_memory_equal(got.bytes + 13 + 100000, "\r\n:8\r\n", 6);
	free(p);
}

static void a_muted_reply_says_nothing(void **state)
{
	struct kv_reply r = reply(2);

	r.mute = true;
	write_one_of_each(&r);
	kv_reply_error(&r, "ERR x");
	kv_reply_flush(&r);
	assert_int_equal(got.len, 0);
	assert_true(kv_reply_is_error(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_form),
		cmocka_unit_test(an_error_is_one_line_and_counted),
		cmocka_unit_test(a_long_error_is_cut),
		cmocka_unit_test(what_is_larger_than_the_buffer_passes_through),
		cmocka_unit_test(a_muted_reply_says_nothing),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
