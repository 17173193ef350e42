/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of routes while it is loaded: open-addressed hashes find a prefix that is there already
 * (in any source, or as a connected subnet) and a set of next hops that is equal. Main threads
 * only.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf/conf_impl.h"
#include "lib/conf/conf_scan.h"

#define SLOTS_LOG2    14 /* at first, for more than CONF_CONNECTED_MAX */
#define NEXTHOP_SLOTS (2 * CONF_NEXTHOPS_MAX)
#define HASH_SEED     0x9e3779b97f4a7c15ULL
#define HASH_FACTOR   0xbf58476d1ce4e5b9ULL

_Static_assert(sizeof(struct conf_hop) == 38, "next hops are compared as bytes: no padding");
_Static_assert(sizeof(struct conf_route) == 24, "a million routes take 24 MB");

/* Folds a word into a hash: the halves of a product depend on all bits of both. */
static inline uint64_t hash_word(uint64_t hash, uint64_t word)
{
	unsigned __int128 product = (unsigned __int128)(hash ^ word) * HASH_FACTOR;

	return (uint64_t)product ^ (uint64_t)(product >> 64) ^ HASH_SEED;
}

static inline uint32_t hash_prefix(const struct ip_addr *prefix)
{
	uint64_t halves[2];

	memcpy(halves, prefix->bytes, sizeof(halves));
	return (uint32_t)hash_word(hash_word(halves[0] + HASH_SEED, prefix->prefix_len), halves[1]);
}

static uint64_t hash_hops(const struct conf_draft *draft)
{
	uint64_t hash = HASH_SEED + draft->action;

	for (unsigned i = 0; i < draft->n_hops; i++) {
		const struct conf_hop *hop = &draft->hops[i];
		uint64_t words[4];

		memcpy(words, hop->address.bytes, 16);
		memcpy(words + 2, hop->interface, 16);
		for (unsigned j = 0; j < 4; j++)
			hash = hash_word(hash, words[j]);
		hash = hash_word(hash, hop->weight);
	}
	return hash;
}

/* Where the search for a hash begins: in the order of hashes, so that growing moves in order. */
static inline uint32_t first_slot(const struct conf_rib *rib, uint32_t hash)
{
	return hash >> (32 - rib->slots_log2);
}

static inline uint32_t next_slot(const struct conf_rib *rib, uint32_t i)
{
	return (i + 1) & ((1U << rib->slots_log2) - 1);
}

/* The prefix a used slot stands for. */
static inline const struct ip_addr *slot_prefix(
	const struct conf_loader *l, const struct conf_slot *slot)
{
	if (slot->target & CONF_IS_CONNECTED)
		return &l->rib.connected[slot->target & ~CONF_IS_CONNECTED].prefix;
	return &l->conf->routes[slot->target - 1].prefix;
}

/* The slot that holds @prefix, or the free one where it belongs, its hash filled in. */
static inline struct conf_slot *find_slot(struct conf_loader *l, const struct ip_addr *prefix)
{
	struct conf_rib *rib = &l->rib;
	uint32_t hash = hash_prefix(prefix), i = first_slot(rib, hash);

	for (; rib->slots[i].target; i = next_slot(rib, i))
		if (rib->slots[i].hash == hash &&
			ip_addr_equal(slot_prefix(l, &rib->slots[i]), prefix))
			return &rib->slots[i];
	rib->slots[i].hash = hash;
	return &rib->slots[i];
}

/* Doubles the slots when three quarters of them are used. */
static int grow_slots(struct conf_loader *l)
{
	struct conf_rib *rib = &l->rib;
	uint32_t n = 1U << rib->slots_log2;
	struct conf_slot *old = rib->slots;

	if (LIKELY(rib->n_used < n / 4 * 3))
		return 0;
	rib->slots = calloc(2 * (size_t)n, sizeof(*rib->slots));
	if (!rib->slots) {
		rib->slots = old;
		return conf_fail_memory(l);
	}
	rib->slots_log2++;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t to = first_slot(rib, old[i].hash);

		if (!old[i].target)
			continue;
		while (rib->slots[to].target)
			to = next_slot(rib, to);
		rib->slots[to] = old[i];
	}
	free(old);
	return 0;
}

/* Makes a prefix one that no route may have; a link-local subnet may be there already. */
static void add_connected(struct conf_loader *l, const struct ip_addr *prefix, unsigned interface)
{
	struct conf_rib *rib = &l->rib;
	struct conf_slot *slot = find_slot(l, prefix);

	if (slot->target)
		return;
	rib->connected[rib->n_connected] = (struct conf_connected){
		.prefix = *prefix,
		.interface = (uint16_t)interface,
	};
	slot->target = CONF_IS_CONNECTED | rib->n_connected++;
	rib->n_used++;
}

int conf_routes_init(struct conf_loader *l)
{
	const struct conf_node *node = &l->conf->node;
	struct conf_rib *rib = &l->rib;

	rib->slots = calloc(1U << SLOTS_LOG2, sizeof(*rib->slots));
	rib->slots_log2 = SLOTS_LOG2;
	rib->nexthop_slots = calloc(NEXTHOP_SLOTS, sizeof(*rib->nexthop_slots));
	if (!rib->slots || !rib->nexthop_slots)
		return conf_fail_memory(l);
	for (unsigned i = 0; i < node->n_interfaces; i++) {
		for (unsigned j = 0; j < node->interfaces[i].n_addresses; j++) {
			struct ip_addr prefix = node->interfaces[i].addresses[j];

			ip_addr_mask(&prefix);
			add_connected(l, &prefix, i);
			prefix = node->interfaces[i].addresses[j];
			prefix.prefix_len = (uint8_t)ip_addr_bits(prefix.family);
			add_connected(l, &prefix, i);
		}
	}
	return 0;
}

void conf_routes_source(struct conf_loader *l, const char *file)
{
	struct conf_rib *rib = &l->rib;

	BRAID_ASSERT(rib->n_sources < ARRAY_SIZE(rib->sources));
	rib->sources[rib->n_sources++] = (struct conf_source){
		.file = file,
		.first_route = l->conf->n_routes,
	};
}

/* Why no route leads to a prefix, or NULL. */
static const char *not_routed(const struct ip_addr *prefix)
{
	if (prefix->family == 4) {
		if (prefix->prefix_len >= 4 && ip_addr_is_multicast(prefix))
			return "multicast";
		return prefix->prefix_len >= 8 && prefix->bytes[0] == 127 ? "loopback" : NULL;
	}
	if (prefix->prefix_len >= 8 && ip_addr_is_multicast(prefix))
		return "multicast";
	return prefix->prefix_len >= 10 && ip_addr_is_link_local(prefix) ? "link-local" : NULL;
}

int conf_routes_prefix(struct conf_loader *l, const char *text, size_t len, struct conf_place place,
	struct ip_addr *out)
{
	char quoted[CONF_QUOTE_BYTES], masked[IPADDR_TEXT_MAX + 4];
	const char *why;

	if (UNLIKELY(conf_scan_prefix(text, text + len, out) != text + len)) {
		conf_quote(text, len, quoted);
		if (conf_scan_address(text, text + len, out) == text + len)
			return conf_fail(l, place,
				"prefix \"%s\" has no length (%s/%u is that one address)", quoted,
				quoted, ip_addr_bits(out->family));
		return conf_fail(l, place,
			"prefix \"%s\" must be ADDRESS/LENGTH: 198.51.100.0/24 or 2001:db8::/32",
			quoted);
	}
	if (UNLIKELY(ip_addr_has_host_bits(out))) {
		ip_addr_mask(out);
		return conf_fail(l, place, "prefix \"%s\" has host bits set (did you mean %s?)",
			conf_quote(text, len, quoted), ip_addr_format(out, masked));
	}
	why = not_routed(out);
	if (UNLIKELY(why))
		return conf_fail(l, place, "prefix \"%s\" is %s, which is never routed",
			conf_quote(text, len, quoted), why);
	/* The slot is far from every cache; it arrives while the rest of the line is read. */
	__builtin_prefetch(&l->rib.slots[first_slot(&l->rib, hash_prefix(out))], 1);
	return 0;
}

uint32_t conf_routes_find(struct conf_loader *l, const struct ip_addr *prefix)
{
	return find_slot(l, prefix)->target;
}

uint32_t conf_routes_match(struct conf_loader *l, const struct ip_addr *addr, uint8_t *prefix_len)
{
	struct ip_addr prefix = *addr;
	uint32_t target = conf_routes_find(l, &prefix);

	while (!target && prefix.prefix_len > 0) {
		prefix.prefix_len--;
		ip_addr_mask(&prefix);
		target = conf_routes_find(l, &prefix);
	}
	*prefix_len = prefix.prefix_len;
	return target;
}

char *conf_routes_where(const struct conf_loader *l, uint32_t target, char buf[CONF_WHERE_BYTES])
{
	const struct conf_rib *rib = &l->rib;
	uint32_t route = target - 1;
	unsigned source = 0;

	while (source + 1 < rib->n_sources && rib->sources[source + 1].first_route <= route)
		source++;
	snprintf(buf, CONF_WHERE_BYTES, "%.200s:%u:%u", rib->sources[source].file,
		rib->places[route].line, rib->places[route].column);
	return buf;
}

/* Says where the prefix of @target is already. */
static int fail_duplicate(struct conf_loader *l, const struct conf_draft *draft, uint32_t target)
{
	const struct conf_rib *rib = &l->rib;
	char text[IPADDR_TEXT_MAX + 4], where[CONF_WHERE_BYTES];
	const struct conf_connected *connected;

	ip_addr_format(&draft->prefix, text);
	if (target & CONF_IS_CONNECTED) {
		connected = &rib->connected[target & ~CONF_IS_CONNECTED];
		return conf_fail(l, draft->prefix_place,
			"route %s is connected: a subnet or address of interface \"%s\" (remove "
			"the route)",
			text, l->conf->node.interfaces[connected->interface].name);
	}
	return conf_fail(l, draft->prefix_place, "route %s is already at %s (remove one of them)",
		text, conf_routes_where(l, target, where));
}

static int compare_hops(const struct conf_hop *a, const struct conf_hop *b)
{
	int by_address = memcmp(&a->address, &b->address, sizeof(a->address));

	return by_address ? by_address : strcmp(a->interface, b->interface);
}

/* Sorts the next hops, so that equal sets look equal. */
static void sort_hops(struct conf_draft *draft)
{
	for (unsigned i = 1; i < draft->n_hops; i++) {
		struct conf_hop hop = draft->hops[i];
		struct conf_place place = draft->hop_places[i];
		unsigned j = i;

		for (; j > 0 && compare_hops(&draft->hops[j - 1], &hop) > 0; j--) {
			draft->hops[j] = draft->hops[j - 1];
			draft->hop_places[j] = draft->hop_places[j - 1];
		}
		draft->hops[j] = hop;
		draft->hop_places[j] = place;
	}
}

/* Appends the draft's next hops, seen for the first time; the index, or a negative errno. */
static int64_t nexthop_add(struct conf_loader *l, const struct conf_draft *draft)
{
	struct conf *conf = l->conf;
	size_t size = draft->n_hops * sizeof(*draft->hops);
	struct conf_hop *hops = NULL;
	int rc = conf_check_hops(l, draft);

	if (rc < 0)
		return rc;
	if (conf->n_nexthops == CONF_NEXTHOPS_MAX)
		return conf_fail(l, draft->prefix_place, "more than %d different sets of next hops",
			CONF_NEXTHOPS_MAX);
	if (conf_grow((void **)&conf->nexthops, &l->rib.cap_nexthops, conf->n_nexthops,
		    sizeof(*conf->nexthops)) < 0)
		return conf_fail_memory(l);
	if (size) {
		hops = malloc(size);
		if (!hops)
			return conf_fail_memory(l);
		memcpy(hops, draft->hops, size);
	}
	conf->nexthops[conf->n_nexthops] = (struct conf_nexthop){
		.action = draft->action,
		.n_hops = draft->n_hops,
		.hops = hops,
	};
	return conf->n_nexthops++;
}

/* The index of the next-hop set of the draft, shared with equal ones, or a negative errno. */
static int64_t nexthop_find_or_add(struct conf_loader *l, struct conf_draft *draft)
{
	struct conf_rib *rib = &l->rib;
	size_t size = draft->n_hops * sizeof(*draft->hops);
	uint32_t i;
	int64_t index;

	sort_hops(draft);
	i = (uint32_t)hash_hops(draft) & (NEXTHOP_SLOTS - 1);
	for (; rib->nexthop_slots[i]; i = (i + 1) & (NEXTHOP_SLOTS - 1)) {
		const struct conf_nexthop *nh = &l->conf->nexthops[rib->nexthop_slots[i] - 1];

		if (nh->action == draft->action && nh->n_hops == draft->n_hops &&
			(size == 0 || !memcmp(nh->hops, draft->hops, size)))
			return rib->nexthop_slots[i] - 1;
	}
	index = nexthop_add(l, draft);
	if (index >= 0)
		rib->nexthop_slots[i] = (uint32_t)index + 1;
	return index;
}

/* Makes room for one more route and its place. */
static int grow_routes(struct conf_loader *l)
{
	struct conf *conf = l->conf;
	struct conf_rib *rib = &l->rib;
	uint32_t cap = rib->cap_routes;

	if (conf->n_routes < cap)
		return 0;
	if (conf_grow((void **)&conf->routes, &cap, conf->n_routes, sizeof(*conf->routes)) < 0 ||
		conf_grow((void **)&rib->places, &rib->cap_routes, conf->n_routes,
			sizeof(*rib->places)) < 0)
		return conf_fail_memory(l);
	return 0;
}

int conf_routes_add(struct conf_loader *l, struct conf_draft *draft)
{
	struct conf *conf = l->conf;
	char hop_text[IPADDR_TEXT_MAX], text[IPADDR_TEXT_MAX + 4];
	struct conf_slot *slot;
	int64_t nexthop;
	int rc;

	rc = grow_slots(l);
	if (rc == 0)
		rc = grow_routes(l);
	if (rc < 0)
		return rc;
	slot = find_slot(l, &draft->prefix);
	if (UNLIKELY(slot->target))
		return fail_duplicate(l, draft, slot->target);
	for (unsigned i = 0; i < draft->n_hops; i++)
		if (UNLIKELY(draft->hops[i].address.family != draft->prefix.family))
			return conf_fail(l, draft->hop_places[i],
				"next hop %s is not of the family of route %s",
				ip_addr_format_host(&draft->hops[i].address, hop_text),
				ip_addr_format(&draft->prefix, text));
	nexthop = nexthop_find_or_add(l, draft);
	if (nexthop < 0)
		return (int)nexthop;
	if (conf->n_routes == CONF_ROUTES_MAX)
		return conf_fail(l, draft->prefix_place, "more than %d routes", CONF_ROUTES_MAX);
	l->rib.places[conf->n_routes] = draft->prefix_place;
	conf->routes[conf->n_routes++] = (struct conf_route){
		.prefix = draft->prefix,
		.nexthop = (uint32_t)nexthop,
	};
	slot->target = conf->n_routes;
	l->rib.n_used++;
	return 0;
}

void conf_routes_fini(struct conf_loader *l)
{
	struct conf *conf = l->conf;
	struct conf_route *fitted;

	free(l->rib.slots);
	free(l->rib.nexthop_slots);
	free(l->rib.places);
	if (conf->n_routes == 0)
		return;
	fitted = realloc(conf->routes, conf->n_routes * sizeof(*conf->routes));
	if (fitted)
		conf->routes = fitted;
}
