/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows as people read them, from the same JSON that -j prints: the columns of a command are a table
 * of keys and headings. Numbers are aligned to the right.
 */
#ifndef CONTROL_CLI_TABLE_H
#define CONTROL_CLI_TABLE_H

#include <jansson.h>

#include "control/cli/cli.h"

struct table_column {
	const char *key;
	const char *heading;
};

/* Prints @rows, an array of objects, in aligned columns; "(none)" for no rows. */
void table_print(const json_t *rows, const struct table_column *columns, size_t n);

/* Prints the rows as JSON with -j, else as a table; releases them. Returns CLI_OK. */
enum cli_exit table_show(
	const struct cli *cli, json_t *rows, const struct table_column *columns, size_t n);

#endif
