/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timing wheel against a plain model (a list of expiry times), over random operations and jumps
 * of every size, and its contract case by case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/timer/wheel.h"

#define TICK  WHEEL_TICK_NS
#define N     512
#define STEPS 60000

/* One timer with what the model knows about it. */
struct probe {
	struct wheel_timer timer;
	uint64_t fired_ns; /* 0: not fired since it was armed */
	bool armed;
	uint64_t expiry_ns;
	uint64_t armed_at; /* number of the wheel_advance() call after which it was armed */
};

struct fixture {
	struct wheel wheel;
	struct probe probes[N];
	uint64_t now_ns;
	uint64_t calls; /* of wheel_advance */
	uint64_t rng;
	unsigned n_fired;
	bool meddle; /* callbacks add and delete */
};

static uint64_t fixture_random(struct fixture *f)
{
	f->rng ^= f->rng >> 12;
	f->rng ^= f->rng << 25;
	f->rng ^= f->rng >> 27;
	return f->rng * 0x2545f4914f6cdd1dULL;
}

/* The tick at which a timer may fire first. */
static uint64_t due_tick(uint64_t expiry_ns)
{
	return expiry_ns / TICK + (expiry_ns % TICK != 0);
}

static void arm(struct fixture *f, struct probe *p, uint64_t expiry_ns)
{
	wheel_add(&f->wheel, &p->timer, expiry_ns);
	p->armed = true;
	p->fired_ns = 0;
	p->expiry_ns = expiry_ns;
	p->armed_at = f->calls;
}

static void disarm(struct fixture *f, struct probe *p)
{
	wheel_del(&f->wheel, &p->timer);
	p->armed = false;
}

/* A time ahead of all magnitudes: any of the wheel's levels, sometimes the past. */
static uint64_t random_expiry(struct fixture *f)
{
	uint64_t ahead_ns = fixture_random(f) >> (fixture_random(f) % 63 + 1);

	switch (fixture_random(f) % 8) {
	case 0:
		return f->now_ns - MIN_OF(f->now_ns, ahead_ns);
	case 1: /* on the edge of a tick and of a round */
		return ((f->now_ns + ahead_ns) >> 26) << 26;
	}
	return f->now_ns + ahead_ns < f->now_ns ? UINT64_MAX : f->now_ns + ahead_ns;
}

static void on_probe(void *ctx, struct wheel_timer *t)
{
	struct fixture *f = ctx;
	struct probe *p = CONTAINER_OF(t, struct probe, timer);

	assert_true(p->armed);
	assert_false(wheel_pending(t));
	assert_true(p->expiry_ns <= f->now_ns);
	assert_true(p->armed_at < f->calls); /* never in the call in which it was armed */
	p->armed = false;
	p->fired_ns = f->now_ns;
	f->n_fired++;
	if (!f->meddle)
		return;
	if (fixture_random(f) % 3 == 0)
		arm(f, p, random_expiry(f));
	if (fixture_random(f) % 3 == 0)
		disarm(f, &f->probes[fixture_random(f) % N]);
	if (fixture_random(f) % 3 == 0)
		arm(f, &f->probes[fixture_random(f) % N], random_expiry(f));
}

static struct fixture *fixture_create(uint64_t now_ns, uint64_t seed)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->now_ns = now_ns;
	f->rng = seed;
	wheel_init(&f->wheel, now_ns);
	f->wheel.ctx = f;
	for (unsigned i = 0; i < N; i++)
		f->probes[i].timer.fn = on_probe;
	return f;
}

static unsigned advance(struct fixture *f, uint64_t now_ns, unsigned max_fired)
{
	f->now_ns = now_ns;
	f->calls++;
	return wheel_advance(&f->wheel, now_ns, max_fired);
}

/* All that is due has fired, all that is not is still armed, and nothing is due before next_ns. */
static void check_settled(struct fixture *f)
{
	uint64_t next_ns = wheel_next_ns(&f->wheel);
	uint64_t tick = f->now_ns / TICK;

	for (unsigned i = 0; i < N; i++) {
		struct probe *p = &f->probes[i];

		assert_int_equal(p->armed, wheel_pending(&p->timer));
		if (!p->armed)
			continue;
		/* Only a callback of the last call can have left one that is already due. */
		if (due_tick(p->expiry_ns) <= tick)
			assert_true(p->armed_at == f->calls);
		assert_true(next_ns <= MAX_OF(p->expiry_ns, f->now_ns) ||
			    next_ns / TICK == due_tick(p->expiry_ns) ||
			    due_tick(p->expiry_ns) > UINT64_MAX / TICK);
	}
}

static void run_model(uint64_t seed, bool meddle, unsigned max_fired)
{
	struct fixture *f = fixture_create(seed * 1234567891011ULL, seed);

	f->meddle = meddle;
	for (unsigned step = 0; step < STEPS; step++) {
		uint64_t jump_ns = fixture_random(f) >> (fixture_random(f) % 50 + 14);

		for (unsigned i = 0; i < 4; i++) {
			struct probe *p = &f->probes[fixture_random(f) % N];

			if (fixture_random(f) % 4 == 0)
				disarm(f, p);
			else
				arm(f, p, random_expiry(f));
		}
		if (f->now_ns + jump_ns < f->now_ns)
			break;
		assert_true(advance(f, f->now_ns + jump_ns, max_fired) <= max_fired);
		/* The budget may need more calls, which never run forever. */
		for (unsigned i = 0; !meddle && wheel_next_ns(&f->wheel) <= f->now_ns; i++) {
			assert_true(i < 10 * N);
			assert_true(advance(f, f->now_ns, max_fired) <= max_fired);
		}
		if (!meddle || max_fired > 16 * N)
			check_settled(f);
	}
	assert_true(f->n_fired > STEPS / 4);
	free(f);
}

static void timers_behave_as_in_the_model(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		run_model(seed, false, UINT32_MAX);
}

static void a_small_budget_only_delays(void **state)
{
	run_model(11, false, 1);
	run_model(12, false, 3);
	run_model(13, false, 64);
}

static void callbacks_may_add_and_delete(void **state)
{
	run_model(21, true, UINT32_MAX);
	run_model(22, true, 2);
	run_model(23, true, 64);
}

static void a_timer_is_never_early_and_at_most_a_tick_late(void **state)
{
	static const uint64_t ahead_ns[] = {1, TICK - 1, TICK, TICK + 1, 63 * TICK, 64 * TICK,
		64 * TICK + 1, 4095 * TICK, 4096 * TICK, 262144 * TICK, 262144 * TICK - 1};

	for (size_t i = 0; i < ARRAY_SIZE(ahead_ns); i++) {
		struct fixture *f = fixture_create(1000 * TICK - 7, 1);
		uint64_t expiry_ns = f->now_ns + ahead_ns[i];
		uint64_t tick_ns = due_tick(expiry_ns) * TICK;

		arm(f, &f->probes[0], expiry_ns);
		advance(f, tick_ns - 1, 16);
		assert_int_equal(f->n_fired, 0);
		advance(f, tick_ns, 16);
		assert_int_equal(f->n_fired, 1);
		assert_true(tick_ns >= expiry_ns && tick_ns - expiry_ns < TICK);
		free(f);
	}
}

static void sleeping_until_the_next_time_ends_at_every_timer(void **state)
{
	struct fixture *f = fixture_create(12345678, 5);
	uint64_t last_ns = 0;
	unsigned wakeups = 0;

	for (unsigned i = 0; i < N; i++) {
		arm(f, &f->probes[i], f->now_ns + (fixture_random(f) >> 20));
		last_ns = MAX_OF(last_ns, f->probes[i].expiry_ns);
	}
	for (; wheel_next_ns(&f->wheel) != WHEEL_NEVER_NS; wakeups++) {
		uint64_t next_ns = wheel_next_ns(&f->wheel);

		advance(f, MAX_OF(next_ns, f->now_ns), 64);
	}
	assert_int_equal(f->n_fired, N);
	assert_true(f->now_ns - last_ns < TICK);
	assert_true(wakeups <= N * WHEEL_LEVELS);
	for (unsigned i = 0; i < N; i++)
		assert_true(f->probes[i].fired_ns - f->probes[i].expiry_ns < TICK);
	free(f);
}

static void an_expired_timer_waits_for_the_next_call(void **state)
{
	struct fixture *f = fixture_create(100 * TICK, 1);

	arm(f, &f->probes[0], 0);
	assert_true(wheel_pending(&f->probes[0].timer));
	assert_int_equal(wheel_next_ns(&f->wheel), 0);
	assert_int_equal(advance(f, f->now_ns, 1), 1);
	assert_int_equal(wheel_next_ns(&f->wheel), WHEEL_NEVER_NS);
	free(f);
}

static void rearm_at_once(void *ctx, struct wheel_timer *t)
{
	struct fixture *f = ctx;

	f->n_fired++;
	wheel_add(&f->wheel, t, 0);
}

static void a_timer_that_rearms_at_once_does_not_hold_the_call(void **state)
{
	struct fixture *f = fixture_create(100 * TICK, 1);

	f->probes[0].timer.fn = rearm_at_once;
	wheel_add(&f->wheel, &f->probes[0].timer, 101 * TICK);
	assert_int_equal(wheel_advance(&f->wheel, 110 * TICK, 1000), 1);
	assert_int_equal(wheel_advance(&f->wheel, 110 * TICK, 1000), 1);
	assert_int_equal(f->n_fired, 2);
	free(f);
}

static void deleting_twice_and_deleting_what_never_was_is_harmless(void **state)
{
	struct fixture *f = fixture_create(0, 1);

	wheel_del(&f->wheel, &f->probes[0].timer);
	arm(f, &f->probes[0], 5 * TICK);
	disarm(f, &f->probes[0]);
	disarm(f, &f->probes[0]);
	assert_int_equal(wheel_next_ns(&f->wheel), WHEEL_NEVER_NS);
	assert_int_equal(advance(f, 10 * TICK, 10), 0);
	free(f);
}

static void a_clock_that_steps_back_is_taken_as_standing(void **state)
{
	struct fixture *f = fixture_create(100 * TICK, 1);

	arm(f, &f->probes[0], 105 * TICK);
	advance(f, 104 * TICK, 10);
	assert_int_equal(wheel_advance(&f->wheel, 50 * TICK, 10), 0);
	assert_int_equal(advance(f, 105 * TICK, 10), 1);
	free(f);
}

static void the_end_of_time_never_comes(void **state)
{
	struct fixture *f = fixture_create(0, 1);

	arm(f, &f->probes[0], UINT64_MAX);
	assert_int_equal(advance(f, UINT64_MAX, 10), 0);
	assert_int_equal(wheel_next_ns(&f->wheel), WHEEL_NEVER_NS);
	assert_true(wheel_pending(&f->probes[0].timer));
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_behave_as_in_the_model),
		cmocka_unit_test(a_small_budget_only_delays),
		cmocka_unit_test(callbacks_may_add_and_delete),
		cmocka_unit_test(a_timer_is_never_early_and_at_most_a_tick_late),
		cmocka_unit_test(sleeping_until_the_next_time_ends_at_every_timer),
		cmocka_unit_test(an_expired_timer_waits_for_the_next_call),
		cmocka_unit_test(a_timer_that_rearms_at_once_does_not_hold_the_call),
		cmocka_unit_test(deleting_twice_and_deleting_what_never_was_is_harmless),
		cmocka_unit_test(a_clock_that_steps_back_is_taken_as_standing),
		cmocka_unit_test(the_end_of_time_never_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
