/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking up many keys at once: memory is asked for what all of them need before any of it is used.
 * First the homes (kv_index_prefetch), then the items under the keys' tags; where a home has none
 * and keys of it lie further on, the buckets behind it and the items there. Those are few, but each
 * would wait for memory three times. Thread: worker, the owner.
 */
#include "dataplane/kv/kv_index.h"

#define NO_SLOT (1u << (KV_BUCKET_SLOTS - 1)) /* its item is fetched where no slot has the tag */

/* What was found out about the keys without looking at items. */
struct sought {
	struct kv_item **items;        /* the first with the tag, or any */
	uint16_t matches[KV_BULK_MAX]; /* slots with the tag */
	uint8_t later[KV_BULK_MAX];    /* keys that need another look */
};

/* Asks for @it, up to the line of what is wanted of it: a line more, in which most values end, or
 * the key of @k alone. */
static inline void item_ask(const struct kv_item *it, const struct kv_key *k, bool with_value)
{
	kv_prefetch(it);
	kv_prefetch((const uint8_t *)it +
		    (with_value ? CACHE_LINE_BYTES : sizeof(struct kv_item) + k->len - 1));
}

/* The first item with the tag in @b, which is asked for. */
static inline struct kv_item *first_ask(const struct kv_index *ix, const struct kv_bucket *b,
	unsigned matches, const struct kv_key *k, bool with_value)
{
	struct kv_item *it = kv_index_item(ix, b->refs[__builtin_ctz(matches | NO_SLOT)]);

	item_ask(it, k, with_value);
	return it;
}

/* Asks for the buckets behind the home of @k, which holds it not. */
static inline void behind_ask(const struct kv_index *ix, const struct kv_key *k)
{
	const struct kv_bucket *b = kv_index_bucket(ix, kv_index_home(ix, k->hash) + 1);

	kv_prefetch(b);
	kv_prefetch(b + 1); /* most often of the same segment */
}

/* The next bucket with the tag of @k behind its home, or the last one, and its @matches. */
static inline const struct kv_bucket *behind_seek(
	const struct kv_index *ix, const struct kv_key *k, uint16_t *matches)
{
	uint32_t number = kv_index_home(ix, k->hash);
	const struct kv_bucket *b;

	do {
		b = kv_index_bucket(ix, ++number);
		*matches = (uint16_t)kv_bucket_match(b, kv_index_tag(k->hash));
	} while (!*matches && b->passed);
	return b;
}

/* Finds matches and first item of all @n keys and asks for what will be looked at. */
static inline __attribute__((always_inline)) void seek(const struct kv_index *ix,
	const struct kv_key *const keys[], unsigned n, struct sought *sought, bool with_value)
{
	unsigned n_later = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct kv_key *k = keys[i];
		const struct kv_bucket *b = kv_index_bucket(ix, kv_index_home(ix, k->hash));
		unsigned matches = kv_bucket_match(b, kv_index_tag(k->hash));

		sought->matches[i] = (uint16_t)matches;
		sought->items[i] = first_ask(ix, b, matches, k, with_value);
		if (LIKELY(matches && !(matches & (matches - 1))))
			continue;
		for (unsigned m = matches & (matches - 1); m; m &= m - 1)
			item_ask(kv_index_item(ix, b->refs[__builtin_ctz(m)]), k, with_value);
		if (!matches && b->passed) {
			behind_ask(ix, k);
			sought->later[n_later++] = (uint8_t)i;
		}
	}
	for (unsigned j = 0; j < n_later; j++) {
		unsigned i = sought->later[j];
		const struct kv_bucket *b = behind_seek(ix, keys[i], &sought->matches[i]);

		sought->items[i] = first_ask(ix, b, sought->matches[i], keys[i], with_value);
	}
}

void kv_index_fetch_bulk(const struct kv_index *ix, const struct kv_key *const keys[], unsigned n)
{
	struct kv_item *items[KV_BULK_MAX];
	struct sought sought;

	BRAID_ASSERT(n <= KV_BULK_MAX);
	sought.items = items;
	if (ix->count > 0)
		seek(ix, keys, n, &sought, true);
}

void kv_index_find_bulk(const struct kv_index *ix, const struct kv_key *const keys[], unsigned n,
	struct kv_item *items[])
{
	struct sought sought;
	unsigned n_later = 0;
	struct kv_place at;

	BRAID_ASSERT(n <= KV_BULK_MAX);
	if (ix->count == 0) {
		memset(items, 0, n * sizeof(items[0]));
		return;
	}
	sought.items = items;
	seek(ix, keys, n, &sought, false);
	for (unsigned i = 0; i < n; i++) {
		bool matches = sought.matches[i] != 0;

		if (LIKELY(matches && kv_item_has_key(items[i], keys[i])))
			continue;
		/* Where another key has the tag, this one may still be there. */
		items[i] = NULL;
		sought.later[n_later] = (uint8_t)i;
		n_later += matches;
	}
	for (unsigned j = 0; j < n_later; j++)
		items[sought.later[j]] = kv_index_find(ix, keys[sought.later[j]], &at);
}
