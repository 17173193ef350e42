/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interfaces: staged by messages into the table of the next world, checked one by one, published
 * with it. The number of an interface stays the same while its name, port and VLAN do. Thread:
 * main.
 */
#ifndef DATAPLANE_LINK_IFACE_H
#define DATAPLANE_LINK_IFACE_H

#include "dataplane/core/world.h"
#include "lib/api/api.h"

#define IFACE_MTU_MIN     576
#define IFACE_MTU_MIN_IP6 1280 /* RFC 8200 section 5; below it an interface has no IPv6 */
#define IFACE_MTU_MAX     9600

/* Stages @want. 0, or a negative errno with a sentence that names the interface and the remedy. */
int iface_stage(const struct api_interface *want, struct base_error *err);

/* The staged interfaces, [WORLD_INTERFACES_MAX]; those not up are free slots. */
const struct iface *iface_staged(void);

/* The staged interface called @name, or NULL. */
const struct iface *iface_staged_find(const char *name);

/* A host that must be on the link of a staged interface. */
struct iface_host {
	const char *noun;      /* what it is, for the sentence: "next hop" */
	const char *interface; /* name, or empty: that of the subnet */
	struct ip_addr addr;
};

/* The number of the staged interface whose link @host is on, or a negative errno with a sentence:
 * no such interface, no subnet there that contains it, one of our own addresses, no host address.
 */
int iface_staged_reach(const struct iface_host *host, struct base_error *err);

/* Why @addr cannot be the address of a host anywhere ("a multicast address"), or NULL. */
const char *iface_unusable(const struct ip_addr *addr);

/* Whether @addr is well formed: known family, length in range, unused bytes zero. */
bool iface_addr_ok(const struct ip_addr *addr);

/* The result of duplicate address detection for @addr: publishes it as usable, or publishes it as a
 * duplicate and tells. */
void iface_dad_done(uint16_t iface, const struct ip_addr *addr, bool unique);

/* The state of address @k of interface @iface in the published world. */
enum api_address_state iface_address_state(uint16_t iface, unsigned k);

/* The hooks of struct module. */
void iface_forget(void);
/* Counts. */
int iface_check(struct api_commit_reply *counts, struct base_error *err);
/* Puts the staged table into @next, with the addresses usable that were so. */
void iface_apply(struct world *next);
/* The old table is free. */
int iface_published(unsigned quantum);
/* Forgets everything. */
void iface_fini(void);

#endif
