/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether ports have a link. Drivers that sit on an interface of the kernel (AF_XDP, AF_PACKET) do
 * not follow its carrier, so the kernel is asked where there is one. Thread: main.
 */
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "dataplane/link/port.h"

static bool is_down[WORLD_PORTS_MAX]; /* up until something says otherwise */

bool port_link_up(unsigned index)
{
	return index < WORLD_PORTS_MAX && !is_down[index];
}

void port_link_set(unsigned index, bool up)
{
	BRAID_ASSERT(index < WORLD_PORTS_MAX);
	is_down[index] = !up;
}

/* Whether interface @if_index of the kernel is up and has a carrier; @before if there is none. */
static bool kernel_link(int fd, unsigned if_index, bool before)
{
	struct ifreq req = {0};

	if (if_indextoname(if_index, req.ifr_name) == NULL || ioctl(fd, SIOCGIFFLAGS, &req) < 0)
		return before;
	return (req.ifr_flags & IFF_UP) && (req.ifr_flags & IFF_RUNNING);
}

/* Whether @p has a link; @before if its device does not tell. */
static bool device_link(int fd, const struct port *p, bool before)
{
	struct rte_eth_dev_info info;
	struct rte_eth_link link;

	if (rte_eth_dev_info_get(p->dpdk_port, &info) == 0 && info.if_index != 0)
		return kernel_link(fd, info.if_index, before);
	if (rte_eth_link_get_nowait(p->dpdk_port, &link) < 0)
		return before;
	return link.link_status == RTE_ETH_LINK_UP;
}

uint32_t port_link_poll(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t came_up = 0;

	for (unsigned i = 0; i < port_count(); i++) {
		bool before = port_link_up(i), now;

		if (!port_get(i)->started)
			continue;
		now = device_link(fd, port_get(i), before);
		port_link_set(i, now);
		if (now && !before)
			came_up |= 1u << i;
	}
	if (fd >= 0)
		close(fd);
	return came_up;
}
