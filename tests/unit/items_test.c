/* SPDX-License-Identifier: BSD-3-Clause */
/* Items from words, files and pipes. Standard input is replaced. One thread. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/cli/items.h"

/* Makes @text of @len bytes standard input: a file. */
static void input_file(const char *text, size_t len)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fflush(f), 0);
	assert_int_equal(lseek(fileno(f), 0, SEEK_SET), 0);
	assert_int_equal(dup2(fileno(f), STDIN_FILENO), STDIN_FILENO);
	fclose(f);
}

/* Makes a pipe standard input; where to write. */
static int input_pipe(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	return ends[1];
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* The next batch is the @n items of @want, the first of which is number @first. */
static void takes(struct items *s, uint64_t first, size_t n, const char *const want[])
{
	struct item_batch b;

	assert_int_equal(items_take(s, &b), CLI_OK);
	assert_int_equal(b.n, n);
	assert_true(n == 0 || b.first == first);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(b.lens[i], strlen(want[i]));
		assert_memory_equal(b.items[i], want[i], b.lens[i]);
	}
	items_free(&b);
}

static const struct {
	const char *text;
	char delimiter;
	size_t n;
	const char *want[4];
} files[] = {
	{"", '\n', 0, {0}},
	{"\n", '\n', 1, {""}},
	{"a", '\n', 1, {"a"}},
	{"a\n", '\n', 1, {"a"}},
	{"a\nb", '\n', 2, {"a", "b"}},
	{"a\n\nb\n", '\n', 3, {"a", "", "b"}},
	{"\n\n", '\n', 2, {"", ""}},
	{"a b\r\nc", '\n', 2, {"a b\r", "c"}},
	{"a;b;c", ';', 3, {"a", "b", "c"}},
};

static void lines_of_a_file_are_items(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct items s;

		input_file(files[i].text, strlen(files[i].text));
		items_open(&s, NULL, 0, files[i].delimiter);
		assert_int_equal(s.total_bytes, strlen(files[i].text));
		takes(&s, 0, files[i].n, files[i].want);
		assert_true(s.is_over);
		assert_int_equal(s.n, files[i].n);
		items_close(&s);
	}
}

static void items_may_hold_any_byte_but_the_delimiter(void **state)
{
	struct item_batch b;
	struct items s;

	input_file("a\nb\0\xff", 5);
	items_open(&s, NULL, 0, '\0');
	assert_int_equal(items_take(&s, &b), CLI_OK);
	assert_int_equal(b.n, 2);
	assert_int_equal(b.lens[0], 3);
	assert_memory_equal(b.items[0], "a\nb", 3);
	assert_int_equal(b.lens[1], 1);
	items_free(&b);
	items_close(&s);
}

static void a_pipe_gives_what_has_come(void **state)
{
	int fd = input_pipe();
	struct items s;

	items_open(&s, NULL, 0, '\n');
	assert_int_equal(s.total_bytes, 0);
	assert_false(items_ready(&s, 0));
	takes(&s, 0, 0, NULL);
	say(fd, "a\nb\nc");
	assert_true(items_ready(&s, 0));
	takes(&s, 0, 2, (const char *[]){"a", "b"});
	assert_false(s.is_over);
	say(fd, "d\n");
	takes(&s, 2, 1, (const char *[]){"cd"});
	takes(&s, 3, 0, NULL);
	assert_false(s.is_over);
	say(fd, "e");
	close(fd);
	takes(&s, 3, 1, (const char *[]){"e"});
	assert_true(s.is_over);
	items_close(&s);
}

static void many_items_come_in_batches(void **state)
{
	size_t n = 3 * ITEMS_BATCH_MAX + 1, at = 0;
	char *text = malloc(8 * n);
	struct items s;
	uint64_t next = 0;

	for (size_t i = 0; i < n; i++)
		at += (size_t)sprintf(text + at, "%zu\n", i);
	input_file(text, at);
	items_open(&s, NULL, 0, '\n');
	while (!s.is_over) {
		struct item_batch b;

		assert_int_equal(items_take(&s, &b), CLI_OK);
		assert_in_range(b.n, 1, ITEMS_BATCH_MAX);
		assert_int_equal(b.first, next);
		for (size_t i = 0; i < b.n; i++)
			assert_int_equal(strtoul(b.items[i], NULL, 10), next++);
		items_free(&b);
	}
	assert_int_equal(next, n);
	assert_int_equal(s.bytes, at);
	items_close(&s);
	free(text);
}

static void an_item_larger_than_a_batch_is_one(void **state)
{
	size_t len = ITEMS_BATCH_BYTES + 100;
	char *text = malloc(len + 3);
	struct item_batch b;
	struct items s;

	memset(text, 'x', len);
	memcpy(text + len, "\ny\n", 3);
	input_file(text, len + 3);
	items_open(&s, NULL, 0, '\n');
	assert_int_equal(items_take(&s, &b), CLI_OK);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.lens[0], len);
	items_free(&b);
	takes(&s, 1, 1, (const char *[]){"y"});
	assert_true(s.is_over);
	items_close(&s);
	free(text);
}

static void words_are_items(void **state)
{
	char *words[] = {"1", "", "-3"};
	struct items s;

	items_open(&s, words, 3, '\n');
	assert_true(items_ready(&s, 0));
	takes(&s, 0, 3, (const char *[]){"1", "", "-3"});
	assert_true(s.is_over);
	items_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_a_file_are_items),
		cmocka_unit_test(items_may_hold_any_byte_but_the_delimiter),
		cmocka_unit_test(a_pipe_gives_what_has_come),
		cmocka_unit_test(many_items_come_in_batches),
		cmocka_unit_test(an_item_larger_than_a_batch_is_one),
		cmocka_unit_test(words_are_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
