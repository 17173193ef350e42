/* SPDX-License-Identifier: BSD-3-Clause */
/* Values as text, hex, words and JSON. */
#include <inttypes.h>
#include <string.h>

#include "control/cli/output.h"

bool output_format_parse(const char *word, enum output_format fallback, enum output_format *out)
{
	static const char *const words[] = {[OUTPUT_TEXT] = "text",
		[OUTPUT_RAW] = "raw",
		[OUTPUT_HEX] = "hex",
		[OUTPUT_U64] = "u64"};

	*out = fallback;
	if (!word)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(word, words[i]) == 0) {
			*out = (enum output_format)i;
			return true;
		}
	}
	cli_usage("--format \"%s\": not one of " OUTPUT_FORMATS, word);
	return false;
}

/* The bytes of the UTF-8 character at @p, of which @n are there; 0: there is none (RFC 3629). */
static size_t utf8(const uint8_t *p, size_t n)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t code;

	if (len == 1)
		return 1;
	if (len == 0 || len > n || p[0] > 0xf4)
		return 0;
	code = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	return code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : len;
}

static bool is_utf8(const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t len = utf8(p, n);

		if (len == 0)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static void text(FILE *f, const uint8_t *p, size_t n)
{
	static const char letters[] = "\n\\n\r\\r\t\\t\\\\\\";

	while (n > 0) {
		size_t len = utf8(p, n);
		const char *escape = NULL;

		for (const char *l = letters; *l && !escape; l += 3)
			escape = (uint8_t)l[0] == p[0] ? l + 1 : NULL;
		if (escape) {
			fwrite(escape, 1, 2, f);
		} else if (len == 0 || p[0] < ' ' || p[0] == 0x7f) {
			fprintf(f, "\\x%02x", p[0]);
			len = 1;
		} else {
			fwrite(p, 1, len, f);
		}
		p += len;
		n -= len;
	}
}

/* Calls for each word of @value. */
static void words(FILE *f, const uint8_t *value, size_t len, const char *between)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = 0;

		for (size_t j = 0; j < 8 && i + j < len; j++)
			word |= (uint64_t)value[i + j] << (8 * j);
		fprintf(f, "%s%" PRIu64, i ? between : "", word);
	}
}

void output_value(FILE *f, enum output_format format, const void *value, size_t len)
{
	const uint8_t *p = value;

	switch (format) {
	case OUTPUT_TEXT:
		text(f, p, len);
		break;
	case OUTPUT_RAW:
		fwrite(p, 1, len, f);
		break;
	case OUTPUT_HEX:
		for (size_t i = 0; i < len; i++)
			fprintf(f, "%02x", p[i]);
		break;
	case OUTPUT_U64:
		words(f, p, len, " ");
		break;
	}
}

static void base64(FILE *f, const uint8_t *p, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t bits = (uint32_t)p[i] << 16;

		if (i + 1 < n)
			bits |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			bits |= p[i + 2];
		fputc(digits[bits >> 18], f);
		fputc(digits[bits >> 12 & 63], f);
		fputc(i + 1 < n ? digits[bits >> 6 & 63] : '=', f);
		fputc(i + 2 < n ? digits[bits & 63] : '=', f);
	}
}

void output_json_text(FILE *f, const char *value, size_t len)
{
	const uint8_t *p = (const uint8_t *)value;

	fputc('"', f);
	while (len > 0) {
		size_t n = utf8(p, len);

		if (n == 0)
			fputc('?', f);
		else if (p[0] == '"' || p[0] == '\\')
			fprintf(f, "\\%c", p[0]);
		else if (p[0] < ' ')
			fprintf(f, "\\u%04x", p[0]);
		else
			fwrite(p, 1, n, f);
		n = MAX_OF(n, 1u);
		p += n;
		len -= n;
	}
	fputc('"', f);
}

void output_member(
	FILE *f, const char *name, enum output_format format, const void *value, size_t len)
{
	bool as_base64 = format == OUTPUT_RAW || (format == OUTPUT_TEXT && !is_utf8(value, len));

	fprintf(f, "\"%s%s\": ", name, as_base64 ? "_base64" : "");
	if (format == OUTPUT_U64) {
		fputc('[', f);
		words(f, value, len, ", ");
		fputc(']', f);
	} else if (format == OUTPUT_TEXT && !as_base64) {
		output_json_text(f, value, len);
	} else {
		fputc('"', f);
		if (as_base64)
			base64(f, value, len);
		else
			output_value(f, format, value, len);
		fputc('"', f);
	}
}
