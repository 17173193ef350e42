/* SPDX-License-Identifier: BSD-3-Clause */
/* The balancer's part of the difference between two configurations. Any thread. */
#ifndef CONTROL_CORE_DIFF_SERVICES_H
#define CONTROL_CORE_DIFF_SERVICES_H

#include <stdio.h>

#include "lib/conf/conf.h"

/* Writes the difference of settings, NAT pool, services and backends to @out. */
void diff_services(FILE *out, const struct conf *from, const struct conf *to);

#endif
