/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Helpers that programs call, as the host has them: their table, made from braid_task.h, and the
 * frame around a context that they work on. Each checks all that it is given, whatever the checker
 * proved. Pure functions over the frame. Thread: any, workers too.
 */
#ifndef LIB_TASK_TASK_HELPERS_H
#define LIB_TASK_TASK_HELPERS_H

#include "lib/base/base.h"
#include "lib/task/braid_task.h"
#include "lib/task/task_elf.h"

#define TASK_HELPER_ARGS_MAX 5
#define TASK_CTX_BYTES_MAX   sizeof(struct braid_each)

/* What a program reaches outside of its context. */
struct task_host {
	/* Copies up to @len bytes of the value from @position on. How many: less at its end. */
	uint32_t (*read)(void *arg, uint64_t position, void *to, uint32_t len);
	/* Takes a pair. False: there is no room. */
	bool (*emit)(void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value,
		uint32_t value_len);
	void *arg;
};

/* A context and what belongs to it; programs see only the context. */
struct task_frame {
	const struct task_host *host;
	enum task_kind kind;
	int32_t fault;         /* the first BRAID_FAULT_* of a helper, or 0 */
	uint32_t fault_helper; /* its number */
	union {
		struct braid_map map;
		struct braid_each each; /* filter, too */
		struct braid_merge merge;
		uint8_t bytes[TASK_CTX_BYTES_MAX];
	} CACHE_ALIGNED ctx;
};

/* The context of a kind. Offsets and lengths in bytes; the program may write [writable, bytes). */
struct task_layout {
	uint32_t bytes;
	uint32_t writable;
	uint32_t value;     /* offset of its window; 0: it has none */
	uint32_t value_len; /* offset of the length */
};

/* A helper in all its aspects; all arguments and results are registers. */
struct task_helper {
	const char *name;
	uint16_t cost;
	uint16_t cost_per_8;                /* for 8 bytes of the lengths */
	uint8_t args[TASK_HELPER_ARGS_MAX]; /* enum braid_arg */
	uint64_t (*call)(uint64_t ctx, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
};

extern const struct task_layout task_layouts[TASK_KINDS];
extern const struct task_helper task_helpers[BRAID_HELPERS_MAX + 1]; /* by number, from 1 */

#endif
