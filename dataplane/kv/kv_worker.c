/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's part of the store: counters and what happens now and then. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_job.h"
#include "dataplane/kv/kv_output.h"
#include "dataplane/kv/kv_periodic.h"
#include "dataplane/kv/kv_worker.h"

#define CRON_NS       (100 * NSEC_PER_MSEC)
#define CRON_ROUNDS   10 /* every client is looked at once in as many */
#define CRON_LEAST    16 /* clients per round */
#define CLOSING_MAX_S 60 /* for the peer to take what it was sent last */

/* Under KV_ERROR_KINDS - 1 is counted what has no place of its own any more. */
void kv_worker_count_error(struct kv_worker *kv, const char *text, uint32_t len)
{
	const char *space = memchr(text, ' ', MIN_OF(len, (uint32_t)KV_ERROR_NAME_MAX));
	uint32_t n = space ? (uint32_t)(space - text) : 0, i;

	kv->stats.error_replies++;
	if (n == 0) {
		text = "ERR";
		n = 3;
	}
	for (i = 0; i < kv->n_errors; i++)
		if (strncmp(kv->errors[i].name, text, n) == 0 && kv->errors[i].name[n] == '\0')
			break;
	if (i == KV_ERROR_KINDS)
		i--;
	if (i == kv->n_errors) {
		memcpy(kv->errors[i].name, text, n);
		kv->errors[i].name[n] = '\0';
		kv->n_errors++;
	}
	kv->errors[i].count++;
}

void kv_worker_stats_reset(struct worker *w)
{
	struct kv_worker *kv = w->kv;

	kv_stats_tell(w);
	memset(&kv->told, 0, sizeof(kv->told));
	memset(&kv->stats, 0, sizeof(kv->stats));
	memset(kv->errors, 0, sizeof(kv->errors));
	kv->n_errors = 0;
	memset(kv->commands, 0, kv_commands_count * sizeof(kv->commands[0]));
	kv->jobs->stats = (struct kv_jobs_stats){.started = 0};
	kv_shard_counters_reset(kv->shard);
}

uint32_t kv_worker_all_clients(const struct worker *w)
{
	uint32_t n = 0;

	if (w->n_workers == 1)
		return atomic_load_explicit(&w->kv->n_clients, memory_order_relaxed);
	for (unsigned i = 0; i < w->n_workers; i++)
		if (workers[i] && workers[i]->kv)
			n += atomic_load_explicit(&workers[i]->kv->n_clients, memory_order_relaxed);
	return n;
}

static void check_client(struct worker *w, struct kv_client *c, uint32_t now_s)
{
	struct kv_worker *kv = w->kv;
	uint32_t silent_s = now_s - c->active_s;
	bool busy = c->lengthy || c->ops_first || (c->waits & (KV_WAIT_PAUSE | KV_WAIT_ROOM));

	kv_output_check(w, c);
	if (c->flags & KV_CLIENT_CLOSING) {
		if (silent_s > CLOSING_MAX_S)
			kv_client_kill(w, c);
	} else if (kv->settings.timeout_s && silent_s > kv->settings.timeout_s && !busy) {
		kv->stats.closed_idle++;
		kv_client_kill(w, c);
	}
}

void kv_worker_on_cron(void *ctx, struct wheel_timer *t)
{
	struct worker *w = ctx;
	struct kv_worker *kv = w->kv;
	uint32_t n = MIN_OF(kv->clients_used, MAX_OF(kv->clients_used / CRON_ROUNDS, CRON_LEAST));
	uint32_t now_s = (uint32_t)(w->now_ns / NSEC_PER_SEC);

	for (; n > 0; n--) {
		struct kv_client *c;

		kv->cron_at = kv->cron_at + 1 < kv->clients_used ? kv->cron_at + 1 : 0;
		c = kv_client_at(w, kv->cron_at);
		if (c)
			check_client(w, c, now_s);
	}
	kv_client_see_ended(w);
	kv_stats_tell(w);
	wheel_add(w->wheel, t, w->now_ns + CRON_NS);
}

void kv_client_pause(struct worker *w, uint64_t until_ms, bool all)
{
	struct kv_worker *kv = w->kv;
	uint64_t now_ms = worker_wall_ms(w);
	bool runs = kv->pause_until_ms > now_ms;

	kv->pause_all = all || (runs && kv->pause_all);
	if (runs && kv->pause_until_ms >= until_ms)
		return;
	kv->pause_until_ms = until_ms;
	if (until_ms > now_ms)
		wheel_add(w->wheel, &kv->pause_timer,
			w->now_ns + MIN_OF(until_ms - now_ms, UINT32_MAX) * NSEC_PER_MSEC);
}

/* Those that wait for @reason wait no more. */
static void go_on_all(struct worker *w, enum kv_client_waits reason)
{
	for (uint32_t i = 0; i < w->kv->clients_used; i++) {
		struct kv_client *c = kv_client_at(w, i);

		if (c && (c->waits & reason))
			kv_client_go_on(w, c, reason);
	}
}

void kv_client_unpause(struct worker *w)
{
	struct kv_worker *kv = w->kv;

	kv->pause_until_ms = 0;
	kv->pause_all = false;
	wheel_del(w->wheel, &kv->pause_timer);
	go_on_all(w, KV_WAIT_PAUSE);
}

void kv_worker_on_pause_end(void *ctx, struct wheel_timer *t)
{
	struct worker *w = ctx;
	struct kv_worker *kv = w->kv;
	uint64_t now_ms = worker_wall_ms(w);

	/* UNIX time may have been set back. */
	if (kv->pause_until_ms > now_ms)
		wheel_add(w->wheel, t,
			w->now_ns +
				MIN_OF(kv->pause_until_ms - now_ms, UINT32_MAX) * NSEC_PER_MSEC);
	else
		kv_client_unpause(w);
}

bool kv_client_wait_room(struct worker *w, struct kv_client *c)
{
	if (!kv_shard_is_making_room(w->kv->shard))
		return false;
	c->waits |= KV_WAIT_ROOM;
	worker_task_add(w, &w->kv->room_task);
	return true;
}

bool kv_worker_room_task(struct worker *w, struct worker_task *t)
{
	if (kv_shard_is_making_room(w->kv->shard))
		return true;
	go_on_all(w, KV_WAIT_ROOM);
	return false;
}
