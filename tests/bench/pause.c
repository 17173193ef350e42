/* SPDX-License-Identifier: BSD-3-Clause */
/* Pauses of a polling thread. */
#include <sys/resource.h>
#include <time.h>

#include <rte_cycles.h>

#include "lib/base/base.h"
#include "tests/bench/pause.h"

#define PILE_DIVISOR 4 /* what piled up in a pause needs this part of it to be worked off */

static uint64_t switches_of_thread(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_nivcsw + (uint64_t)usage.ru_nvcsw + 1;
}

void pause_watch_rest(struct pause_watch *t)
{
	t->thread = pthread_self();
	t->switches = 0;
	t->last = rte_rdtsc();
}

void pause_watch_turn(struct pause_watch *t, bool counts, uint64_t look_cycles)
{
	uint64_t now = rte_rdtsc(), gap = now - t->last, before = t->switches;

	if (gap > look_cycles || before == 0)
		t->switches = switches_of_thread();
	if (before != 0 && t->switches != before && t->n < PAUSES_MAX)
		t->pauses[t->n++] = (struct pause){.begin = t->last, .end = now};
	else if (before != 0 && counts)
		t->longest_cycles = MAX_OF(t->longest_cycles, gap);
	t->last = rte_rdtsc();
}

bool pause_watch_met(const struct pause_watch *t, uint64_t begin, uint64_t end)
{
	uint32_t first = 0, last = t->n;

	/* They are in order: the first that ends behind @begin is the one. */
	while (first < last) {
		uint32_t middle = (first + last) / 2;
		const struct pause *p = &t->pauses[middle];

		if (p->end + (p->end - p->begin) / PILE_DIVISOR > begin)
			last = middle;
		else
			first = middle + 1;
	}
	return first < t->n && t->pauses[first].begin < end;
}

double pause_watch_cpu_s(const struct pause_watch *t)
{
	struct timespec ts;
	clockid_t clock;

	if (pthread_getcpuclockid(t->thread, &clock) != 0 || clock_gettime(clock, &ts) != 0)
		return -1;
	return (double)ts.tv_sec + (double)ts.tv_nsec / NSEC_PER_SEC;
}
