/* SPDX-License-Identifier: BSD-3-Clause */
/* One line on a terminal's stderr that says how far something is; nothing where it is no terminal.
 * Main thread. */
#ifndef CONTROL_CLI_PROGRESS_H
#define CONTROL_CLI_PROGRESS_H

#include "control/cli/cli.h"

#define PROGRESS_LINE_MAX 256

struct progress {
	const char *noun; /* what is counted: "items" */
	uint64_t done;
	uint64_t total; /* 0: not known */
	double share;   /* of the whole, where total is not known; negative: not known either */
	uint64_t started_ns; /* of any clock */
	uint64_t drawn_ns;   /* when it was last drawn */
	bool is_terminal;
	bool is_drawn;
	unsigned columns;
};

/* Starts at @now_ns. */
void progress_start(struct progress *p, const char *noun, uint64_t now_ns);

/* Draws it, not more often than ten times a second, and not in the first third of one. */
void progress_draw(struct progress *p, uint64_t now_ns);

/* Takes the line away, for what is to be printed, or at the end. */
void progress_clear(struct progress *p);

/* The line as of @now_ns, in at most @p->columns characters. */
void progress_format(const struct progress *p, uint64_t now_ns, char out[PROGRESS_LINE_MAX]);

#endif
