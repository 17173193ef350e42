/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing the standby side of a FIB: ranges of entries, and the groups that prefixes longer than
 * 24 bits need. Every write is noted by page for fib_sync(). Main thread only.
 */
#include "lib/fib/fib_internal.h"

/* A stretch of entries still to be visited. */
struct span {
	uint32_t *next;
	uint32_t *end;
};

/* The level whose entries a prefix of @len bits (1 or more) fills. */
static unsigned level_of(unsigned len)
{
	return len <= 24 ? 0 : (len - 24 + 7) / 8;
}

/* Which entry of its group (or of the direct table) @key is in at @level. */
static uint32_t level_index(const struct fib_key *key, unsigned level)
{
	unsigned shift = 120 - (level + 2) * 8;

	if (level == 0)
		return (uint32_t)(key->hi >> 40);
	return (uint8_t)(shift >= 64 ? key->hi >> (shift - 64) : key->lo >> shift);
}

static uint32_t *group_entries(struct fib *fib, uint32_t group)
{
	return fib_standby(fib)->groups + (size_t)group * FIB_GROUP_ENTRIES;
}

/* The entry of @key at @level; the groups above it exist. */
static uint32_t *level_slot(struct fib *fib, const struct fib_key *key, unsigned level)
{
	uint32_t *slot = fib_standby(fib)->tbl24 + level_index(key, 0);

	for (unsigned i = 1; i <= level; i++) {
		BRAID_ASSERT(*slot & FIB_EXTENDED);
		slot = group_entries(fib, *slot & FIB_INDEX_MASK) + level_index(key, i);
	}
	return slot;
}

/* Notes that the page of @slot was written. */
static void mark_dirty(struct fib *fib, const uint32_t *slot)
{
	size_t page = (size_t)(slot - fib_standby(fib)->tbl24) / FIB_PAGE_ENTRIES;
	size_t unit = page >> fib->unit_shift;
	uint64_t bit = 1ULL << (page % 64);

	if (fib->dirty[page / 64] & bit)
		return;
	fib->dirty[page / 64] |= bit;
	fib->dirty_pages++;
	if (page < FIB_TBL24_ENTRIES / FIB_PAGE_ENTRIES &&
		!(fib->touched[unit / 64] & 1ULL << (unit % 64))) {
		fib->touched[unit / 64] |= 1ULL << (unit % 64);
		fib->units++;
	}
}

/* Takes a free group and fills it with what holds for its addresses so far. */
static uint32_t group_alloc(struct fib *fib, uint32_t inherited)
{
	uint32_t group = fib->group_free ? fib->group_free - 1 : fib->groups_used;
	uint32_t *entry;

	BRAID_ASSERT(group < fib->groups_max && !(inherited & FIB_EXTENDED));
	if (fib->group_free)
		fib->group_free = fib->group_refs[group];
	else
		fib->groups_used++;
	fib->groups_count++;
	fib->group_refs[group] = 0;
	entry = group_entries(fib, group);
	for (unsigned i = 0; i < FIB_GROUP_ENTRIES; i++)
		entry[i] = inherited;
	mark_dirty(fib, entry);
	return group;
}

/*
 * A freed group may be taken again at once: readers are on the other side, whose pages stay as
 * they are until the next flip, and nothing is built between a flip and the end of its sync.
 */
static void group_release(struct fib *fib, uint32_t group)
{
	BRAID_ASSERT(!fib->syncing);
	fib->group_refs[group] = fib->group_free;
	fib->group_free = group + 1;
	fib->groups_count--;
}

unsigned fib_groups_missing(struct fib *fib, const struct fib_key *key)
{
	unsigned level = level_of(key->len);
	uint32_t *slot = fib_standby(fib)->tbl24 + level_index(key, 0);

	for (unsigned i = 1; i <= level; i++) {
		if (!(*slot & FIB_EXTENDED))
			return level - i + 1;
		slot = group_entries(fib, *slot & FIB_INDEX_MASK) + level_index(key, i);
	}
	return 0;
}

void fib_groups_get(struct fib *fib, const struct fib_key *key)
{
	unsigned level = level_of(key->len);
	uint32_t *slot = fib_standby(fib)->tbl24 + level_index(key, 0);
	uint32_t parent = 0;

	for (unsigned i = 1; i <= level; i++) {
		if (!(*slot & FIB_EXTENDED)) {
			*slot = FIB_EXTENDED | group_alloc(fib, *slot);
			mark_dirty(fib, slot);
			if (i > 1)
				fib->group_refs[parent]++;
		}
		parent = *slot & FIB_INDEX_MASK;
		slot = group_entries(fib, parent) + level_index(key, i);
	}
	if (level > 0)
		fib->group_refs[parent]++;
}

void fib_groups_put(struct fib *fib, const struct fib_key *key)
{
	for (unsigned level = level_of(key->len); level > 0; level--) {
		uint32_t *slot = level_slot(fib, key, level - 1);
		uint32_t group = *slot & FIB_INDEX_MASK;
		const uint32_t *entry = group_entries(fib, group);

		BRAID_ASSERT(*slot & FIB_EXTENDED && fib->group_refs[group] > 0);
		if (--fib->group_refs[group] > 0)
			return;
		/* No route is longer than what is above the group: all its entries are the same. */
		BRAID_ASSERT(entry[0] == entry[FIB_GROUP_ENTRIES - 1]);
		*slot = entry[0];
		mark_dirty(fib, slot);
		group_release(fib, group);
	}
}

/*
 * Writes @entry over what is not longer than @depth (length plus one), to the end of the span or
 * of its page or up to an extended entry, which is returned; else 0.
 */
static uint32_t fill_page(struct fib *fib, struct span *span, uint32_t depth, uint32_t entry)
{
	uint32_t *first = span->next;
	size_t in_page = (size_t)(first - fib_standby(fib)->tbl24) % FIB_PAGE_ENTRIES;
	uint32_t *end = first + MIN_OF((size_t)(span->end - first), FIB_PAGE_ENTRIES - in_page);
	bool wrote = false;
	uint32_t found = 0;

	while (span->next < end && !found) {
		uint32_t *slot = span->next++;

		if (*slot & FIB_EXTENDED) {
			found = *slot;
		} else if (*slot >> FIB_DEPTH_SHIFT <= depth) {
			*slot = entry;
			wrote = true;
		}
	}
	if (wrote)
		mark_dirty(fib, first);
	return found;
}

bool fib_cover_beside(struct fib *fib, const struct fib_key *key, uint32_t *entry)
{
	unsigned level = level_of(key->len);
	uint32_t range = 1u << (24 + level * 8 - key->len);
	uint32_t *array = level_slot(fib, key, level) - level_index(key, level);
	uint32_t beside = array[level_index(key, level) ^ range];

	if (beside & FIB_EXTENDED || beside >> FIB_DEPTH_SHIFT > key->len)
		return false;
	*entry = beside;
	return true;
}

/*
 * The same rule serves add, replace and delete: under a prefix that is being deleted no entry is
 * shorter than it, so "not longer" means "its own".
 */
void fib_fill(struct fib *fib, const struct fib_key *key, uint32_t entry)
{
	unsigned level = level_of(key->len);
	uint32_t *slot = level_slot(fib, key, level);
	struct span stack[FIB_LEVELS_MAX] = {{slot, slot + (1u << (24 + level * 8 - key->len))}};
	int top = 0;

	while (top >= 0) {
		uint32_t extended;

		if (stack[top].next == stack[top].end) {
			top--;
			continue;
		}
		extended = fill_page(fib, &stack[top], key->len + 1, entry);
		if (extended) {
			BRAID_ASSERT(top + 1 < FIB_LEVELS_MAX);
			slot = group_entries(fib, extended & FIB_INDEX_MASK);
			stack[++top] = (struct span){slot, slot + FIB_GROUP_ENTRIES};
		}
	}
}
