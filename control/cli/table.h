/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows as people read them, from the same JSON that -j prints: the columns of a command are a table
 * of keys and headings. Numbers are aligned to the right; of an object of counts those are shown
 * that are not 0.
 */
#ifndef CONTROL_CLI_TABLE_H
#define CONTROL_CLI_TABLE_H

#include <jansson.h>

#include "control/cli/cli.h"

#define TABLE_CELL_MAX 512

struct table_column {
	const char *key;
	const char *heading;
};

/* One value, or the members of a list, as text in @buf; "-" for none. */
void table_format(const json_t *value, char buf[TABLE_CELL_MAX]);

/* Prints @rows, an array of objects, in aligned columns; "(none)" for no rows. */
void table_print(const json_t *rows, const struct table_column *columns, size_t n);

/* Prints the rows as JSON with -j, else as a table; releases them. Returns CLI_OK. */
enum cli_exit table_show(
	const struct cli *cli, json_t *rows, const struct table_column *columns, size_t n);

#endif
