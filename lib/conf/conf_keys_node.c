/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of the `node` section as rows of tables: where each goes, its type, its limits and one
 * line of help. Main threads only.
 */
#include <string.h>

#include "lib/conf/conf_impl.h"

/* The interface a port itself is: the first one that belongs to it. */
static struct conf_interface *own_interface(struct conf_loader *l, const struct conf_port *port)
{
	struct conf_node *node = &l->conf->node;
	unsigned index = (unsigned)(port - node->ports), i = 0;

	while (node->interfaces[i].port != index)
		i++;
	return &node->interfaces[i];
}

static unsigned interface_index(const struct conf_loader *l, const struct conf_interface *interface)
{
	return (unsigned)(interface - l->conf->node.interfaces);
}

/* Takes the next interface for the last port and points *@base to it. */
static int interface_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	struct conf_node *node = &l->conf->node;
	struct conf_interface *interface;

	if (node->n_interfaces == CONF_INTERFACES_MAX)
		return conf_fail(l, map->place, "more than %d interfaces, ports included",
			CONF_INTERFACES_MAX);
	interface = &node->interfaces[node->n_interfaces++];
	interface->port = (uint16_t)(node->n_ports - 1);
	interface->place = map->place;
	*base = interface;
	return 0;
}

static int decode_interface_name(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	int rc = conf_decode_name(l, key, value, base);

	return rc < 0 ? rc : conf_check_name(l, base, value->place);
}

static int decode_vlan(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	int rc = conf_decode_u16(l, key, value, base);

	l->vlan_places[interface_index(l, base)] = value->place;
	return rc < 0 ? rc : conf_check_vlan(l, base, value->place);
}

static int decode_interface_mtu(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	l->mtu_places[interface_index(l, base)] = value->place;
	return conf_decode_u16(l, key, value, base);
}

static int decode_interface_address(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	return conf_check_add_address(l, value, base);
}

static const struct conf_key interface_keys[] = {
	{
		.name = "name",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_interface, name),
		.decode = decode_interface_name,
		.help = "what other parts call it: lan.10",
	},
	{
		.name = "vlan",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_interface, vlan),
		.min = 1,
		.max = 4094,
		.decode = decode_vlan,
		.help = "its 802.1Q VLAN, 1 to 4094",
	},
	{
		.name = "mtu",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_interface, mtu),
		.min = CONF_MTU_MIN,
		.max = CONF_MTU_MAX,
		.decode = decode_interface_mtu,
		.help = "bytes of an IP packet, the port's unless given",
	},
	{
		.name = "addresses",
		.takes = CONF_TAKES_SCALARS,
		.items_max = CONF_ADDRESSES_MAX,
		.decode = decode_interface_address,
		.help = "a list of ADDRESS/LENGTH: [192.0.2.1/24]",
	},
};

static const struct conf_section interface_section = {
	.noun = "interface",
	.identity = "name",
	.keys = interface_keys,
	.n_keys = ARRAY_SIZE(interface_keys),
	.begin = interface_begin,
};

static int port_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	struct conf_node *node = &l->conf->node;
	struct conf_port *port = &node->ports[node->n_ports++];
	void *own = NULL;

	port->mtu = CONF_MTU_DEFAULT;
	port->place = map->place;
	*base = port;
	return interface_begin(l, map, &own);
}

static int port_end(struct conf_loader *l, const struct conf_value *map, void *base)
{
	return conf_check_mtus(l, base);
}

static int decode_port_name(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_interface *own = own_interface(l, base);
	struct conf_port *port = base;
	int rc = conf_decode_name(l, key, value, base);

	memcpy(own->name, port->name, sizeof(own->name));
	return rc < 0 ? rc : conf_check_name(l, own, value->place);
}

static int decode_port_mtu(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	l->mtu_places[interface_index(l, own_interface(l, base))] = value->place;
	return conf_decode_u16(l, key, value, base);
}

static int decode_port_mac(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_port *port = base;

	port->has_mac = true;
	return conf_decode_mac(l, key, value, base);
}

static int decode_port_address(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	return conf_check_add_address(l, value, own_interface(l, base));
}

static const struct conf_key port_keys[] = {
	{
		.name = "name",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_port, name),
		.decode = decode_port_name,
		.help = "what other parts call it: lan",
	},
	{
		.name = "device",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_port, device),
		.decode = conf_decode_device,
		.help = "DPDK devargs or a PCI address: net_af_xdp0,iface=eth0",
	},
	{
		.name = "mtu",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_port, mtu),
		.min = CONF_MTU_MIN,
		.max = CONF_MTU_MAX,
		.decode = decode_port_mtu,
		.help = "bytes of an IP packet, 1500 unless given",
	},
	{
		.name = "mac",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_port, mac),
		.decode = decode_port_mac,
		.help = "its MAC, the device's own unless given",
	},
	{
		.name = "addresses",
		.takes = CONF_TAKES_SCALARS,
		.items_max = CONF_ADDRESSES_MAX,
		.decode = decode_port_address,
		.help = "a list of ADDRESS/LENGTH: [192.0.2.1/24]",
	},
	{
		.name = "interfaces",
		.takes = CONF_TAKES_MAPS,
		.items_max = CONF_INTERFACES_MAX,
		.section = &interface_section,
		.help = "a list of 802.1Q sub-interfaces",
	},
};

static const struct conf_section port_section = {
	.noun = "port",
	.identity = "name",
	.keys = port_keys,
	.n_keys = ARRAY_SIZE(port_keys),
	.begin = port_begin,
	.end = port_end,
};

static int node_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	*base = &l->conf->node;
	return 0;
}

static int node_end(struct conf_loader *l, const struct conf_value *map, void *base)
{
	return l->node_only ? 0 : conf_routes_init(l);
}

static const char *const huge_words[] = {
	[CONF_HUGE_AUTO] = "auto",
	[CONF_HUGE_YES] = "yes",
	[CONF_HUGE_NO] = "no",
	NULL,
};

static const char *const idle_words[] = {
	[CONF_IDLE_ADAPTIVE] = "adaptive",
	[CONF_IDLE_POLL] = "poll",
	NULL,
};

static int decode_flows(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	l->flows_place = value->place;
	return conf_decode_count(l, key, value, base);
}

static const struct conf_key node_keys[] = {
	{
		.name = "name",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_node, name),
		.decode = conf_decode_name,
		.help = "what this machine is called: n1",
	},
	{
		.name = "workers",
		.takes = CONF_TAKES_SCALARS,
		.required = true,
		.items_min = 1,
		.items_max = CONF_WORKERS_MAX,
		.decode = conf_decode_worker,
		.help = "a list of the CPUs that poll: [1]",
	},
	{
		.name = "main",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_node, main_cpu),
		.max = CONF_CPU_MAX,
		.decode = conf_decode_u16,
		.help = "the CPU of the main thread, 0 unless given",
	},
	{
		.name = "memory",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_node, memory_bytes),
		.min = 64ULL << 20,
		.max = 1024ULL << 30,
		.decode = conf_decode_size,
		.help = "memory of the dataplane, 512M unless given",
	},
	{
		.name = "huge",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_node, huge),
		.words = huge_words,
		.decode = conf_decode_word,
		.help = "whether to use hugepages: auto, yes or no",
	},
	{
		.name = "idle",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_node, idle),
		.words = idle_words,
		.decode = conf_decode_word,
		.help = "what a worker without packets does: adaptive or poll",
	},
	{
		.name = "flows",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_node, flows),
		.min = CONF_FLOWS_MIN,
		.max = CONF_FLOWS_MAX,
		.decode = decode_flows,
		.help = "flows of the balancer that are remembered, 1M unless given",
	},
	{
		.name = "ports",
		.takes = CONF_TAKES_MAPS,
		.required = true,
		.items_min = 1,
		.items_max = CONF_PORTS_MAX,
		.section = &port_section,
		.help = "a list of DPDK devices",
	},
};

const struct conf_section conf_node_section = {
	.noun = "node",
	.identity = "name",
	.keys = node_keys,
	.n_keys = ARRAY_SIZE(node_keys),
	.begin = node_begin,
	.end = node_end,
};
