/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of braid-jit, and code in memory; see task_code.h. Thread: main. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/task/task_code.h"

#define TRAP 0xcc /* int3: what is between functions does not run */

/* Takes the sentence of a refusal, of which only what can be printed. */
static void take_text(struct task_answer *a, const uint8_t *text, uint32_t len)
{
	uint32_t n = MIN_OF(len, (uint32_t)sizeof(a->text) - 1);

	for (uint32_t i = 0; i < n; i++)
		a->text[i] = (char)(text[i] >= ' ' && text[i] < 127 ? text[i] : '?');
	a->text[n] = '\0';
}

int task_answer_parse(const uint8_t *bytes, size_t len, uint32_t n_functions, struct task_answer *a)
{
	struct task_jit_record record;
	size_t at = 0;

	BRAID_ASSERT(n_functions <= TASK_FUNCTIONS_MAX);
	memset(a, 0, sizeof(*a));
	if (len > TASK_CODE_BYTES_MAX)
		return -EBADMSG;
	while (len - at >= sizeof(record)) {
		memcpy(&record, bytes + at, sizeof(record));
		if (record.magic != TASK_JIT_RECORD_MAGIC || record.status > 0 ||
			a->n_codes == n_functions || a->status != 0)
			return -EBADMSG;
		at += sizeof(record);
		if (record.bytes > len - at)
			return 0;
		if (record.status < 0) {
			a->status = record.status;
			a->pc = record.pc;
			take_text(a, bytes + at, record.bytes);
		} else if (record.bytes == 0) {
			return -EBADMSG;
		} else {
			a->codes[a->n_codes].at = (uint32_t)at;
			a->codes[a->n_codes++].bytes = record.bytes;
		}
		at += record.bytes;
	}
	/* Behind the last function or a refusal there is nothing. */
	return at < len && (a->n_codes == n_functions || a->status != 0) ? -EBADMSG : 0;
}

static size_t aligned(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

int task_code_create(const uint8_t *bytes, const struct task_answer *a, struct task_code *code)
{
	size_t total = 0, at = 0;
	uint8_t *pages;

	/* At least one byte follows each function, so that nothing runs on into the next. */
	for (uint32_t i = 0; i < a->n_codes; i++)
		total += aligned(a->codes[i].bytes + 1, CACHE_LINE_BYTES);
	total = aligned(total, (size_t)sysconf(_SC_PAGESIZE));
	pages = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return -errno;
	memset(pages, TRAP, total);
	for (uint32_t i = 0; i < a->n_codes; i++) {
		memcpy(pages + at, bytes + a->codes[i].at, a->codes[i].bytes);
		code->functions[i].run = (uint64_t(*)(void *))(uintptr_t)(pages + at);
		code->functions[i].bytes = a->codes[i].bytes;
		at += aligned(a->codes[i].bytes + 1, CACHE_LINE_BYTES);
	}
	code->pages = pages;
	code->bytes = total;
	if (mprotect(pages, total, PROT_READ | PROT_EXEC) == 0)
		return 0;
	munmap(pages, total);
	code->pages = NULL;
	return -ENOMEM;
}

void task_code_destroy(struct task_code *code)
{
	if (code->pages)
		munmap(code->pages, code->bytes);
	code->pages = NULL;
}
