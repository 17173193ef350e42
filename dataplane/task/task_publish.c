/* SPDX-License-Identifier: BSD-3-Clause */
/* Making libraries, publishing sets of them, and freeing what workers no longer see. Thread: main.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane/task/task_code.h"
#include "dataplane/task/task_library.h"
#include "lib/rcu/rcu.h"

/* A library and what only the main thread knows of it. */
struct owned {
	struct owned *next; /* of those taken out */
	struct task_library_parts parts;
	struct task_library library;
};

static struct {
	struct owned *removed; /* out of sight, but perhaps held */
	struct key_hash key;
} state;

static struct owned *owned_of(struct task_library *l)
{
	return CONTAINER_OF(l, struct owned, library);
}

struct task_library *task_library_create(const struct task_library_parts *parts)
{
	const struct task_object *o = parts->object;
	struct owned *own =
		calloc(1, sizeof(*own) + o->n_functions * sizeof(own->library.programs[0]));
	struct task_library *l;

	if (!own)
		return NULL;
	own->parts = *parts;
	l = &own->library;
	base_strlcpy(l->name, parts->name, sizeof(l->name));
	l->object = o;
	l->payload = parts->payload;
	l->payload_len = parts->payload_len;
	l->n_programs = o->n_functions;
	for (uint32_t i = 0; i < o->n_functions; i++)
		l->programs[i] = (struct task_program){
			.run = parts->code.functions[i].run,
			.function = &o->functions[i],
			.library = l,
			.cost_max = parts->cost_max[i],
			.result_bytes = parts->result_bytes[i],
			.code_bytes = parts->code.functions[i].bytes,
		};
	return l;
}

void task_library_destroy(struct task_library *l)
{
	struct owned *own = owned_of(l);

	task_code_destroy(&own->parts.code);
	task_object_destroy(own->parts.object);
	free(own->parts.payload);
	free(own);
}

static int by_name(const void *a, const void *b)
{
	struct task_library *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Bytes that "library.function" takes of all of @l, and how many names that are. */
static size_t texts_bytes(const struct task_library *l)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < l->n_programs; i++)
		bytes += strlen(l->name) + 1 + strlen(l->programs[i].function->name) + 1;
	return bytes;
}

static void add_name(struct task_set *set, const char *text, const struct task_program *p)
{
	uint32_t len = (uint32_t)strlen(text);
	uint32_t hash = (uint32_t)key_hash_of(&set->key, text, len), i = hash & set->mask;

	for (; set->names[i].program; i = (i + 1) & set->mask) {
		if (set->names[i].len == len && memcmp(set->names[i].text, text, len) == 0) {
			set->names[i].is_ambiguous = true;
			return;
		}
	}
	set->names[i] =
		(struct task_name){.program = p, .text = text, .hash = hash, .len = (uint16_t)len};
}

/* Both names of all programs of @l; where the next text goes. */
static char *add_library(struct task_set *set, const struct task_library *l, char *text)
{
	for (uint32_t i = 0; i < l->n_programs; i++) {
		const struct task_program *p = &l->programs[i];
		char *end = text + strlen(l->name);

		memcpy(text, l->name, strlen(l->name));
		*end = '.';
		memcpy(end + 1, p->function->name, strlen(p->function->name) + 1);
		add_name(set, text, p);
		add_name(set, p->function->name, p);
		text = end + 1 + strlen(p->function->name) + 1;
	}
	return text;
}

static void set_destroy(struct task_set *set)
{
	if (set == &task_set_empty)
		return;
	free(set->names);
	free(set->texts);
	free(set);
}

static struct task_set *set_create(struct task_library *const *all, uint32_t n)
{
	struct task_set *set = calloc(1, sizeof(*set));
	size_t bytes = 1, n_places = 4;
	char *text;

	if (!set)
		return NULL;
	set->key = state.key;
	set->list.n = n;
	if (n > 0)
		memcpy(set->list.all, all, n * sizeof(all[0]));
	qsort(set->list.all, n, sizeof(all[0]), by_name);
	for (uint32_t i = 0; i < n; i++) {
		bytes += texts_bytes(all[i]);
		set->list.n_programs += all[i]->n_programs;
	}
	/* Two names each, at most half full. */
	while (n_places < 4 * (size_t)set->list.n_programs)
		n_places *= 2;
	set->mask = (uint32_t)n_places - 1;
	set->names = calloc(n_places, sizeof(set->names[0]));
	text = set->texts = malloc(bytes);
	if (!set->names || !set->texts) {
		set_destroy(set);
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++)
		text = add_library(set, set->list.all[i], text);
	return set;
}

static bool is_in(const struct task_libraries *list, const struct task_library *l)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (list->all[i] == l)
			return true;
	return false;
}

int task_libraries_publish(struct task_library *const *all, uint32_t n)
{
	struct task_set *old = task_set_current, *next = set_create(all, n);

	BRAID_ASSERT(n <= TASK_LIBRARIES_MAX);
	if (!next)
		return -ENOMEM;
	rcu_set_pointer(&task_set_current, next);
	for (uint32_t i = 0; i < old->list.n; i++) {
		struct owned *own = owned_of(old->list.all[i]);

		if (is_in(&next->list, &own->library))
			continue;
		own->next = state.removed;
		state.removed = own;
	}
	synchronize_rcu();
	set_destroy(old);
	task_libraries_reclaim();
	return 0;
}

uint32_t task_libraries_reclaim(void)
{
	struct owned **link = &state.removed, *ready = NULL;
	uint32_t n_held = 0;

	while (*link) {
		struct owned *own = *link;

		if (atomic_load_explicit(&own->library.holds, memory_order_acquire) > 0) {
			n_held++;
			link = &own->next;
			continue;
		}
		*link = own->next;
		own->next = ready;
		ready = own;
	}
	/* Whoever let go of one in this turn may look at it until the turn ends. */
	if (ready)
		synchronize_rcu();
	while (ready) {
		struct owned *own = ready;

		ready = own->next;
		task_library_destroy(&own->library);
	}
	return n_held;
}

int task_libraries_init(struct base_error *err)
{
	uint8_t secret[16];

	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return base_error_set(err, EIO, "no random numbers for the hash of programs");
	key_hash_init(&state.key, secret);
	return 0;
}

void task_libraries_fini(void)
{
	struct task_set *set = task_set_current;

	for (uint32_t i = 0; i < set->list.n; i++)
		task_library_destroy(set->list.all[i]);
	while (state.removed) {
		struct owned *own = state.removed;

		state.removed = own->next;
		task_library_destroy(&own->library);
	}
	rcu_set_pointer(&task_set_current, &task_set_empty);
	set_destroy(set);
}
