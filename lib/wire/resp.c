/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of the Redis protocol, read as they come in. Any thread. */
#include <errno.h>
#include <string.h>

#include "lib/wire/number.h"
#include "lib/wire/resp.h"

#define NO_END     UINT32_MAX
#define SHORT_LINE 6   /* bytes of the longest short_line(), and of the shortest argument */
#define SHORT_MAX  999 /* its largest number */

static const char *const error_texts[RESP_ERROR_COUNT] = {
	[RESP_OK] = "",
	[RESP_LINE_TOO_LONG] = "too big inline request",
	[RESP_UNBALANCED_QUOTES] = "unbalanced quotes in request",
	[RESP_COUNT_TOO_LONG] = "too big mbulk count string",
	[RESP_COUNT_INVALID] = "invalid multibulk length",
	[RESP_COUNT_GUEST] = "unauthenticated multibulk length",
	[RESP_BULK_TOO_LONG] = "too big bulk count string",
	[RESP_BULK_EXPECTED] = "expected '$', got '",
	[RESP_BULK_INVALID] = "invalid bulk length",
	[RESP_BULK_GUEST] = "unauthenticated bulk length",
};

static enum resp_result fail(struct resp_parser *parser, enum resp_error error)
{
	parser->error = (uint8_t)error;
	return RESP_ERROR;
}

/* Where the first byte @end lies in the line that starts at @line, of which @len bytes are there,
 * @from of them known to be without; NO_END: nowhere, or behind a zero byte. */
static uint32_t line_end(const uint8_t *line, uint32_t len, uint32_t from, uint8_t end)
{
	uint32_t most = MIN_OF(len, RESP_INLINE_BYTES_MAX + 1);

	for (uint32_t i = from; i < most; i++) {
		if (line[i] == end)
			return i;
		if (line[i] == '\0')
			return NO_END;
	}
	return NO_END;
}

static uint32_t digit(uint8_t c)
{
	return (uint32_t)c - '0';
}

/*
 * Most lines by far are @type, a number of one to three digits and a line end: read at once, six
 * bytes of it being there. The length of the line, or 0: it is something else.
 */
static inline uint32_t short_line(const uint8_t *line, uint8_t type, uint32_t *n)
{
	uint32_t v = digit(line[1]);

	if (line[0] != type || v > 9)
		return 0;
	*n = v;
	if (line[2] == '\r')
		return 4;
	if (v == 0 || digit(line[2]) > 9)
		return 0;
	*n = v = v * 10 + digit(line[2]);
	if (line[3] == '\r')
		return 5;
	*n = v * 10 + digit(line[3]);
	return digit(line[3]) <= 9 && line[4] == '\r' ? 6 : 0;
}

/*
 * Most commands by far are whole and have few arguments, all shorter than 1000 bytes: read at once.
 * False: this is another one, nothing of it has been noted.
 */
static inline bool read_plain(struct resp_parser *parser, const struct resp_arg *input,
	struct resp_arg *args, uint32_t max)
{
	uint32_t at, argc, len;

	if (input->len < SHORT_LINE)
		return false;
	at = short_line(input->bytes, '*', &argc);
	if (at == 0 || argc == 0 || argc > max)
		return false;
	for (uint32_t i = 0; i < argc; i++) {
		uint32_t line;

		if (input->len - at < SHORT_LINE)
			return false;
		line = short_line(input->bytes + at, '$', &len);
		at += line;
		if (line == 0 || input->len - at < len + 2)
			return false;
		args[i] = (struct resp_arg){.bytes = input->bytes + at, .len = len};
		at += len + 2;
	}
	parser->argc = parser->done = argc;
	parser->bytes = at;
	return true;
}

/*
 * Reads the line of a count or length: its number, behind the first byte. RESP_COMMAND: *@n is it
 * and the line has been read.
 */
static enum resp_result read_line(
	struct resp_parser *parser, const struct resp_arg *input, int64_t *n, bool count)
{
	const uint8_t *line = input->bytes + parser->bytes;
	uint32_t len = input->len - parser->bytes;
	uint32_t end = line_end(line, len, parser->scanned, '\r');

	if (end == NO_END) {
		if (len > RESP_INLINE_BYTES_MAX)
			return fail(parser, count ? RESP_COUNT_TOO_LONG : RESP_BULK_TOO_LONG);
		/* A zero byte is found again and again: it must not be passed. */
		while (parser->scanned < len && line[parser->scanned] != '\0')
			parser->scanned++;
		return RESP_MORE;
	}
	parser->scanned = end;
	if (end + 2 > len)
		return RESP_MORE;
	if (!count && line[0] != '$') {
		parser->got = line[0];
		return fail(parser, RESP_BULK_EXPECTED);
	}
	if (!number_parse_int(line + 1, end > 0 ? end - 1 : 0, n))
		return fail(parser, count ? RESP_COUNT_INVALID : RESP_BULK_INVALID);
	parser->bytes += end + 2;
	parser->scanned = 0;
	return RESP_COMMAND;
}

static inline enum resp_result read_number(
	struct resp_parser *parser, const struct resp_arg *input, int64_t *n, bool count)
{
	uint32_t v, bytes = 0;

	if (LIKELY(input->len - parser->bytes >= SHORT_LINE))
		bytes = short_line(input->bytes + parser->bytes, count ? '*' : '$', &v);
	if (UNLIKELY(bytes == 0))
		return read_line(parser, input, n, count);
	parser->bytes += bytes;
	parser->scanned = 0;
	*n = v;
	return RESP_COMMAND;
}

/* Reads the count of arguments. RESP_COMMAND: it is there, and may be zero. */
static enum resp_result read_count(
	struct resp_parser *parser, const struct resp_limits *limits, const struct resp_arg *input)
{
	enum resp_result ret;
	int64_t n;

	ret = read_number(parser, input, &n, true);
	if (ret != RESP_COMMAND)
		return ret;
	if (n > (int64_t)RESP_ARGS_MAX)
		return fail(parser, RESP_COUNT_INVALID);
	if (n > RESP_GUEST_ARGS_MAX && limits->guest)
		return fail(parser, RESP_COUNT_GUEST);
	parser->argc = n < 0 ? 0 : (uint32_t)n;
	return RESP_COMMAND;
}

/* Reads the length of an argument. RESP_COMMAND: it is there. */
static enum resp_result read_bulk(
	struct resp_parser *parser, const struct resp_limits *limits, const struct resp_arg *input)
{
	enum resp_result ret;
	int64_t n;

	ret = read_number(parser, input, &n, false);
	if (ret != RESP_COMMAND)
		return ret;
	if (n < 0 || n > (int64_t)limits->bulk_bytes_max)
		return fail(parser, RESP_BULK_INVALID);
	if (n > RESP_GUEST_BULK_MAX && limits->guest)
		return fail(parser, RESP_BULK_GUEST);
	parser->bulk = (uint32_t)n + 1;
	return RESP_COMMAND;
}

static enum resp_result parse_line(struct resp_parser *parser, const struct resp_arg *input)
{
	uint32_t end = line_end(input->bytes, input->len, parser->scanned, '\n');

	if (end != NO_END) {
		parser->bytes = end + 1;
		return RESP_LINE;
	}
	if (input->len > RESP_INLINE_BYTES_MAX)
		return fail(parser, RESP_LINE_TOO_LONG);
	while (parser->scanned < input->len && input->bytes[parser->scanned] != '\0')
		parser->scanned++;
	return RESP_MORE;
}

enum resp_result resp_parse(struct resp_parser *parser, const struct resp_limits *limits,
	const struct resp_arg *input, struct resp_arg *args, uint32_t max)
{
	enum resp_result ret;

	if (input->len <= parser->bytes)
		return RESP_MORE;
	if (LIKELY(parser->argc == 0 && parser->scanned == 0 && !limits->guest &&
		    limits->bulk_bytes_max >= SHORT_MAX) &&
		read_plain(parser, input, args, max))
		return RESP_COMMAND;
	if (parser->argc == 0) {
		if (input->bytes[0] != '*')
			return parse_line(parser, input);
		ret = read_count(parser, limits, input);
		if (ret != RESP_COMMAND || parser->argc == 0)
			return ret;
	}
	while (parser->done < parser->argc) {
		if (parser->bulk == 0) {
			if (input->len <= parser->bytes)
				return RESP_MORE;
			ret = read_bulk(parser, limits, input);
			if (ret != RESP_COMMAND)
				return ret;
		}
		if (input->len - parser->bytes < parser->bulk + 1)
			return RESP_MORE;
		if (parser->done < max)
			args[parser->done] = (struct resp_arg){
				.bytes = input->bytes + parser->bytes,
				.len = parser->bulk - 1,
			};
		parser->bytes += parser->bulk + 1;
		parser->bulk = 0;
		parser->done++;
	}
	return RESP_COMMAND;
}

void resp_collect(const struct resp_parser *parser, const uint8_t *p, struct resp_arg *args)
{
	p = (const uint8_t *)memchr(p, '\r', parser->bytes) + 2;
	for (uint32_t i = 0; i < parser->argc; i++) {
		uint32_t len = 0;

		for (p++; *p != '\r'; p++)
			len = len * 10 + (uint32_t)(*p - '0');
		args[i] = (struct resp_arg){.bytes = p + 2, .len = len};
		p += len + 4;
	}
}

uint32_t resp_wants(const struct resp_parser *parser, uint32_t have)
{
	if (parser->bulk != 0)
		return parser->bytes + parser->bulk + 1;
	return have + 1;
}

/* C's isspace in its own locale. */
static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A line that is being cut: read at @at, rewritten at @out, which never passes it. */
struct cutter {
	uint8_t *line;
	uint32_t len;
	uint32_t at;
	uint32_t out;
};

/* The byte @ahead of the present one; 0 behind the end. */
static uint8_t peek(const struct cutter *c, uint32_t ahead)
{
	return c->at + ahead < c->len ? c->line[c->at + ahead] : 0;
}

static uint8_t unescaped(uint8_t c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'b':
		return '\b';
	case 'a':
		return '\a';
	default:
		return c;
	}
}

/* The backslash in double quotes, at the present byte. */
static void cut_backslash(struct cutter *c)
{
	if (peek(c, 1) == 'x' && hex_value(peek(c, 2)) >= 0 && hex_value(peek(c, 3)) >= 0) {
		c->line[c->out++] = (uint8_t)(hex_value(peek(c, 2)) << 4 | hex_value(peek(c, 3)));
		c->at += 4;
		return;
	}
	c->line[c->out++] = unescaped(peek(c, 1));
	c->at += 2;
}

/* The part in quotes @quote, behind the opening one. False: it is not closed, or no blank follows.
 */
static bool cut_quoted(struct cutter *c, uint8_t quote)
{
	while (c->at < c->len) {
		uint8_t byte = peek(c, 0);

		if (byte == quote) {
			c->at++;
			return c->at >= c->len || is_blank(peek(c, 0));
		}
		if (byte == '\\' && quote == '"' && c->at + 1 < c->len) {
			cut_backslash(c);
		} else if (byte == '\\' && quote == '\'' && peek(c, 1) == '\'') {
			c->line[c->out++] = '\'';
			c->at += 2;
		} else {
			c->line[c->out++] = byte;
			c->at++;
		}
	}
	return false;
}

/* One argument. Quotes open anywhere in it; closing ones end it. */
static bool cut_arg(struct cutter *c)
{
	while (c->at < c->len) {
		uint8_t byte = peek(c, 0);

		if (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t')
			return true;
		c->at++;
		if (byte == '"' || byte == '\'')
			return cut_quoted(c, byte);
		c->line[c->out++] = byte;
	}
	return true;
}

int resp_split(uint8_t *line, uint32_t len, struct resp_arg *args)
{
	struct cutter c = {.line = line, .len = len};
	int argc = 0;

	if (c.len > 0 && line[c.len - 1] == '\n')
		c.len--;
	if (c.len > 0 && c.len < len && line[c.len - 1] == '\r')
		c.len--;
	while (c.at < c.len) {
		uint32_t start;

		if (is_blank(line[c.at])) {
			c.at++;
			continue;
		}
		start = c.out;
		if (!cut_arg(&c))
			return -EINVAL;
		args[argc++] = (struct resp_arg){.bytes = line + start, .len = c.out - start};
		c.at++;
	}
	return argc;
}

uint32_t resp_error_text(const struct resp_parser *parser, char *out)
{
	size_t n = base_strlcpy(out, "Protocol error: ", RESP_ERROR_TEXT_MAX);

	n += base_strlcpy(out + n, error_texts[parser->error], RESP_ERROR_TEXT_MAX - n);
	if (parser->error == RESP_BULK_EXPECTED) {
		out[n++] = (char)parser->got;
		out[n++] = '\'';
		out[n] = '\0';
	}
	return (uint32_t)n;
}
