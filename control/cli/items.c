/* SPDX-License-Identifier: BSD-3-Clause */
/* Items from words, and from standard input cut at a delimiter. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/cli/items.h"

#define READ_BYTES (1u << 20)

void items_open(struct items *s, char **words, size_t n, char delimiter)
{
	struct stat st;

	*s = (struct items){.words = n ? words : NULL, .n_words = n, .delimiter = delimiter};
	if (n == 0 && fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		s->total_bytes = (uint64_t)st.st_size;
}

void items_close(struct items *s)
{
	free(s->buffer);
	s->buffer = NULL;
}

void items_free(struct item_batch *b)
{
	if (b->items)
		free(b->items - ITEMS_ROOM_BEFORE);
	if (b->lens)
		free(b->lens - ITEMS_ROOM_BEFORE);
	free(b->bytes);
	*b = (struct item_batch){0};
}

static enum cli_exit no_memory(void)
{
	fprintf(stderr, "braidctl: no memory for the items\n");
	return CLI_FAILED;
}

/* Makes room for @n items. */
static bool make_room(struct item_batch *b, size_t n)
{
	const char **items = malloc((n + ITEMS_ROOM_BEFORE) * sizeof(*items));
	size_t *lens = malloc((n + ITEMS_ROOM_BEFORE) * sizeof(*lens));

	if (items)
		b->items = items + ITEMS_ROOM_BEFORE;
	if (lens)
		b->lens = lens + ITEMS_ROOM_BEFORE;
	return items && lens;
}

static enum cli_exit take_words(struct items *s, struct item_batch *b)
{
	size_t bytes = 0, n = MIN_OF(s->n_words - s->n, (size_t)ITEMS_BATCH_MAX);

	if (!make_room(b, n))
		return no_memory();
	while (b->n < n && (b->n == 0 || bytes <= ITEMS_BATCH_BYTES)) {
		b->items[b->n] = s->words[s->n];
		b->lens[b->n] = strlen(s->words[s->n]);
		bytes += b->lens[b->n++];
		s->n++;
	}
	s->is_over = s->n == s->n_words;
	return CLI_OK;
}

bool items_ready(const struct items *s, int ms)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	return s->words || s->is_end || poll(&p, 1, ms) > 0;
}

/* Reads once what is there. *@more: something was, or the end. */
static enum cli_exit read_more(struct items *s, bool *more)
{
	ssize_t n;

	*more = items_ready(s, 0);
	if (!*more)
		return CLI_OK;
	if (s->room - s->len < READ_BYTES) {
		size_t room = MAX_OF(2 * s->room, (size_t)4 * READ_BYTES);
		char *buffer = realloc(s->buffer, room);

		if (!buffer)
			return no_memory();
		s->buffer = buffer;
		s->room = room;
	}
	n = read(STDIN_FILENO, s->buffer + s->len, s->room - s->len);
	if (n < 0 && errno == EINTR)
		return CLI_OK;
	if (n < 0) {
		fprintf(stderr, "braidctl: standard input: %s\n", strerror(errno));
		return CLI_FAILED;
	}
	s->len += (size_t)n;
	s->is_end = n == 0;
	return CLI_OK;
}

/* How many bytes of the buffer are whole items, at most a batch; *@n of them. At the end, what has
 * no delimiter behind it is one, too. */
static size_t whole_items(const struct items *s, size_t *n)
{
	size_t at = 0;

	for (*n = 0; *n < ITEMS_BATCH_MAX && at < s->len; (*n)++) {
		const char *end = memchr(s->buffer + at, s->delimiter, s->len - at);
		size_t len = end ? (size_t)(end - s->buffer) - at + 1 : s->len - at;

		if ((!end && !s->is_end) || (*n > 0 && at + len > ITEMS_BATCH_BYTES))
			break;
		at += len;
	}
	return at;
}

/* Hands out @bytes of the buffer, @n items. */
static enum cli_exit cut(struct items *s, struct item_batch *b, size_t bytes, size_t n)
{
	size_t at = 0;

	b->bytes = malloc(MAX_OF(bytes, 1u));
	if (!b->bytes || !make_room(b, n))
		return no_memory();
	memcpy(b->bytes, s->buffer, bytes);
	memmove(s->buffer, s->buffer + bytes, s->len - bytes);
	s->len -= bytes;
	for (; b->n < n; b->n++) {
		const char *end = memchr(b->bytes + at, s->delimiter, bytes - at);

		b->items[b->n] = b->bytes + at;
		b->lens[b->n] = (end ? (size_t)(end - b->bytes) : bytes) - at;
		at += b->lens[b->n] + 1;
	}
	s->n += n;
	s->bytes += bytes;
	return CLI_OK;
}

enum cli_exit items_take(struct items *s, struct item_batch *b)
{
	enum cli_exit code = CLI_OK;
	bool more = true;
	size_t n, bytes;

	*b = (struct item_batch){.first = s->n};
	if (s->words)
		return take_words(s, b);
	bytes = whole_items(s, &n);
	/* As much as has come, up to a batch. */
	while (!s->is_end && more && bytes < ITEMS_BATCH_BYTES && n < ITEMS_BATCH_MAX) {
		code = read_more(s, &more);
		if (code != CLI_OK)
			return code;
		if (s->len > ITEMS_BYTES_MAX) {
			fprintf(stderr, "braidctl: item %llu is longer than %u bytes\n",
				(unsigned long long)s->n, ITEMS_BYTES_MAX);
			return CLI_FAILED;
		}
		bytes = whole_items(s, &n);
	}
	if (n > 0)
		code = cut(s, b, bytes, n);
	s->is_over = s->is_end && s->len == 0;
	return code;
}
