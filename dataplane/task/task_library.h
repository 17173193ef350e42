/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Libraries as the main thread makes and publishes them, and the set of names in which workers look
 * programs up. A set is immutable; what is no longer in it is freed after a grace period, once
 * nobody holds it. Private to this folder and to tests. Thread: main, where it does not say worker.
 */
#ifndef DATAPLANE_TASK_TASK_LIBRARY_H
#define DATAPLANE_TASK_TASK_LIBRARY_H

#include "dataplane/task/task.h"
#include "lib/hash/key_hash.h"

/* Pages with the compiled functions of a library: readable and executable, never writable. */
struct task_code {
	void *pages;
	size_t bytes;
	struct {
		uint64_t (*run)(void *ctx);
		uint32_t bytes;
	} functions[TASK_FUNCTIONS_MAX];
};

/* What a library is made of. */
struct task_library_parts {
	const char *name;
	struct task_object *object;
	uint8_t *payload; /* by malloc */
	uint32_t payload_len;
	struct task_code code;
	uint32_t cost_max[TASK_FUNCTIONS_MAX];
	uint32_t result_bytes[TASK_FUNCTIONS_MAX];
};

/* Where a name is found: "library.function", or "function". */
struct task_name {
	const struct task_program *program; /* NULL: the place is free */
	const char *text;
	uint32_t hash;
	uint16_t len;
	bool is_ambiguous; /* several libraries have a function of that name */
};

/* A set of libraries with the hash of all names; linear probing. */
struct task_set {
	struct task_libraries list; /* sorted by name */
	struct key_hash key;
	uint32_t mask; /* of places, a power of two less one */
	struct task_name *names;
	char *texts;
};

/* What there is before the first library. */
extern struct task_set task_set_empty;

/* The published set; read with rcu_dereference. */
extern struct task_set *task_set_current;

/* Makes a library, which then owns the parts. NULL: no memory, they are still the caller's. */
struct task_library *task_library_create(const struct task_library_parts *parts);

/* Frees a library that was never published, or is out of sight. */
void task_library_destroy(struct task_library *l);

/*
 * Publishes the @n libraries of @all, whose names differ, as the whole set, and waits for a grace
 * period. Those that were published and are not among them are freed, or once nobody holds them.
 * 0, or -ENOMEM: nothing has changed.
 */
int task_libraries_publish(struct task_library *const *all, uint32_t n);

/* Frees the libraries that were taken out and that nobody holds any more; how many are left. */
uint32_t task_libraries_reclaim(void);

/* Frees all, whoever holds them. No worker may be left. */
void task_libraries_fini(void);

/* Takes the secret of the names' hash: 0, or -EIO with a sentence. Before the first library. */
int task_libraries_init(struct base_error *err);

#endif
