/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts connections by source. Thread: worker. */
#include <string.h>

#include "dataplane/tcp/tcp_source.h"
#include "lib/hash/flow_hash.h"

static uint64_t source_id(const struct tcp_key *k, const uint64_t secret[2])
{
	static const uint8_t none[16];
	uint8_t prefix[16] = {0};
	uint32_t address;
	uint64_t id;

	if (LIKELY(k->family == 4)) {
		memcpy(&address, k->remote, sizeof(address));
		id = flow_hash_ip4(secret, address, 0, k->family, 0);
	} else {
		memcpy(prefix, k->remote, 8);
		id = flow_hash_ip6(secret, prefix, none, k->family, 0);
	}
	return id != 0 ? id : 1;
}

/* The entry of @id, or the free one where it would be. */
static uint32_t entry_find(const struct tcp_sources *s, uint64_t id)
{
	uint32_t i = (uint32_t)id & s->mask;

	while (s->entries[i].id != 0 && s->entries[i].id != id)
		i = (i + 1) & s->mask;
	return i;
}

bool tcp_sources_is_full(
	const struct tcp_sources *s, const struct tcp_key *k, const uint64_t secret[2])
{
	if (LIKELY(s->n_full == 0))
		return false;
	return s->entries[entry_find(s, source_id(k, secret))].n >= s->max;
}

bool tcp_sources_add(struct tcp_sources *s, const struct tcp_key *k, const uint64_t secret[2])
{
	uint64_t id = source_id(k, secret);
	struct tcp_source *e = &s->entries[entry_find(s, id)];

	if (e->n >= s->max)
		return false;
	e->id = id;
	s->n_full += ++e->n == s->max;
	return true;
}

void tcp_sources_del(struct tcp_sources *s, const struct tcp_key *k, const uint64_t secret[2])
{
	uint32_t hole = entry_find(s, source_id(k, secret)), i = hole;

	BRAID_ASSERT(s->entries[hole].n > 0);
	s->n_full -= s->entries[hole].n == s->max;
	if (--s->entries[hole].n > 0)
		return;
	s->entries[hole].id = 0;
	/* Those behind that cannot be found across the hole move into it. */
	for (;;) {
		uint32_t home;

		i = (i + 1) & s->mask;
		if (s->entries[i].id == 0)
			return;
		home = (uint32_t)s->entries[i].id & s->mask;
		if (((i - home) & s->mask) < ((i - hole) & s->mask))
			continue;
		s->entries[hole] = s->entries[i];
		s->entries[i] = (struct tcp_source){0};
		hole = i;
	}
}
