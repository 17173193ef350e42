/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of the Redis protocol: arrays of bulk strings and inline commands, parsed as they come
 * in, however they are cut. The parser keeps no bytes: the caller holds what is not yet a whole
 * command and offers it again with more behind it; work done once is not done again. Errors are in
 * Redis's words. https://redis.io/docs/reference/protocol-spec/. Any thread.
 *
 * Redis looks for line ends with C string functions, so a zero byte hides all that follow it: a
 * line with one in it never ends, until it is too long. Clients may rely on it, so it is kept.
 */
#ifndef LIB_WIRE_RESP_H
#define LIB_WIRE_RESP_H

#include "lib/base/base.h"

#define RESP_INLINE_BYTES_MAX (64u << 10) /* PROTO_INLINE_MAX_SIZE, of any line */
#define RESP_ARGS_MAX         (1u << 20)  /* 1024 * 1024 */
#define RESP_GUEST_ARGS_MAX   10          /* of a client that must authenticate first */
#define RESP_GUEST_BULK_MAX   16384
#define RESP_ERROR_TEXT_MAX   64
#define RESP_LINE_ARGS(bytes) ((bytes) / 2 + 1) /* an inline command has no more of them */

struct resp_arg {
	const uint8_t *bytes;
	uint32_t len;
};

struct resp_limits {
	uint32_t bulk_bytes_max; /* proto-max-bulk-len */
	bool guest;              /* must authenticate first */
};

enum resp_result {
	RESP_MORE,    /* not whole yet: offer it again when there are resp_wants() bytes */
	RESP_COMMAND, /* @bytes long, @argc arguments; none: skip it */
	RESP_LINE,    /* an inline command of @bytes, whose arguments resp_split finds */
	RESP_ERROR,   /* resp_error_text says which; nothing behind it makes sense */
};

enum resp_error {
	RESP_OK,
	RESP_LINE_TOO_LONG,
	RESP_UNBALANCED_QUOTES,
	RESP_COUNT_TOO_LONG,
	RESP_COUNT_INVALID,
	RESP_COUNT_GUEST,
	RESP_BULK_TOO_LONG,
	RESP_BULK_EXPECTED,
	RESP_BULK_INVALID,
	RESP_BULK_GUEST,
	RESP_ERROR_COUNT
};

/* How far the command at the start of the bytes has been read. Zeroed for each new command. */
struct resp_parser {
	uint32_t bytes;   /* read for good; of the whole command at the end */
	uint32_t scanned; /* behind them, without a line end */
	uint32_t argc;    /* of the command; 0: its count has not been read */
	uint32_t done;    /* arguments read for good */
	uint32_t bulk;    /* 1 + length of the argument that is being read; 0: not known */
	uint8_t error;    /* enum resp_error */
	uint8_t got;      /* BULK_EXPECTED: the byte in its place */
};

/*
 * Reads on in the command that starts at @p; @len bytes are there, all those of the calls before
 * among them. The first @max arguments of a RESP_COMMAND are in @args when it was read in one call;
 * otherwise, and when there are more, resp_collect finds them.
 */
enum resp_result resp_parse(struct resp_parser *parser, const struct resp_limits *limits,
	const struct resp_arg *input, struct resp_arg *args, uint32_t max);

/* The arguments of a whole command (RESP_COMMAND) at @p; @args has room for parser->argc. */
void resp_collect(const struct resp_parser *parser, const uint8_t *p, struct resp_arg *args);

/* After RESP_MORE of @have bytes: with how many, from the start of the command, there is progress.
 * More than @have. */
uint32_t resp_wants(const struct resp_parser *parser, uint32_t have);

/*
 * Cuts the inline command @line of @len bytes (its line end included or not) into arguments as
 * sdssplitargs does: blanks between them, "double quotes" with backslashes, 'single quotes'. The
 * arguments lie in @line, which is overwritten; @args has room for RESP_LINE_ARGS(@len). How many,
 * or -EINVAL: quotes are not closed, or something follows them.
 */
int resp_split(uint8_t *line, uint32_t len, struct resp_arg *args);

/* The sentence of an error reply, without "-ERR " and line end, into @out of RESP_ERROR_TEXT_MAX
 * bytes. Its length. */
uint32_t resp_error_text(const struct resp_parser *parser, char *out);

#endif
