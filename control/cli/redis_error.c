/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors of the store, and what a person can do about them. */
#include <stdlib.h>
#include <string.h>

#include "control/cli/redis.h"

/* Errors begin so; %s in a sentence is the server, what the server said comes where @with_text. */
static const struct {
	const char *prefix;
	const char *sentence;
	bool with_text;
} errors[] = {
	{"NOAUTH", "%s wants a password; give it in BRAID_PASSWORD, or with --password", false},
	{"WRONGPASS", "the password is not that of the store at %s", false},
	{"ERR AUTH <password> called without any password",
		"%s has no password; leave out --password and BRAID_PASSWORD", false},
	{"ERR Client sent AUTH, but no password is set",
		"%s has no password; leave out --password and BRAID_PASSWORD", false},
	{"DENIED",
		"%s serves nobody as long as it has no password: give its store one, or "
		"protected_mode: \"no\"",
		false},
	{"ERR unknown command", "%s runs no programs: it is no braid node, or an older one", true},
	{"ERR unknown subcommand", "%s runs no programs: it is no braid node, or an older one",
		true},
	{"NOJOB", "%s has no such job; see braidctl jobs", true},
	{"OOM", "the store at %s is full", true},
	{"BUSY", "%s is full, and stayed so", true},
};

void redis_explain(const char *server, const char *text, char *out, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		size_t n;

		if (strncmp(text, errors[i].prefix, strlen(errors[i].prefix)) != 0)
			continue;
		n = (size_t)snprintf(out, size, errors[i].sentence, server);
		if (errors[i].with_text && n < size)
			snprintf(out + n, size - n, " (%s)", text);
		return;
	}
	if (strncmp(text, "ERR ", 4) == 0)
		text += 4;
	else if (strncmp(text, "FAULT ", 6) == 0)
		text += 6;
	base_strlcpy(out, text, size);
}

enum cli_exit redis_refused(const struct redis *r, redisReply *reply)
{
	bool is_error = reply->type == REDIS_REPLY_ERROR;
	bool is_fault = is_error && strncmp(reply->str, "FAULT", 5) == 0;
	char text[1024];

	if (is_error)
		redis_explain(r->name, reply->str, text, sizeof(text));
	else
		snprintf(text, sizeof(text),
			"%s answers something else than a braid node would (type %d)", r->name,
			reply->type);
	fprintf(stderr, "braidctl: %s\n", text);
	freeReplyObject(reply);
	return is_fault ? CLI_FAULT : CLI_FAILED;
}

unsigned redis_busy_ms(struct redis *r, const redisReply *reply)
{
	static const char hint[] = "try again in ";
	const char *at;
	unsigned long ms = 1;
	uint64_t now;

	if (reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "BUSY ", 5) != 0) {
		r->busy_since_ns = 0;
		return 0;
	}
	now = redis_now_ns();
	if (r->busy_since_ns == 0)
		r->busy_since_ns = now;
	if (now - r->busy_since_ns > REDIS_BUSY_S * NSEC_PER_SEC)
		return 0;
	at = strstr(reply->str, hint);
	if (at)
		ms = strtoul(at + sizeof(hint) - 1, NULL, 10);
	return (unsigned)MIN_OF(MAX_OF(ms, 1ul), (unsigned long)REDIS_BUSY_MS_MAX);
}
