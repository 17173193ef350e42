/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Services and backends as the dataplane has them, with their counters: what the commands about
 * balancing share.
 */
#ifndef CONTROL_CLI_LB_H
#define CONTROL_CLI_LB_H

#include "control/cli/cli.h"

#define CLI_BACKEND_TEXT_MAX (IPADDR_TEXT_MAX + 8)

/* All of it; released by cli_lb_free(). */
struct cli_lb {
	struct api_service_info *services;
	struct api_backend_info *backends;
	size_t n_services, n_backends;
	const struct stats_file *counters; /* NULL: cannot be read */
	struct stats_total *totals;        /* [STATS_SERVICES_MAX] of services; NULL: no memory */
};

/* A backend as people name it. */
struct cli_backend {
	struct ip_addr address;
	uint16_t port;
	bool any_port; /* none was given */
};

/* Asks the dataplane for all of it. 0 or a negative errno with a sentence; there is
 * something to free in any case. */
int cli_lb_fetch(struct cli *cli, struct cli_lb *lb, struct base_error *err);

/* Frees what was fetched. */
void cli_lb_free(struct cli_lb *lb);

/* The service called @name, or NULL with a sentence that suggests one. */
const struct api_service_info *cli_lb_find_service(
	const struct cli_lb *lb, const char *name, struct base_error *err);

/* The flows that backend @index of the counters has now; 0 without counters. */
uint64_t cli_lb_flows(const struct stats_file *counters, uint32_t index);

/* The word at @offset of struct stats_backend of backend @index, over all workers. */
uint64_t cli_lb_backend_sum(const struct stats_file *counters, uint32_t index, size_t offset);

/* The same for struct stats_service. */
uint64_t cli_lb_service_sum(const struct stats_file *counters, uint32_t index, size_t offset);

/* "up", "draining", "down", "removed". */
const char *cli_lb_use_name(uint16_t use);

/* Whether the backend is used only because too few others are healthy. */
bool cli_lb_is_panic(const struct api_backend_info *b);

/* Writes "192.0.2.21:8080", "[2001:db8::1]:80" or, without port, the address to @buf of
 * CLI_BACKEND_TEXT_MAX; returns it. */
char *cli_backend_format(const struct ip_addr *address, uint16_t port, char *buf);

/* Parses the same, or an address alone. False after an explanation on stderr. */
bool cli_backend_parse(const char *text, struct cli_backend *out);

#endif
