/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing replies in RESP2 or RESP3, whichever the client speaks. Small ones go to a buffer of the
 * worker; what is larger is kept in the shard's scratch memory or refers to a pinned item. Thread:
 * worker.
 */
#ifndef DATAPLANE_KV_KV_REPLY_H
#define DATAPLANE_KV_KV_REPLY_H

#include "dataplane/kv/kv_shard.h"
#include "lib/base/base.h"

struct kv_reply;

#define KV_REPLY_BYTES     (64u << 10) /* of the worker's buffer */
#define KV_REPLY_COPY_MAX  (16u << 10) /* longer values are pinned instead of copied */
#define KV_REPLY_ERROR_MAX 1024        /* longer errors are cut */

/* Where full buffers of a reply go. */
struct kv_reply_sink {
	/* Takes @n bytes; they may be overwritten when it returns. False: no memory, the reply is
	 * spoilt and what follows is not taken either. */
	bool (*bytes)(struct kv_reply *r, const void *p, uint32_t n);
	/* Takes the @n bytes at @p of the pinned item @it, and the pin. NULL: values are copied. */
	bool (*item)(struct kv_reply *r, struct kv_item *it, const void *p, uint32_t n);
};

/* The replies to one client that are being written. */
struct kv_reply {
	uint8_t *buffer; /* [size] */
	uint32_t len;
	uint32_t size;
	uint8_t version; /* 2 or 3 */
	bool mute;       /* CLIENT REPLY OFF or SKIP: nothing is written */
	bool failed;     /* an error was written since kv_reply_begin */
	bool spoilt;     /* the sink refused something */
	uint64_t errors; /* written in its life */
	const struct kv_reply_sink *sink;
	void *ctx; /* the sink's own */
	struct worker *w;
};

/* Gives what is in the buffer to the sink. */
void kv_reply_flush(struct kv_reply *r);

/* Starts the reply to another command, for kv_reply_is_error. */
static inline void kv_reply_begin(struct kv_reply *r)
{
	r->failed = false;
}

/* +@text */
void kv_reply_status(struct kv_reply *r, const char *text);
/* +OK */
void kv_reply_ok(struct kv_reply *r);
/* -CODE and the sentence, as formatted ("ERR syntax error"); line breaks become spaces. Only %s
 * %.*s %d %u %ld %lu %zu %c %%: no library formatting on a worker. Text behind a zero byte is left
 * out. */
void kv_reply_error(struct kv_reply *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* :@n */
void kv_reply_int(struct kv_reply *r, int64_t n);
/* A bulk string, copied. */
void kv_reply_bulk(struct kv_reply *r, const void *p, uint32_t len);
/* The head of a bulk string of @len bytes, which follow, with a line end, by kv_reply_raw. */
void kv_reply_bulk_begin(struct kv_reply *r, uint32_t len);
/* A bulk string of a C string. */
void kv_reply_text(struct kv_reply *r, const char *s);
/* The value of @it as a bulk string; large ones are pinned and not copied. */
void kv_reply_item(struct kv_reply *r, struct kv_shard *s, struct kv_item *it);
/* Null: $-1 or _ . */
void kv_reply_null(struct kv_reply *r);
/* The null array: *-1 or _ . */
void kv_reply_null_array(struct kv_reply *r);
/* The head of an array: @n replies follow. */
void kv_reply_array(struct kv_reply *r, uint32_t n);
/* The head of a map: 2 * @n replies follow; in RESP2 an array, as the next two. */
void kv_reply_map(struct kv_reply *r, uint32_t n);
/* The head of a set: @n replies follow. */
void kv_reply_set(struct kv_reply *r, uint32_t n);
/* The head of a push: @n replies follow. */
void kv_reply_push(struct kv_reply *r, uint32_t n);
/* #t or :1. */
void kv_reply_bool(struct kv_reply *r, bool yes);
/* ,3.5 or a bulk string. */
void kv_reply_double(struct kv_reply *r, double d);
/* Verbatim text (=txt:) or a bulk string. */
void kv_reply_verbatim(struct kv_reply *r, const void *p, uint32_t len);
/* Replies that are already RESP, as they are. */
void kv_reply_raw(struct kv_reply *r, const void *p, uint32_t len);
/* Whether an error was written since kv_reply_begin, for errorstats and MULTI. */
static inline bool kv_reply_is_error(const struct kv_reply *r)
{
	return r->failed;
}
/* 2 or 3. */
static inline uint8_t kv_reply_version(const struct kv_reply *r)
{
	return r->version;
}

#endif
