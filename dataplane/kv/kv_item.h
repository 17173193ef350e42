/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An item: a key with its value at an address that does not change between two turns of a worker,
 * nor at all while it is pinned. It is one block of the arena: a header of 12 bytes, 18 more where
 * the item expires or is large, the key, the value. Thread: worker, the owner.
 */
#ifndef DATAPLANE_KV_KV_ITEM_H
#define DATAPLANE_KV_KV_ITEM_H

#include "lib/base/base.h"

#define KV_DATABASES       16
#define KV_SLOTS           16384              /* as Redis Cluster's */
#define KV_KEY_BYTES_MAX   ((512u << 20) - 1) /* 29 bits */
#define KV_VALUE_BYTES_MAX (512u << 20)       /* proto-max-bulk-len's default */
#define KV_USE_BITS        24

enum kv_type {
	KV_STRING,
};

enum kv_item_flags {
	KV_ITEM_DIRTY = 1,   /* prepared, not committed by all members (DESIGN section 9) */
	KV_ITEM_EXPIRES = 2, /* its expiry time counts */
	KV_ITEM_DEAD = 4,    /* replaced or deleted, kept because of pins */
	KV_ITEM_WIDE = 8,    /* a struct kv_item_wide follows the header */
};

/* How the value came to be, as far as OBJECT ENCODING and REFCOUNT tell it in Redis. Two bits. */
enum kv_form {
	KV_FORM_PLAIN,    /* as set: an integer, short or long */
	KV_FORM_PATCHED,  /* by kv_shard_write on what was there or SETRANGE: "raw" */
	KV_FORM_TEXT,     /* by INCRBYFLOAT: no integer even when it looks like one */
	KV_FORM_UNSHARED, /* by COPY: a small integer with one reference */
};

struct kv_item {
	uint32_t use : KV_USE_BITS; /* recency or frequency, as the policy wants it (kv_evict.c) */
	uint32_t flags : 4;         /* enum kv_item_flags */
	uint32_t db : 4;
	uint32_t value_len : 30;
	uint32_t form : 2; /* enum kv_form */
	uint32_t key_len : 29;
	uint32_t type : 3; /* enum kv_type */
};

/* Lies unaligned behind the header: expiry time and place among those that expire (kv_expiry.c). */
struct kv_item_wide {
	uint64_t expiry_ms;
	uint32_t next; /* references to items, a circle */
	uint32_t prev;
	uint16_t list; /* which one */
} PACKED;

/* A key as commands name it. */
struct kv_key {
	const uint8_t *bytes;
	uint32_t len;
	uint16_t slot; /* CRC16 of the key or of its hash tag, modulo KV_SLOTS */
	uint8_t db;
	uint64_t hash; /* keyed, of the bytes */
};

/* The part of @it behind its header; only where KV_ITEM_WIDE is set. */
static inline struct kv_item_wide *kv_item_wide(const struct kv_item *it)
{
	return (struct kv_item_wide *)(uintptr_t)(it + 1);
}

/* Where the key of an item with @flags begins. */
static inline uint32_t kv_item_head_bytes(unsigned flags)
{
	return (uint32_t)sizeof(struct kv_item) +
	       (flags & KV_ITEM_WIDE ? (uint32_t)sizeof(struct kv_item_wide) : 0);
}

/* The key of @it, its length not asked for. */
static inline uint8_t *kv_item_key_bytes(const struct kv_item *it)
{
	return (uint8_t *)(uintptr_t)it + kv_item_head_bytes(it->flags);
}

/* The key of @it. */
static inline const uint8_t *kv_item_key(const struct kv_item *it, uint32_t *len)
{
	*len = it->key_len;
	return kv_item_key_bytes(it);
}

/* The value of @it: bytes and length. */
static inline const uint8_t *kv_item_value(const struct kv_item *it, uint32_t *len)
{
	*len = it->value_len;
	return kv_item_key_bytes(it) + it->key_len;
}

/* Its type. */
static inline enum kv_type kv_item_type(const struct kv_item *it)
{
	return (enum kv_type)it->type;
}

/* Its form. */
static inline enum kv_form kv_item_form(const struct kv_item *it)
{
	return (enum kv_form)it->form;
}

/* Absolute expiry, UNIX time in milliseconds; 0: never. */
static inline uint64_t kv_item_expiry_ms(const struct kv_item *it)
{
	return it->flags & KV_ITEM_EXPIRES ? kv_item_wide(it)->expiry_ms : 0;
}

/* Bytes of all its parts. */
static inline uint64_t kv_item_size_bytes(const struct kv_item *it)
{
	return (uint64_t)kv_item_head_bytes(it->flags) + it->key_len + it->value_len;
}

#endif
