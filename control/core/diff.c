/* SPDX-License-Identifier: BSD-3-Clause */
/* Compares configurations: the node, its interfaces, addresses and neighbours. Any thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/core/diff.h"
#include "control/core/diff_routes.h"
#include "control/core/diff_services.h"

static const struct conf_interface *find_interface(const struct conf *conf, const char *name)
{
	for (uint16_t i = 0; i < conf->node.n_interfaces; i++)
		if (strcmp(conf->node.interfaces[i].name, name) == 0)
			return &conf->node.interfaces[i];
	return NULL;
}

static bool has_address(const struct conf_interface *iface, const struct ip_addr *addr)
{
	for (uint16_t i = 0; iface && i < iface->n_addresses; i++)
		if (ip_addr_equal(&iface->addresses[i], addr))
			return true;
	return false;
}

/* Writes what @iface has and @other (may be NULL) has not. */
static void addresses_missing(FILE *out, char sign, const struct conf_interface *iface,
	const struct conf_interface *other)
{
	char text[IPADDR_TEXT_MAX];

	for (uint16_t i = 0; i < iface->n_addresses; i++)
		if (!has_address(other, &iface->addresses[i]))
			fprintf(out, "%c address %s on %s\n", sign,
				ip_addr_format(&iface->addresses[i], text), iface->name);
}

static void describe_interface(
	FILE *out, const struct conf *conf, const struct conf_interface *iface)
{
	if (iface->vlan)
		fprintf(out, "vlan %u on %s, ", iface->vlan, conf->node.ports[iface->port].name);
	fprintf(out, "mtu %u", iface->mtu);
}

static void diff_interface(
	FILE *out, const struct conf *from, const struct conf *to, const struct conf_interface *now)
{
	const struct conf_interface *was = find_interface(from, now->name);

	if (!was) {
		fprintf(out, "+ interface %s (", now->name);
		describe_interface(out, to, now);
		fprintf(out, ")\n");
	} else if (was->vlan != now->vlan || was->mtu != now->mtu ||
		   strcmp(from->node.ports[was->port].name, to->node.ports[now->port].name) != 0) {
		fprintf(out, "~ interface %s (", now->name);
		describe_interface(out, from, was);
		fprintf(out, " -> ");
		describe_interface(out, to, now);
		fprintf(out, ")\n");
	}
	if (was)
		addresses_missing(out, '-', was, now);
	addresses_missing(out, '+', now, was);
}

static void diff_interfaces(FILE *out, const struct conf *from, const struct conf *to)
{
	for (uint16_t i = 0; i < from->node.n_interfaces; i++) {
		const struct conf_interface *was = &from->node.interfaces[i];

		if (find_interface(to, was->name))
			continue;
		addresses_missing(out, '-', was, NULL);
		fprintf(out, "- interface %s\n", was->name);
	}
	for (uint16_t i = 0; i < to->node.n_interfaces; i++)
		diff_interface(out, from, to, &to->node.interfaces[i]);
}

static int compare_neighbors(const void *a, const void *b)
{
	const struct conf_neighbor *x = a, *y = b;
	int rc = strcmp(x->interface, y->interface);

	return rc ? rc : memcmp(&x->address, &y->address, sizeof(x->address));
}

static void neighbor_line(FILE *out, char sign, const struct conf_neighbor *n, const char *was)
{
	char address[IPADDR_TEXT_MAX], mac[18];

	fprintf(out, "%c neighbor %s on %s mac %s%s%s\n", sign,
		ip_addr_format_host(&n->address, address), n->interface, was ? was : "",
		was ? " -> " : "", mac_format(n->mac, mac));
}

/* The neighbours in order, as a copy. */
static struct conf_neighbor *sorted_neighbors(const struct conf *conf)
{
	struct conf_neighbor *copy = calloc(conf->n_neighbors + 1ul, sizeof(*copy));

	if (!copy || conf->n_neighbors == 0)
		return copy;
	memcpy(copy, conf->neighbors, conf->n_neighbors * sizeof(*copy));
	qsort(copy, conf->n_neighbors, sizeof(*copy), compare_neighbors);
	return copy;
}

static bool diff_neighbors(FILE *out, const struct conf *from, const struct conf *to)
{
	struct conf_neighbor *a = sorted_neighbors(from), *b = sorted_neighbors(to);
	uint32_t i = 0, j = 0;
	char mac[18];

	while (a && b && (i < from->n_neighbors || j < to->n_neighbors)) {
		int order = i == from->n_neighbors ? 1
			    : j == to->n_neighbors ? -1
						   : compare_neighbors(&a[i], &b[j]);

		if (order < 0)
			neighbor_line(out, '-', &a[i++], NULL);
		else if (order > 0)
			neighbor_line(out, '+', &b[j++], NULL);
		else if (memcmp(a[i].mac, b[j].mac, sizeof(a[i].mac)) != 0)
			neighbor_line(out, '~', &b[j++], mac_format(a[i++].mac, mac));
		else
			i++, j++;
	}
	free(a);
	free(b);
	return a && b;
}

static void diff_metrics(FILE *out, const struct conf *from, const struct conf *to)
{
	if (from->metrics_port == 0 ||
		(from->metrics_port == to->metrics_port &&
			strcmp(from->metrics_address, to->metrics_address) == 0))
		return;
	fprintf(out, "~ metrics (%s port %u -> %s port %u)\n", from->metrics_address,
		from->metrics_port, to->metrics_address, to->metrics_port);
}

/* What a change of the store's settings does, as long as it needs no restart. */
static void diff_store(FILE *out, const struct conf_store *from, const struct conf_store *to)
{
	char address[IPADDR_TEXT_MAX];

	for (uint16_t i = 0; i < MAX_OF(from->n_listen, to->n_listen); i++) {
		const struct ip_addr *a = i < from->n_listen ? &from->listen[i] : NULL;
		const struct ip_addr *b = i < to->n_listen ? &to->listen[i] : NULL;

		if (a && b && ip_addr_same_host(a, b) && from->port == to->port)
			continue;
		if (a)
			fprintf(out, "- store on %s port %u\n", ip_addr_format_host(a, address),
				from->port);
		if (b)
			fprintf(out, "+ store on %s port %u\n", ip_addr_format_host(b, address),
				to->port);
	}
	if (from->n_listen == 0 || to->n_listen == 0)
		return;
	if (from->policy != to->policy)
		fprintf(out, "~ store policy %s -> %s\n", conf_policy_words[from->policy],
			conf_policy_words[to->policy]);
	if (from->timeout_ms != to->timeout_ms)
		fprintf(out, "~ store timeout %us -> %us\n", from->timeout_ms / 1000,
			to->timeout_ms / 1000);
	if (from->protected_mode != to->protected_mode)
		fprintf(out, "~ store protected_mode %s\n",
			to->protected_mode == CONF_YES ? "yes" : "no");
	if (strcmp(from->password, to->password) != 0)
		fprintf(out, "~ store password\n");
}

char *diff_text(const struct conf *from, const struct conf *to, size_t *len)
{
	struct conf *nothing = calloc(1, sizeof(*nothing));
	char *text = NULL;
	FILE *out = nothing ? open_memstream(&text, len) : NULL;
	bool ok = out != NULL;

	if (ok) {
		diff_interfaces(out, from ? from : nothing, to);
		ok = diff_neighbors(out, from ? from : nothing, to) &&
		     diff_routes(out, from ? from : nothing, to);
		diff_services(out, from ? from : nothing, to);
		diff_store(out, from ? &from->store : &nothing->store, &to->store);
		diff_metrics(out, from ? from : nothing, to);
		ok = fclose(out) == 0 && ok;
	}
	free(nothing);
	if (ok)
		return text;
	free(text);
	return NULL;
}

/* The first setting of the node that differs, or NULL. */
static const char *node_difference(const struct conf_node *a, const struct conf_node *b)
{
	if (strcmp(a->name, b->name) != 0)
		return "name";
	if (a->n_workers != b->n_workers ||
		memcmp(a->workers, b->workers, a->n_workers * sizeof(a->workers[0])) != 0)
		return "workers";
	if (a->main_cpu != b->main_cpu)
		return "main";
	if (a->memory_bytes != b->memory_bytes)
		return "memory";
	if (a->huge != b->huge)
		return "huge";
	if (a->idle != b->idle)
		return "idle";
	if (a->flows != b->flows)
		return "flows";
	return NULL;
}

/* As above for a port of the same name. */
static const char *port_difference(const struct conf_port *a, const struct conf_port *b)
{
	if (strcmp(a->device, b->device) != 0)
		return "device";
	if (a->has_mac != b->has_mac || (a->has_mac && memcmp(a->mac, b->mac, sizeof(a->mac)) != 0))
		return "mac";
	return NULL;
}

static const struct conf_port *find_port(const struct conf_node *node, const char *name)
{
	for (uint16_t i = 0; i < node->n_ports; i++)
		if (strcmp(node->ports[i].name, name) == 0)
			return &node->ports[i];
	return NULL;
}

#define RESTART_REMEDY                                                                             \
	"that needs a restart: put the file where both programs read it, stop braid-control and "  \
	"braid-dataplane and start them again (nothing was changed)"

/* As above for the store. One that is not used keeps its memory; how much that is, is not known
 * here any more, so that it comes back by a restart. */
static const char *store_difference(const struct conf_store *a, const struct conf_store *b)
{
	if (b->n_listen == 0)
		return NULL;
	if (a->n_listen == 0 || a->memory_bytes != b->memory_bytes)
		return "memory";
	if (a->max_clients != b->max_clients)
		return "max_clients";
	return NULL;
}

static const char *compute_difference(const struct conf_compute *a, const struct conf_compute *b)
{
	if (a->quantum_us != b->quantum_us)
		return "quantum";
	if (a->jobs != b->jobs)
		return "jobs";
	if (a->jobs_per_client != b->jobs_per_client)
		return "jobs_per_client";
	if (a->quota_percent != b->quota_percent)
		return "quota";
	if (a->result_bytes != b->result_bytes)
		return "result_memory";
	if (a->result_ttl_ms != b->result_ttl_ms)
		return "result_ttl";
	return a->grace_ms != b->grace_ms ? "grace" : NULL;
}

int diff_needs_restart(const struct conf *from, const struct conf *to, struct base_error *err)
{
	const char *what = node_difference(&from->node, &to->node);

	if (what)
		return base_error_set(
			err, EBUSY, "\"%s\" of the node differs; " RESTART_REMEDY, what);
	what = store_difference(&from->store, &to->store);
	if (what)
		return base_error_set(
			err, EBUSY, "\"%s\" of the store differs; " RESTART_REMEDY, what);
	what = compute_difference(&from->compute, &to->compute);
	if (what)
		return base_error_set(
			err, EBUSY, "\"%s\" of compute differs; " RESTART_REMEDY, what);
	for (uint16_t i = 0; i < to->node.n_ports; i++) {
		const struct conf_port *now = &to->node.ports[i];
		const struct conf_port *was = find_port(&from->node, now->name);

		what = was ? port_difference(was, now) : NULL;
		if (!was)
			return base_error_set(
				err, EBUSY, "port \"%s\" is new; " RESTART_REMEDY, now->name);
		if (what)
			return base_error_set(err, EBUSY,
				"\"%s\" of port \"%s\" differs; " RESTART_REMEDY, what, now->name);
	}
	for (uint16_t i = 0; i < from->node.n_ports; i++)
		if (!find_port(&to->node, from->node.ports[i].name))
			return base_error_set(err, EBUSY, "port \"%s\" is gone; " RESTART_REMEDY,
				from->node.ports[i].name);
	return 0;
}
