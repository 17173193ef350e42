/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes and frees the table of connections in TIME-WAIT. Thread: main. */
#include <stdlib.h>

#include "dataplane/tcp/tcp_table.h"

#define RECORDS_MAX (1u << 24)

struct tcp_time_waits *tcp_time_waits_create(uint32_t n_max)
{
	struct tcp_time_waits *t = calloc(1, sizeof(*t));
	uint32_t n_buckets = 1;

	if (!t)
		return NULL;
	t->n_max = MAX_OF(MIN_OF(n_max, RECORDS_MAX), 1u);
	while (n_buckets < t->n_max)
		n_buckets *= 2;
	t->bucket_mask = n_buckets - 1;
	t->buckets = calloc(n_buckets, sizeof(*t->buckets));
	t->records = aligned_alloc(CACHE_LINE_BYTES, (size_t)t->n_max * sizeof(*t->records));
	if (!t->buckets || !t->records) {
		tcp_time_waits_destroy(t);
		return NULL;
	}
	return t;
}

void tcp_time_waits_destroy(struct tcp_time_waits *t)
{
	if (!t)
		return;
	free(t->buckets);
	free(t->records);
	free(t);
}
