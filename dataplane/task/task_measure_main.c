/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * braid-measure FILE: compiles the accepted functions of an object as the node does and calls them
 * over a few values, for `braidctl check`. Prints JSON: for each function the bytes of machine code
 * and the ns of a call, of the value that takes longest. Thread: main, and nothing else runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <rte_log.h>

#include "dataplane/task/task_jit.h"
#include "lib/task/task_check.h"
#include "lib/task/task_helpers.h"
#include "lib/task/task_lower.h"

#define ROUNDS     15             /* the fastest counts */
#define ROUND_NS   (100 * 1000.0) /* about */
#define CALLS_MIN  1024.0
#define CALLS_MAX  100000.0
#define SECONDS    10 /* of CPU time: librte_bpf's verifier may never end */
#define VALUE_ROOM 128

static struct task_jit jit;
static struct task_jit_world world;
static struct task_verdict verdict;
static struct task_insn insns[TASK_LOWERED_MAX(TASK_INSNS_MAX)];
static struct task_frame frame;

/* What is called over: a number in decimal, JSON, and 64 bytes that begin with a small number. */
static const struct sample {
	uint32_t len;
	char value[VALUE_ROOM];
} samples[] = {
	{5, "12345"},
	{71, "{\"id\": 4711, \"name\": \"pear\", \"price\": 250, \"stock\": 12, \"shop\": "
	     "\"north\"}"},
	{64, "\x07"},
};
static const struct sample *sample; /* of the call */

static uint32_t read_value(void *arg, uint64_t position, void *to, uint32_t len)
{
	if (position >= sample->len)
		return 0;
	len = (uint32_t)MIN_OF((uint64_t)len, sample->len - position);
	memcpy(to, sample->value + position, len);
	return len;
}

static bool emit(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	return true;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Puts the sample where the program finds it. */
static void fill(enum task_kind kind)
{
	static const char key[] = "shop:4711";
	struct braid_each *each = &frame.ctx.each;

	switch (kind) {
	case TASK_MAP:
		frame.ctx.map.value_len = sample->len;
		frame.ctx.map.result_len = 0;
		memcpy(frame.ctx.map.value, sample->value, VALUE_ROOM);
		break;
	case TASK_FILTER:
	case TASK_EACH:
		each->ttl_ms = BRAID_TTL_NONE;
		each->value_len = sample->len;
		each->key_len = sizeof(key) - 1;
		memcpy(each->key, key, sizeof(key) - 1);
		memcpy(each->value, sample->value, VALUE_ROOM);
		break;
	case TASK_MERGE:
		memcpy(frame.ctx.merge.other, sample->value, VALUE_ROOM);
		break;
	}
}

/* The ns of @n calls. */
static double call(uint64_t (*run)(void *), enum task_kind kind, uint64_t n)
{
	double start = now_ns();

	for (uint64_t i = 0; i < n; i++) {
		frame.fault = 0;
		*(uint64_t *)frame.ctx.bytes = i;
		fill(kind);
		run(&frame.ctx);
	}
	return now_ns() - start;
}

/* The ns of one call over the sample. */
static double measure_sample(uint64_t (*run)(void *), enum task_kind kind)
{
	double n = CALLS_MIN, best = 1e18;

	memset(&frame.ctx, 0, sizeof(frame.ctx));
	while (n < CALLS_MAX && call(run, kind, (uint64_t)n) < ROUND_NS)
		n *= 2;
	for (int i = 0; i < ROUNDS; i++)
		best = MIN_OF(best, call(run, kind, (uint64_t)n) / n);
	return best;
}

/* Compiles and measures; nothing is printed of what cannot be compiled. */
static bool measure(const struct task_function *f, uint32_t rodata_len, bool first)
{
	struct task_jit_program program = {
		.insns = insns, .ctx_bytes = task_layouts[f->kind].bytes};
	struct task_jit_code code;
	double ns = 0;

	if (!task_check(f, rodata_len, &verdict))
		return false;
	program.n_insns = task_lower(f, &verdict, insns);
	if (task_jit_compile(&jit, &world, &program, &code) != 0)
		return false;
	frame.kind = f->kind;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		sample = &samples[i];
		ns = MAX_OF(
			ns, measure_sample((uint64_t(*)(void *))(uintptr_t)code.jit.func, f->kind));
	}
	printf("%s\n  \"%s\": {\"code_bytes\": %zu, \"ns\": %.1f}", first ? "" : ",", f->name,
		code.jit.sz, ns);
	rte_bpf_destroy(code.bpf);
	return true;
}

/* What programs of @o reach. */
static void make_world(const struct task_object *o)
{
	world.rodata = (uintptr_t)o->rodata;
	world.rodata_len = o->rodata_len;
	world.n_helpers = BRAID_HELPERS_MAX;
	for (uint32_t i = 1; i <= BRAID_HELPERS_MAX; i++) {
		struct task_jit_helper *h = &world.helpers[i - 1];

		h->address = (uintptr_t)task_helpers[i].call;
		while (h->n_args < TASK_HELPER_ARGS_MAX &&
			task_helpers[i].args[h->n_args] != BRAID_ARG_NONE)
			h->n_args++;
	}
}

/* Reads the object in @path; NULL: it is none. */
static struct task_object *read_object(const char *path, struct base_error *err)
{
	uint8_t *bytes = malloc(TASK_OBJECT_BYTES_MAX + 1);
	FILE *f = fopen(path, "rb");
	struct task_object *o = NULL;

	if (f && bytes)
		o = task_object_create(bytes, fread(bytes, 1, TASK_OBJECT_BYTES_MAX + 1, f), err);
	else
		base_error_set(err, errno, "%s: %s", path, strerror(errno));
	if (f)
		fclose(f);
	free(bytes);
	return o;
}

int main(int argc, char **argv)
{
	static const struct task_host host = {.read = read_value, .emit = emit};
	const struct rlimit limit = {SECONDS, SECONDS};
	struct base_error err = {.text = "usage: braid-measure OBJECT"};
	struct task_object *o = argc == 2 ? read_object(argv[1], &err) : NULL;
	bool first = true;

	if (!o) {
		fprintf(stderr, "braid-measure: %s\n", err.text);
		return EXIT_FAILURE;
	}
	setrlimit(RLIMIT_CPU, &limit);
	rte_log_set_global_level(RTE_LOG_EMERG);
	frame.host = &host;
	make_world(o);
	putchar('{');
	for (uint32_t i = 0; i < o->n_functions; i++)
		if (measure(&o->functions[i], o->rodata_len, first))
			first = false;
	puts("\n}");
	task_object_destroy(o);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
