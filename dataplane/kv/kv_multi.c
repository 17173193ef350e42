/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that wait for EXEC. Thread: worker. */
#include <errno.h>
#include <string.h>

#include "dataplane/kv/kv_client.h"
#include "dataplane/kv/kv_multi.h"
#include "dataplane/kv/kv_worker.h"

static struct kv_queued *copy(struct worker *w, const struct kv_call *call, uint64_t *bytes)
{
	struct kv_queued *q;
	uint8_t *p;

	*bytes = 0;
	for (uint32_t i = 0; i < call->argc; i++)
		*bytes += call->argv[i].len;
	q = kv_memory_alloc_evicting(w, sizeof(*q) + call->argc * sizeof(q->argv[0]) + *bytes);
	if (!q)
		return NULL;
	*q = (struct kv_queued){.command = call->command, .argc = call->argc};
	p = (uint8_t *)&q->argv[q->argc];
	for (uint32_t i = 0; i < call->argc; i++) {
		memcpy(p, call->argv[i].bytes, call->argv[i].len);
		q->argv[i] = (struct resp_arg){.bytes = p, .len = call->argv[i].len};
		p += call->argv[i].len;
	}
	return q;
}

int kv_multi_queue(struct worker *w, struct kv_client *c, const struct kv_call *call)
{
	struct kv_multi *m = c->multi;
	struct kv_queued *q;
	uint64_t bytes;

	if (c->flags & (KV_CLIENT_DIRTY_CAS | KV_CLIENT_DIRTY_EXEC))
		return 0;
	if (!m) {
		m = kv_memory_alloc(w, sizeof(*m));
		if (!m)
			return -ENOMEM;
		*m = (struct kv_multi){.n = 0};
		c->multi = m;
	}
	q = copy(w, call, &bytes);
	if (!q)
		return -ENOMEM;
	if (m->last)
		m->last->next = q;
	else
		m->first = q;
	m->last = q;
	m->n++;
	m->flags |= call->command->flags;
	m->bytes += bytes + call->argc * sizeof(q->argv[0]);
	return 0;
}

void kv_multi_free(struct worker *w, struct kv_multi *m)
{
	struct kv_queued *next;

	if (!m)
		return;
	for (struct kv_queued *q = m->first; q; q = next) {
		next = q->next;
		kv_memory_free(w, q);
	}
	kv_memory_free(w, m);
}

void kv_multi_discard(struct worker *w, struct kv_client *c)
{
	kv_multi_free(w, c->multi);
	c->multi = NULL;
	c->flags &= ~(uint32_t)(KV_CLIENT_MULTI | KV_CLIENT_DIRTY_CAS | KV_CLIENT_DIRTY_EXEC);
}
