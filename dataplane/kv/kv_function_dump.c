/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FUNCTION DUMP and RESTORE: all libraries in one payload, as Redis 7.0 writes it, which is made,
 * checked and copied in pieces. Thread: worker.
 */
#include <endian.h>
#include <string.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_function.h"
#include "lib/hash/crc64.h"
#include "lib/wire/rdb.h"

#define PIECE_BYTES 8192

/* Says how long the payload will be. */
static void dump_begin(struct kv_call *c, const struct kv_libraries *held)
{
	uint8_t head[RDB_HEAD_BYTES_MAX];
	uint32_t bytes = RDB_FOOTER_BYTES;

	for (uint32_t i = 0; i < held->n; i++)
		bytes += rdb_write_function(head, held->all[i]->payload_len) +
			 held->all[i]->payload_len;
	kv_reply_bulk_begin(c->reply, bytes);
}

static void dump_bytes(
	struct kv_reply *r, struct kv_libraries *held, const uint8_t *bytes, uint32_t n)
{
	held->crc = crc64_jones(held->crc, bytes, n);
	kv_reply_raw(r, bytes, n);
}

static void dump_footer(struct kv_reply *r, const struct kv_libraries *held)
{
	uint8_t footer[RDB_FOOTER_BYTES + 2];

	rdb_write_footer(footer, held->crc);
	memcpy(footer + RDB_FOOTER_BYTES, "\r\n", 2);
	kv_reply_raw(r, footer, sizeof(footer));
}

/* A piece of the payload; true: there is more. */
static bool dump_piece(struct kv_reply *r, struct kv_libraries *held)
{
	uint8_t head[RDB_HEAD_BYTES_MAX];
	const struct task_library *l;
	uint32_t n;

	if (held->at == held->n) {
		dump_footer(r, held);
		return false;
	}
	l = held->all[held->at];
	if (held->sent == 0)
		dump_bytes(r, held, head, rdb_write_function(head, l->payload_len));
	n = MIN_OF(l->payload_len - held->sent, (uint32_t)PIECE_BYTES);
	dump_bytes(r, held, l->payload + held->sent, n);
	held->sent += n;
	if (held->sent == l->payload_len) {
		held->sent = 0;
		held->at++;
	}
	return true;
}

void kv_cmd_function_dump(struct kv_call *c)
{
	struct kv_libraries *held = c->resume;

	if (!c->cancel) {
		if (!held) {
			held = kv_libraries_hold(c, NULL);
			if (!held)
				return;
			dump_begin(c, held);
		}
		c->unfinished = dump_piece(c->reply, held);
	}
	if (!c->unfinished && held)
		kv_libraries_release(c);
}

/* What is to become of the libraries that are there; false: the word is none, and it is answered.
 */
static bool restore_policy(struct kv_call *c, enum task_replace *replace)
{
	static const struct {
		const char *word;
		enum task_replace replace;
	} words[] = {
		{"append", TASK_REPLACE_NEVER},
		{"replace", TASK_REPLACE_SAME},
		{"flush", TASK_REPLACE_ALL},
	};

	*replace = TASK_REPLACE_NEVER;
	if (c->argc == 3)
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		if (!kv_arg_is(c, 3, words[i].word))
			continue;
		*replace = words[i].replace;
		return true;
	}
	kv_reply_error(c->reply, "ERR Wrong restore policy given, value should be either FLUSH, "
				 "APPEND or REPLACE.");
	return false;
}

/* Counts a piece more of the checksum, in sum up to at. True: it is right; else there is more to
 * do, or it is answered. */
static bool is_sound(struct kv_call *c)
{
	const struct resp_arg *a = &c->argv[2];
	uint32_t end = 0, n = 0;

	if (rdb_version_is_known(a->bytes, a->len)) {
		end = a->len - RDB_CRC_BYTES;
		n = MIN_OF(end - (uint32_t)c->at, (uint32_t)PIECE_BYTES);
		c->sum = crc64_jones(c->sum, a->bytes + c->at, n);
		c->at += n;
		c->unfinished = c->at < end;
	}
	if (c->unfinished || (n > 0 && c->sum == rdb_crc(a->bytes, a->len)))
		return !c->unfinished;
	kv_reply_error(c->reply, "ERR DUMP payload version or checksum are wrong");
	return false;
}

/* Bytes that the payload's libraries take as a list; 0: refused and answered. */
static uint64_t list_bytes(struct kv_call *c)
{
	const struct resp_arg *a = &c->argv[2];
	uint32_t at = 0, n = 0;
	struct rdb_string s;
	uint64_t bytes = 1;

	while (at < a->len - RDB_FOOTER_BYTES) {
		if (!rdb_read_function(a->bytes, a->len, &at, &s)) {
			kv_reply_error(c->reply, "ERR given type is not a function");
			return 0;
		}
		if (s.form != RDB_PLAIN || s.len > TASK_PAYLOAD_BYTES_MAX) {
			kv_reply_error(c->reply,
				"ERR failed loading the given functions payload: it was not made "
				"by a node of braid");
			return 0;
		}
		if (n++ == TASK_LIBRARIES_MAX) {
			kv_reply_error(c->reply,
				"ERR a payload has at most %d libraries (TASK_LIBRARIES_MAX)",
				TASK_LIBRARIES_MAX);
			return 0;
		}
		bytes += sizeof(uint32_t) + s.len;
	}
	return bytes;
}

/* Adds a piece of the payload to the list; true: there is more. at is where, sum what is left of
 * its library. */
static bool list_piece(struct kv_call *c, struct kv_change *change)
{
	const struct resp_arg *a = &c->argv[2];
	struct task_request *r = &change->request;
	uint32_t at = (uint32_t)c->at, n, len_le;
	struct rdb_string s;

	if (c->sum == 0) {
		if (at == a->len - RDB_FOOTER_BYTES)
			return false;
		if (!rdb_read_function(a->bytes, a->len, &at, &s))
			return false;
		len_le = htole32((uint32_t)s.len);
		memcpy(change->bytes + r->len, &len_le, sizeof(len_le));
		r->len += (uint32_t)sizeof(len_le);
		c->at = at - s.len;
		c->sum = s.len;
	}
	n = (uint32_t)MIN_OF(c->sum, (uint64_t)PIECE_BYTES);
	memcpy(change->bytes + r->len, a->bytes + c->at, n);
	r->len += n;
	c->at += n;
	c->sum -= n;
	return true;
}

void kv_cmd_function_restore(struct kv_call *c)
{
	struct kv_change *change = c->resume;
	enum task_replace replace;
	uint64_t bytes;

	if (kv_change_waits(c))
		return;
	if (c->argc > 4) {
		kv_admin_refuse_sub(c);
		return;
	}
	if (!restore_policy(c, &replace))
		return;
	if (!change) {
		if (!is_sound(c))
			return;
		bytes = list_bytes(c);
		change = bytes ? kv_change_create(c, TASK_CHANGE_RESTORE, bytes) : NULL;
		if (!change)
			return;
		change->request.replace = replace;
		c->at = c->sum = 0;
	}
	if (list_piece(c, change))
		c->unfinished = true;
	else
		kv_change_send(c);
}
