/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a call went wrong: it is run again by the interpreter, one instruction after another, on a
 * copy of its context. The place is the helper that refused, or else where its result was decided.
 * Thread: worker.
 */
#include <stdio.h>
#include <string.h>

#include "dataplane/task/task_explain_impl.h"

#define STEPS_PER_PIECE 64 /* instructions; about a microsecond */
#define STEPS_MAX       8192
#define SOURCE_MAX      72 /* bytes of a line of C that are shown */

/* The caller's memory may be aligned to anything. */
static struct task_explain *aligned(struct task_explain *e)
{
	uintptr_t at = (uintptr_t)e + CACHE_LINE_BYTES - 1;

	return (struct task_explain *)(at & ~(uintptr_t)(CACHE_LINE_BYTES - 1));
}

size_t task_explain_bytes(void)
{
	return sizeof(struct task_explain) + CACHE_LINE_BYTES - 1;
}

static uint32_t read_value(void *arg, uint64_t position, void *to, uint32_t len)
{
	const struct task_explain *e = arg;

	return e->exec->host.read(e->exec->host.arg, position, to, len);
}

/* Pairs were taken, or not, in the first run; they are not taken twice. */
static bool emit_pair(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	struct task_explain *e = arg;

	e->emit_at = e->run.at;
	return e->exec->emit != NULL;
}

void task_explain_init(struct task_explain *memory, const struct task_exec *x, int32_t code)
{
	struct task_explain *e = aligned(memory);
	const struct task_function *f = x->program->function;
	const struct task_object *object = x->program->library->object;

	e->exec = x;
	e->code = code;
	e->decided_at = e->emit_at = 0;
	e->fault_at = UINT32_MAX;
	e->host = (struct task_host){.read = read_value, .emit = emit_pair, .arg = e};
	e->frame = x->frame;
	e->frame.host = &e->host;
	e->frame.fault = 0;
	if (f->kind == TASK_MAP) {
		e->frame.ctx.map.result_len = 0;
		memset(e->frame.ctx.map.result, 0, BRAID_RESULT_BYTES);
	}
	e->run.insns = f->insns;
	e->run.n_insns = f->n_insns;
	e->run.rodata = object->rodata;
	e->run.rodata_len = object->rodata_len;
	e->run.frame = &e->frame;
	e->run.steps_max = 0;
	task_interp_start(&e->run);
}

/* Whether the instruction writes r0, or decides which way to go: a compiler likes to set a result
 * before it tests whether that will be it. */
static bool decides(const struct task_insn *i)
{
	switch (task_insn_class(i)) {
	case TASK_LD:
	case TASK_LDX:
	case TASK_ALU:
	case TASK_ALU64:
		return i->dst == 0;
	case TASK_JMP:
		return task_insn_op(i) != TASK_JA && task_insn_op(i) != TASK_EXIT;
	case TASK_ST:
	case TASK_STX:
	case TASK_JMP32:
		break;
	}
	return false;
}

static const char *sentence(int32_t code)
{
	switch (code) {
	case BRAID_FAULT_DIVIDE:
		return "a divisor is zero";
	case BRAID_FAULT_INPUT:
		return "the value is not what the program is for";
	case BRAID_FAULT_RANGE:
		return "an offset or a length is out of range";
	case BRAID_FAULT_FULL:
		return "more was emitted than there is room for";
	}
	return NULL;
}

/* Writes what is wrong. */
static void tell_what(const struct task_explain *e, char *text, size_t size)
{
	const char *known = sentence(e->code);
	int64_t result = (int64_t)e->run.registers[0];
	uint32_t len = e->frame.ctx.map.result_len;

	if (e->frame.fault != 0)
		snprintf(text, size, "%s: %s", task_helpers[e->frame.fault_helper].name,
			known ? known : "refused");
	else if (e->run.stop == TASK_STOP_EXIT && result > 0)
		snprintf(text, size, "it returned %lld, which means nothing", (long long)result);
	else if (e->frame.kind == TASK_MAP && result == 0 && len > BRAID_RESULT_BYTES)
		snprintf(text, size, "its result has %u bytes, more than %u", len,
			(uint32_t)BRAID_RESULT_BYTES);
	else if (known)
		base_strlcpy(text, known, size);
	else
		snprintf(text, size, "the program's own fault %d", e->code);
}

/* The line of C of instruction @at, or of one before it: compilers give some none. */
static const struct task_line *find_line(const struct task_function *f, uint32_t at)
{
	const struct task_line *line = task_function_line(f, at);

	while (line && line->line == 0)
		line = line > f->lines ? line - 1 : NULL;
	return line;
}

/* Fills in the place and the sentence. */
static void conclude(const struct task_explain *e, struct task_fault *fault)
{
	const struct task_function *f = e->exec->program->function;
	uint32_t at = e->fault_at != UINT32_MAX ? e->fault_at : e->decided_at;
	const struct task_line *line;
	char what[96];

	if (e->code == BRAID_FAULT_FULL && e->fault_at == UINT32_MAX)
		at = e->emit_at;
	line = find_line(f, at);
	tell_what(e, what, sizeof(what));
	fault->code = e->code;
	fault->line = line ? line->line : 0;
	if (!line)
		base_strlcpy(fault->text, what, sizeof(fault->text));
	else
		snprintf(fault->text, sizeof(fault->text), "line %u, `%.*s`: %s", line->line,
			SOURCE_MAX, line->text, what);
}

bool task_explain_step(struct task_explain *memory, struct task_fault *fault)
{
	struct task_explain *e = aligned(memory);
	struct task_run *run = &e->run;
	uint32_t end = run->steps + STEPS_PER_PIECE;
	enum task_stop stop = TASK_STOP_STEPS;

	while (stop == TASK_STOP_STEPS && run->steps < MIN_OF(end, (uint32_t)STEPS_MAX)) {
		uint32_t at = run->at;

		if (decides(&run->insns[at]))
			e->decided_at = at;
		run->steps_max = run->steps;
		stop = task_interp_continue(run);
		if (e->frame.fault != 0 && e->fault_at == UINT32_MAX)
			e->fault_at = at;
	}
	if (stop == TASK_STOP_STEPS && run->steps < STEPS_MAX)
		return true;
	conclude(e, fault);
	return false;
}
