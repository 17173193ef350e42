/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DUMP: a value as Redis 7.0 would write it, byte for byte. Long values are packed, and sent, in
 * pieces, from the pinned item. Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_memory.h"
#include "lib/hash/crc64.h"
#include "lib/wire/lzf.h"
#include "lib/wire/rdb.h"

#define PIECE_BYTES 8192

struct dump {
	struct kv_item *it;   /* pinned */
	struct lzf_pack pack; /* out is NULL: it is not packed */
	bool is_ready;        /* to be sent: packed, or not to be packed */
	bool own_table;
	const uint8_t *bytes; /* to be sent: [n_bytes] */
	uint32_t n_bytes;
	uint32_t sent;
	uint64_t crc;
	uint8_t room[]; /* for what is packed, and a table of its own */
};

static void end(struct kv_call *c, struct dump *d)
{
	if (!d)
		return;
	/* The worker's table is zero when nobody uses it. */
	if (d->pack.out && !d->own_table)
		lzf_pack_clear(&d->pack);
	kv_shard_unpin(c->shard, d->it);
	kv_memory_free(c->w, d);
	c->resume = NULL;
}

/* Says how long the payload is, and its head. */
static void send_head(struct kv_call *c, struct dump *d, const uint8_t *head, uint32_t n)
{
	char line[NUMBER_INT_TEXT_MAX + 4] = "$";
	uint32_t len = 1;

	len += number_format_int(line + len, (int64_t)n + d->n_bytes + RDB_FOOTER_BYTES);
	memcpy(line + len, "\r\n", 2);
	kv_reply_raw(c->reply, line, len + 2);
	kv_reply_raw(c->reply, head, n);
	d->crc = crc64_jones(0, head, n);
}

static void send_footer(struct kv_call *c, uint64_t crc)
{
	uint8_t footer[RDB_FOOTER_BYTES + 2];

	rdb_write_footer(footer, crc);
	memcpy(footer + RDB_FOOTER_BYTES, "\r\n", 2);
	kv_reply_raw(c->reply, footer, sizeof(footer));
}

/* The next piece; true: there is more. */
static bool send_piece(struct kv_call *c, struct dump *d)
{
	uint32_t n = MIN_OF(d->n_bytes - d->sent, (uint32_t)PIECE_BYTES);

	d->crc = crc64_jones(d->crc, d->bytes + d->sent, n);
	kv_reply_raw(c->reply, d->bytes + d->sent, n);
	d->sent += n;
	if (d->sent < d->n_bytes)
		return true;
	send_footer(c, d->crc);
	return false;
}

/* A small integer is its head. */
static bool send_integer(struct kv_call *c, const uint8_t *value, uint32_t len)
{
	uint8_t head[RDB_HEAD_BYTES_MAX];
	uint32_t n = rdb_write_integer(head, value, len);
	struct dump d = {.n_bytes = 0};

	if (n == 0)
		return false;
	send_head(c, &d, head, n);
	send_footer(c, d.crc);
	return true;
}

/* Makes ready to pack @len bytes. */
static void pack_prepare(struct kv_call *c, struct dump *d, const uint8_t *value, uint32_t len)
{
	uint64_t table_bytes = LZF_TABLE_ENTRIES * sizeof(*d->pack.table);

	d->own_table = len > PIECE_BYTES;
	d->pack.in = value;
	d->pack.in_len = len;
	d->pack.out = d->room + (d->own_table ? table_bytes : 0);
	d->pack.out_len = len - RDB_PACKED_GAIN;
	d->pack.table = c->w->kv->admin->pack_table;
	if (d->own_table) {
		d->pack.table = (uint32_t *)(void *)d->room;
		memset(d->pack.table, 0, table_bytes);
	}
}

/* Takes the value of @it; NULL: no memory, and answered. */
static struct dump *start(struct kv_call *c, struct kv_item *it)
{
	uint64_t room = 0;
	const uint8_t *value;
	uint32_t len;
	struct dump *d;

	value = kv_item_value(it, &len);
	if (len >= RDB_PACKED_FROM)
		room = len + (len > PIECE_BYTES ? LZF_TABLE_ENTRIES * sizeof(uint32_t) : 0ul);
	d = kv_memory_alloc(c->w, sizeof(*d) + room);
	if (!d) {
		kv_reply_error(c->reply, "OOM no memory to dump the value");
		return NULL;
	}
	*d = (struct dump){.it = it, .bytes = value, .n_bytes = len};
	kv_shard_pin(c->shard, it);
	if (room)
		pack_prepare(c, d, value, len);
	c->resume = d;
	return d;
}

/* Goes on packing, or is ready to send; true: there is more to pack. */
static bool pack_piece(struct kv_call *c, struct dump *d)
{
	enum lzf_result result = d->pack.out ? lzf_pack_step(&d->pack, PIECE_BYTES) : LZF_FULL;
	uint8_t head[RDB_HEAD_BYTES_MAX];
	uint32_t n;

	if (result == LZF_MORE)
		return true;
	d->is_ready = true;
	if (result == LZF_DONE) {
		n = rdb_write_packed(head, d->pack.made, d->n_bytes);
		d->bytes = d->pack.out;
		d->n_bytes = d->pack.made;
	} else {
		n = rdb_write_plain(head, d->n_bytes);
	}
	send_head(c, d, head, n);
	return false;
}

void kv_cmd_dump(struct kv_call *c)
{
	struct dump *d = c->resume;
	struct kv_item *it;
	const uint8_t *value;
	struct kv_key k;
	uint32_t len;

	if (c->cancel) {
		end(c, d);
		return;
	}
	if (!d) {
		k = kv_call_key(c, 1);
		it = kv_shard_find(c->shard, &k, KV_FOR_READ);
		if (!it) {
			kv_reply_null(c->reply);
			return;
		}
		value = kv_item_value(it, &len);
		if (send_integer(c, value, len))
			return;
		d = start(c, it);
		if (!d)
			return;
	}
	if (!d->is_ready && pack_piece(c, d))
		c->unfinished = true;
	else
		c->unfinished = send_piece(c, d);
	if (!c->unfinished)
		end(c, d);
}
