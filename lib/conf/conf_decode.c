/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tree of values into the configuration, by the tables of conf_keys.c: finds each key's row,
 * says what is unknown, doubled, missing or of the wrong kind, and calls the row's decoder. An
 * explicit stack instead of recursion. Main threads only.
 */
#include <errno.h>
#include <string.h>

#include "lib/conf/conf_impl.h"

#define LABEL_BYTES  128
#define KEYS_MAX     32
#define FRAMES_MAX   (CONF_DEPTH_MAX + 1)
#define VALUE_AT_ONE 1 /* the root's index in conf_yaml.values */

/* A map or a list in the middle of being decoded. */
struct frame {
	const struct conf_value *value;
	const struct conf_section *section; /* of a map */
	const struct conf_key *key;         /* of a list, the row it belongs to */
	uint32_t next;                      /* child to decode next, 0: none */
	uint32_t n_done;
	void *base;
	bool is_keys_only; /* names are checked, values are not decoded */
	uint32_t seen;     /* bit per row of the section */
};

struct walk {
	struct conf_loader *l;
	bool has_node;
	unsigned depth;
	struct frame frames[FRAMES_MAX];
};

/* The child of @map under @name, or NULL. */
static const struct conf_value *find_child(
	const struct conf_loader *l, const struct conf_value *map, const char *name)
{
	for (uint32_t i = map->first; i; i = conf_value_at(l, conf_value_at(l, i)->next)->next) {
		const struct conf_value *key = conf_value_at(l, i);

		if (key->kind == CONF_VALUE_SCALAR && !strcmp(conf_value_text(l, key), name))
			return conf_value_at(l, key->next);
	}
	return NULL;
}

/* Writes `port "lan"`, or the noun alone when the section has no name, to @buf; returns @buf. */
static char *label(const struct conf_loader *l, const struct frame *f, char buf[LABEL_BYTES])
{
	const struct conf_value *identity = NULL;
	char quoted[CONF_QUOTE_BYTES];
	size_t n = base_strlcpy(buf, f->section->noun, LABEL_BYTES);

	if (f->section->identity)
		identity = find_child(l, f->value, f->section->identity);
	if (!identity || identity->kind != CONF_VALUE_SCALAR || identity->text_len == 0)
		return buf;
	conf_quote(conf_value_text(l, identity), identity->text_len, quoted);
	n += base_strlcpy(buf + n, " \"", LABEL_BYTES - n);
	n += base_strlcpy(buf + n, quoted, LABEL_BYTES - n);
	base_strlcpy(buf + n, "\"", LABEL_BYTES - n);
	return buf;
}

static int fail_unknown(struct walk *w, const struct frame *f, const struct conf_value *key)
{
	const char *names[KEYS_MAX];
	const char *text = conf_value_text(w->l, key);
	const char *suggestion;
	char quoted[CONF_QUOTE_BYTES], where[LABEL_BYTES];

	for (size_t i = 0; i < f->section->n_keys; i++)
		names[i] = f->section->keys[i].name;
	suggestion = base_suggest(text, names, f->section->n_keys);
	conf_quote(text, key->text_len, quoted);
	label(w->l, f, where);
	if (suggestion)
		return conf_fail(w->l, key->place,
			"unknown key \"%s\" in %s (did you mean \"%s\"?)", quoted, where,
			suggestion);
	return conf_fail(w->l, key->place, "unknown key \"%s\" in %s", quoted, where);
}

/* What a row takes, for a person. */
static const char *takes_text(unsigned takes)
{
	if (takes & CONF_TAKES_SCALAR)
		return takes == CONF_TAKES_SCALAR ? "one value" : "one value or a list";
	if (takes & CONF_TAKES_MAP)
		return "a map of keys";
	return takes & CONF_TAKES_MAPS ? "a list of maps" : "a list";
}

static const char *kind_text(const struct conf_value *value)
{
	switch (value->kind) {
	case CONF_VALUE_SCALAR:
		return value->text_len ? "one value" : "nothing";
	case CONF_VALUE_LIST:
		return "a list";
	case CONF_VALUE_MAP:
		return "a map of keys";
	}
	return "";
}

static int fail_kind(
	struct walk *w, const struct conf_key *key, const struct conf_value *value, bool is_item)
{
	if (is_item)
		return conf_fail(w->l, value->place, "each item of \"%s\" must be %s, not %s (%s)",
			key->name, key->takes & CONF_TAKES_MAPS ? "a map of keys" : "one value",
			kind_text(value), key->help);
	return conf_fail(w->l, value->place, "\"%s\" must be %s, not %s (%s)", key->name,
		takes_text(key->takes), kind_text(value), key->help);
}

static int fail_control(struct walk *w, const struct conf_value *value)
{
	return conf_fail(w->l, value->place, "this value holds a control character");
}

static int push_map(struct walk *w, const struct conf_section *section,
	const struct conf_value *value, const struct frame *parent)
{
	struct frame *f;
	void *base = parent->base;

	if (section->begin && !parent->is_keys_only) {
		int rc = section->begin(w->l, value, &base);

		if (rc < 0)
			return rc;
	}
	BRAID_ASSERT(w->depth < FRAMES_MAX && section->n_keys <= KEYS_MAX);
	f = &w->frames[w->depth++];
	*f = (struct frame){
		.value = value,
		.section = section,
		.next = value->first,
		.base = base,
		.is_keys_only = parent->is_keys_only,
	};
	return 0;
}

static int push_list(struct walk *w, const struct conf_key *key, const struct conf_value *value,
	const struct frame *parent)
{
	if (value->n_children < key->items_min)
		return conf_fail(
			w->l, value->place, "\"%s\" is an empty list (%s)", key->name, key->help);
	BRAID_ASSERT(w->depth < FRAMES_MAX);
	w->frames[w->depth++] = (struct frame){
		.value = value,
		.key = key,
		.next = value->first,
		.base = parent->base,
		.is_keys_only = parent->is_keys_only,
	};
	return 0;
}

static int decode_scalar(struct walk *w, const struct frame *f, const struct conf_key *key,
	const struct conf_value *value)
{
	if (value->has_control && !key->is_binary)
		return fail_control(w, value);
	if (f->is_keys_only)
		return 0;
	return key->decode(w->l, key, value, f->base);
}

static int step_list(struct walk *w, struct frame *f)
{
	const struct conf_value *item = conf_value_at(w->l, f->next);
	const struct conf_key *key = f->key;

	if (!item) {
		w->depth--;
		return 0;
	}
	f->next = item->next;
	if (f->n_done++ == key->items_max)
		return conf_fail(w->l, item->place, "more than %u items in \"%s\"", key->items_max,
			key->name);
	if (item->kind == CONF_VALUE_SCALAR && item->text_len && (key->takes & CONF_TAKES_SCALARS))
		return decode_scalar(w, f, key, item);
	if (item->kind == CONF_VALUE_MAP && (key->takes & CONF_TAKES_MAPS))
		return push_map(w, key->section, item, f);
	return fail_kind(w, key, item, true);
}

/* Every row is there that must be; then the section's own check. */
static int end_map(struct walk *w, struct frame *f)
{
	char where[LABEL_BYTES];

	w->depth--;
	if (f->is_keys_only && w->depth > 0)
		return 0;
	for (size_t i = 0; i < f->section->n_keys; i++) {
		const struct conf_key *key = &f->section->keys[i];

		if (key->required && !(f->seen & 1U << i))
			return conf_fail(w->l, f->value->place, "%s has no \"%s\" (%s)",
				label(w->l, f, where), key->name, key->help);
	}
	return f->section->end ? f->section->end(w->l, f->value, f->base) : 0;
}

/* The row of a key that is known and not yet seen in this map, or NULL after conf_fail. */
static const struct conf_key *find_key(
	struct walk *w, struct frame *f, const struct conf_value *name)
{
	const struct conf_section *section = f->section;
	char where[LABEL_BYTES];
	size_t row = 0;

	if (name->kind != CONF_VALUE_SCALAR) {
		conf_fail(w->l, name->place, "a key of %s must be a word, not %s",
			label(w->l, f, where), kind_text(name));
		return NULL;
	}
	if (name->has_control) {
		fail_control(w, name);
		return NULL;
	}
	while (row < section->n_keys &&
		strcmp(section->keys[row].name, conf_value_text(w->l, name)) != 0)
		row++;
	if (row == section->n_keys) {
		fail_unknown(w, f, name);
		return NULL;
	}
	if (section->keys[row].takes == CONF_TAKES_NOTHING) {
		conf_fail(w->l, name->place,
			"\"%s\" is not supported by this version of braid (%s)",
			section->keys[row].name, section->keys[row].help);
		return NULL;
	}
	if (f->seen & 1U << row) {
		conf_fail(w->l, name->place, "key \"%s\" is twice in %s (remove one of them)",
			section->keys[row].name, label(w->l, f, where));
		return NULL;
	}
	f->seen |= 1U << row;
	return &section->keys[row];
}

/* Whether the dataplane needs the section to start. */
static bool is_of_start(const struct conf_key *key)
{
	return strcmp(key->name, "node") == 0 || strcmp(key->name, "store") == 0 ||
	       strcmp(key->name, "compute") == 0;
}

static int step_map(struct walk *w, struct frame *f)
{
	const struct conf_value *name = conf_value_at(w->l, f->next);
	const struct conf_value *value;
	const struct conf_key *key;

	if (!name)
		return end_map(w, f);
	value = conf_value_at(w->l, name->next);
	f->next = value->next;
	key = find_key(w, f, name);
	if (!key)
		return -EINVAL;
	/* Below the top level everything belongs to the key it stands under. */
	if (w->depth == 1)
		f->is_keys_only = !w->has_node || (w->l->node_only && !is_of_start(key));
	if (value->kind == CONF_VALUE_SCALAR && value->text_len && (key->takes & CONF_TAKES_SCALAR))
		return decode_scalar(w, f, key, value);
	if (value->kind == CONF_VALUE_LIST && (key->takes & (CONF_TAKES_SCALARS | CONF_TAKES_MAPS)))
		return push_list(w, key, value, f);
	if (value->kind == CONF_VALUE_MAP && (key->takes & CONF_TAKES_MAP))
		return push_map(w, key->section, value, f);
	return fail_kind(w, key, value, false);
}

/* Moves `node` to the front: the rest is checked against its interfaces as it is read. False when
 * there is none. */
static bool put_node_first(struct conf_loader *l, struct conf_value *root)
{
	uint32_t before = 0;

	for (uint32_t i = root->first; i;) {
		struct conf_value *key = conf_value_at(l, i);
		struct conf_value *value = conf_value_at(l, key->next);

		if (key->kind == CONF_VALUE_SCALAR && !strcmp(conf_value_text(l, key), "node")) {
			if (before) {
				conf_value_at(l, before)->next = value->next;
				value->next = root->first;
				root->first = i;
			}
			return true;
		}
		before = key->next;
		i = value->next;
	}
	return false;
}

int conf_decode_file(struct conf_loader *l)
{
	struct conf_value *root = conf_value_at(l, VALUE_AT_ONE);
	struct frame top = {.base = l->conf};
	struct walk w = {.l = l};
	int rc;

	if (root->kind != CONF_VALUE_MAP)
		return conf_fail(l, root->place,
			"the file must be a map of keys, not %s (it needs at least a node section)",
			kind_text(root));
	w.has_node = put_node_first(l, root);
	rc = push_map(&w, &conf_file_section, root, &top);
	while (rc == 0 && w.depth > 0) {
		struct frame *f = &w.frames[w.depth - 1];

		rc = f->section ? step_map(&w, f) : step_list(&w, f);
	}
	return rc;
}
