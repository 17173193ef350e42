/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An interface made by hand for tests of pure functions: MAC 02:00:00:00:00:01 and up to
 * WORLD_ADDRESSES_MAX addresses with prefix length, a trailing '?' for one that is not usable yet,
 * '!' for one that another station has.
 */
#ifndef TESTS_UNIT_NEIGH_IFACE_H
#define TESTS_UNIT_NEIGH_IFACE_H

#include <stdlib.h>
#include <string.h>

#include "dataplane/core/world.h"

/* An interface with the addresses in @texts, up to the first NULL. */
static inline struct iface neigh_iface_with(const char *const texts[])
{
	struct iface i = {.up = true, .l2_len = 14, .mac = {2, 0, 0, 0, 0, 1}};

	for (; texts[i.n_addresses] != NULL; i.n_addresses++) {
		struct iface_address *a = &i.addresses[i.n_addresses];
		char text[IPADDR_TEXT_MAX];
		char *mark;

		base_strlcpy(text, texts[i.n_addresses], sizeof(text));
		mark = strpbrk(text, "?!");
		a->usable = mark == NULL;
		a->duplicate = mark != NULL && *mark == '!';
		if (mark != NULL)
			*mark = '\0';
		if (i.n_addresses == WORLD_ADDRESSES_MAX ||
			ip_addr_parse_prefix(text, &a->addr) < 0)
			abort();
	}
	return i;
}

#endif
