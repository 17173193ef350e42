/* SPDX-License-Identifier: BSD-3-Clause */
/* The routes' part of the difference between two configurations. Any thread. */
#ifndef CONTROL_CORE_DIFF_ROUTES_H
#define CONTROL_CORE_DIFF_ROUTES_H

#include <stdio.h>

#include "lib/conf/conf.h"

/* Writes the difference of the routes to @out; false when there is no memory. */
bool diff_routes(FILE *out, const struct conf *from, const struct conf *to);

#endif
