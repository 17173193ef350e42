/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a configuration file: loaded and freed, or refused with a sentence that has a place.
 * Route files are looked up in a directory that does not exist, unless the input names others.
 */
#include <stdint.h>
#include <string.h>

#include "lib/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the dataplane relies on in services and backends that were accepted. */
static void check_services(const struct conf *conf)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < conf->n_services; i++) {
		const struct conf_service *s = &conf->services[i];

		BRAID_ASSERT(s->first_backend == n && s->n_backends > 0);
		BRAID_ASSERT(!ip_addr_has_host_bits(&s->vip));
		BRAID_ASSERT(s->probe.request_bytes <= CONF_PAYLOAD_MAX);
		BRAID_ASSERT(s->probe.timeout_ms <= s->probe.interval_ms);
		for (; n < s->first_backend + s->n_backends; n++) {
			BRAID_ASSERT(conf->backends[n].service == i);
			BRAID_ASSERT(conf->backends[n].address.family == s->vip.family);
			BRAID_ASSERT(conf->backends[n].port || s->port == 0);
			BRAID_ASSERT(!ip_addr_covers(&s->vip, &conf->backends[n].address));
		}
	}
	BRAID_ASSERT(n == conf->n_backends && n <= CONF_BACKENDS_MAX);
}

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
		check_services(conf);
	}
	conf_free(conf);
	return 0;
}
