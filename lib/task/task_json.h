/* SPDX-License-Identifier: BSD-3-Clause */
/* Fields of flat JSON objects (RFC 8259), without a tree and without recursion. Any thread. */
#ifndef LIB_TASK_TASK_JSON_H
#define LIB_TASK_TASK_JSON_H

#include "lib/base/base.h"

/* A piece of a text. */
struct task_piece {
	const uint8_t *bytes;
	uint32_t len;
};

/*
 * Finds what stands behind @name: of a string what is between its quotes, escapes as they are; of
 * others their text, whole objects and arrays included. Names are compared as they are written.
 * False: there is no such field, or the text up to it is no object.
 */
bool task_json_field(struct task_piece text, struct task_piece name, struct task_piece *found);

#endif
