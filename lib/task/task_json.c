/* SPDX-License-Identifier: BSD-3-Clause */
/* Fields of flat JSON objects; see task_json.h. Any thread. */
#include <string.h>

#include "lib/task/task_json.h"

/* What is left of the text. */
struct cursor {
	const uint8_t *p;
	const uint8_t *end;
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

/* Takes @byte, behind spaces. */
static bool take(struct cursor *c, uint8_t byte)
{
	skip_space(c);
	if (c->p == c->end || *c->p != byte)
		return false;
	c->p++;
	return true;
}

/* Takes a string; @out is what is between its quotes. */
static bool take_string(struct cursor *c, struct task_piece *out)
{
	if (!take(c, '"'))
		return false;
	out->bytes = c->p;
	while (c->p < c->end && *c->p != '"')
		c->p += *c->p == '\\' ? 2 : 1;
	if (c->p >= c->end)
		return false;
	out->len = (uint32_t)(c->p - out->bytes);
	c->p++;
	return true;
}

/* Takes an object or an array up to the bracket that closes it. */
static bool take_nested(struct cursor *c, struct task_piece *out)
{
	struct task_piece ignored;
	uint32_t depth = 0;

	out->bytes = c->p;
	do {
		uint8_t byte = *c->p;

		if (byte == '"') {
			if (!take_string(c, &ignored))
				return false;
			continue;
		}
		depth += byte == '{' || byte == '[';
		depth -= byte == '}' || byte == ']';
		c->p++;
	} while (depth > 0 && c->p < c->end);
	out->len = (uint32_t)(c->p - out->bytes);
	return depth == 0;
}

static bool ends_word(uint8_t byte)
{
	return byte == ',' || byte == '}' || byte == ' ' || byte == '\t' || byte == '\n' ||
	       byte == '\r';
}

static bool take_value(struct cursor *c, struct task_piece *out)
{
	skip_space(c);
	if (c->p == c->end)
		return false;
	if (*c->p == '"')
		return take_string(c, out);
	if (*c->p == '{' || *c->p == '[')
		return take_nested(c, out);
	out->bytes = c->p;
	while (c->p < c->end && !ends_word(*c->p))
		c->p++;
	out->len = (uint32_t)(c->p - out->bytes);
	return out->len > 0;
}

bool task_json_field(struct task_piece text, struct task_piece name, struct task_piece *found)
{
	struct cursor c = {.p = text.bytes, .end = text.bytes + text.len};
	struct task_piece key;

	if (!take(&c, '{'))
		return false;
	do {
		if (!take_string(&c, &key) || !take(&c, ':') || !take_value(&c, found))
			return false;
		if (key.len == name.len && memcmp(key.bytes, name.bytes, key.len) == 0)
			return true;
	} while (take(&c, ','));
	return false;
}
