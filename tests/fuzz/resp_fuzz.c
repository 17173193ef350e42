/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as requests: however they are cut, the same commands and the same error come out, and
 * nothing beside the bytes offered is read. The first byte decides how they are cut. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/wire/resp.h"

#define ARGS_MAX 16

/* What has been read, as a hash of commands, arguments and errors. */
struct digest {
	uint64_t hash;
	uint32_t commands;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mix(struct digest *d, const void *p, size_t n)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < n; i++)
		d->hash = (d->hash ^ bytes[i]) * 0x100000001b3ULL;
	d->hash = (d->hash ^ n) * 0x100000001b3ULL;
}

static void mix_args(struct digest *d, const struct resp_arg *args, uint32_t argc)
{
	d->commands++;
	for (uint32_t i = 0; i < argc; i++)
		mix(d, args[i].bytes, args[i].len);
}

static void mix_error(struct digest *d, const struct resp_parser *parser)
{
	char text[RESP_ERROR_TEXT_MAX];

	mix(d, text, resp_error_text(parser, text));
}

/* Cuts a line; false: its quotes are wrong. */
static bool mix_line(struct digest *d, const uint8_t *p, uint32_t len)
{
	struct resp_arg *args = malloc(RESP_LINE_ARGS(len) * sizeof(*args));
	uint8_t *line = malloc(len);
	int argc;

	memcpy(line, p, len);
	argc = resp_split(line, len, args);
	if (argc >= 0)
		mix_args(d, args, (uint32_t)argc);
	free(line);
	free(args);
	return argc >= 0;
}

/* A whole command or an error: false ends the reading. */
static bool take(struct digest *d, enum resp_result result, const struct resp_parser *parser,
	const uint8_t *p)
{
	struct resp_arg *args;

	if (result == RESP_LINE)
		return mix_line(d, p, parser->bytes);
	if (result == RESP_ERROR) {
		mix_error(d, parser);
		return false;
	}
	if (parser->argc == 0)
		return true;
	args = malloc(parser->argc * sizeof(*args));
	resp_collect(parser, p, args);
	mix_args(d, args, parser->argc);
	free(args);
	return true;
}

/* Offers @len bytes, at first @step of them and then @step more each time; 0: all at once. */
static struct digest read_all(
	const struct resp_limits *limits, const uint8_t *bytes, uint32_t len, uint32_t step)
{
	struct digest d = {.hash = 0xcbf29ce484222325ULL};
	struct resp_parser parser = {0};
	struct resp_arg args[ARGS_MAX];
	uint32_t start = 0, have = step ? MIN_OF(step, len) : len;

	while (start < len) {
		uint8_t *p = malloc(MAX_OF(have - start, 1u));
		struct resp_arg input = {.bytes = p, .len = have - start};
		enum resp_result result;
		bool go_on;

		memcpy(p, bytes + start, have - start);
		result = resp_parse(&parser, limits, &input, args, ARGS_MAX);
		if (result == RESP_MORE) {
			if (resp_wants(&parser, input.len) <= input.len)
				abort();
			go_on = have < len;
			have = MIN_OF(have + step, len);
		} else {
			go_on = take(&d, result, &parser, p);
			start += parser.bytes;
			parser = (struct resp_parser){0};
		}
		free(p);
		if (!go_on)
			break;
	}
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resp_limits limits = {.bulk_bytes_max = 512u << 20};
	struct digest whole, cut;

	if (size < 2 || size > 1u << 20)
		return 0;
	limits.guest = data[0] & 1;
	whole = read_all(&limits, data + 1, (uint32_t)size - 1, 0);
	cut = read_all(&limits, data + 1, (uint32_t)size - 1, 1u + (data[0] >> 1) % 61);
	if (whole.hash != cut.hash || whole.commands != cut.commands)
		abort();
	return 0;
}
