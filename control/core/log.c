/* SPDX-License-Identifier: BSD-3-Clause */
/* The log of control. Any thread. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "control/core/log.h"

void log_line(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "braid-control: %s\n", text);
}

uint64_t log_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}
