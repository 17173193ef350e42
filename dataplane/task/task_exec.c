/* SPDX-License-Identifier: BSD-3-Clause */
/* Running a program on one item, record or pair of accumulators. Thread: any. */
#include "dataplane/task/task_exec_impl.h"

/* Lets a program read behind the window of its value. */
static uint32_t read_value(void *arg, uint64_t position, void *to, uint32_t len)
{
	const struct task_exec *x = arg;

	if (position >= x->value_len)
		return 0;
	len = (uint32_t)MIN_OF((uint64_t)len, x->value_len - position);
	memcpy(to, x->value + position, len);
	return len;
}

static bool emit_pair(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	struct task_exec *x = arg;

	return x->emit && x->emit(x->emit_arg, key, key_len, value, value_len);
}

void task_exec_init(struct task_exec *x, const struct task_program *p,
	bool (*emit)(void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value,
		uint32_t value_len),
	void *arg)
{
	memset(x, 0, sizeof(*x));
	x->program = p;
	x->host = (struct task_host){.read = read_value, .emit = emit_pair, .arg = x};
	x->emit = emit;
	x->emit_arg = arg;
	x->result_clear = p->result_bytes ? p->result_bytes : BRAID_RESULT_BYTES;
	x->frame.host = &x->host;
	x->frame.kind = p->function->kind;
}

int32_t task_exec_map(struct task_exec *x, uint64_t number, const void *value, uint32_t len)
{
	return task_exec_item(x, number, value, len);
}

int32_t task_exec_each(struct task_exec *x, uint64_t number, const struct task_record *r)
{
	return task_exec_record(x, number, r);
}

int32_t task_exec_merge(struct task_exec *x, uint64_t number, const void *other)
{
	struct braid_merge *m = &x->frame.ctx.merge;

	x->frame.fault = 0;
	m->number = number;
	memcpy(m->other, other, BRAID_ACC_BYTES);
	return task_exec_verdict(x, (int64_t)x->program->run(&x->frame.ctx));
}
