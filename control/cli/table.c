/* SPDX-License-Identifier: BSD-3-Clause */
/* Aligned text tables from JSON rows. */
#include <stdio.h>
#include <string.h>

#include "control/cli/table.h"

#define COLUMNS_MAX 16

/* One value as text in @buf. */
static void format_value(const json_t *value, char buf[TABLE_CELL_MAX])
{
	buf[0] = '\0';
	if (json_is_string(value))
		base_strlcpy(buf, json_string_value(value), TABLE_CELL_MAX);
	else if (json_is_integer(value))
		snprintf(buf, TABLE_CELL_MAX, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		snprintf(buf, TABLE_CELL_MAX, "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		base_strlcpy(buf, json_is_true(value) ? "yes" : "no", TABLE_CELL_MAX);
	if (buf[0] == '\0')
		base_strlcpy(buf, "-", TABLE_CELL_MAX);
}

/* "lb_too_big 3, no_mbuf 1": the members of @counts that are not 0. */
static void format_counts(const json_t *counts, char buf[TABLE_CELL_MAX])
{
	const char *key;
	json_t *value;
	size_t n = 0;

	base_strlcpy(buf, "-", TABLE_CELL_MAX);
	json_object_foreach((json_t *)(uintptr_t)counts, key,
		value) if (json_integer_value(value) != 0 && n < TABLE_CELL_MAX - 1) n +=
		(size_t)snprintf(buf + n, TABLE_CELL_MAX - n, "%s%s %lld", n ? ", " : "", key,
			(long long)json_integer_value(value));
}

void table_format(const json_t *value, char buf[TABLE_CELL_MAX])
{
	char member[TABLE_CELL_MAX];
	size_t n = 0;

	if (json_is_object(value)) {
		format_counts(value, buf);
		return;
	}
	if (!json_is_array(value) || json_array_size(value) == 0) {
		format_value(value, buf);
		return;
	}
	for (size_t i = 0; i < json_array_size(value) && n < TABLE_CELL_MAX - 1; i++) {
		format_value(json_array_get(value, i), member);
		n += (size_t)snprintf(buf + n, TABLE_CELL_MAX - n, "%s%s", i ? ", " : "", member);
	}
}

void table_print(const json_t *rows, const struct table_column *columns, size_t n)
{
	size_t widths[COLUMNS_MAX];
	char cell[TABLE_CELL_MAX];

	BRAID_ASSERT(n <= COLUMNS_MAX);
	if (json_array_size(rows) == 0) {
		printf("(none)\n");
		return;
	}
	for (size_t c = 0; c < n; c++) {
		widths[c] = strlen(columns[c].heading);
		for (size_t r = 0; r < json_array_size(rows); r++) {
			table_format(
				json_object_get(json_array_get(rows, r), columns[c].key), cell);
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
				table_format(value, cell);
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
