/* SPDX-License-Identifier: BSD-3-Clause */
/* Stages a parsed configuration through the handlers of the API, as control's messages would. */
#ifndef TESTS_UNIT_NODE_CONF_H
#define TESTS_UNIT_NODE_CONF_H

#include "lib/conf/conf.h"

/* Stages interfaces, neighbours, next hops, routes and services of @conf into the begun generation.
 * 0, or what the first refusing handler said. */
int node_conf_stage(const struct conf *conf, struct base_error *err);

#endif
