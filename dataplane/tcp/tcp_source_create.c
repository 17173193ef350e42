/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of the counters by source. Thread: main. */
#include <stdlib.h>

#include "dataplane/tcp/tcp_source.h"

struct tcp_sources *tcp_sources_create(uint32_t n_conns, uint32_t max)
{
	uint32_t n = 16;
	struct tcp_sources *s;

	while (n < 2 * n_conns)
		n *= 2;
	s = calloc(1, sizeof(*s) + n * sizeof(s->entries[0]));
	if (s) {
		s->mask = n - 1;
		s->max = max;
	}
	return s;
}

void tcp_sources_destroy(struct tcp_sources *s)
{
	free(s);
}
