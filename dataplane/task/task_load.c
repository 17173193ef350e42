/* SPDX-License-Identifier: BSD-3-Clause */
/* From a payload to a library; see task_load.h. Thread: main. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/task/task_load.h"
#include "lib/task/task_lower.h"

#define SPARE_US     12000 /* limits of time are kept to a tick of the kernel, up to 10 ms */
#define LEAST_CPU_US 5000  /* what a child gets at least */

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void end(struct task_load *l, int status)
{
	l->status = status;
	l->stage = TASK_LOAD_ENDED;
}

void task_load_start(struct task_load *l, const void *bytes, uint32_t len)
{
	*l = (struct task_load){.bytes = bytes, .len = len, .compile = {.fd = -1, .pid_fd = -1}};
	if (task_payload_parse(bytes, len, &l->payload, &l->err) < 0)
		end(l, -EINVAL);
}

static void read_object(struct task_load *l)
{
	uint64_t n = 0;

	l->object = task_object_create(
		l->bytes + l->payload.object_at, l->len - l->payload.object_at, &l->err);
	if (!l->object) {
		end(l, -EINVAL);
		return;
	}
	for (uint32_t i = 0; i < l->object->n_functions; i++)
		n += l->object->functions[i].n_insns;
	l->insns = malloc(2 * TASK_LOWERED_MAX(n) * sizeof(l->insns[0]));
	if (!l->insns) {
		end(l, base_error_set(&l->err, ENOMEM, "no memory for the library"));
		return;
	}
	l->stage = TASK_LOAD_CHECK;
}

/* The checker's sentence; one that is too long loses a part of the line of C that it quotes. */
static void tell_refusal(struct task_load *l, const struct task_verdict *v)
{
	size_t len = strlen(v->text), room = sizeof(l->err.text) - 1, cut, quoted;
	const char *open = strchr(v->text, '"'), *close = strstr(v->text, "\": instruction ");

	if (len <= room || !open || !close) {
		base_strlcpy(l->err.text, v->text, sizeof(l->err.text));
		return;
	}
	quoted = (size_t)(close - open) - 1;
	cut = MIN_OF(len - room + strlen("..."), quoted);
	snprintf(l->err.text, sizeof(l->err.text), "%.*s...%s",
		(int)(open - v->text + 1 + (ptrdiff_t)(quoted - cut)), v->text, close);
}

static void check_function(struct task_load *l)
{
	const struct task_function *f = &l->object->functions[l->n_checked];
	struct task_verdict v;
	uint32_t n, masked;

	if (!task_check(f, l->object->rodata_len, &v)) {
		tell_refusal(l, &v);
		end(l, -EINVAL);
		return;
	}
	n = task_lower(f, &v, l->insns + l->n_insns);
	l->input.n_insns[l->n_checked] = n;
	masked = task_lower_masked(f, &v, l->insns + l->n_insns + n);
	/* Without an index there is no second version. */
	if (masked > n)
		l->input.n_masked[l->n_checked] = masked;
	l->cost_max[l->n_checked] = v.cost_max;
	l->result_bytes[l->n_checked] = v.result_bytes;
	l->n_insns += n + l->input.n_masked[l->n_checked];
	l->n_checked++;
}

static void start_compiling(struct task_load *l)
{
	uint64_t used_us = l->used_ns / NSEC_PER_USEC + SPARE_US;
	int ret;

	l->input.object = l->object;
	l->input.insns = l->insns;
	l->input.cpu_us = LEAST_CPU_US;
	if (used_us + LEAST_CPU_US < TASK_LOAD_CPU_US)
		l->input.cpu_us = (uint32_t)(TASK_LOAD_CPU_US - used_us);
	ret = task_compile_start(&l->compile, &l->input, &l->err);
	if (ret < 0)
		end(l, ret);
	else
		l->stage = TASK_LOAD_COMPILE;
}

/* The line of C that instruction @pc of what was compiled comes from, or NULL. */
static const struct task_line *line_of(
	const struct task_load *l, const struct task_function *f, uint32_t pc)
{
	struct task_verdict v;
	uint32_t i, place;

	if (pc == TASK_JIT_NO_PC || !task_check(f, l->object->rodata_len, &v))
		return NULL;
	i = task_lower_origin(f, &v, pc);
	place = i < f->n_insns ? i : f->n_insns - 1;
	return task_function_line(f, place);
}

/* Why a function that the checker has accepted is not compiled. */
static void tell_function(struct task_load *l, const struct task_answer *a)
{
	const struct task_function *f = &l->object->functions[a->n_codes];
	const struct task_line *line = line_of(l, f, a->pc);
	struct base_error *err = &l->err;
	char where[96] = "";

	if (line)
		snprintf(where, sizeof(where), "line %u: \"%.60s\": ", line->line, line->text);
	if (a->status == -ETIME)
		base_error_set(err, EINVAL,
			"%s: verifying it takes more than %u ms: too many branches depend on data; "
			"calculate instead, or split the function",
			f->name, TASK_LOAD_CPU_US / 1000);
	else if (a->status == -ENOMEM)
		base_error_set(err, EINVAL,
			"%s: verifying it takes too much memory; split the function", f->name);
	else if (a->status == -E2BIG)
		base_error_set(err, EINVAL,
			"%s: it uses more than %d places in constants; split the function", f->name,
			TASK_JIT_SYMBOLS_MAX - BRAID_HELPERS_MAX);
	else if (a->status == -ENOTSUP)
		base_error_set(err, EINVAL, "DPDK compiles no programs for this machine");
	else
		base_error_set(err, EINVAL,
			"%.48s: %sthe compiler cannot prove it (%.60s); mask the index: `i & 511`, "
			"and load as wide as was stored",
			f->name, where, a->text);
}

static void take_code(struct task_load *l)
{
	struct task_library_parts parts = {
		.name = l->payload.name, .object = l->object, .payload_len = l->len};
	struct task_answer answer;
	int ret = task_compile_result(&l->compile, &parts.code, &answer, &l->err);

	if (ret == -ENOEXEC)
		tell_function(l, &answer);
	if (ret < 0) {
		end(l, ret == -ENOEXEC ? -EINVAL : ret);
		return;
	}
	memcpy(parts.cost_max, l->cost_max, sizeof(parts.cost_max));
	memcpy(parts.result_bytes, l->result_bytes, sizeof(parts.result_bytes));
	parts.payload = malloc(l->len);
	if (parts.payload) {
		memcpy(parts.payload, l->bytes, l->len);
		l->library = task_library_create(&parts);
	}
	if (l->library) {
		l->object = NULL;
		end(l, 0);
		return;
	}
	free(parts.payload);
	task_code_destroy(&parts.code);
	end(l, base_error_set(&l->err, ENOMEM, "no memory for the library"));
}

bool task_load_step(struct task_load *l, int wait_ms)
{
	uint64_t start_ns = cpu_ns();

	switch (l->stage) {
	case TASK_LOAD_READ:
		read_object(l);
		break;
	case TASK_LOAD_CHECK:
		if (l->n_checked < l->object->n_functions)
			check_function(l);
		else
			start_compiling(l);
		break;
	case TASK_LOAD_COMPILE:
		if (!task_compile_step(&l->compile, wait_ms))
			take_code(l);
		break;
	case TASK_LOAD_ENDED:
		break;
	}
	l->used_ns += cpu_ns() - start_ns;
	return l->stage != TASK_LOAD_ENDED;
}

void task_load_end(struct task_load *l)
{
	task_compile_end(&l->compile);
	task_object_destroy(l->object);
	free(l->insns);
	l->object = NULL;
	l->insns = NULL;
}
