/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routes of one FIB by number and by prefix (see fib_routes.h). Linear probing with deletion by
 * shifting back; eight hash bits in each index slot keep a miss from touching the routes. Main
 * thread only.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "lib/fib/fib_internal.h"
#include "lib/fib/fib_routes.h"

#define INDEX_SLOTS_MIN 1024u
#define INDEX_ID_MASK   0x00ffffffu
#define INDEX_TAG_SHIFT 24

struct fib_key fib_key_from(const struct ip_addr *prefix)
{
	uint64_t word[2];

	memcpy(word, prefix->bytes, sizeof(word));
	return fib_key_cut(be64toh(word[0]), be64toh(word[1]), prefix->prefix_len);
}

struct ip_addr fib_key_prefix(const struct fib_key *key, unsigned family)
{
	uint64_t word[2] = {htobe64(key->hi), htobe64(key->lo)};
	struct ip_addr prefix = {.family = (uint8_t)family, .prefix_len = (uint8_t)key->len};

	memcpy(prefix.bytes, word, sizeof(word));
	return prefix;
}

/* Folds the 128-bit product: every bit of either operand reaches every bit of the result. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t key_hash(const struct fib_routes *r, const struct fib_key *key)
{
	uint64_t h = mix(key->hi ^ r->seed[0], r->seed[1] ^ key->len);

	if (key->lo)
		h = mix(key->lo ^ h, r->seed[2]);
	return mix(h ^ r->seed[2], r->seed[0]);
}

/* The index slot value for route @id whose key hashes to @hash. */
static uint32_t slot_value(uint64_t hash, uint32_t id)
{
	return (uint32_t)(hash >> 56) << INDEX_TAG_SHIFT | (id + 1);
}

static size_t addrs_bytes(const struct fib_routes *r, size_t n)
{
	return r->family == 4 ? n * sizeof(uint32_t) : n * 2 * sizeof(uint64_t);
}

static size_t index_bytes(const struct fib_routes *r)
{
	return ((size_t)r->index_mask + 1) * sizeof(uint32_t);
}

int fib_routes_init(struct fib_routes *r, unsigned family, uint32_t max)
{
	*r = (struct fib_routes){.family = family, .max = max, .index_mask = INDEX_SLOTS_MIN - 1};
	if (getrandom(r->seed, sizeof(r->seed), 0) != (ssize_t)sizeof(r->seed))
		return -ENOMEM;
	for (unsigned i = 0; i < ARRAY_SIZE(r->seed); i++)
		r->seed[i] |= 1; /* an even factor would lose bits */
	r->index = fib_map(index_bytes(r));
	r->entries = fib_map(max * sizeof(uint32_t));
	r->marks = fib_map(max * sizeof(uint32_t));
	r->addrs = fib_map(addrs_bytes(r, max));
	if (r->index && r->entries && r->marks && r->addrs)
		return 0;
	fib_routes_fini(r);
	return -ENOMEM;
}

void fib_routes_fini(struct fib_routes *r)
{
	fib_unmap(r->index, index_bytes(r));
	fib_unmap(r->entries, r->max * sizeof(uint32_t));
	fib_unmap(r->marks, r->max * sizeof(uint32_t));
	fib_unmap(r->addrs, addrs_bytes(r, r->max));
	*r = (struct fib_routes){};
}

struct fib_key fib_routes_key(const struct fib_routes *r, uint32_t id)
{
	struct fib_key key = {.len = (r->entries[id] >> FIB_DEPTH_SHIFT) - 1};
	const uint32_t *half = (const uint32_t *)r->addrs;

	if (r->family == 4) {
		key.hi = (uint64_t)half[id] << 32;
	} else {
		key.hi = r->addrs[2 * (size_t)id];
		key.lo = r->addrs[2 * (size_t)id + 1];
	}
	return key;
}

static bool key_is(const struct fib_routes *r, uint32_t id, const struct fib_key *key)
{
	struct fib_key have = fib_routes_key(r, id);

	return have.hi == key->hi && have.lo == key->lo && have.len == key->len;
}

uint32_t fib_routes_find(const struct fib_routes *r, const struct fib_key *key)
{
	uint64_t hash = key_hash(r, key);
	uint32_t tag = (uint32_t)(hash >> 56);

	/* Ends: the index is never more than three quarters full. */
	for (uint32_t i = (uint32_t)hash & r->index_mask; r->index[i];
		i = (i + 1) & r->index_mask) {
		uint32_t id = (r->index[i] & INDEX_ID_MASK) - 1;

		if (r->index[i] >> INDEX_TAG_SHIFT == tag && key_is(r, id, key))
			return id;
	}
	return FIB_ROUTE_NONE;
}

uint32_t fib_routes_cover(const struct fib_routes *r, const struct fib_key *key, unsigned len_max)
{
	for (int word = (int)(len_max / 64); word >= 0; word--) {
		unsigned top = MIN_OF(len_max - (unsigned)word * 64, 63u);
		uint64_t left = r->lengths[word] & (UINT64_MAX >> (63 - top));

		while (left) {
			unsigned bit = 63 - (unsigned)__builtin_clzll(left);
			struct fib_key cut =
				fib_key_cut(key->hi, key->lo, (unsigned)word * 64 + bit);
			uint32_t id = fib_routes_find(r, &cut);

			if (id != FIB_ROUTE_NONE)
				return id;
			left &= ~(1ULL << bit);
		}
	}
	return FIB_ROUTE_NONE;
}

static void index_put(struct fib_routes *r, uint64_t hash, uint32_t id)
{
	uint32_t i = (uint32_t)hash & r->index_mask;

	while (r->index[i])
		i = (i + 1) & r->index_mask;
	r->index[i] = slot_value(hash, id);
}

/* Doubles the index. */
static int index_grow(struct fib_routes *r)
{
	uint32_t *old = r->index;
	size_t old_bytes = index_bytes(r);
	uint32_t *index = fib_map(old_bytes * 2);

	if (!index)
		return -ENOSPC;
	r->index = index;
	r->index_mask = r->index_mask * 2 + 1;
	for (uint32_t id = 0; id < r->used; id++) {
		if (r->entries[id]) {
			struct fib_key key = fib_routes_key(r, id);

			index_put(r, key_hash(r, &key), id);
		}
	}
	fib_unmap(old, old_bytes);
	return 0;
}

int fib_routes_reserve(struct fib_routes *r)
{
	if (r->count == r->max)
		return -ENOSPC;
	if ((uint64_t)r->count * 4 >= ((uint64_t)r->index_mask + 1) * 3)
		return index_grow(r);
	return 0;
}

void fib_routes_insert(struct fib_routes *r, const struct fib_key *key, uint32_t entry)
{
	uint32_t id = r->free ? r->free - 1 : r->used;
	uint32_t *half = (uint32_t *)r->addrs;

	BRAID_ASSERT(r->count < r->max && entry);
	if (r->free)
		r->free = r->marks[id];
	else
		r->used++;
	r->entries[id] = entry;
	r->marks[id] = 0;
	if (r->family == 4) {
		half[id] = (uint32_t)(key->hi >> 32);
	} else {
		r->addrs[2 * (size_t)id] = key->hi;
		r->addrs[2 * (size_t)id + 1] = key->lo;
	}
	index_put(r, key_hash(r, key), id);
	r->count++;
	r->length_count[key->len]++;
	r->lengths[key->len / 64] |= 1ULL << (key->len % 64);
}

void fib_routes_remove(struct fib_routes *r, uint32_t id)
{
	struct fib_key key = fib_routes_key(r, id);
	uint32_t mask = r->index_mask;
	uint32_t hole = (uint32_t)key_hash(r, &key) & mask;

	while ((r->index[hole] & INDEX_ID_MASK) != id + 1)
		hole = (hole + 1) & mask;
	/* Close the gap: move back what is as far from its home as the hole or farther. */
	for (uint32_t i = (hole + 1) & mask; r->index[i]; i = (i + 1) & mask) {
		struct fib_key other = fib_routes_key(r, (r->index[i] & INDEX_ID_MASK) - 1);
		uint32_t home = (uint32_t)key_hash(r, &other) & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			r->index[hole] = r->index[i];
			hole = i;
		}
	}
	r->index[hole] = 0;
	r->entries[id] = 0;
	r->marks[id] = r->free;
	r->free = id + 1;
	r->count--;
	if (--r->length_count[key.len] == 0)
		r->lengths[key.len / 64] &= ~(1ULL << (key.len % 64));
}

uint64_t fib_routes_bytes(const struct fib_routes *r)
{
	return index_bytes(r) + r->used * 2 * sizeof(uint32_t) + addrs_bytes(r, r->used);
}
