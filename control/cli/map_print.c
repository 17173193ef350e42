/* SPDX-License-Identifier: BSD-3-Clause */
/* Results and faults of braidctl map. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/map.h"

#define ITEM_SHOWN_MAX 40 /* bytes of an item that a message repeats */

/* "FAULT item 3: shop.f: line 12, ...": the number, and *@rest what follows; UINT64_MAX: none. */
static uint64_t fault_item(const char *text, const char **rest)
{
	static const char prefix[] = "FAULT item ";
	uint64_t n;
	char *end;

	*rest = strncmp(text, "FAULT ", 6) == 0 ? text + 6 : text;
	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return UINT64_MAX;
	n = strtoull(text + sizeof(prefix) - 1, &end, 10);
	if (*end != ':')
		return UINT64_MAX;
	*rest = end + 1 + strspn(end + 1, " ");
	return n;
}

/* Says on stderr which item it was. */
static void tell_fault(const struct map_slot *s, uint64_t item, const char *text)
{
	size_t len;

	if (item >= s->batch.n) {
		fprintf(stderr, "braidctl: %s\n", text);
		return;
	}
	len = MIN_OF(s->batch.lens[item], (size_t)ITEM_SHOWN_MAX);
	fprintf(stderr, "braidctl: item %" PRIu64 " (\"", s->batch.first + item);
	output_value(stderr, OUTPUT_TEXT, s->batch.items[item], len);
	fprintf(stderr, "%s\"): %s\n", len < s->batch.lens[item] ? "..." : "", text);
}

/* A row of JSON, up to its value. */
static void begin_row(struct map *m, uint64_t item, bool numbered)
{
	printf("%s\n  {", m->n_results + m->n_faults ? "," : "");
	if (numbered)
		printf("\"item\": %" PRIu64 ", ", item);
}

static enum cli_exit print_fault(struct map *m, struct map_slot *s, const redisReply *r, size_t at)
{
	const char *text;
	uint64_t item = fault_item(r->str, &text);
	bool numbered = item < s->batch.n;

	if (m->cli->json) {
		begin_row(m, s->batch.first + item, numbered);
		printf("\"fault\": ");
		output_json_text(stdout, text, strlen(text));
		putchar('}');
	} else {
		fflush(stdout);
		tell_fault(s, numbered ? item : at, text);
	}
	m->n_faults++;
	return m->stop_at_fault ? CLI_FAULT : CLI_OK;
}

static void print_result(struct map *m, uint64_t item, bool numbered, const redisReply *r)
{
	char digits[24];
	const char *value = r->str;
	size_t len = r->len;

	if (r->type == REDIS_REPLY_INTEGER) {
		len = (size_t)snprintf(digits, sizeof(digits), "%lld", r->integer);
		value = digits;
	}
	if (m->cli->json) {
		begin_row(m, item, numbered);
		output_member(stdout, "result", m->format, value ? value : "", len);
		putchar('}');
	} else {
		if (m->as_completed && numbered)
			printf("%" PRIu64 "\t", item);
		output_value(stdout, m->format, value ? value : "", len);
		putchar(m->terminator);
	}
	m->n_results++;
}

enum cli_exit map_print(
	struct map *m, struct map_slot *s, redisReply *const *results, size_t n, size_t at)
{
	enum cli_exit code = CLI_OK;

	progress_clear(&m->progress);
	for (size_t i = 0; i < n && code == CLI_OK; i++) {
		if (results[i]->type == REDIS_REPLY_ERROR)
			code = print_fault(m, s, results[i], at + i);
		else
			print_result(m, s->batch.first + at + i, s->is_numbered, results[i]);
	}
	if (fflush(stdout) != 0) {
		fprintf(stderr, "braidctl: the results cannot be written\n");
		return CLI_FAILED;
	}
	return code;
}
