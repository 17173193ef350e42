/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands about the server keep: start and end. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_route.h"
#include "lib/wire/lzf.h"

static void look_around(struct kv_host *host)
{
	struct utsname names;
	long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
	size_t n;

	host->process_id = getpid();
	host->memory_bytes =
		pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
	if (uname(&names) < 0)
		return;
	n = base_strlcpy(host->os, names.sysname, sizeof(host->os));
	n += base_strlcpy(host->os + n, " ", sizeof(host->os) - n);
	n += base_strlcpy(host->os + n, names.release, sizeof(host->os) - n);
	n += base_strlcpy(host->os + n, " ", sizeof(host->os) - n);
	base_strlcpy(host->os + n, names.machine, sizeof(host->os) - n);
}

int kv_admin_init(struct worker *w, struct kv_worker *kv)
{
	struct kv_admin *admin = calloc(1, sizeof(*admin));

	kv->admin = admin;
	if (!admin)
		return -ENOMEM;
	admin->latency.steps = calloc(
		(size_t)kv_commands_count * KV_LATENCY_STEPS, sizeof(admin->latency.steps[0]));
	if (!admin->latency.steps)
		return -ENOMEM;
	admin->pack_table = calloc(LZF_TABLE_ENTRIES, sizeof(*admin->pack_table));
	if (!admin->pack_table)
		return -ENOMEM;
	kv_stored_init(&admin->stored, kv);
	look_around(&admin->host);
	admin->slow.max = KV_SLOWLOG_LEN;
	admin->start_ms = worker_wall_ms(w);
	admin->timer.fn = kv_admin_on_sample;
	wheel_add(w->wheel, &admin->timer, w->now_ns + KV_SAMPLE_NS);
	kv->latency_steps = admin->latency.steps;
	kv->on_slow = kv_admin_on_slow;
	kv->on_client_end = kv_route_unwatch_last;
	kv->on_discard = kv_route_unwatch;
	return 0;
}

void kv_admin_fini(struct worker *w, struct kv_worker *kv)
{
	if (!kv->admin)
		return;
	wheel_del(w->wheel, &kv->admin->timer);
	free(kv->admin->pack_table);
	free(kv->admin->latency.steps);
	free(kv->admin);
}
