/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a configuration file: loaded and freed, or refused with a sentence that has a place.
 * Route files are looked up in a directory that does not exist, unless the input names others.
 */
#include <stdint.h>
#include <string.h>

#include "lib/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char name[] = "/nonexistent/fuzz.yaml";
	struct conf_error err = {0};
	struct conf *conf;
	int rc = conf_load_text(name, (const char *)data, size, &conf, &err);

	BRAID_ASSERT((rc == 0) == (conf != NULL));
	BRAID_ASSERT((rc == 0) == (err.text[0] == '\0'));
	BRAID_ASSERT(strnlen(err.text, sizeof(err.text)) < sizeof(err.text));
	if (conf) {
		for (uint32_t i = 0; i < conf->n_routes; i++) {
			BRAID_ASSERT(conf->routes[i].nexthop < conf->n_nexthops);
			BRAID_ASSERT(!ip_addr_has_host_bits(&conf->routes[i].prefix));
		}
		for (uint32_t i = 0; i < conf->node.n_interfaces; i++)
			BRAID_ASSERT(conf->node.interfaces[i].port < conf->node.n_ports);
	}
	conf_free(conf);
	return 0;
}
