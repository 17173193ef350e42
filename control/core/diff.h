/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The difference between two configurations as people read it: one line each, + added, - removed,
 * ~ changed; long lists of routes are summarised. Any thread.
 */
#ifndef CONTROL_CORE_DIFF_H
#define CONTROL_CORE_DIFF_H

#include "lib/conf/conf.h"

#define DIFF_ROUTES_MAX 50 /* route lines before the summary */

/*
 * The difference from @from (NULL: from nothing) to @to, terminated, empty when there is none; its
 * length in *@len. The caller frees. NULL when there is no memory.
 */
char *diff_text(const struct conf *from, const struct conf *to, size_t *len);

/*
 * Whether the dataplane can go from @from to @to while it runs; -EBUSY with a sentence that says
 * what must be restarted otherwise.
 */
int diff_needs_restart(const struct conf *from, const struct conf *to, struct base_error *err);

#endif
