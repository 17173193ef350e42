/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Users' programs as files: C sources, which clang compiles, and the objects it writes. Main
 * thread; what goes wrong is explained on stderr.
 */
#ifndef CONTROL_CLI_PROGRAM_H
#define CONTROL_CLI_PROGRAM_H

#include <limits.h>

#include "control/cli/cli.h"
#include "lib/task/task_elf.h"

/* "sha_" and 16 hex digits: a library that has no name of its own. */
#define PROGRAM_LIBRARY_CHARS 20

/* An object file in memory. */
struct program {
	const char *path; /* as given: of the source, or of the object */
	uint8_t *bytes;
	size_t len;
	struct task_object *object;
	char library[TASK_NAME_BYTES_MAX + 1]; /* the name it is loaded under: program_name's */
};

/* Whether @word means a file: it has a slash or the ending of one, or there is one. */
bool program_is_file(const char *word);

/* Whether it ends in ".c". */
bool program_is_source(const char *path);

/* Where braid_task.h is, into @dir of PATH_MAX. False after an explanation. */
bool program_include(char *dir);

/* Runs clang over @source with the right flags and the command's -I and -D; the object goes to
 * @out. CLI_OK, or CLI_FAILED after an explanation, clang's own included. */
enum cli_exit program_compile(const struct cli *cli, const char *source, const char *out);

/* Reads the object @path, compiles it first if it is a source. CLI_OK, or another after an
 * explanation; then there is nothing to close. */
enum cli_exit program_open(const struct cli *cli, const char *path, struct program *p);

/* Names its library @name; NULL: as its source or object is called, "shop_sum.c" shop_sum. */
void program_name(struct program *p, const char *name);

/* Frees what program_open made. */
void program_close(struct program *p);

/* The function called @name, or NULL after an explanation with what there is. */
const struct task_function *program_find(const struct program *p, const char *name);

/* What FUNCTION LOAD takes: a line with the library's name, then the object. Free it; its length is
 * *@len. NULL: no memory. */
uint8_t *program_payload(const struct program *p, size_t *len);

/* Whether @name can be a library's; explains if not. */
bool program_library_ok(const char *name);

#endif
