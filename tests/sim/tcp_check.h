/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must be true of a worker's TCP endpoint whenever it is at rest: counts and gauges, records
 * and buffers, sequence numbers, and that whatever waits has a timer. For simulations, hostile
 * peers and fuzzers. Thread: any, the worker's.
 */
#ifndef TESTS_SIM_TCP_CHECK_H
#define TESTS_SIM_TCP_CHECK_H

#include "dataplane/core/worker.h"

/* NULL, or a sentence (in a static buffer) about the first thing that is wrong. */
const char *tcp_check(const struct worker *w);

/* The same when no connection may be left: every record, block and buffer is back, no timer armed.
 */
const char *tcp_check_idle(const struct worker *w);

#endif
