/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that an attacker or a broken stack sends, by name, each with what must become of it. The
 * lists are in hostile_frames_*.c, the node they meet in hostile_test.c.
 */
#ifndef TESTS_UNIT_HOSTILE_H
#define TESTS_UNIT_HOSTILE_H

#include "dataplane/core/drop.h"
#include "lib/base/base.h"

#define HOSTILE_ANY_OUTPUT 0xff /* own addresses are defended, but not every time */

struct hostile {
	const char *name;
	const char *frame;       /* in the words of tests/unit/frame.h */
	enum drop_reason reason; /* DROP_NONE: forwarded, or consumed and perhaps answered */
	enum drop_reason
		answer;   /* why the node's answer ends in the node, DROP_NONE: it does not */
	uint8_t n_output; /* frames that leave the node */
};

/* How the rows end: dropped silently, with an answer, or passed on; taken in without a word. */
#define DROPPED(why)          DROP_##why, DROP_NONE, 0
#define ANSWERED(why)         DROP_##why, DROP_NONE, 1
#define DROPPED_TWICE(why, a) DROP_##why, DROP_##a, 0
#define DEFENDED(why)         DROP_##why, DROP_NONE, HOSTILE_ANY_OUTPUT
#define SENT                  DROP_NONE, DROP_NONE, 1
#define CONSUMED              DROP_NONE, DROP_NONE, 0

struct hostile_list {
	const struct hostile *rows;
	size_t n;
};

extern const struct hostile_list hostile_ethernet, hostile_arp, hostile_ip4, hostile_ip4_local,
	hostile_ip6, hostile_ip6_local, hostile_nd, hostile_lb_fragments, hostile_lb_quotes;

#endif
