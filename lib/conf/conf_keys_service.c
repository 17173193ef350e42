/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of `services`: a service, its health probe and its backends, as rows of tables. Main
 * threads only.
 */
#include <netinet/in.h>
#include <string.h>

#include "lib/conf/conf_impl.h"

#define PANIC_PERCENT 30
#define INTERVAL_MS   2000
#define TIMEOUT_MS    1000
#define RISE          2
#define FALL          3

static int health_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	struct conf_service *service = *base;

	l->lb_places.service.health = map->place;
	*base = &service->probe;
	return 0;
}

static int decode_probe_kind(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	l->lb_places.service.probe = value->place;
	return conf_decode_word(l, key, value, base);
}

static int decode_probe_port(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	l->lb_places.service.probe_port = value->place;
	return conf_decode_u16(l, key, value, base);
}

static int decode_interval(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	l->lb_places.service.interval = value->place;
	return conf_decode_duration(l, key, value, base);
}

static int decode_timeout(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	l->lb_places.service.timeout = value->place;
	return conf_decode_duration(l, key, value, base);
}

static int decode_request(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_probe *probe = base;

	l->lb_places.service.request = value->place;
	return conf_decode_payload(l, value, probe->request, &probe->request_bytes);
}

static int decode_expect(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_probe *probe = base;

	l->lb_places.service.expect = value->place;
	return conf_decode_payload(l, value, probe->expect, &probe->expect_bytes);
}

const char *const conf_probe_words[] = {
	[CONF_PROBE_NONE] = "none",
	[CONF_PROBE_TCP] = "tcp",
	[CONF_PROBE_ICMP] = "icmp",
	[CONF_PROBE_UDP] = "udp",
	NULL,
};

static const struct conf_key health_keys[] = {
	{
		.name = "probe",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_probe, kind),
		.words = conf_probe_words,
		.decode = decode_probe_kind,
		.help = "tcp, icmp, udp or none",
	},
	{
		.name = "port",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_probe, port),
		.min = 1,
		.max = UINT16_MAX,
		.decode = decode_probe_port,
		.help = "the port that is probed, the backend's unless given",
	},
	{
		.name = "interval",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_probe, interval_ms),
		.min = CONF_INTERVAL_MIN_MS,
		.max = CONF_INTERVAL_MAX_MS,
		.decode = decode_interval,
		.help = "from one probe to the next, 2s unless given",
	},
	{
		.name = "timeout",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_probe, timeout_ms),
		.min = CONF_TIMEOUT_MIN_MS,
		.max = CONF_INTERVAL_MAX_MS,
		.decode = decode_timeout,
		.help = "how long an answer may take, 1s unless given",
	},
	{
		.name = "rise",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_probe, rise),
		.min = 1,
		.max = CONF_STREAK_MAX,
		.decode = conf_decode_u16,
		.help = "good probes in a row until a backend is up, 2 unless given",
	},
	{
		.name = "fall",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_probe, fall),
		.min = 1,
		.max = CONF_STREAK_MAX,
		.decode = conf_decode_u16,
		.help = "failed probes in a row until a backend is down, 3 unless given",
	},
	{
		.name = "request",
		.takes = CONF_TAKES_SCALAR,
		.is_binary = true,
		.decode = decode_request,
		.help = "what a udp probe sends",
	},
	{
		.name = "expect",
		.takes = CONF_TAKES_SCALAR,
		.is_binary = true,
		.decode = decode_expect,
		.help = "how the answer to a udp probe begins, any answer unless given",
	},
};

static const struct conf_section health_section = {
	.noun = "health",
	.keys = health_keys,
	.n_keys = ARRAY_SIZE(health_keys),
	.begin = health_begin,
};

static int backend_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	struct conf *conf = l->conf;
	struct conf_backend *backend;

	if (conf->n_backends == CONF_BACKENDS_MAX)
		return conf_fail(
			l, map->place, "more than %d backends of all services", CONF_BACKENDS_MAX);
	if (conf_grow((void **)&conf->backends, &l->cap_backends, conf->n_backends,
		    sizeof(*conf->backends)) < 0)
		return conf_fail_memory(l);
	backend = &conf->backends[conf->n_backends++];
	*backend = (struct conf_backend){
		.weight = 1,
		.service = (uint16_t)(conf->n_services - 1),
		.place = map->place,
	};
	conf->services[conf->n_services - 1].n_backends++;
	*base = backend;
	return 0;
}

static int decode_backend_address(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_backend *backend = base;

	backend->place = value->place;
	return conf_decode_address(l, key, value, base);
}

static int decode_backend_port(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	l->lb_places.backend_ports[l->conf->n_backends - 1] = value->place;
	return conf_decode_u16(l, key, value, base);
}

static const struct conf_key backend_keys[] = {
	{
		.name = "address",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_backend, address),
		.decode = decode_backend_address,
		.help = "its IPv4 or IPv6 address",
	},
	{
		.name = "port",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_backend, port),
		.min = 1,
		.max = UINT16_MAX,
		.decode = decode_backend_port,
		.help = "its port, the service's unless given",
	},
	{
		.name = "weight",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_backend, weight),
		.max = CONF_WEIGHT_MAX,
		.decode = conf_decode_u16,
		.help = "its share of new flows, 1 unless given, 0 for none",
	},
};

static const struct conf_section backend_section = {
	.noun = "backend",
	.identity = "address",
	.keys = backend_keys,
	.n_keys = ARRAY_SIZE(backend_keys),
	.begin = backend_begin,
};

static int service_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	struct conf *conf = l->conf;
	struct conf_service *service;

	if (conf_grow((void **)&conf->services, &l->cap_services, conf->n_services,
		    sizeof(*conf->services)) < 0)
		return conf_fail_memory(l);
	service = &conf->services[conf->n_services++];
	*service = (struct conf_service){
		.protocol = IPPROTO_TCP,
		.panic_percent = PANIC_PERCENT,
		.probe =
			{
				.interval_ms = INTERVAL_MS,
				.timeout_ms = TIMEOUT_MS,
				.rise = RISE,
				.fall = FALL,
			},
		.first_backend = conf->n_backends,
		.place = map->place,
	};
	l->lb_places.service = (struct conf_service_places){0};
	*base = service;
	return 0;
}

static int service_end(struct conf_loader *l, const struct conf_value *map, void *base)
{
	return conf_check_service(l, base);
}

static int decode_service_name(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const struct conf_service *service = base;
	int rc = conf_decode_name(l, key, value, base);

	if (rc < 0)
		return rc;
	for (const struct conf_service *s = l->conf->services; s != service; s++)
		if (!memcmp(s->name, service->name, sizeof(s->name)))
			return conf_fail(l, value->place,
				"the name \"%s\" is taken by the service at line %u", service->name,
				s->place.line);
	return 0;
}

static int decode_vip(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_service *service = base;

	l->lb_places.vips[l->conf->n_services - 1] = value->place;
	return conf_decode_addresses(l, key, value, &service->vip);
}

static int decode_mode(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	l->lb_places.modes[l->conf->n_services - 1] = value->place;
	return conf_decode_word(l, key, value, base);
}

static const char *const protocol_words[] = {"tcp", "udp", NULL};

const char *const conf_mode_words[] = {
	[CONF_LB_NAT] = "nat",
	[CONF_LB_DSR] = "dsr",
	[CONF_LB_IPIP] = "ipip",
	[CONF_LB_GUE] = "gue",
	NULL,
};

static const struct conf_key service_keys[] = {
	{
		.name = "name",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_service, name),
		.decode = decode_service_name,
		.help = "what it is called: web",
	},
	{
		.name = "vip",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.decode = decode_vip,
		.help = "the address clients use, or a prefix of them: 203.0.113.10",
	},
	{
		.name = "port",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_service, port),
		.decode = conf_decode_port,
		.help = "the port clients use, or any",
	},
	{
		.name = "protocol",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_service, protocol),
		.words = protocol_words,
		.decode = conf_decode_protocol,
		.help = "tcp or udp, tcp unless given",
	},
	{
		.name = "mode",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_service, mode),
		.words = conf_mode_words,
		.decode = decode_mode,
		.help = "how packets reach a backend: nat, dsr, ipip or gue",
	},
	{
		.name = "panic_threshold",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_service, panic_percent),
		.decode = conf_decode_percent,
		.help = "if fewer backends than this are healthy, all are used; 30% unless given",
	},
	{
		.name = "health",
		.takes = CONF_TAKES_MAP,
		.section = &health_section,
		.help = "how backends are probed: {probe: tcp, interval: 2s}",
	},
	{
		.name = "backends",
		.takes = CONF_TAKES_MAPS,
		.required = true,
		.items_min = 1,
		.items_max = CONF_BACKENDS_MAX,
		.section = &backend_section,
		.help = "a list of {address, port, weight}",
	},
};

const struct conf_section conf_service_section = {
	.noun = "service",
	.identity = "name",
	.keys = service_keys,
	.n_keys = ARRAY_SIZE(service_keys),
	.begin = service_begin,
	.end = service_end,
};
