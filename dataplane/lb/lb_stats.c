/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The main thread's part of the counters: what is needed to read those of services and backends,
 * and how many flows begin per second. Thread: main.
 */
#include "dataplane/lb/lb_drop.h"
#include "dataplane/lb/lb_main.h"

#define RATE_NS NSEC_PER_SEC

/* Where all of it goes; NULL: nowhere. */
static struct stats_file *file;

/* As the present second began. */
static struct {
	struct wheel_timer timer;
	uint64_t at_ns;
	uint64_t services[LB_SERVICES_MAX];
	uint64_t backends[LB_BACKENDS_MAX];
} rate;

void lb_stats(struct stats_file *where)
{
	file = where;
	lb_probe_results(where->probes);
	for (unsigned i = 0; i < LB_DROPS; i++)
		where->lb_drops[i] = lb_drop_reasons[i];
	where->n_lb_drops = LB_DROPS;
}

void lb_stats_follow(const struct lb_block *b)
{
	for (unsigned n = 0; file && n < LB_BACKENDS_MAX; n++)
		file->backend_service[n] =
			b->backends[n].addr.family ? (uint16_t)(b->backends[n].service + 1) : 0;
}

void lb_stats_bury(struct stats_worker *stats, uint16_t n, uint16_t service)
{
	const struct stats_backend *from = &stats->backends[n];
	struct stats_gone *to = &stats->services[service].gone;

	to->pkts += from->pkts;
	to->bytes += from->bytes;
	to->reply_pkts += from->reply_pkts;
	to->reply_bytes += from->reply_bytes;
	stats->backends[n] = (struct stats_backend){};
}

/* The sum over all workers of the word at @offset in their counters. */
static uint64_t lb_stats_sum(size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= workers[0]->n_workers; i++)
		sum += stats_read((const uint64_t *)((const uint8_t *)workers[i]->stats + offset));
	return sum;
}

/* Flows per second from *@was to @now, which takes its place. Counters of a number that was given
 * away again start anew. */
static uint64_t lb_stats_rate(uint64_t *was, uint64_t now, uint64_t passed_ns)
{
	uint64_t begun = now >= *was ? now - *was : now;

	*was = now;
	return (begun * NSEC_PER_SEC + passed_ns / 2) / passed_ns;
}

static void lb_stats_on_timer(void *worker, struct wheel_timer *t)
{
	const struct lb_block *b = lb_main.now;
	struct worker *w = worker;
	uint64_t passed_ns = w->now_ns - rate.at_ns;

	rate.at_ns = w->now_ns;
	wheel_add(w->wheel, t, w->now_ns + RATE_NS);
	if (!b || !file || passed_ns == 0)
		return;
	for (unsigned s = 0; s < LB_SERVICES_MAX; s++) {
		size_t at = offsetof(struct stats_worker, services) +
			    s * sizeof(struct stats_service) +
			    offsetof(struct stats_service, new_flows);

		if (b->service_notes[s].want.name[0] || rate.services[s])
			file->rates.services[s] =
				lb_stats_rate(&rate.services[s], lb_stats_sum(at), passed_ns);
	}
	for (unsigned n = 0; n < LB_BACKENDS_MAX; n++) {
		size_t at = offsetof(struct stats_worker, backends) +
			    n * sizeof(struct stats_backend) +
			    offsetof(struct stats_backend, new_flows);

		if (b->backends[n].addr.family || rate.backends[n])
			file->rates.backends[n] =
				lb_stats_rate(&rate.backends[n], lb_stats_sum(at), passed_ns);
	}
}

void lb_stats_start(void)
{
	struct worker *w = workers[workers[0]->main_id];

	rate = (typeof(rate)){.timer = {.fn = lb_stats_on_timer}, .at_ns = w->now_ns};
	wheel_add(w->wheel, &rate.timer, w->now_ns + RATE_NS);
}

void lb_stats_stop(void)
{
	wheel_del(workers[workers[0]->main_id]->wheel, &rate.timer);
}
