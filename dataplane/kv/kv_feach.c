/* SPDX-License-Identifier: BSD-3-Clause */
/* FEACH: a user's function over records. Thread: worker. */
#include "dataplane/kv/kv_compute.h"
#include "dataplane/kv/kv_data.h"

bool kv_job_parse_class(struct kv_call *c, uint32_t arg, enum worker_class *class)
{
	if (kv_arg_is(c, arg, "latency"))
		*class = WORKER_LATENCY;
	else if (kv_arg_is(c, arg, "normal"))
		*class = WORKER_NORMAL;
	else if (kv_arg_is(c, arg, "batch"))
		*class = WORKER_BATCH;
	else
		kv_reply_error(c->reply, "ERR CLASS is latency, normal or batch");
	return !kv_reply_is_error(c->reply);
}

/* SLOTS and its two numbers. */
static bool parse_slots(struct kv_call *c, uint32_t arg, struct kv_each *each)
{
	int64_t first, last;

	if (!kv_data_int(c, arg, &first) || !kv_data_int(c, arg + 1, &last))
		return false;
	if (first < 0 || last >= KV_SLOTS || first > last) {
		kv_reply_error(c->reply, "ERR SLOTS takes the first and the last one, from 0 to %d",
			KV_SLOTS - 1);
		return false;
	}
	each->has_slots = true;
	each->first_slot = (uint16_t)first;
	each->last_slot = (uint16_t)last;
	return true;
}

/* The option at argument @arg; how many arguments it has, 0: it is none, or answered. */
static uint32_t parse_option(struct kv_call *c, uint32_t arg, struct kv_ask *ask, bool *is_reduced)
{
	uint32_t left = c->argc - arg;

	if (left >= 2 && kv_arg_is(c, arg, "match")) {
		ask->each.match = c->argv[arg + 1];
		return 2;
	}
	if (left >= 2 && kv_arg_is(c, arg, "type")) {
		ask->each.is_empty = !kv_arg_is(c, arg + 1, "string");
		return 2;
	}
	if (left >= 3 && kv_arg_is(c, arg, "slots"))
		return parse_slots(c, arg + 1, &ask->each) ? 3 : 0;
	if (left >= 2 && kv_arg_is(c, arg, "class"))
		return kv_job_parse_class(c, arg + 1, &ask->spec.class) ? 2 : 0;
	if (kv_arg_is(c, arg, "reduce")) {
		*is_reduced = true;
		return 1;
	}
	if (kv_arg_is(c, arg, "stream")) {
		ask->is_streaming = true;
		return 1;
	}
	kv_reply_error(c->reply, KV_SYNTAX_ERROR);
	return 0;
}

/* Whether the function can do what is asked for; else answers why not. */
static bool check(struct kv_call *c, struct kv_ask *ask, bool is_reduced)
{
	const struct task_program *p = ask->spec.program;
	enum task_kind kind = p->function->kind;

	if (kind != TASK_EACH && kind != TASK_FILTER)
		kv_reply_error(c->reply,
			"ERR %s.%s is of section %s: records are for each and filter",
			p->library->name, p->function->name, task_kind_name(kind));
	else if (is_reduced && kind != TASK_EACH)
		kv_reply_error(c->reply,
			"ERR %s.%s is of section filter: REDUCE is for functions of section each",
			p->library->name, p->function->name);
	else if (is_reduced && !(ask->spec.merge = task_program_merge(p)))
		kv_reply_error(c->reply,
			"ERR REDUCE needs a function of section merge in library %s, named "
			"%s_merge "
			"if it has several",
			p->library->name, p->function->name);
	return !kv_reply_is_error(c->reply);
}

bool kv_feach_parse(struct kv_call *c, uint32_t arg, struct kv_ask *ask)
{
	struct base_error err = {.text = ""};
	bool is_reduced = false;

	*ask = (struct kv_ask){
		.spec = {.source = &kv_each_source, .client = c->client_id},
		.each = {.db = c->db, .last_slot = KV_SLOTS - 1},
	};
	ask->spec.program = task_program_find(c->argv[arg].bytes, c->argv[arg].len, &err);
	if (!ask->spec.program) {
		kv_reply_error(c->reply, "ERR %s", err.text);
		return false;
	}
	for (arg++; arg < c->argc;) {
		uint32_t n = parse_option(c, arg, ask, &is_reduced);

		if (n == 0)
			return false;
		arg += n;
	}
	ask->each.wants_slot = kv_each_reads_slot(ask->spec.program->function);
	return check(c, ask, is_reduced);
}

void kv_cmd_feach(struct kv_call *c)
{
	struct kv_ask ask;

	if (c->resume || c->cancel) {
		kv_compute_call(c, NULL);
		return;
	}
	/* The pattern has to stay: in the next piece the arguments are copies. */
	if (c->at++ == 0) {
		c->unfinished = true;
		return;
	}
	if (!kv_feach_parse(c, 1, &ask))
		return;
	if (ask.is_streaming && kv_reply_version(c->reply) < 3)
		kv_reply_error(c->reply, "ERR STREAM needs RESP3: say HELLO 3 first");
	else
		kv_compute_ask(c, &ask);
}
