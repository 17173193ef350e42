/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of the store with hiredis, for store_clients_test.sh: hiredis_client HOST PORT. Set and
 * get, binary values, a pipeline, a transaction, an error. Prints "ok"; otherwise what went
 * wrong, and ends with 1.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIPELINE  1000
#define BIG_BYTES (3u << 20)

static redisContext *context;

static void fail(const char *what, const redisReply *r)
{
	fprintf(stderr, "%s: %s\n", what, r && r->str ? r->str : context->errstr);
	exit(1);
}

/* Fails unless @r is of @type and, unless @text is NULL, says it. Frees it. */
static void expect(const char *what, redisReply *r, int type, const char *text)
{
	if (!r || r->type != type || (text && strcmp(r->str, text) != 0))
		fail(what, r);
	freeReplyObject(r);
}

static void big_and_binary(void)
{
	char *value = malloc(BIG_BYTES);
	redisReply *r;

	if (!value)
		fail("no memory", NULL);
	for (unsigned i = 0; i < BIG_BYTES; i++)
		value[i] = (char)(i * 7 >> 3);
	expect("SET", redisCommand(context, "SET big %b", value, (size_t)BIG_BYTES),
		REDIS_REPLY_STATUS, "OK");
	r = redisCommand(context, "GET big");
	if (!r || r->len != BIG_BYTES || memcmp(r->str, value, BIG_BYTES) != 0)
		fail("GET of a big value", r);
	freeReplyObject(r);
	free(value);
}

static void pipeline(void)
{
	redisReply *r;

	for (int i = 0; i < PIPELINE; i++)
		redisAppendCommand(context, "INCRBY pipe %d", i);
	for (long long i = 0, sum = 0; i < PIPELINE; i++) {
		sum += i;
		if (redisGetReply(context, (void **)&r) != REDIS_OK ||
			r->type != REDIS_REPLY_INTEGER || r->integer != sum)
			fail("a pipeline", r);
		freeReplyObject(r);
	}
}

int main(int argc, char **argv)
{
	redisReply *r;

	if (argc != 3)
		return 2;
	context = redisConnect(argv[1], atoi(argv[2]));
	if (!context || context->err)
		fail("connect", NULL);
	expect("SET", redisCommand(context, "SET h:%s %s", "k", "Hello, World!"),
		REDIS_REPLY_STATUS, "OK");
	expect("GET", redisCommand(context, "GET h:k"), REDIS_REPLY_STRING, "Hello, World!");
	expect("GET of none", redisCommand(context, "GET h:none"), REDIS_REPLY_NIL, NULL);
	expect("an error", redisCommand(context, "INCR h:k"), REDIS_REPLY_ERROR,
		"ERR value is not an integer or out of range");
	big_and_binary();
	pipeline();
	expect("MULTI", redisCommand(context, "MULTI"), REDIS_REPLY_STATUS, "OK");
	expect("queued", redisCommand(context, "SET h:a 1"), REDIS_REPLY_STATUS, "QUEUED");
	r = redisCommand(context, "EXEC");
	if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 1)
		fail("EXEC", r);
	freeReplyObject(r);
	r = redisCommand(context, "HELLO 2");
	if (!r || r->type == REDIS_REPLY_ERROR)
		fail("HELLO 2", r);
	freeReplyObject(r);
	redisFree(context);
	puts("ok");
	return 0;
}
