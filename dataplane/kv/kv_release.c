/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pins, and the end of items. A pin holds the whole slab or run of an item: what dies there
 * meanwhile is marked, chained from the slab's page and freed with the last pin. Thread: worker.
 */
#include "dataplane/kv/kv_shard_impl.h"

static struct kv_page *page_of(const struct kv_shard *s, const struct kv_item *it)
{
	return &s->arena.pages[kv_arena_head(&s->arena, it)];
}

bool kv_item_is_pinned(const struct kv_shard *s, const struct kv_item *it)
{
	return UNLIKELY(s->n_pins > 0) && page_of(s, it)->pins > 0;
}

void kv_item_release(struct kv_shard *s, struct kv_item *it)
{
	uint32_t number;
	struct kv_page *page;

	if (!kv_item_is_pinned(s, it)) {
		kv_arena_free(&s->arena, it);
		return;
	}
	number = kv_arena_head(&s->arena, it);
	page = &s->arena.pages[number];
	it->flags |= KV_ITEM_DEAD;
	if (page->kind != KV_PAGE_SLAB)
		return;
	/* Nobody asks for the recency of a dead item. */
	it->use = page->extent & ((1u << KV_USE_BITS) - 1);
	page->extent = (uint32_t)((uint8_t *)it - kv_arena_page_at(&s->arena, number)) + 1;
}

void kv_shard_pin(struct kv_shard *s, struct kv_item *it)
{
	s->n_pins++;
	page_of(s, it)->pins++;
}

void kv_shard_unpin(struct kv_shard *s, struct kv_item *it)
{
	uint32_t number = kv_arena_head(&s->arena, it);
	struct kv_page *page = &s->arena.pages[number];
	uint32_t dead;

	BRAID_ASSERT(page->pins > 0 && s->n_pins > 0);
	s->n_pins--;
	if (--page->pins > 0)
		return;
	if (page->kind != KV_PAGE_SLAB) {
		if (it->flags & KV_ITEM_DEAD)
			kv_arena_free(&s->arena, it);
		return;
	}
	dead = page->extent;
	page->extent = 0;
	while (dead) {
		struct kv_item *gone =
			(struct kv_item *)(void *)(kv_arena_page_at(&s->arena, number) + dead - 1);

		dead = gone->use;
		kv_arena_free(&s->arena, gone);
	}
}
