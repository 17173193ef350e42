/* SPDX-License-Identifier: BSD-3-Clause */
/* The drop reasons of drop.def as an enum and as a table. Thread: any. */
#ifndef DATAPLANE_CORE_DROP_H
#define DATAPLANE_CORE_DROP_H

#include <stdint.h>

enum drop_severity { DROP_routine, DROP_suspicious, DROP_resource };

/* DROP_NONE is 0, so that a packet without a reason is noticed. */
enum drop_reason {
	DROP_NONE,
#define DROP(name, severity, text) DROP_##name,
#include "dataplane/core/drop.def"
#undef DROP
	DROP_COUNT
};

struct drop_info {
	const char *name;
	const char *text;
	enum drop_severity severity;
};

/* Name, sentence and severity by reason. */
extern const struct drop_info drop_table[DROP_COUNT];

#endif
