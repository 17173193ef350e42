/* SPDX-License-Identifier: BSD-3-Clause */
/* show ports, interfaces, addresses and neighbors: dumps of the dataplane, counters beside them. */
#include <errno.h>
#include <string.h>

#include "control/cli/cli.h"
#include "control/cli/table.h"

/* What a dump is turned into. */
struct rows {
	json_t *rows;
	const struct stats_file *counters;
	json_t *addresses; /* interface name -> list of texts */
};

/* The sum over the workers of the word at @offset of the object at @first + @index * @size. */
static json_t *sum(const struct stats_file *f, size_t offset)
{
	uint64_t total = 0;

	for (uint32_t i = 0; f && i < f->n_workers; i++)
		total += stats_read((const uint64_t *)((const uint8_t *)&f->workers[i] + offset));
	return json_integer((json_int_t)total);
}

/* Adds rx and tx counters, which lie at @offset in each worker as in struct stats_port. */
static void add_counters(json_t *row, const struct stats_file *f, size_t offset)
{
	json_object_set_new(
		row, "rx_packets", sum(f, offset + offsetof(struct stats_port, rx_pkts)));
	json_object_set_new(
		row, "rx_bytes", sum(f, offset + offsetof(struct stats_port, rx_bytes)));
	json_object_set_new(
		row, "tx_packets", sum(f, offset + offsetof(struct stats_port, tx_pkts)));
	json_object_set_new(
		row, "tx_bytes", sum(f, offset + offsetof(struct stats_port, tx_bytes)));
}

static json_t *mac_json(const uint8_t mac[6])
{
	char text[18];

	return json_string(mac_format(mac, text));
}

static json_t *name_json(const char *name, size_t size)
{
	return json_stringn(name, strnlen(name, size));
}

#define NAME(field) name_json((field), sizeof(field))

static json_t *offloads_json(uint8_t offloads)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} names[] = {
		{API_PORT_TX_CKSUM, "tx-cksum"},
		{API_PORT_TX_TSO, "tso"},
		{API_PORT_RX_CKSUM, "rx-cksum"},
	};
	json_t *list = json_array();

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (offloads & names[i].bit)
			json_array_append_new(list, json_string(names[i].name));
	return list;
}

static bool port_row(void *ctx, const void *item)
{
	const struct rows *r = ctx;
	const struct api_port_info *p = item;
	json_t *row = json_object();

	json_object_set_new(row, "name", NAME(p->name));
	json_object_set_new(row, "device", NAME(p->device));
	json_object_set_new(row, "driver", NAME(p->driver));
	json_object_set_new(row, "mac", mac_json(p->mac));
	json_object_set_new(row, "mtu", json_integer(p->mtu));
	json_object_set_new(row, "link", json_string(p->link_up ? "up" : "down"));
	json_object_set_new(row, "mbps", json_integer(p->link_up ? p->link_mbps : 0));
	json_object_set_new(row, "rx_queues", json_integer(p->n_rx_queues));
	json_object_set_new(row, "tx_queues", json_integer(p->n_tx_queues));
	json_object_set_new(row, "steered", json_boolean(p->steered));
	json_object_set_new(row, "offloads", offloads_json(p->offloads));
	if (p->index < STATS_PORTS_MAX)
		add_counters(row, r->counters,
			offsetof(struct stats_worker, ports) +
				p->index * sizeof(struct stats_port));
	json_object_set_new(row, "missed", json_integer((json_int_t)p->driver_missed));
	json_object_set_new(row, "rx_errors", json_integer((json_int_t)p->driver_rx_errors));
	json_object_set_new(row, "tx_errors", json_integer((json_int_t)p->driver_tx_errors));
	json_array_append_new(r->rows, row);
	return true;
}

static bool interface_row(void *ctx, const void *item)
{
	const struct rows *r = ctx;
	const struct api_interface_info *i = item;
	char name[API_NAME_MAX];
	json_t *row = json_object(), *addresses;

	base_strlcpy(name, i->name, sizeof(name));
	addresses = json_object_get(r->addresses, name);
	json_object_set_new(row, "name", NAME(i->name));
	json_object_set_new(row, "port", NAME(i->port));
	json_object_set_new(row, "vlan", json_integer(i->vlan));
	json_object_set_new(row, "mtu", json_integer(i->mtu));
	json_object_set_new(row, "state", json_string(i->up ? "up" : "down"));
	json_object_set_new(row, "mac", mac_json(i->mac));
	json_object_set_new(row, "addresses", addresses ? json_incref(addresses) : json_array());
	if (i->index < STATS_INTERFACES_MAX)
		add_counters(row, r->counters,
			offsetof(struct stats_worker, interfaces) +
				i->index * sizeof(struct stats_interface));
	json_array_append_new(r->rows, row);
	return true;
}

/* Collects addresses by interface for interface_row(). */
static bool address_of_interface(void *ctx, const void *item)
{
	const struct rows *r = ctx;
	const struct api_address_info *a = item;
	char name[API_NAME_MAX], text[IPADDR_TEXT_MAX];
	json_t *list;

	base_strlcpy(name, a->interface, sizeof(name));
	list = json_object_get(r->addresses, name);
	if (!list) {
		list = json_array();
		json_object_set_new(r->addresses, name, list);
	}
	json_array_append_new(list, json_string(ip_addr_format(&a->address, text)));
	return true;
}

static bool address_row(void *ctx, const void *item)
{
	static const char *const states[] = {[API_ADDRESS_TENTATIVE] = "tentative",
		[API_ADDRESS_PREFERRED] = "preferred",
		[API_ADDRESS_DUPLICATE] = "duplicate"};
	const struct rows *r = ctx;
	const struct api_address_info *a = item;
	char text[IPADDR_TEXT_MAX];
	json_t *row = json_object();

	json_object_set_new(row, "address", json_string(ip_addr_format(&a->address, text)));
	json_object_set_new(row, "interface", NAME(a->interface));
	json_object_set_new(row, "state",
		json_string(a->state < ARRAY_SIZE(states) ? states[a->state] : "unknown"));
	json_object_set_new(row, "automatic", json_boolean(a->automatic));
	json_array_append_new(r->rows, row);
	return true;
}

static bool neighbor_row(void *ctx, const void *item)
{
	static const char *const states[] = {[API_NEIGHBOR_INCOMPLETE] = "incomplete",
		[API_NEIGHBOR_REACHABLE] = "reachable",
		[API_NEIGHBOR_STALE] = "stale",
		[API_NEIGHBOR_DELAY] = "delay",
		[API_NEIGHBOR_PROBE] = "probe",
		[API_NEIGHBOR_FAILED] = "failed",
		[API_NEIGHBOR_PERMANENT] = "permanent"};
	const struct rows *r = ctx;
	const struct api_neighbor_info *n = item;
	bool known = n->state != API_NEIGHBOR_INCOMPLETE && n->state != API_NEIGHBOR_FAILED;
	char text[IPADDR_TEXT_MAX];
	json_t *row = json_object();

	json_object_set_new(row, "address", json_string(ip_addr_format_host(&n->address, text)));
	json_object_set_new(row, "interface", NAME(n->interface));
	json_object_set_new(row, "mac", known ? mac_json(n->mac) : json_null());
	json_object_set_new(row, "state",
		json_string(n->state < ARRAY_SIZE(states) ? states[n->state] : "unknown"));
	json_object_set_new(row, "age_ms", json_integer(n->age_ms));
	json_object_set_new(row, "held", json_integer(n->held));
	json_array_append_new(r->rows, row);
	return true;
}

/* Dumps @type through @fn into a new array. NULL after an explanation. */
static json_t *dump_rows(struct cli *cli, enum api_type type, bool (*fn)(void *, const void *))
{
	struct rows r = {.rows = json_array(), .addresses = json_object()};
	struct api_dump request = {0};
	struct base_error err = {0};
	struct api_client client;
	int rc;

	if (cli->n_words > 0 && strlen(cli->words[0]) >= sizeof(request.filter))
		rc = base_error_set(
			&err, EINVAL, "\"%.64s\": no interface can have that name", cli->words[0]);
	else
		rc = cli_connect(cli, "dataplane.sock", &client, NULL, &err);
	if (rc == 0) {
		if (cli->n_words > 0)
			base_strlcpy(request.filter, cli->words[0], sizeof(request.filter));
		r.counters = cli_counters(cli, &err);
		if (type == API_interface_dump)
			rc = cli_dump(
				&client, API_address_dump, &request, address_of_interface, &r);
		if (rc == 0)
			rc = cli_dump(&client, type, &request, fn, &r);
		if (rc < 0)
			err = *cli_dump_error();
		api_client_close(&client);
	}
	stats_file_close(r.counters);
	json_decref(r.addresses);
	if (rc == 0)
		return r.rows;
	json_decref(r.rows);
	cli_fail(&err);
	return NULL;
}

enum cli_exit cli_show_ports(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"name", "PORT"},
		{"link", "LINK"},
		{"mbps", "MBPS"},
		{"mtu", "MTU"},
		{"mac", "MAC"},
		{"rx_queues", "RXQ"},
		{"tx_queues", "TXQ"},
		{"steered", "STEERED"},
		{"rx_packets", "RX PACKETS"},
		{"tx_packets", "TX PACKETS"},
		{"missed", "MISSED"},
		{"offloads", "OFFLOADS"},
		{"driver", "DRIVER"},
		{"device", "DEVICE"},
	};
	json_t *rows = dump_rows(cli, API_port_dump, port_row);

	return rows ? table_show(cli, rows, columns, ARRAY_SIZE(columns)) : CLI_FAILED;
}

enum cli_exit cli_show_interfaces(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"name", "INTERFACE"},
		{"state", "STATE"},
		{"port", "PORT"},
		{"vlan", "VLAN"},
		{"mtu", "MTU"},
		{"rx_packets", "RX PACKETS"},
		{"tx_packets", "TX PACKETS"},
		{"addresses", "ADDRESSES"},
	};
	json_t *rows = dump_rows(cli, API_interface_dump, interface_row);

	return rows ? table_show(cli, rows, columns, ARRAY_SIZE(columns)) : CLI_FAILED;
}

enum cli_exit cli_show_addresses(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"address", "ADDRESS"},
		{"interface", "INTERFACE"},
		{"state", "STATE"},
		{"automatic", "AUTOMATIC"},
	};
	json_t *rows = dump_rows(cli, API_address_dump, address_row);

	return rows ? table_show(cli, rows, columns, ARRAY_SIZE(columns)) : CLI_FAILED;
}

enum cli_exit cli_show_neighbors(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"address", "ADDRESS"},
		{"interface", "INTERFACE"},
		{"mac", "MAC"},
		{"state", "STATE"},
		{"age_ms", "AGE MS"},
		{"held", "HELD"},
	};
	json_t *rows = dump_rows(cli, API_neighbor_dump, neighbor_row);

	return rows ? table_show(cli, rows, columns, ARRAY_SIZE(columns)) : CLI_FAILED;
}
