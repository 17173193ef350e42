/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys that visit another owner for the time of one command (RENAME, COPY, BITOP and LCS over
 * several). The shards that take part are held, so nobody sees the visit. Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_long.h"
#include "dataplane/kv/kv_route.h"

/* A key on its way; its value follows, if there is one. */
struct moved {
	uint64_t expiry_ms;
	uint32_t arg; /* of the command */
	uint32_t len; /* of the value */
	uint8_t form;
	bool exists;
};

/* The database of a key: COPY may name another one for its second. */
static uint8_t db_of(const struct kv_call *c, uint32_t arg)
{
	int64_t db;

	if (c->command->fn != kv_cmd_copy || arg != 2)
		return c->db;
	for (uint32_t i = 3; i + 1 < c->argc; i++)
		if (kv_arg_is(c, i, "db") &&
			kv_parse_int(c->argv[i + 1].bytes, c->argv[i + 1].len, &db) && db >= 0 &&
			db < KV_DATABASES)
			return (uint8_t)db;
	return c->db;
}

static struct kv_key key_of(struct worker *w, const struct kv_call *c, uint32_t arg)
{
	struct kv_key k;

	kv_key_make(w->kv->shard, &k, db_of(c, arg), c->argv[arg].bytes, c->argv[arg].len);
	return k;
}

/* Whether @k is what it was when it came: @was, with its value. */
static bool is_still(
	struct worker *w, const struct kv_key *k, const struct moved *was, const uint8_t *value)
{
	struct kv_item *it = kv_shard_find(w->kv->shard, k, 0);
	const uint8_t *now;
	uint32_t len;

	if (!it || !was->exists)
		return !it && !was->exists;
	now = kv_item_value(it, &len);
	return kv_item_expiry_ms(it) == was->expiry_ms && kv_item_form(it) == was->form &&
	       len == was->len && memcmp(now, value, len) == 0;
}

/* Says what @k is. */
static void tell(struct kv_reply *r, struct worker *w, const struct kv_key *k, uint32_t arg)
{
	struct kv_item *it = kv_shard_find(w->kv->shard, k, KV_LOOK_TOUCH);
	struct moved m = {.arg = arg, .exists = it != NULL};
	const uint8_t *value = NULL;

	if (it) {
		value = kv_item_value(it, &m.len);
		m.expiry_ms = kv_item_expiry_ms(it);
		m.form = (uint8_t)kv_item_form(it);
	}
	kv_reply_raw(r, &m, sizeof(m));
	if (it)
		kv_reply_raw(r, value, m.len);
}

/* Makes @k what @m says. False: no room. */
static bool become(
	struct worker *w, const struct kv_key *k, const struct moved *m, const uint8_t *value)
{
	if (!m->exists) {
		kv_shard_del(w->kv->shard, k);
		return true;
	}
	return kv_shard_set(w->kv->shard, k,
		       &(struct kv_write){
			       .value = value,
			       .len = m->len,
			       .expiry_ms = m->expiry_ms,
			       .form = m->form,
		       },
		       NULL) == 0;
}

/* The next key at *@p; false: there is none. */
static bool next_moved(
	const uint8_t **p, const uint8_t *end, struct moved *m, const uint8_t **value)
{
	if (*p == end)
		return false;
	memcpy(m, *p, sizeof(*m));
	*value = *p + sizeof(*m);
	*p = *value + m->len;
	return true;
}

void kv_move_fetch(struct worker *w, struct kv_part *part)
{
	struct kv_reply *r = kv_route_capture(w, part);
	struct kv_call *c = &part->call;
	struct kv_command_keys keys = kv_command_keys(c->command, c->argv, c->argc);

	for (uint32_t i = 0; i < keys.n; i++) {
		uint32_t arg = keys.first + i * keys.step;
		struct kv_key k = key_of(w, c, arg);

		if (kv_slot_owner(k.slot, w->n_workers) == w->id)
			tell(r, w, &k, arg);
	}
	kv_reply_flush(r);
	part->spoilt |= r->spoilt;
}

/* Lets the visitors in. False: no room. */
static bool let_in(struct worker *w, struct kv_part *part)
{
	const uint8_t *p = part->input, *end = p + part->input_len, *value;
	struct moved m;
	bool fits = true;

	while (next_moved(&p, end, &m, &value)) {
		struct kv_key k = key_of(w, &part->call, m.arg);

		if (m.exists)
			fits &= become(w, &k, &m, value);
	}
	return fits;
}

/* Says what became of the visitors that have changed. */
static void tell_changed(struct worker *w, struct kv_part *part, struct kv_reply *r)
{
	const uint8_t *p = part->input, *end = p + part->input_len, *value;
	struct moved m;

	while (next_moved(&p, end, &m, &value)) {
		struct kv_key k = key_of(w, &part->call, m.arg);

		if (!is_still(w, &k, &m, value))
			tell(r, w, &k, m.arg);
	}
}

/* Sends the visitors away. */
static void let_out(struct worker *w, struct kv_part *part)
{
	const uint8_t *p = part->input, *end = p + part->input_len, *value;
	struct moved m;

	while (next_moved(&p, end, &m, &value)) {
		struct kv_key k = key_of(w, &part->call, m.arg);

		kv_shard_del(w->kv->shard, &k);
	}
}

void kv_move_home(struct worker *w, struct kv_part *part)
{
	struct kv_reply *r = kv_route_capture(w, part);
	struct kv_call *c = &part->call;
	bool is_full = (c->command->flags & KV_DENYOOM) && kv_exec_is_full(w);
	bool may = !is_full && let_in(w, part);

	c->w = w;
	c->shard = w->kv->shard;
	c->reply = r;
	c->atomic = true;
	w->kv->cycles = w->ops->cycles(w);
	if (may)
		kv_exec_call(c);
	else
		kv_reply_error(r, "OOM command not allowed when used memory > 'maxmemory'.");
	kv_reply_flush(r);
	kv_part_bytes(part, &part->reply_len);
	/* Those for whom there was no room have not changed. */
	if (may)
		tell_changed(w, part, r);
	let_out(w, part);
	kv_reply_flush(r);
	part->spoilt |= r->spoilt;
}

void kv_move_apply(struct worker *w, struct kv_part *part)
{
	const uint8_t *p = part->input, *end = p + part->input_len, *value;
	struct moved m;

	while (next_moved(&p, end, &m, &value)) {
		struct kv_key k = key_of(w, &part->call, m.arg);

		if (kv_slot_owner(k.slot, w->n_workers) == w->id && !become(w, &k, &m, value))
			part->spoilt = true;
	}
}
