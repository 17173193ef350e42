/* SPDX-License-Identifier: BSD-3-Clause */
/* braidctl jobs: what the node's jobs are, how one stands, and its end. */
#include <inttypes.h>
#include <string.h>

#include "control/cli/redis_job.h"
#include "control/cli/table.h"

static const struct table_column columns[] = {
	{"id", "ID"},
	{"state", "STATE"},
	{"function", "FUNCTION"},
	{"kind", "KIND"},
	{"over", "OVER"},
	{"class", "CLASS"},
	{"client", "CLIENT"},
	{"done", "DONE"},
	{"total", "TOTAL"},
	{"results", "RESULTS"},
	{"faults", "FAULTS"},
	{"elapsed_us", "MICROSECONDS"},
	{"error", "ERROR"},
};

/* A map of the node as an object. */
static json_t *object_of(const redisReply *map)
{
	json_t *out = json_object();

	for (size_t i = 0; i + 1 < map->elements; i += 2) {
		const redisReply *key = map->element[i], *value = map->element[i + 1];

		if (!key->str)
			continue;
		if (value->type == REDIS_REPLY_INTEGER)
			json_object_set_new(out, key->str, json_integer(value->integer));
		else if (value->str && value->len > 0)
			json_object_set_new(
				out, key->str, json_stringn_nocheck(value->str, value->len));
		else
			json_object_set_new(out, key->str, json_null());
	}
	return out;
}

static enum cli_exit list(struct cli *cli, struct redis *r)
{
	const char *args[] = {"JOB", "LIST", NULL};
	redisReply *reply;
	enum cli_exit code = redis_call(r, &reply, args);
	json_t *rows;

	if (code != CLI_OK)
		return code;
	if (reply->type != REDIS_REPLY_ARRAY)
		return redis_refused(r, reply);
	rows = json_array();
	for (size_t i = 0; i < reply->elements; i++)
		json_array_append_new(rows, object_of(reply->element[i]));
	freeReplyObject(reply);
	return table_show(cli, rows, columns, ARRAY_SIZE(columns));
}

static enum cli_exit show(struct cli *cli, struct redis *r, const char *id)
{
	const char *args[] = {"JOB", "STATUS", id, NULL};
	redisReply *reply;
	enum cli_exit code = redis_call(r, &reply, args);
	char cell[TABLE_CELL_MAX];
	const char *key;
	json_t *job, *value;

	if (code != CLI_OK)
		return code;
	if (reply->type != REDIS_REPLY_ARRAY)
		return redis_refused(r, reply);
	job = object_of(reply);
	freeReplyObject(reply);
	if (cli->json)
		return cli_print_json(job);
	json_object_foreach(job, key, value)
	{
		table_format(value, cell);
		printf("%-14s %s\n", key, cell);
	}
	json_decref(job);
	return CLI_OK;
}

static enum cli_exit cancel(struct redis *r, const char *id)
{
	const char *args[] = {"JOB", "CANCEL", id, NULL};
	redisReply *reply;
	enum cli_exit code = redis_call(r, &reply, args);

	if (code != CLI_OK)
		return code;
	if (reply->type == REDIS_REPLY_ERROR)
		return redis_refused(r, reply);
	freeReplyObject(reply);
	return CLI_OK;
}

enum cli_exit cli_jobs(struct cli *cli)
{
	const char *what = cli->n_words > 0 ? cli->words[0] : "list";
	const char *id = cli->n_words > 1 ? cli->words[1] : NULL;
	bool is_list = strcmp(what, "list") == 0, is_status = strcmp(what, "status") == 0;
	struct redis r;
	enum cli_exit code;

	if (!is_list && !is_status && strcmp(what, "cancel") != 0)
		return cli_usage("jobs: \"%s\" is not one of list, status, cancel", what);
	if (is_list == (id != NULL))
		return cli_usage(is_list ? "jobs list takes no id; jobs status ID does"
					 : "jobs %s needs the id of a job (see braidctl jobs)",
			what);
	code = redis_open(cli, &r);
	if (code == CLI_OK)
		code = is_list ? list(cli, &r) : is_status ? show(cli, &r, id) : cancel(&r, id);
	redis_close(&r);
	return code;
}
