/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The items of `braidctl map`: the rest of the command line, or the lines of standard input. They
 * come in batches; from a pipe a batch is what has come so far, so that results of the first lines
 * do not wait for the last. Main thread.
 */
#ifndef CONTROL_CLI_ITEMS_H
#define CONTROL_CLI_ITEMS_H

#include "control/cli/cli.h"

#define ITEMS_BATCH_MAX   16384        /* items */
#define ITEMS_BATCH_BYTES (4u << 20)   /* more only for a single item */
#define ITEMS_BYTES_MAX   (512u << 20) /* of one item, as the store's */
#define ITEMS_ROOM_BEFORE 12           /* places before a batch, for words of the command */

/* Some items one after the other. */
struct item_batch {
	uint64_t first; /* the number of the first one */
	size_t n;
	const char **items; /* ITEMS_ROOM_BEFORE places are free before the first one */
	size_t *lens;
	char *bytes; /* theirs, NULL for words */
};

struct items {
	char **words; /* NULL: standard input */
	size_t n_words;
	char delimiter;
	uint64_t n;           /* handed out so far */
	uint64_t bytes;       /* of standard input, handed out */
	uint64_t total_bytes; /* of standard input if it is a file; 0: not known */
	bool is_over;
	char *buffer; /* read and not handed out */
	size_t len;
	size_t room;
	bool is_end; /* nothing more can be read */
};

/* Items are @n words, or for none the pieces of standard input between @delimiter. */
void items_open(struct items *s, char **words, size_t n, char delimiter);

/* Frees. */
void items_close(struct items *s);

/* Whether items_take would find something, or the end, within @ms. */
bool items_ready(const struct items *s, int ms);

/* Takes a batch of what is there without waiting, maybe none. CLI_OK, or CLI_FAILED after an
 * explanation. Free it in either case. */
enum cli_exit items_take(struct items *s, struct item_batch *b);

/* Frees a batch. */
void items_free(struct item_batch *b);

#endif
