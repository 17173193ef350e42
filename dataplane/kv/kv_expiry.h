/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The items of a database that expire: a hierarchical wheel as lib/timer/wheel.h's, of lists that
 * run through the items by 32-bit references, 10 bytes each beside the time. An item whose expiry
 * is put off stays where it is and moves when its list comes due. Thread: worker, the worker that
 * owns the shard.
 */
#ifndef DATAPLANE_KV_KV_EXPIRY_H
#define DATAPLANE_KV_KV_EXPIRY_H

#include "dataplane/kv/kv_arena.h"
#include "dataplane/kv/kv_item.h"

#define KV_EXPIRY_BITS   6
#define KV_EXPIRY_SLOTS  (1u << KV_EXPIRY_BITS)
#define KV_EXPIRY_LEVELS 11 /* 64 bits of milliseconds */
#define KV_EXPIRY_DUE    (KV_EXPIRY_LEVELS * KV_EXPIRY_SLOTS)
#define KV_EXPIRY_LISTS  (KV_EXPIRY_DUE + 1)
#define KV_EXPIRY_NEVER  UINT64_MAX

struct kv_expiry {
	uint64_t tick;     /* milliseconds; all lists up to it have come due */
	uint64_t count;    /* items in all lists */
	uint32_t draining; /* a list that came due and may not be empty; KV_EXPIRY_DUE otherwise */
	uint64_t occupied[KV_EXPIRY_LEVELS];
	uint32_t heads[KV_EXPIRY_LISTS]; /* references; an item's next and prev make a circle */
	uint32_t counts[KV_EXPIRY_LISTS];
};

/* Empty, at @now_ms. */
void kv_expiry_init(struct kv_expiry *e, uint64_t now_ms);

/* Puts in @it, whose expiry is set. */
void kv_expiry_add(struct kv_expiry *e, const struct kv_arena *a, struct kv_item *it);

/* Takes out @it. */
void kv_expiry_del(struct kv_expiry *e, const struct kv_arena *a, struct kv_item *it);

/* @it is a copy of the item at @old, which is in; it takes its place. */
void kv_expiry_moved(
	struct kv_expiry *e, const struct kv_arena *a, struct kv_item *it, uint32_t old);

/* Changes the expiry of @it, which is in, to @expiry_ms. */
void kv_expiry_change(
	struct kv_expiry *e, const struct kv_arena *a, struct kv_item *it, uint64_t expiry_ms);

/* Goes on to @now_ms by at most @n steps, each a move between lists. An item that is over, still
 * in; NULL: there is none or @n came to 0. */
struct kv_item *kv_expiry_next(
	struct kv_expiry *e, const struct kv_arena *a, uint64_t now_ms, unsigned *n);

/* When there will be something to do: a time that has passed if there is now. */
uint64_t kv_expiry_next_ms(const struct kv_expiry *e);

/* An item number @random of those in, about; the next call with the same number gives another one.
 */
struct kv_item *kv_expiry_sample(struct kv_expiry *e, const struct kv_arena *a, uint64_t random);

/* One of the list of items that expire first; the next call gives another one. */
struct kv_item *kv_expiry_first(struct kv_expiry *e, const struct kv_arena *a);

#endif
