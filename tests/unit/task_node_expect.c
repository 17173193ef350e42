/* SPDX-License-Identifier: BSD-3-Clause */
/* The records of tests/unit/task_node.h, and what jobs must come to. One thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/task/task_interp.h"
#include "tests/unit/task_node.h"

#define STEPS_MAX 100000

static struct {
	struct task_node_record *records; /* in the order of the chunks */
	uint32_t n;
	uint64_t walks;
} source;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "task_node: %s\n", what);
	abort();
}

static uint32_t chunk_of(const struct task_node_record *r)
{
	return (uint32_t)(r->hash % TASK_RECORD_CHUNKS);
}

static uint32_t owner_of(const struct task_node_record *r)
{
	return r->owner % workers[0]->n_workers;
}

static int compare(const void *a, const void *b)
{
	const struct task_node_record *x = a, *y = b;
	uint64_t left = (uint64_t)chunk_of(x) << 32 | owner_of(x);
	uint64_t right = (uint64_t)chunk_of(y) << 32 | owner_of(y);

	if (left == right)
		return memcmp(x->key, y->key, sizeof(x->key));
	return left < right ? -1 : 1;
}

void task_node_records(const struct task_node_record *records, uint32_t n)
{
	free(source.records);
	source.records = malloc(n * sizeof(*records) + 1);
	if (!source.records)
		fail("out of memory");
	source.n = n;
	if (n == 0)
		return;
	memcpy(source.records, records, n * sizeof(*records));
	qsort(source.records, n, sizeof(*records), compare);
}

static struct task_record record_of(const struct task_node_record *r)
{
	return (struct task_record){
		.key = r->key,
		.value = r->value,
		.key_len = r->key_len,
		.value_len = r->value_len,
		.ttl_ms = BRAID_TTL_NONE,
		.type = (uint32_t)r->hash % 5,
		.slot = (uint32_t)(r->hash >> 32) & 16383,
	};
}

/* The first record of (chunk, owner), or of what is behind. */
static uint32_t find(uint32_t chunk, uint32_t owner)
{
	uint64_t wanted = (uint64_t)chunk << 32 | owner;
	uint32_t low = 0, high = source.n;

	while (low < high) {
		const struct task_node_record *r = &source.records[(low + high) / 2];

		if (((uint64_t)chunk_of(r) << 32 | owner_of(r)) < wanted)
			low = (low + high) / 2 + 1;
		else
			high = (low + high) / 2;
	}
	return low;
}

/* Like a store's it shows some more than it is asked for. */
static bool node_walk(
	struct worker *w, struct task_part *part, uint32_t chunk, uint64_t *at, uint32_t n)
{
	uint32_t first = find(chunk, w->id), end = find(chunk, w->id + 1);

	source.walks++;
	n += 3;
	while (first + *at < end && n-- > 0) {
		struct task_record r = record_of(&source.records[first + *at]);

		(*at)++;
		if (!task_part_record(w, part, &r))
			return false;
	}
	return first + *at < end;
}

static uint64_t node_count(struct worker *w, const struct task_job *job)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < source.n; i++)
		n += owner_of(&source.records[i]) == w->id;
	return n;
}

const struct task_source task_node_source = {.walk = node_walk, .count = node_count};

uint64_t task_node_walks(void)
{
	return source.walks;
}

static void add(struct task_node_outcome *o, const void *p, size_t n)
{
	if (o->len + n > o->size) {
		o->size = (o->len + n) * 2;
		o->bytes = realloc(o->bytes, o->size);
		if (!o->bytes)
			fail("out of memory");
	}
	if (n > 0)
		memcpy(o->bytes + o->len, p, n);
	o->len += n;
}

static void add_result(struct task_node_outcome *o, const struct task_result *r)
{
	uint64_t head[5] = {(uint64_t)r->fault, r->dropped, r->number, r->key_len,
		r->fault || r->dropped ? 0 : r->value_len};

	add(o, head, sizeof(head));
	add(o, r->key, r->key_len);
	add(o, r->value, (size_t)head[4]);
	o->n++;
}

void task_node_collect(const struct task_job *job, uint64_t *at, struct task_node_outcome *o)
{
	struct task_result r;

	while (task_job_result(job, at, &r))
		add_result(o, &r);
}

void task_node_conclude(const struct task_job *job, struct task_node_outcome *o)
{
	const uint8_t *acc = task_job_acc(job);
	struct task_job_status s;

	task_job_status(job, &s);
	o->is_faulty = s.state == TASK_JOB_FAILED;
	o->fault = s.fault;
	o->fault_key_len = s.fault_key_len;
	memcpy(o->fault_key, s.fault_key, s.fault_key_len);
	o->has_acc = acc != NULL;
	if (acc)
		memcpy(o->acc, acc, BRAID_ACC_BYTES);
}

/* What a plain run is made of. */
struct plain {
	struct task_frame frame;
	struct task_host host;
	struct task_node_outcome *o;
	struct task_record record;
};

static uint32_t plain_read(void *arg, uint64_t position, void *to, uint32_t len)
{
	const struct plain *p = arg;

	if (position >= p->record.value_len)
		return 0;
	len = (uint32_t)MIN_OF((uint64_t)len, p->record.value_len - position);
	memcpy(to, p->record.value + position, len);
	return len;
}

static bool plain_emit(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	struct plain *p = arg;
	struct task_result r = {
		.key = key, .key_len = key_len, .value = value, .value_len = value_len};

	add_result(p->o, &r);
	return true;
}

/* Runs the program once. */
static int64_t plain_run(struct plain *p, const struct task_program *program)
{
	static struct task_run r;

	p->host = (struct task_host){.read = plain_read, .emit = plain_emit, .arg = p};
	p->frame.host = &p->host;
	p->frame.kind = program->function->kind;
	p->frame.fault = 0;
	r.insns = program->function->insns;
	r.n_insns = program->function->n_insns;
	r.rodata = program->library->object->rodata;
	r.rodata_len = program->library->object->rodata_len;
	r.frame = &p->frame;
	r.steps_max = STEPS_MAX;
	if (task_interp_run(&r) != TASK_STOP_EXIT)
		fail("a program went wrong");
	return p->frame.fault ? p->frame.fault : (int64_t)r.registers[0];
}

/* Fills the context of a record; the accumulator stays. */
static void plain_record(struct plain *p, uint64_t number, const struct task_record *r)
{
	struct braid_each *e = &p->frame.ctx.each;

	memset(e, 0, offsetof(struct braid_each, acc));
	e->number = number;
	e->ttl_ms = r->ttl_ms;
	e->value_len = r->value_len;
	e->key_len = r->key_len;
	e->type = r->type;
	e->slot = r->slot;
	memcpy(e->key, r->key, MIN_OF(r->key_len, (uint32_t)BRAID_KEY_BYTES));
	memcpy(e->value, r->value, MIN_OF(r->value_len, (uint32_t)BRAID_VALUE_BYTES));
	p->record = *r;
}

static void set_fault(struct task_node_outcome *o, int64_t code, uint64_t number)
{
	if (o->fault.code == 0)
		o->fault = (struct task_fault){
			.code = code > 0 ? BRAID_FAULT_USER : (int32_t)code, .number = number};
}

static void expect_items(const struct task_spec *spec, struct task_node_outcome *o)
{
	static struct plain p;
	bool is_map = spec->program->function->kind == TASK_MAP;

	p.o = o;
	for (uint64_t i = 0; i < spec->n_items; i++) {
		struct task_record record = {.value = spec->items[i].bytes,
			.value_len = spec->items[i].len,
			.ttl_ms = BRAID_TTL_NONE,
			.key = (const uint8_t *)""};
		struct task_result r = {.number = i};
		struct braid_map *m = &p.frame.ctx.map;
		int64_t code;

		memset(&p.frame.ctx, 0, sizeof(p.frame.ctx));
		p.record = record;
		if (is_map) {
			m->number = i;
			m->value_len = record.value_len;
			memcpy(m->value, record.value,
				MIN_OF(record.value_len, (uint32_t)BRAID_VALUE_BYTES));
		} else {
			plain_record(&p, i, &record);
		}
		code = plain_run(&p, spec->program);
		if (is_map && code == 0 && m->result_len > BRAID_RESULT_BYTES)
			code = BRAID_FAULT_RANGE;
		if (code < 0 || (is_map && code > 0)) {
			set_fault(o, code, i);
			r.fault = code > 0 ? BRAID_FAULT_USER : (int32_t)code;
		}
		r.dropped = !r.fault && code == BRAID_DROP;
		r.value = is_map ? m->result : record.value;
		r.value_len = is_map ? m->result_len : record.value_len;
		add_result(o, &r);
		if (r.fault && spec->stop_at_fault) {
			o->is_faulty = true;
			return;
		}
	}
}

/* The accumulator of a chunk into that of all. False: a fault. */
static bool expect_merge(const struct task_spec *spec, struct task_node_outcome *o,
	const uint8_t *acc, uint32_t chunk)
{
	static struct plain p;
	int64_t code;

	if (!o->has_acc) {
		memcpy(o->acc, acc, BRAID_ACC_BYTES);
		o->has_acc = true;
		return true;
	}
	memset(&p.frame.ctx, 0, sizeof(p.frame.ctx));
	p.o = o;
	p.frame.ctx.merge.number = chunk;
	memcpy(p.frame.ctx.merge.other, acc, BRAID_ACC_BYTES);
	memcpy(p.frame.ctx.merge.acc, o->acc, BRAID_ACC_BYTES);
	code = plain_run(&p, spec->merge);
	memcpy(o->acc, p.frame.ctx.merge.acc, BRAID_ACC_BYTES);
	if (code == 0)
		return true;
	set_fault(o, code, chunk);
	return false;
}

/* One chunk of one owner. False: it ends here. */
static bool expect_chunk(
	const struct task_spec *spec, struct task_node_outcome *o, uint32_t chunk, uint32_t owner)
{
	static struct plain p;
	uint32_t first = find(chunk, owner), end = find(chunk, owner + 1);

	memset(&p.frame.ctx, 0, sizeof(p.frame.ctx));
	p.o = o;
	for (uint32_t i = first; i < end; i++) {
		struct task_record r = record_of(&source.records[i]);
		struct task_result result = {.key = r.key, .key_len = r.key_len};
		size_t len = o->len;
		uint64_t n = o->n;
		int64_t code;

		plain_record(&p, i - first, &r);
		code = plain_run(&p, spec->program);
		if (code == 0 && spec->program->function->kind == TASK_FILTER)
			add_result(o, &result);
		if (code == 0 || (code == BRAID_DROP && p.frame.kind == TASK_FILTER))
			continue;
		o->len = len;
		o->n = n;
		set_fault(o, code, i - first);
		o->fault_key_len = MIN_OF(r.key_len, (uint32_t)BRAID_KEY_BYTES);
		memcpy(o->fault_key, r.key, o->fault_key_len);
		return false;
	}
	return end == first || !spec->merge || expect_merge(spec, o, p.frame.ctx.each.acc, chunk);
}

void task_node_expect(const struct task_spec *spec, struct task_node_outcome *o)
{
	bool goes_on = true;

	if (!spec->source) {
		expect_items(spec, o);
		return;
	}
	for (uint32_t c = 0; c < TASK_RECORD_CHUNKS && goes_on; c++)
		for (uint32_t k = 0; k < workers[0]->n_workers && goes_on; k++)
			goes_on = expect_chunk(spec, o, c, k);
	o->is_faulty = !goes_on;
	o->has_acc = spec->merge && goes_on;
}

const char *task_node_differ(const struct task_node_outcome *a, const struct task_node_outcome *b)
{
	if (a->is_faulty != b->is_faulty)
		return "one has failed";
	if (a->n != b->n)
		return "the numbers of results";
	if (a->len != b->len || (a->len > 0 && memcmp(a->bytes, b->bytes, a->len) != 0))
		return "the results";
	if (a->fault.code != b->fault.code || a->fault.number != b->fault.number)
		return "the faults";
	if (a->fault_key_len != b->fault_key_len ||
		memcmp(a->fault_key, b->fault_key, a->fault_key_len) != 0)
		return "the keys of the faults";
	if (a->has_acc != b->has_acc || (a->has_acc && memcmp(a->acc, b->acc, sizeof(a->acc)) != 0))
		return "the accumulators";
	return NULL;
}

void task_node_outcome_free(struct task_node_outcome *o)
{
	free(o->bytes);
	*o = (struct task_node_outcome){.n = 0};
}
