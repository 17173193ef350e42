/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of top about services and backends. */
#ifndef CONTROL_CLI_TOP_LB_H
#define CONTROL_CLI_TOP_LB_H

#include "control/cli/lb.h"

/* Two pictures of the counters and the time between them. */
struct cli_interval {
	const struct stats_file *old, *now;
	double seconds;
	const struct cli_lb *lb; /* names; none where the dataplane could not be asked */
};

/* Rows of services with their rates, summed over their backends. */
json_t *cli_top_services(const struct cli_interval *iv);

/* Rows of backends with their rates. */
json_t *cli_top_backends(const struct cli_interval *iv);

#endif
