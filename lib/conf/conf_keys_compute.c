/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of the `compute` section as rows of a table: limits of users' programs and their jobs.
 * Main threads only.
 */
#include <string.h>

#include "lib/conf/conf_impl.h"
#include "lib/conf/conf_scan.h"

#define QUANTUM_MAX_US 100
#define JOBS_MAX       10000
#define RESULT_MIN     (1ULL << 20)
#define RESULT_MAX     (64ULL << 30)
#define TTL_MIN_MS     1000
#define TTL_MAX_MS     (7U * 24 * 3600 * 1000)
#define GRACE_MAX_MS   (24U * 3600 * 1000)

static int compute_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	l->conf->compute.jobs_per_client = 0; /* not given */
	*base = &l->conf->compute;
	return 0;
}

static int compute_end(struct conf_loader *l, const struct conf_value *map, void *base)
{
	struct conf_compute *compute = base;

	if (compute->jobs_per_client == 0)
		compute->jobs_per_client = MIN_OF(compute->jobs, (uint32_t)CONF_JOBS_PER_CLIENT);
	if (compute->jobs_per_client > compute->jobs)
		return conf_fail(l, map->place,
			"jobs_per_client %u is more than jobs %u, of all clients (lower it)",
			compute->jobs_per_client, compute->jobs);
	return 0;
}

static int decode_quantum(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value), *end = text + value->text_len;
	uint32_t *quantum_us = conf_key_member(key, base);
	uint64_t number;
	const char *p;

	*quantum_us = 0;
	if (strcmp(text, "auto") == 0)
		return 0;
	p = conf_scan_number(text, end, QUANTUM_MAX_US, &number);
	while (p && *p == ' ')
		p++;
	if (!p || strcmp(p, "us") != 0 || number == 0)
		return conf_fail_value(l, key, value, "auto, or a time from 1us to 100us");
	*quantum_us = (uint32_t)number;
	return 0;
}

static int decode_quota(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	uint16_t *percent = conf_key_member(key, base);
	int rc = conf_decode_percent(l, key, value, base);

	return rc == 0 && *percent == 0 ? conf_fail_value(l, key, value, "a share from 1% to 100%")
					: rc;
}

static const struct conf_key compute_keys[] = {
	{
		.name = "quantum",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_compute, quantum_us),
		.decode = decode_quantum,
		.help = "what programs get of a worker at a time: auto, or 1us to 100us",
	},
	{
		.name = "jobs",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_compute, jobs),
		.min = 1,
		.max = JOBS_MAX,
		.decode = conf_decode_count,
		.help = "jobs of one worker at the same time, 64 unless given",
	},
	{
		.name = "jobs_per_client",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_compute, jobs_per_client),
		.min = 1,
		.max = JOBS_MAX,
		.decode = conf_decode_count,
		.help = "of those one client's, 16 or all of them unless given",
	},
	{
		.name = "quota",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_compute, quota_percent),
		.decode = decode_quota,
		.help = "the share of a worker's time that one client's jobs may have, 100% unless "
			"given",
	},
	{
		.name = "result_memory",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_compute, result_bytes),
		.min = RESULT_MIN,
		.max = RESULT_MAX,
		.decode = conf_decode_size,
		.help = "for the results of one job, 64M unless given",
	},
	{
		.name = "result_ttl",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_compute, result_ttl_ms),
		.min = TTL_MIN_MS,
		.max = TTL_MAX_MS,
		.decode = conf_decode_duration,
		.help = "how long results wait to be fetched, 1h unless given",
	},
	{
		.name = "grace",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_compute, grace_ms),
		.min = 0,
		.max = GRACE_MAX_MS,
		.decode = conf_decode_duration,
		.help = "how long a job goes on without its client, 60s unless given",
	},
};

const struct conf_section conf_compute_section = {
	.noun = "compute",
	.keys = compute_keys,
	.n_keys = ARRAY_SIZE(compute_keys),
	.begin = compute_begin,
	.end = compute_end,
};
