/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for calls of users' functions. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/kv/kv_function.h"

int kv_functions_init(struct worker *w)
{
	size_t bytes = (sizeof(struct kv_functions) + CACHE_LINE_BYTES - 1) &
		       ~(size_t)(CACHE_LINE_BYTES - 1);

	w->kv->functions = aligned_alloc(CACHE_LINE_BYTES, bytes);
	if (!w->kv->functions)
		return -ENOMEM;
	memset(w->kv->functions, 0, bytes);
	return 0;
}

void kv_functions_fini(struct worker *w)
{
	free(w->kv->functions);
	w->kv->functions = NULL;
}
