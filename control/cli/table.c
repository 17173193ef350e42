/* SPDX-License-Identifier: BSD-3-Clause */
/* Aligned text tables from JSON rows. */
#include <stdio.h>
#include <string.h>

#include "control/cli/table.h"

#define CELL_MAX    512
#define COLUMNS_MAX 16

/* One value as text in @buf. */
static void format_value(const json_t *value, char buf[CELL_MAX])
{
	buf[0] = '\0';
	if (json_is_string(value))
		base_strlcpy(buf, json_string_value(value), CELL_MAX);
	else if (json_is_integer(value))
		snprintf(buf, CELL_MAX, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		snprintf(buf, CELL_MAX, "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		base_strlcpy(buf, json_is_true(value) ? "yes" : "no", CELL_MAX);
	if (buf[0] == '\0')
		base_strlcpy(buf, "-", CELL_MAX);
}

/* As above; the members of a list are joined. */
static void format_cell(const json_t *value, char buf[CELL_MAX])
{
	char member[CELL_MAX];
	size_t n = 0;

	if (!json_is_array(value) || json_array_size(value) == 0) {
		format_value(value, buf);
		return;
	}
	for (size_t i = 0; i < json_array_size(value) && n < CELL_MAX - 1; i++) {
		format_value(json_array_get(value, i), member);
		n += (size_t)snprintf(buf + n, CELL_MAX - n, "%s%s", i ? ", " : "", member);
	}
}

void table_print(const json_t *rows, const struct table_column *columns, size_t n)
{
	size_t widths[COLUMNS_MAX];
	char cell[CELL_MAX];

	BRAID_ASSERT(n <= COLUMNS_MAX);
	if (json_array_size(rows) == 0) {
		printf("(none)\n");
		return;
	}
	for (size_t c = 0; c < n; c++) {
		widths[c] = strlen(columns[c].heading);
		for (size_t r = 0; r < json_array_size(rows); r++) {
			format_cell(json_object_get(json_array_get(rows, r), columns[c].key), cell);
			widths[c] = MAX_OF(widths[c], strlen(cell));
		}
	}
	for (size_t r = 0; r <= json_array_size(rows); r++) {
		for (size_t c = 0; c < n; c++) {
			/* A column is to the right if its first row is a number. */
			const json_t *first =
				json_object_get(json_array_get(rows, 0), columns[c].key);
			const json_t *value =
				r ? json_object_get(json_array_get(rows, r - 1), columns[c].key)
				  : NULL;

			if (r == 0)
				base_strlcpy(cell, columns[c].heading, sizeof(cell));
			else
				format_cell(value, cell);
			if (json_is_number(first))
				printf("%s%*s", c ? "  " : "", (int)widths[c], cell);
			else
				printf("%s%-*s", c ? "  " : "", c + 1 < n ? (int)widths[c] : 0,
					cell);
		}
		putchar('\n');
	}
}

enum cli_exit table_show(
	const struct cli *cli, json_t *rows, const struct table_column *columns, size_t n)
{
	if (cli->json)
		return cli_print_json(rows);
	table_print(rows, columns, n);
	json_decref(rows);
	return CLI_OK;
}
