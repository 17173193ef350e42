/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers of a simulation: splitmix64 (Steele, Lea, Flood, OOPSLA 2014), so that a seed says
 * everything that follows. Thread: any. */
#ifndef TESTS_SIM_SIM_RANDOM_H
#define TESTS_SIM_SIM_RANDOM_H

#include "lib/base/base.h"

struct sim_random {
	uint64_t state;
};

static inline uint64_t sim_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline uint64_t sim_random(struct sim_random *r)
{
	return sim_mix(r->state += 0x9e3779b97f4a7c15ULL);
}

/* Of 0 to @n - 1. */
static inline uint64_t sim_below(struct sim_random *r, uint64_t n)
{
	return sim_random(r) % n;
}

/* Of @min to @max. */
static inline uint64_t sim_between(struct sim_random *r, uint64_t min, uint64_t max)
{
	return min + sim_below(r, max - min + 1);
}

/* True in @percent of 100 cases. */
static inline bool sim_percent(struct sim_random *r, uint32_t percent)
{
	return sim_below(r, 100) < percent;
}

/* True in @millionths of a million cases. */
static inline bool sim_chance(struct sim_random *r, uint32_t millionths)
{
	return millionths != 0 && sim_below(r, 1000000) < millionths;
}

/* Of 0 to @max, every order of magnitude as likely as the others. */
static inline uint64_t sim_log(struct sim_random *r, uint64_t max)
{
	unsigned bits = 0;

	while (bits < 63 && max >> bits != 0)
		bits++;
	return sim_random(r) % (1ULL << sim_below(r, bits + 1)) % (max + 1);
}

#endif
