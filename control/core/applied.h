/* SPDX-License-Identifier: BSD-3-Clause */
/* One configuration that is, was or shall be in force, with where it came from. Thread: main. */
#ifndef CONTROL_CORE_APPLIED_H
#define CONTROL_CORE_APPLIED_H

#include "lib/conf/conf.h"

#define APPLIED_SNAPSHOT_NAME_MAX 48

struct applied {
	struct conf *conf;
	char *text; /* the YAML file as it was, terminated */
	size_t text_len;
	char path[CONF_PATH_MAX]; /* of that file, absolute */
	uint64_t generation;      /* under which the dataplane has it; 0: never pushed */
	uint64_t started_ns;      /* the run of the dataplane that has it */
	uint64_t applied_ns;      /* CLOCK_REALTIME */
	uint8_t stored_key[16];   /* conf->lb.key as it stands on disk */
	char snapshot[APPLIED_SNAPSHOT_NAME_MAX]; /* its snapshot in the runtime directory, or "" */
};

/*
 * Gives @conf a key for the choice among backends, if it has none of its own: that of @from, so
 * that flows keep their backends, or a random one for NULL. Any thread.
 */
void applied_choose_key(struct conf *conf, const struct conf *from);

/*
 * Reads and checks the file @path; the balancer's key is random unless the file has one. NULL with
 * a sentence, which for mistakes in the file is that of lib/conf. May take a second for a million
 * routes. Any thread.
 */
struct applied *applied_load(const char *path, struct base_error *err);

/* Frees; NULL is allowed. */
void applied_free(struct applied *applied);

#endif
