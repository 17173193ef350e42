/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * YAML text into a tree of values with their places, from libyaml's events. Refuses what a
 * configuration does not need and an attacker would like: aliases, tags, several documents, deep
 * nesting. Main threads only. YAML 1.1.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/conf/conf_impl.h"

#define SCALAR_BYTES_MAX 4096

/* The lists and maps that are open at this event. */
struct conf_builder {
	struct conf_loader *l;
	unsigned depth;
	uint32_t open[CONF_DEPTH_MAX];
	uint32_t last_child[CONF_DEPTH_MAX];
	unsigned n_documents;
};

static struct conf_place place_of(const yaml_mark_t *mark)
{
	return (struct conf_place){
		.line = (uint32_t)mark->line + 1,
		.column = (uint32_t)mark->column + 1,
	};
}

/* The place of the byte at @offset, for errors that libyaml gives no place to. */
static struct conf_place place_of_offset(const char *text, size_t len, size_t offset)
{
	struct conf_place place = {.line = 1, .column = 1};

	for (size_t i = 0; i < offset && i < len; i++) {
		/* Continuation bytes of UTF-8 are no characters of their own. */
		if (text[i] == '\n')
			place = (struct conf_place){.line = place.line + 1, .column = 1};
		else if (((unsigned char)text[i] & 0xc0) != 0x80)
			place.column++;
	}
	return place;
}

/* Whether the line @place is on has a tab where it is indented. */
static bool is_indented_by_tab(const char *text, size_t len, struct conf_place place)
{
	size_t i = 0;

	for (uint32_t line = 1; line < place.line && i < len; i++)
		if (text[i] == '\n')
			line++;
	while (i < len && text[i] == ' ')
		i++;
	return i < len && text[i] == '\t';
}

/* Turns libyaml's complaint into a sentence. */
static int fail_syntax(
	struct conf_loader *l, const yaml_parser_t *parser, const char *text, size_t len)
{
	struct conf_place place;

	if (parser->error == YAML_MEMORY_ERROR)
		return conf_fail_memory(l);
	if (parser->error == YAML_READER_ERROR) {
		place = place_of_offset(text, len, parser->problem_offset);
		return conf_fail(l, place, "not valid YAML: %s (the file must be UTF-8 text)",
			parser->problem);
	}
	place = place_of(&parser->problem_mark);
	if (is_indented_by_tab(text, len, place))
		return conf_fail(l, place, "not valid YAML: a tab indents this line (use spaces)");
	if (parser->context)
		return conf_fail(l, place, "not valid YAML: %s %s that starts at line %zu",
			parser->problem, parser->context, parser->context_mark.line + 1);
	return conf_fail(l, place, "not valid YAML: %s", parser->problem);
}

/* Appends a value to the open list or map; its index, or a negative errno. */
static int64_t add_value(struct conf_builder *b, enum conf_value_kind kind, struct conf_place place)
{
	struct conf_yaml *y = &b->l->yaml;
	uint32_t index = y->n_values;
	unsigned top = b->depth - 1;

	if (index > CONF_VALUES_MAX)
		return conf_fail(b->l, place,
			"the file has more than %d values (put routes into route_files)",
			CONF_VALUES_MAX);
	if (conf_grow((void **)&y->values, &y->cap_values, index, sizeof(*y->values)) < 0)
		return conf_fail_memory(b->l);
	y->values[index] = (struct conf_value){.kind = kind, .place = place};
	y->n_values++;
	if (b->depth == 0)
		return index;
	if (b->last_child[top])
		y->values[b->last_child[top]].next = index;
	else
		y->values[b->open[top]].first = index;
	b->last_child[top] = index;
	y->values[b->open[top]].n_children++;
	return index;
}

static int refuse_extras(struct conf_builder *b, const yaml_event_t *event,
	const yaml_char_t *anchor, const yaml_char_t *tag)
{
	char quoted[CONF_QUOTE_BYTES];
	const char *text = (const char *)(anchor ? anchor : tag);

	if (!text)
		return 0;
	conf_quote(text, strlen(text), quoted);
	return conf_fail(b->l, place_of(&event->start_mark),
		anchor ? "anchor \"&%s\" is not supported (write the value out)"
		       : "tag \"%s\" is not supported (remove it)",
		quoted);
}

static int on_open(struct conf_builder *b, const yaml_event_t *event, enum conf_value_kind kind)
{
	struct conf_place place = place_of(&event->start_mark);
	int64_t index;

	if (b->depth == CONF_DEPTH_MAX)
		return conf_fail(b->l, place, "more than %d lists and maps inside each other",
			CONF_DEPTH_MAX);
	index = add_value(b, kind, place);
	if (index < 0)
		return (int)index;
	b->open[b->depth] = (uint32_t)index;
	b->last_child[b->depth] = 0;
	b->depth++;
	return 0;
}

static int on_scalar(struct conf_builder *b, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct conf_place place = place_of(&event->start_mark);
	struct conf_yaml *y = &b->l->yaml;
	int64_t index = add_value(b, CONF_VALUE_SCALAR, place);

	if (index < 0)
		return (int)index;
	if (len > SCALAR_BYTES_MAX)
		return conf_fail(
			b->l, place, "this value is longer than %d bytes", SCALAR_BYTES_MAX);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			y->values[index].has_control = true;
	while (y->text_cap - y->text_len < len + 1) {
		size_t cap = y->text_cap ? y->text_cap * 2 : 2 * SCALAR_BYTES_MAX;
		char *grown = realloc(y->text, cap);

		if (!grown)
			return conf_fail_memory(b->l);
		y->text = grown;
		y->text_cap = cap;
	}
	memcpy(y->text + y->text_len, text, len);
	y->text[y->text_len + len] = '\0';
	y->values[index].text = y->text_len;
	y->values[index].text_len = (uint32_t)len;
	y->text_len += len + 1;
	return 0;
}

static int on_event(struct conf_builder *b, const yaml_event_t *event)
{
	struct conf_place place = place_of(&event->start_mark);
	int rc;

	switch (event->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	case YAML_DOCUMENT_START_EVENT:
		if (b->n_documents++ > 0)
			return conf_fail(b->l, place,
				"a second YAML document starts here (a configuration is one)");
		return 0;
	case YAML_ALIAS_EVENT:
		return conf_fail(
			b->l, place, "YAML aliases are not supported (write the value out)");
	case YAML_SCALAR_EVENT:
		rc = refuse_extras(b, event, event->data.scalar.anchor, event->data.scalar.tag);
		return rc < 0 ? rc : on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		rc = refuse_extras(b, event, event->data.sequence_start.anchor,
			event->data.sequence_start.tag);
		return rc < 0 ? rc : on_open(b, event, CONF_VALUE_LIST);
	case YAML_MAPPING_START_EVENT:
		rc = refuse_extras(
			b, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
		return rc < 0 ? rc : on_open(b, event, CONF_VALUE_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	}
	return 0;
}

int conf_yaml_parse(struct conf_loader *l, const char *text, size_t len)
{
	struct conf_builder b = {.l = l};
	yaml_parser_t parser;
	yaml_event_t event;
	bool is_end = false;
	int rc = 0;

	l->yaml.n_values = 1;
	if (!yaml_parser_initialize(&parser))
		return conf_fail_memory(l);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (rc == 0 && !is_end) {
		if (!yaml_parser_parse(&parser, &event)) {
			rc = fail_syntax(l, &parser, text, len);
			break;
		}
		is_end = event.type == YAML_STREAM_END_EVENT;
		rc = on_event(&b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (rc == 0 && l->yaml.n_values == 1)
		return conf_fail(l, (struct conf_place){.line = 1, .column = 1},
			"the file is empty (it needs at least a node section)");
	return rc;
}
