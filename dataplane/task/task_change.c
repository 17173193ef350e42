/* SPDX-License-Identifier: BSD-3-Clause */
/* Making the next set of libraries; see task_change.h. Thread: main. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "dataplane/task/task_change.h"

static struct task_library **find(struct task_changing *c, const char *name, uint32_t len)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (strlen(c->all[i]->name) == len && memcmp(c->all[i]->name, name, len) == 0)
			return &c->all[i];
	return NULL;
}

static void remove_at(struct task_changing *c, struct task_library **place)
{
	*place = c->all[--c->n];
}

void task_change_start(struct task_changing *c, const struct task_request *r)
{
	const struct task_libraries *list = task_libraries();

	memset(c, 0, sizeof(*c));
	if (r->change == TASK_CHANGE_FLUSH ||
		(r->change == TASK_CHANGE_RESTORE && r->replace == TASK_REPLACE_ALL))
		return;
	c->n = list->n;
	memcpy(c->all, list->all, list->n * sizeof(list->all[0]));
}

/* Finds the next payload: false, there is none, or the list is damaged. */
static bool next_payload(
	struct task_changing *c, struct task_request *r, const uint8_t **payload, uint32_t *len)
{
	*payload = r->bytes;
	*len = r->len;
	if (r->change == TASK_CHANGE_LOAD) {
		c->at++;
		return c->at == 1;
	}
	if (c->at == r->len)
		return false;
	if (r->len - c->at >= sizeof(*len)) {
		memcpy(len, r->bytes + c->at, sizeof(*len));
		*len = le32toh(*len);
		c->at += sizeof(*len);
		if (*len <= r->len - c->at) {
			*payload = r->bytes + c->at;
			c->at += *len;
			return true;
		}
	}
	r->status = base_error_set(&r->err, EINVAL, "the list of libraries is damaged");
	return false;
}

/* Whether a library of the name that is being loaded may take its place. */
static void check_place(struct task_changing *c, struct task_request *r)
{
	const char *name = c->load.payload.name;
	struct task_library **old = find(c, name, (uint32_t)strlen(name));

	if (old && r->replace == TASK_REPLACE_NEVER)
		r->status = base_error_set(&r->err, EEXIST, "Library '%s' already exists", name);
	else if (!old && c->n == TASK_LIBRARIES_MAX)
		r->status = base_error_set(&r->err, ENOSPC,
			"%d libraries are loaded, more do not fit: delete one", TASK_LIBRARIES_MAX);
}

static void start_loading(struct task_changing *c, struct task_request *r)
{
	const uint8_t *payload;
	uint32_t len;

	if (!next_payload(c, r, &payload, &len))
		return;
	task_load_start(&c->load, payload, len);
	c->is_loading = true;
	if (c->load.status < 0) {
		r->status = c->load.status;
		r->err = c->load.err;
		return;
	}
	base_strlcpy(r->name, c->load.payload.name, sizeof(r->name));
	check_place(c, r);
}

/* Puts the library that has been loaded into the next set. */
static void take_library(struct task_changing *c, struct task_request *r)
{
	struct task_library *l = c->load.library, **old;

	c->is_loading = false;
	r->status = c->load.status;
	r->err = c->load.err;
	task_load_end(&c->load);
	if (r->status < 0)
		return;
	old = find(c, l->name, (uint32_t)strlen(l->name));
	/* Two of one name in a list, of which the second may replace the first. */
	for (uint32_t i = 0; old && i < c->n_made; i++) {
		if (c->made[i] == *old) {
			c->made[i] = c->made[--c->n_made];
			task_library_destroy(*old);
			break;
		}
	}
	if (old)
		remove_at(c, old);
	c->all[c->n++] = l;
	c->made[c->n_made++] = l;
}

static void delete_library(struct task_changing *c, struct task_request *r)
{
	struct task_library **l = find(c, (const char *)r->bytes, r->len);

	if (l)
		remove_at(c, l);
	else
		r->status = base_error_set(&r->err, ENOENT, "Library not found");
}

bool task_change_step(struct task_changing *c, struct task_request *r, int wait_ms)
{
	if (c->is_loading) {
		if (task_load_step(&c->load, wait_ms))
			return true;
		take_library(c, r);
	} else if (r->change == TASK_CHANGE_DELETE) {
		delete_library(c, r);
	} else if (r->change != TASK_CHANGE_FLUSH) {
		start_loading(c, r);
	}
	if (r->status == 0 &&
		(c->is_loading || (r->change == TASK_CHANGE_RESTORE && c->at < r->len)))
		return true;
	if (r->status == 0 && task_libraries_publish(c->all, c->n) < 0)
		r->status = base_error_set(&r->err, ENOMEM, "no memory for the names of programs");
	if (r->status == 0)
		c->n_made = 0;
	task_change_end(c);
	return false;
}

void task_change_end(struct task_changing *c)
{
	if (c->is_loading) {
		task_load_end(&c->load);
		if (c->load.library)
			task_library_destroy(c->load.library);
	}
	c->is_loading = false;
	while (c->n_made > 0)
		task_library_destroy(c->made[--c->n_made]);
}
