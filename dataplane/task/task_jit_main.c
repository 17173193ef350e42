/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * braid-jit: compiles the programs of one library for the dataplane, which starts one of these for
 * each, because librte_bpf's verifier may take time that is exponential in a program's length.
 * Reads a request from the file at standard input, writes records to standard output
 * (task_jit_message.h). Thread: main.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_log.h>

#include "dataplane/task/task_jit_limit.h"
#include "dataplane/task/task_jit_message.h"

#define EXIT_REQUEST 2 /* it is none */
#define EXIT_LIMITS  3 /* they cannot be set */
#define EXIT_OUTPUT  4
#define AT_PC        " at pc: "

static struct task_jit jit;
static char said[1024]; /* what the verifier wrote about a program */

/* The request with its instructions, which may be changed; NULL: it is none. */
static struct task_jit_request *read_request(struct task_insn **insns)
{
	struct task_jit_request *r;
	struct stat st;
	uint64_t n = 0;

	if (fstat(STDIN_FILENO, &st) < 0 || (size_t)st.st_size < sizeof(*r))
		return NULL;
	r = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, STDIN_FILENO, 0);
	if (r == MAP_FAILED || r->magic != TASK_JIT_REQUEST_MAGIC ||
		r->n_functions > TASK_JIT_FUNCTIONS_MAX ||
		r->world.n_helpers > TASK_JIT_HELPERS_MAX)
		return NULL;
	for (uint32_t i = 0; i < r->n_functions; i++)
		n += (uint64_t)r->functions[i].n_insns + r->functions[i].n_masked;
	if (n * sizeof(struct task_insn) != (uint64_t)st.st_size - sizeof(*r))
		return NULL;
	*insns = (struct task_insn *)(r + 1);
	return r;
}

static void write_all(const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, p, len);

		if (n < 0)
			_exit(EXIT_OUTPUT);
		p += n;
		len -= (size_t)n;
	}
}

/* Why the program is refused, and where, as the verifier's words have it: "...: REASON at pc: N".
 */
static void refuse(int status, FILE *log)
{
	struct task_jit_record record = {
		.magic = TASK_JIT_RECORD_MAGIC, .status = status, .pc = TASK_JIT_NO_PC};
	char text[TASK_JIT_TEXT_MAX] = "";
	char *at, *reason = NULL;

	fflush(log);
	at = strstr(said, AT_PC);
	if (at) {
		record.pc = (uint32_t)strtoul(at + strlen(AT_PC), NULL, 10);
		*at = '\0';
		reason = strrchr(said, ':');
	}
	reason = reason ? reason + strspn(reason, ": ") : said;
	snprintf(text, sizeof(text), "%.*s", (int)MIN_OF(strcspn(reason, "\n"), sizeof(text) - 1),
		reason);
	record.bytes = (uint32_t)strlen(text);
	write_all(&record, sizeof(record));
	write_all(text, record.bytes);
}

static void compile_all(struct task_jit_request *r, struct task_insn *insns, FILE *log)
{
	for (uint32_t i = 0; i < r->n_functions; i++) {
		struct task_jit_record record = {.magic = TASK_JIT_RECORD_MAGIC};
		struct task_jit_code code;
		struct task_jit_program p = {.insns = insns,
			.n_insns = r->functions[i].n_insns,
			.ctx_bytes = r->functions[i].ctx_bytes};
		int ret;

		rewind(log);
		memset(said, 0, sizeof(said));
		ret = task_jit_compile(&jit, &r->world, &p, &code);
		insns += p.n_insns;
		p.insns = insns;
		p.n_insns = r->functions[i].n_masked;
		insns += p.n_insns;
		if (ret < 0 && p.n_insns > 0)
			ret = task_jit_compile(&jit, &r->world, &p, &code);
		if (ret < 0) {
			refuse(ret, log);
			return;
		}
		record.bytes = (uint32_t)code.jit.sz;
		record.pc = TASK_JIT_NO_PC;
		write_all(&record, sizeof(record));
		write_all((const void *)(uintptr_t)code.jit.func, code.jit.sz);
		rte_bpf_destroy(code.bpf);
	}
}

int main(int argc, char **argv)
{
	struct task_insn *insns = NULL;
	struct task_jit_request *r = read_request(&insns);
	FILE *log = fmemopen(said, sizeof(said) - 1, "w");
	int ret;

	if (!r || !log) {
		fprintf(stderr, "braid-jit is a part of braid-dataplane, which starts it\n");
		return EXIT_REQUEST;
	}
	setvbuf(log, NULL, _IONBF, 0);
	rte_openlog_stream(log);
	rte_log_set_global_level(RTE_LOG_ERR);
	ret = task_jit_limit(r->cpu_us);
	if (ret < 0) {
		fprintf(stderr, "braid-jit: no limits: %s\n", strerror(-ret));
		return EXIT_LIMITS;
	}
	compile_all(r, insns, log);
	_exit(0);
}
