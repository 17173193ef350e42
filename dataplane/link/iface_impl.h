/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of interfaces share: the table that a world shows. Thread: main. */
#ifndef DATAPLANE_LINK_IFACE_IMPL_H
#define DATAPLANE_LINK_IFACE_IMPL_H

#include "dataplane/link/iface.h"

struct iface_table {
	struct iface ifaces[WORLD_INTERFACES_MAX];
	uint16_t untagged[WORLD_PORTS_MAX]; /* interface number or WORLD_NO_INTERFACE */
	bool used;                          /* something was resolved by it: complete */
	bool tagged[WORLD_PORTS_MAX];       /* whether vlans[] of the port is filled in */
	uint16_t vlans[WORLD_PORTS_MAX][WORLD_VLANS];
};

/* The table being staged, empty at first. */
struct iface_table *iface_table_staged(void);

/* The table of the published world, or NULL before the first. */
const struct iface_table *iface_table_live(void);

#endif
