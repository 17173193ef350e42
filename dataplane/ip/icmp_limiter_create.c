/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes and frees the limiter of a worker. Thread: main. */
#include <errno.h>
#include <stdlib.h>

#include "dataplane/ip/icmp_limiter.h"

int icmp_limiter_init(struct worker *w)
{
	w->icmp_limiter = calloc(1, sizeof(*w->icmp_limiter));
	return w->icmp_limiter ? 0 : -ENOMEM;
}

void icmp_limiter_fini(struct worker *w)
{
	free(w->icmp_limiter);
	w->icmp_limiter = NULL;
}
