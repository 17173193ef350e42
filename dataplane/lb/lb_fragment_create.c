/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes and frees the fragment table of a worker. Thread: main. */
#include <stdlib.h>

#include "dataplane/lb/lb_fragment.h"

struct lb_fragments *lb_fragments_create(struct worker *w)
{
	struct lb_fragments *f = aligned_alloc(CACHE_LINE_BYTES, sizeof(*f));

	if (f)
		lb_fragments_init(w, f);
	return f;
}

void lb_fragments_destroy(struct worker *w, struct lb_fragments *f)
{
	if (!f)
		return;
	lb_fragments_end(w, f);
	free(f);
}
