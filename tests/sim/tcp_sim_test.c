/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two endpoints and a bad link, over and over. SEED=n runs only seed n and prints every packet;
 * SEEDS=n runs as many, FROM=n from there on. One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sim/tcp_sim.h"

#define SEEDS 2400

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void print_report(const struct sim_report *r, uint64_t n)
{
	print_message("%llu runs (%llu not gentle), %llu s, %llu MB, %llu packets, %llu lost, "
		      "%llu sent again, %llu timeouts, %llu recoveries, %llu tail probes, "
		      "%llu undone, %llu cookies, %llu smaller paths, %llu black holes, "
		      "%llu PAWS, %llu window probes, %llu ECN, %llu resets, %llu TIME-WAIT, "
		      "%llu packets cut by devices\n",
		(unsigned long long)n, (unsigned long long)r->not_gentle,
		(unsigned long long)(r->virtual_ns / NSEC_PER_SEC),
		(unsigned long long)(r->bytes / 1000000), (unsigned long long)r->packets,
		(unsigned long long)r->lost, (unsigned long long)r->retransmitted,
		(unsigned long long)r->timeouts, (unsigned long long)r->fast_recoveries,
		(unsigned long long)r->tail_probes, (unsigned long long)r->undone,
		(unsigned long long)r->cookies, (unsigned long long)r->pmtu_lowered,
		(unsigned long long)r->black_holes, (unsigned long long)r->paws_drops,
		(unsigned long long)r->window_probes, (unsigned long long)r->ecn_reduced,
		(unsigned long long)r->resets, (unsigned long long)r->time_waits,
		(unsigned long long)r->cut);
}

static void every_seed_delivers_every_byte_and_leaves_nothing(void **state)
{
	uint64_t from = number("FROM", 1), n = number("SEEDS", SEEDS), failed = 0;
	struct sim_report report = {0};
	bool one = getenv("SEED") != NULL;

	if (one) {
		from = number("SEED", 1);
		n = 1;
	}
	for (uint64_t seed = from; seed < from + n; seed++) {
		const char *wrong = sim_run(seed, one, &report);

		if (!wrong)
			continue;
		failed++;
		print_error("SEED=%llu: %s\n", (unsigned long long)seed, wrong);
	}
	print_report(&report, n);
	assert_int_equal(failed, 0);
	assert_true(one || report.cut > n);
}

static void a_seed_says_everything(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim_report a = {0}, b = {0};

		sim_run(seed, false, &a);
		sim_run(seed, false, &b);
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_seed_delivers_every_byte_and_leaves_nothing),
		cmocka_unit_test(a_seed_says_everything),
	};

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	sim_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
