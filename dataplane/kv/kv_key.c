/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys: their slot as Redis Cluster counts it and their keyed hash.
 * https://redis.io/docs/reference/cluster-spec/#hash-tags. Thread: any.
 */
#include <string.h>

#include "dataplane/kv/kv_shard_impl.h"
#include "lib/hash/crc16.h"

uint16_t kv_key_slot(const uint8_t *bytes, uint32_t len)
{
	const uint8_t *open = memchr(bytes, '{', len);
	const uint8_t *close;

	if (UNLIKELY(open != NULL)) {
		open++;
		close = memchr(open, '}', (size_t)(bytes + len - open));
		if (close && close > open)
			return crc16_xmodem(open, (size_t)(close - open)) % KV_SLOTS;
	}
	return crc16_xmodem(bytes, len) % KV_SLOTS;
}

void kv_key_make(
	const struct kv_shard *s, struct kv_key *k, uint8_t db, const void *bytes, uint32_t len)
{
	*k = (struct kv_key){
		.bytes = bytes,
		.len = len,
		.slot = kv_key_slot(bytes, len),
		.db = db,
		.hash = key_hash_of(&s->secret, bytes, len),
	};
}
