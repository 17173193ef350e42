/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a route file, read through a file in memory as the real ones are: routes that hold
 * together, or a sentence with a place.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The routes share next hops, and each prefix is there once. */
static void check(const struct conf *conf)
{
	BRAID_ASSERT(conf->n_nexthops <= conf->n_routes);
	for (uint32_t i = 0; i < conf->n_routes; i++) {
		const struct conf_route *route = &conf->routes[i];
		const struct conf_nexthop *nexthop = &conf->nexthops[route->nexthop];

		BRAID_ASSERT(route->nexthop < conf->n_nexthops);
		BRAID_ASSERT(!ip_addr_has_host_bits(&route->prefix));
		BRAID_ASSERT((nexthop->n_hops == 0) == (nexthop->action != CONF_ACTION_VIA));
		for (unsigned j = 0; j < nexthop->n_hops; j++) {
			BRAID_ASSERT(nexthop->hops[j].address.family == route->prefix.family);
			BRAID_ASSERT(nexthop->hops[j].weight > 0);
		}
		for (uint32_t j = 0; j < i && i < 100; j++)
			BRAID_ASSERT(!ip_addr_equal(&conf->routes[j].prefix, &route->prefix));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[512];
	struct conf_error err = {0};
	struct conf *conf;
	int rc, fd = memfd_create("routes", MFD_CLOEXEC);

	BRAID_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(text, sizeof(text),
		"node: {name: n1, workers: [1], ports: [{name: lan, device: d0, "
		"addresses: [192.0.2.1/24, '2001:db8::1/64']}]}\n"
		"route_files: [/proc/self/fd/%d]\n",
		fd);
	rc = conf_load_text("fuzz.yaml", text, strlen(text), &conf, &err);
	close(fd);
	BRAID_ASSERT((rc == 0) == (conf != NULL));
	BRAID_ASSERT((rc == 0) == (err.text[0] == '\0'));
	if (conf)
		check(conf);
	conf_free(conf);
	return 0;
}
