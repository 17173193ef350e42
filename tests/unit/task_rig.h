/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs programs over a context that is made of a seed, with a host that remembers what was emitted;
 * and compares the checker, the interpreter and, where the caller has one, a compiler. One thread.
 */
#ifndef TESTS_UNIT_TASK_RIG_H
#define TESTS_UNIT_TASK_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include "lib/task/task_check.h"
#include "lib/task/task_interp.h"
#include "tests/unit/task_generate.h"

#define TASK_RIG_VALUE_BYTES 5000
#define TASK_RIG_EMITS_MAX   8

/* The world of one run. */
struct task_world {
	uint8_t value[TASK_RIG_VALUE_BYTES];
	uint64_t emitted; /* a hash of all pairs */
	uint32_t n_emits;
	struct task_host host;
	struct task_frame frame;
};

/* What came out of a run. */
struct task_outcome {
	uint64_t result;
	uint64_t emitted;
	int32_t fault;
	uint8_t ctx[TASK_CTX_BYTES_MAX];
};

/* Compiled code, or NULL: the compiler does not take the program. */
struct task_compiler {
	uint64_t (*(*compile)(void *arg, const struct task_generated *g, const uint8_t *rodata))(
		void *ctx);
	void (*release)(void *arg);
	void *arg;
};

/* What was seen. */
struct task_tally {
	uint32_t n_programs;
	uint32_t n_accepted;
	uint32_t n_compiled;
	uint32_t n_stopped; /* of the refused: their run did wrong */
	uint32_t rules[TASK_RULES];
};

static inline uint32_t task_rig_read(void *arg, uint64_t position, void *to, uint32_t len)
{
	struct task_world *world = arg;

	if (position >= TASK_RIG_VALUE_BYTES)
		return 0;
	len = (uint32_t)MIN_OF((uint64_t)len, TASK_RIG_VALUE_BYTES - position);
	memcpy(to, world->value + position, len);
	return len;
}

static inline bool task_rig_emit(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	struct task_world *world = arg;

	for (uint32_t i = 0; i < key_len; i++)
		world->emitted = (world->emitted ^ key[i]) * 0x100000001b3ULL;
	for (uint32_t i = 0; i < value_len; i++)
		world->emitted = (world->emitted ^ value[i]) * 0x100000001b3ULL;
	return world->n_emits++ < TASK_RIG_EMITS_MAX;
}

/* Fills a world; the same seed, the same bytes, wherever it lies. Half of them are all ones or
 * all zeros, so that bounds are reached. */
static inline void task_world_init(struct task_world *world, enum task_kind kind, uint64_t seed)
{
	const struct task_layout *layout = &task_layouts[kind];
	uint32_t len = (uint32_t)(seed % TASK_RIG_VALUE_BYTES);
	uint64_t x = seed | 1;

	for (uint32_t i = 0; i < sizeof(world->frame.ctx.bytes); i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		world->frame.ctx.bytes[i] = (uint8_t)(x >> 56);
		if (seed >> (i / 8 % 32) & 1)
			world->frame.ctx.bytes[i] = (uint8_t) - (seed >> (i / 8 % 30 + 32) & 1);
	}
	for (uint32_t i = 0; i < TASK_RIG_VALUE_BYTES; i += 8)
		memcpy(world->value + i, &x, 8);
	world->emitted = 0xcbf29ce484222325ULL;
	world->n_emits = 0;
	world->host =
		(struct task_host){.read = task_rig_read, .emit = task_rig_emit, .arg = world};
	world->frame.host = &world->host;
	world->frame.kind = kind;
	world->frame.fault = 0;
	if (layout->value)
		memcpy(world->frame.ctx.bytes + layout->value_len, &len, sizeof(len));
}

static inline void task_world_outcome(
	const struct task_world *world, uint64_t result, struct task_outcome *out)
{
	out->result = result;
	out->emitted = world->emitted;
	out->fault = world->frame.fault;
	memcpy(out->ctx, world->frame.ctx.bytes, sizeof(out->ctx));
}

static inline bool task_outcomes_equal(const struct task_outcome *a, const struct task_outcome *b)
{
	return a->result == b->result && a->emitted == b->emitted && a->fault == b->fault &&
	       memcmp(a->ctx, b->ctx, sizeof(a->ctx)) == 0;
}

/* Prints the program and why it is wrong, and ends the test. */
_Noreturn static inline void task_rig_fail(const struct task_generated *g, const char *why)
{
	fprintf(stderr, "%s; a program of kind %s:\n", why, task_kind_name(g->kind));
	for (uint32_t i = 0; i < g->n; i++)
		fprintf(stderr, "%3u: .raw 0x%02x %u %u %d %d\n", i, g->insns[i].code,
			g->insns[i].dst, g->insns[i].src, g->insns[i].off, g->insns[i].imm);
	abort();
}

static inline enum task_stop task_rig_interpret(const struct task_generated *g,
	struct task_world *world, struct task_run *run, const uint8_t *rodata)
{
	run->insns = g->insns;
	run->n_insns = g->n;
	run->rodata = rodata;
	run->rodata_len = TASK_GENERATED_RODATA;
	run->frame = &world->frame;
	run->steps_max = 2 * TASK_GENERATED_MAX;
	return task_interp_run(run);
}

/* Moves one access of an accepted program as far to one side as the checker lets it. */
static inline void task_rig_tighten(struct task_generated *g, uint64_t seed)
{
	struct task_function f = {
		.name = "program", .kind = g->kind, .n_insns = g->n, .insns = g->insns};
	uint32_t first = (uint32_t)(seed >> 8) % g->n;
	int sign = seed & 1 ? 1 : -1;
	struct task_insn *i = NULL;
	struct task_verdict v;

	for (uint32_t n = 0; n < g->n && !i; n++) {
		struct task_insn *at = &g->insns[(first + n) % g->n];
		enum task_class class = task_insn_class(at);

		if ((class == TASK_LDX && at->src != TASK_FRAME) ||
			((class == TASK_ST || class == TASK_STX) && at->dst != TASK_FRAME))
			i = at;
	}
	for (int step = 1024; i && step > 0; step /= 2) {
		int16_t was = i->off;

		i->off = (int16_t)(was + sign * step);
		if (!task_check(&f, TASK_GENERATED_RODATA, &v))
			i->off = was;
	}
}

/*
 * Checks and runs the program @g over the world of @seed. An accepted one must end, within its
 * cost, and come to the same in a second world at other addresses, and when it is compiled.
 * Whether it was accepted.
 */
static inline bool task_rig_compare(const struct task_generated *g, uint64_t seed,
	const struct task_compiler *compiler, struct task_tally *tally)
{
	static const __attribute__((aligned(16))) uint8_t constants[2][TASK_GENERATED_RODATA] = {
		{1, 2, 3, 4, 5, 6, 7, 8, 9, 200}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 200}};
	static struct task_world worlds[2];
	static struct task_run runs[2];
	static struct task_outcome first, second;
	struct task_function f = {
		.name = "program", .kind = g->kind, .n_insns = g->n, .insns = g->insns};
	struct task_verdict v;
	uint64_t (*code)(void *ctx) = NULL, result;

	tally->n_programs++;
	task_check(&f, TASK_GENERATED_RODATA, &v);
	tally->rules[v.rule]++;
	task_world_init(&worlds[0], g->kind, seed);
	task_rig_interpret(g, &worlds[0], &runs[0], constants[0]);
	if (v.rule != TASK_ACCEPTED) {
		tally->n_stopped += runs[0].stop != TASK_STOP_EXIT;
		return false;
	}
	tally->n_accepted++;
	if (runs[0].stop != TASK_STOP_EXIT)
		task_rig_fail(g, "accepted, but its run did wrong");
	if (runs[0].steps > v.cost_max)
		task_rig_fail(g, "accepted, but longer than its cost");
	task_world_outcome(&worlds[0], runs[0].registers[0], &first);
	task_world_init(&worlds[1], g->kind, seed);
	if (g->kind == TASK_MAP && memcmp(worlds[0].frame.ctx.map.result + v.result_bytes,
					   worlds[1].frame.ctx.map.result + v.result_bytes,
					   BRAID_RESULT_BYTES - v.result_bytes) != 0)
		task_rig_fail(g, "accepted, but it writes behind the end of its results");
	task_rig_interpret(g, &worlds[1], &runs[1], constants[1]);
	task_world_outcome(&worlds[1], runs[1].registers[0], &second);
	if (!task_outcomes_equal(&first, &second))
		task_rig_fail(g, "accepted, but it depends on addresses");
	if (compiler)
		code = compiler->compile(compiler->arg, g, constants[1]);
	if (!code)
		return true;
	tally->n_compiled++;
	task_world_init(&worlds[1], g->kind, seed);
	result = code(&worlds[1].frame.ctx);
	task_world_outcome(&worlds[1], result, &second);
	compiler->release(compiler->arg);
	if (!task_outcomes_equal(&first, &second))
		task_rig_fail(g, "interpreted and compiled it differs");
	return true;
}

/* The same, and when it is accepted, again with accesses at the edge and in other worlds. */
static inline void task_rig_attack(struct task_generated *g, uint64_t seed,
	const struct task_compiler *compiler, struct task_tally *tally)
{
	if (!task_rig_compare(g, seed, compiler, tally))
		return;
	for (int round = 0; round < 3; round++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		task_rig_tighten(g, seed >> 20);
		task_rig_compare(g, seed, compiler, tally);
	}
}

#endif
