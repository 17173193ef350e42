/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs made of any bytes: what the checker accepts ends, stays in its memory, does not depend
 * on addresses, and does the same interpreted and compiled. The first bytes make the context. One
 * thread.
 */
#include "tests/unit/task_jit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes as instructions, as they are. */
static void take_raw(struct task_generated *g, const uint8_t *data, size_t size)
{
	g->n = (uint32_t)MIN_OF(size / sizeof(struct task_insn), (size_t)TASK_GENERATED_MAX);
	memcpy(g->insns, data, g->n * sizeof(struct task_insn));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct task_generated g;
	static struct task_jit_rig rig;
	static struct task_tally tally;
	struct task_compiler compiler = task_jit_compiler(&rig);
	uint64_t seed;

	if (size < sizeof(seed) + 1)
		return 0;
	memcpy(&seed, data, sizeof(seed));
	data += sizeof(seed);
	size -= sizeof(seed);
	g.kind = (enum task_kind)(data[0] % TASK_KINDS);
	if (data[0] & 0x80) {
		take_raw(&g, data + 1, size - 1);
	} else {
		g.choices = (struct task_choices){.bytes = data + 1, .len = size - 1, .seed = seed};
		task_generate(&g);
	}
	task_rig_attack(&g, seed, &compiler, &tally);
	return 0;
}
