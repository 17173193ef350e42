/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding programs by name, and holding them. Thread: worker. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "dataplane/task/task_library.h"
#include "lib/rcu/rcu.h"

#define SUGGESTIONS_MAX 64 /* names that one which is not there is compared with */

static struct task_name no_names[1];

struct task_set task_set_empty = {.names = no_names};
struct task_set *task_set_current = &task_set_empty;

/* A name that somebody asked for, as text: short, and only what can be printed. */
struct shown {
	char text[TASK_PROGRAM_NAME_MAX + 1];
};

const struct task_libraries *task_libraries(void)
{
	return &rcu_dereference(task_set_current)->list;
}

/* How @name compares with the library's. */
static int compare(const void *name, uint32_t len, const struct task_library *l)
{
	uint32_t len_l = (uint32_t)strlen(l->name);
	int order = memcmp(name, l->name, MIN_OF(len, len_l));

	return order ? order : (len > len_l) - (len < len_l);
}

struct task_library *task_library_find(const void *name, uint32_t len)
{
	const struct task_libraries *list = task_libraries();
	uint32_t low = 0, high = list->n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		int order = compare(name, len, list->all[middle]);

		if (order == 0)
			return list->all[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static const struct task_name *find_name(const struct task_set *set, const void *name, uint32_t len)
{
	uint32_t hash;

	if (len == 0 || len > TASK_PROGRAM_NAME_MAX)
		return NULL;
	hash = (uint32_t)key_hash_of(&set->key, name, len);
	for (uint32_t i = hash & set->mask; set->names[i].program; i = (i + 1) & set->mask) {
		const struct task_name *n = &set->names[i];

		if (n->hash == hash && n->len == len && memcmp(n->text, name, len) == 0)
			return n;
	}
	return NULL;
}

static struct shown show(const void *name, uint32_t len)
{
	const uint8_t *bytes = name;
	struct shown s;

	len = MIN_OF(len, (uint32_t)TASK_NAME_BYTES_MAX);
	for (uint32_t i = 0; i < len; i++)
		s.text[i] = (char)(bytes[i] >= ' ' && bytes[i] < 127 ? bytes[i] : '?');
	s.text[len] = '\0';
	return s;
}

/* Adds a name behind the sentence, as far as there is room. */
static void add_name(struct base_error *err, const char *before, const char *name)
{
	size_t len = strlen(err->text), more = strlen(before) + strlen(name);

	if (len + more >= sizeof(err->text))
		return;
	len += base_strlcpy(err->text + len, before, sizeof(err->text) - len);
	base_strlcpy(err->text + len, name, sizeof(err->text) - len);
}

static void explain_library(const struct task_set *set, const void *name, uint32_t len,
	const char *dot, struct base_error *err)
{
	uint32_t len_l = (uint32_t)(dot - (const char *)name);
	const struct task_library *l = task_library_find(name, len_l);

	if (!l) {
		base_error_set(err, ENOENT, "there is no library \"%s\"; there are",
			show(name, len_l).text);
		for (uint32_t i = 0; i < set->list.n; i++)
			add_name(err, i ? ", " : ": ", set->list.all[i]->name);
		return;
	}
	base_error_set(err, ENOENT, "library \"%s\" has no function \"%s\"; it has", l->name,
		show(dot + 1, len - len_l - 1).text);
	for (uint32_t i = 0; i < l->n_programs; i++)
		add_name(err, i ? ", " : ": ", l->programs[i].function->name);
}

/* A function's name that several libraries have. */
static void explain_ambiguous(
	const struct task_set *set, const struct task_name *n, struct base_error *err)
{
	uint32_t n_found = 0;

	base_error_set(err, ENOENT, "\"%s\" is in several libraries: name it", n->text);
	for (uint32_t i = 0; i < set->list.n; i++) {
		const struct task_library *l = set->list.all[i];

		if (!task_object_find(l->object, n->text))
			continue;
		add_name(err, n_found ? ", " : " ", l->name);
		add_name(err, ".", n->text);
		n_found++;
	}
}

static void explain_function(
	const struct task_set *set, const void *name, uint32_t len, struct base_error *err)
{
	struct shown s = show(name, len);
	const char *names[SUGGESTIONS_MAX], *near;
	uint32_t n = 0;

	for (uint32_t i = 0; i < set->list.n; i++) {
		const struct task_library *l = set->list.all[i];

		for (uint32_t k = 0; k < l->n_programs && n < SUGGESTIONS_MAX; k++)
			names[n++] = l->programs[k].function->name;
	}
	near = base_suggest(s.text, names, n);
	base_error_set(err, ENOENT, "there is no function \"%s\"%s%s%s; see FUNCTION LIST", s.text,
		near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

const struct task_program *task_program_find(const void *name, uint32_t len, struct base_error *err)
{
	const struct task_set *set = rcu_dereference(task_set_current);
	const struct task_name *n = find_name(set, name, len);
	const char *dot;

	if (LIKELY(n && !n->is_ambiguous))
		return n->program;
	if (!err)
		return NULL;
	dot = memchr(name, '.', len);
	if (n)
		explain_ambiguous(set, n, err);
	else if (set->list.n == 0)
		base_error_set(
			err, ENOENT, "no library is loaded: load one with FUNCTION LOAD first");
	else if (dot)
		explain_library(set, name, len, dot, err);
	else
		explain_function(set, name, len, err);
	return NULL;
}

const struct task_program *task_program_merge(const struct task_program *p)
{
	const struct task_library *l = p->library;
	const struct task_program *only = NULL;
	size_t len = strlen(p->function->name);
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->n_programs; i++) {
		const struct task_program *m = &l->programs[i];

		if (m->function->kind != TASK_MERGE)
			continue;
		if (strncmp(m->function->name, p->function->name, len) == 0 &&
			strcmp(m->function->name + len, "_merge") == 0)
			return m;
		only = m;
		n++;
	}
	return n == 1 ? only : NULL;
}

/* What is immutable to others. */
static _Atomic uint32_t *holds_of(const struct task_program *p)
{
	return &((struct task_library *)(uintptr_t)p->library)->holds;
}

void task_program_hold(const struct task_program *p)
{
	atomic_fetch_add_explicit(holds_of(p), 1, memory_order_relaxed);
}

void task_program_release(const struct task_program *p)
{
	uint32_t before = atomic_fetch_sub_explicit(holds_of(p), 1, memory_order_release);

	BRAID_ASSERT(before > 0);
}
