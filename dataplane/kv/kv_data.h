/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the commands on data share: reading arguments with Redis's errors, writing with the answer
 * to a refusal. Private to the kv_string*, kv_generic*, kv_incr*, kv_expire_cmd, kv_scan_cmd,
 * kv_object, kv_lcs and kv_route files. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_DATA_H
#define DATAPLANE_KV_KV_DATA_H

#include "dataplane/kv/kv_command.h"

#define KV_TEXT_BYTES_MAX 44 /* strings up to this length are "embstr" in Redis */

#define KV_OOM_ERROR    "OOM command not allowed when used memory > 'maxmemory'."
#define KV_SYNTAX_ERROR "ERR syntax error"
#define KV_INT_ERROR    "ERR value is not an integer or out of range"

/* What KV_LOOK_* bits Redis's lookupKeyRead and lookupKeyWrite mean. */
#define KV_FOR_READ  (KV_LOOK_READ | KV_LOOK_TOUCH)
#define KV_FOR_WRITE KV_LOOK_TOUCH

/* Integer argument @arg; false: it is none and the reply says so. */
bool kv_data_int(struct kv_call *c, uint32_t arg, int64_t *out);

/* The same for one that must fit 32 bits. */
bool kv_data_int32(struct kv_call *c, uint32_t arg, int32_t *out);

/* A number of a database; false: the reply says what is wrong. */
bool kv_data_db(struct kv_call *c, uint32_t arg, uint8_t *db);

/* How long a string may become: proto-max-bulk-len. */
uint32_t kv_data_bytes_max(const struct kv_call *c);

/* Answers a change that the shard refused with @err; or, when the shard is making room for it, lets
 * the call be made again: it must have done and said nothing so far. */
void kv_data_refused(struct kv_call *c, int err);

/* Sets the whole value of @k; false: refused and answered. */
bool kv_data_set(struct kv_call *c, const struct kv_key *k, const struct kv_write *v);

/* Options of SET and GETEX. */
enum kv_set_options {
	KV_SET_NX = 1 << 0,
	KV_SET_XX = 1 << 1,
	KV_SET_GET = 1 << 2,
	KV_SET_KEEPTTL = 1 << 3,
	KV_SET_PERSIST = 1 << 4,
	KV_SET_EX = 1 << 5,
	KV_SET_PX = 1 << 6,
	KV_SET_EXAT = 1 << 7,
	KV_SET_PXAT = 1 << 8,
};
#define KV_SET_TIMES (KV_SET_EX | KV_SET_PX | KV_SET_EXAT | KV_SET_PXAT)

/* Argument @arg as a time of kind @option (one of KV_SET_TIMES) made absolute; false: it is none or
 * not after 1970 and the reply says so. */
bool kv_data_expiry(struct kv_call *c, uint32_t arg, unsigned option, uint64_t *expiry_ms);

/* Whether all pairs of key and value from argument 1 on find room now. */
bool kv_data_pairs_fit(struct kv_call *c);

/* Makes @to out of the live item @from, with its value and expiry. False: refused and answered. */
bool kv_data_copy(
	struct kv_call *c, struct kv_item *from, const struct kv_key *to, enum kv_form form);

/* Redis's word for how it would keep the value of @it. */
const char *kv_object_encoding(const struct kv_item *it);

#endif
