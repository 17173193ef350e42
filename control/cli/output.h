/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values as people and programs read them: bytes that a user's program made may be anything, and a
 * line is to stay a line. Pure but for the stream; any thread.
 */
#ifndef CONTROL_CLI_OUTPUT_H
#define CONTROL_CLI_OUTPUT_H

#include <stdio.h>

#include "control/cli/cli.h"

enum output_format {
	OUTPUT_TEXT, /* UTF-8; control characters, backslashes and other bytes escaped */
	OUTPUT_RAW,  /* as it is */
	OUTPUT_HEX,  /* two digits a byte */
	OUTPUT_U64,  /* little-endian words in decimal, the last one filled up with zeros */
};

/* The words of --format, as an option lists them. */
#define OUTPUT_FORMATS "text raw hex u64"

/* The format called @word; @fallback for NULL. False after an explanation. */
bool output_format_parse(const char *word, enum output_format fallback, enum output_format *out);

/* Writes the @len bytes at @value. */
void output_value(FILE *f, enum output_format format, const void *value, size_t len);

/*
 * Writes "<name>": and the value as JSON: a string; a list of numbers for OUTPUT_U64; for
 * OUTPUT_RAW and for what is not UTF-8 a string in base64, and the name ends in _base64 then.
 */
void output_member(
	FILE *f, const char *name, enum output_format format, const void *value, size_t len);

/* Writes a JSON string; what is not UTF-8 of it becomes "?". */
void output_json_text(FILE *f, const char *text, size_t len);

#endif
