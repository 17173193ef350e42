/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A store with the library "records" (tests/unit/task_programs/records.c) and keys "key<i>" whose
 * values are numbers of 8 bytes. One thread.
 */
#ifndef TESTS_UNIT_KV_RECORDS_H
#define TESTS_UNIT_KV_RECORDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/kv/kv_job.h"
#include "dataplane/task/task_library.h"
#include "tests/unit/kv_steps.h"
#include "tests/unit/task_loaded.h"

/* Starts @n_workers workers, and loads the library. */
static inline void records_start(unsigned n_workers)
{
	struct kv_settings settings;
	struct base_error err = {.text = ""};
	struct task_file payload = task_payload_make("records", "records");
	struct task_library *l;

	kv_settings_default(&settings, (uint64_t)KV_STEPS_MEMORY * n_workers);
	kv_rig_start_with(&settings, n_workers);
	l = task_load_now(payload.bytes, payload.len, &err);
	free(payload.bytes);
	if (!l)
		fprintf(stderr, "%s\n", err.text);
	BRAID_ASSERT(l && task_libraries_publish(&l, 1) == 0);
}

/* Sets key @name to the number @n. */
static inline void records_set(int c, const char *name, uint64_t n)
{
	const struct resp_arg argv[] = {
		{(const uint8_t *)"SET", 3},
		{(const uint8_t *)name, (uint32_t)strlen(name)},
		{(const uint8_t *)&n, sizeof(n)},
	};

	assert_string_equal(kv_rig_args(c, argv, 3).bytes, "+OK\r\n");
}

/* Sets "key<i>" to i for all i from @from to before @end. */
static inline void records_fill(int c, unsigned from, unsigned end)
{
	char name[32];

	for (unsigned i = from; i < end; i++) {
		snprintf(name, sizeof(name), "key%u", i);
		records_set(c, name, i);
	}
}

/* Takes a bulk string from *@p on, which is behind it then; its length. */
static inline size_t records_bulk(const char **p, const char **bytes)
{
	size_t len;

	assert_int_equal(**p, '$');
	len = strtoul(*p + 1, NULL, 10);
	*bytes = strstr(*p, "\r\n") + 2;
	*p = *bytes + len + 2;
	return len;
}

/* Takes the head of an array or the like. */
static inline unsigned records_head(const char **p, char type)
{
	unsigned n = (unsigned)strtoul(*p + 1, NULL, 10);

	assert_int_equal(**p, type);
	*p = strstr(*p, "\r\n") + 2;
	return n;
}

/* Word @i of the accumulator at *@p. */
static inline uint64_t records_word(const char *acc, unsigned i)
{
	uint64_t word;

	memcpy(&word, acc + 8 * i, sizeof(word));
	return word;
}

/* Memory in use of all workers. */
static inline uint64_t records_used(unsigned n_workers)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n_workers; i++)
		bytes += kv_shard_used_bytes(kv_rig_worker(i)->kv->shard);
	return bytes;
}

#endif
