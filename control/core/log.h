/* SPDX-License-Identifier: BSD-3-Clause */
/* One line per event on stderr, where a service manager collects it. Any thread. */
#ifndef CONTROL_CORE_LOG_H
#define CONTROL_CORE_LOG_H

#include "lib/base/base.h"

/* Writes "braid-control: <text>" and a newline. */
void log_line(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* CLOCK_REALTIME in nanoseconds. */
uint64_t log_now_ns(void);

#endif
