/* SPDX-License-Identifier: BSD-3-Clause */
/* braidctl load: a program becomes a library of the node. */
#include <stdlib.h>
#include <string.h>

#include "control/cli/load.h"

enum cli_exit load_program(
	struct redis *r, const struct program *p, bool replace, redisReply **reply)
{
	const char *args[4] = {"FUNCTION", "LOAD", "REPLACE"};
	size_t lens[4] = {8, 4, 7}, n = replace ? 3 : 2;
	uint8_t *payload = program_payload(p, &lens[n]);
	enum cli_exit code = CLI_OK;
	unsigned busy_ms = 0;

	if (!payload) {
		fprintf(stderr, "braidctl: no memory to load %s\n", p->path);
		return CLI_FAILED;
	}
	args[n] = (const char *)payload;
	do {
		code = redis_pause(r, busy_ms);
		if (code == CLI_OK)
			code = redis_send(r, n + 1, args, lens);
		if (code == CLI_OK)
			code = redis_reply(r, reply);
		busy_ms = code == CLI_OK ? redis_busy_ms(r, *reply) : 0;
		if (busy_ms > 0)
			freeReplyObject(*reply);
	} while (busy_ms > 0);
	free(payload);
	return code;
}

bool load_is_missing(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "ERR ", 4) == 0 &&
	       strncmp(reply->str, "ERR unknown ", 12) != 0;
}

bool load_is_there(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "already exists");
}

static enum cli_exit print_loaded(const struct cli *cli, const struct program *p)
{
	json_t *functions = json_array();

	for (uint32_t i = 0; i < p->object->n_functions; i++) {
		const struct task_function *f = &p->object->functions[i];

		json_array_append_new(functions,
			json_pack("{s:s,s:s}", "name", f->name, "kind", task_kind_name(f->kind)));
	}
	if (cli->json)
		return cli_print_json(
			json_pack("{s:s,s:o}", "library", p->library, "functions", functions));
	printf("%s:", p->library);
	for (uint32_t i = 0; i < p->object->n_functions; i++)
		printf("%s %s (%s)", i ? "," : "", p->object->functions[i].name,
			task_kind_name(p->object->functions[i].kind));
	putchar('\n');
	json_decref(functions);
	return CLI_OK;
}

enum cli_exit cli_load(struct cli *cli)
{
	const char *name = cli_value(cli, "name");
	redisReply *reply = NULL;
	struct program p;
	struct redis r;
	enum cli_exit code;

	if (name && !program_library_ok(name))
		return CLI_USAGE;
	code = program_open(cli, cli->words[0], &p);
	if (code != CLI_OK)
		return code;
	program_name(&p, name);
	code = redis_open(cli, &r);
	if (code == CLI_OK)
		code = load_program(&r, &p, cli_value(cli, "replace") != NULL, &reply);
	if (code == CLI_OK && load_is_there(reply)) {
		fprintf(stderr,
			"braidctl: %s has a library \"%s\" already; give --replace, or "
			"another --name\n",
			r.name, p.library);
		freeReplyObject(reply);
		code = CLI_FAILED;
	} else if (code == CLI_OK && reply->type == REDIS_REPLY_ERROR) {
		code = redis_refused(&r, reply);
	} else if (code == CLI_OK) {
		freeReplyObject(reply);
		code = print_loaded(cli, &p);
	}
	redis_close(&r);
	program_close(&p);
	return code;
}
