/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading programs, for braidctl load and for the commands that run them. Main thread. */
#ifndef CONTROL_CLI_LOAD_H
#define CONTROL_CLI_LOAD_H

#include "control/cli/program.h"
#include "control/cli/redis.h"

/* FUNCTION LOAD of @p as p->library, again while the node is full. As redis_reply; what the node
 * says is in *@reply. */
enum cli_exit load_program(
	struct redis *r, const struct program *p, bool replace, redisReply **reply);

/* Whether an error of a command that runs a function may mean that it is not loaded. */
bool load_is_missing(const redisReply *reply);

/* Whether the reply to FUNCTION LOAD says that there is a library of this name. */
bool load_is_there(const redisReply *reply);

#endif
