/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text whose length is not known before it is written, as INFO's and CLIENT LIST's: pieces of small
 * memory, so that it can be made even when the arena is full. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_TEXT_H
#define DATAPLANE_KV_KV_TEXT_H

#include "dataplane/kv/kv_command.h"

struct kv_text_piece;

struct kv_text {
	struct worker *w;
	struct kv_text_piece *first;
	struct kv_text_piece *last;
	uint32_t len;
	bool spoilt; /* no memory, or too long */
};

/* Adds @n bytes. */
void kv_text_bytes(struct kv_text *t, const void *p, uint32_t n);

/* Adds what is formatted; %s %.*s %d %u %ld %lu %c %% only. */
void kv_text_add(struct kv_text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Adds @n / 10^@decimals with that many digits behind the point. */
void kv_text_fixed(struct kv_text *t, uint64_t n, unsigned decimals);

/* The same without zeros at the end, nor a point there. */
void kv_text_trimmed(struct kv_text *t, uint64_t n, unsigned decimals);

/* Adds @bytes as Redis writes them for people: 1.50M. */
void kv_text_human(struct kv_text *t, uint64_t bytes);

/* Answers with it, in RESP3 as verbatim text if asked for, or with an error when it is spoilt;
 * frees it. */
void kv_text_reply(struct kv_text *t, struct kv_reply *r, bool verbatim);

/* Answers with it as a status: it has no line ends. Frees it. */
void kv_text_status(struct kv_text *t, struct kv_reply *r);

/* Answers with an array of the @n replies that it is; frees it. */
void kv_text_elements(struct kv_text *t, struct kv_reply *r, uint32_t n);

/* Frees it. */
void kv_text_free(struct kv_text *t);

/* Answers HELP: a headline with the command's name, @lines and a footer. */
void kv_reply_help(struct kv_call *c, const char *const *lines, uint32_t n);

#endif
