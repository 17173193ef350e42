/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The prefixes whose packets the balancer takes, for the checks of a configuration. Main threads
 * only. Not for use outside lib/conf.
 */
#ifndef LIB_CONF_CONF_CLAIMS_H
#define LIB_CONF_CONF_CLAIMS_H

#include "lib/conf/conf_impl.h"

#define CONF_CLAIM_BYTES 128 /* of a claim in a message */

/* The VIP of a service, or a prefix of the NAT pool. */
struct conf_claim {
	struct ip_addr prefix;
	const struct conf_service *service; /* NULL: the pool's */
	struct conf_place place;
};

struct conf_claims {
	struct conf_loader *l;
	struct conf_claim *sorted; /* by prefix, then service; the caller frees it */
	uint32_t n;
	bool has_pool[2]; /* of IPv4, of IPv6 */
};

/* The order of places in a file. */
int conf_compare_places(const struct conf_place *a, const struct conf_place *b);

/* Family, bytes, length: a prefix stands right before what it covers. */
int conf_compare_prefixes(const struct ip_addr *a, const struct ip_addr *b);

/* Collects and sorts the claims of @c->l; 0 or the result of conf_fail_memory. */
int conf_claims_init(struct conf_claims *c);

/* Fails when a claim overlaps another, or what interfaces, routes and the dataplane allow. */
int conf_claims_check(const struct conf_claims *c);

/* The first claim that covers @addr, or NULL. Only for claims that were checked. */
const struct conf_claim *conf_claims_find(const struct conf_claims *c, const struct ip_addr *addr);

/* Writes `vip 203.0.113.10 of service "web"` to @buf; returns @buf. */
char *conf_claim_text(const struct conf_claim *claim, char buf[CONF_CLAIM_BYTES]);

#endif
