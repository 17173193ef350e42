/* SPDX-License-Identifier: BSD-3-Clause */
/* Turns services, backends and settings of the balancer into API items. Thread: main. */
#include <string.h>

#include "control/core/push_lb.h"

_Static_assert(CONF_PAYLOAD_MAX == API_PAYLOAD_MAX, "payloads of probes are of one size");

/* The same number on every machine, whatever its byte order. */
static uint64_t word_of(const uint8_t *bytes)
{
	uint64_t word = 0;

	for (unsigned i = 0; i < 8; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

void push_encode_lb(const struct conf *conf, struct api_lb *to)
{
	const struct conf_lb *from = &conf->lb;

	_Static_assert(sizeof(from->idle_ms) == sizeof(to->idle_ms), "one time for each state");
	*to = (struct api_lb){.key = {word_of(from->key), word_of(from->key + 8)},
		.new_flows_per_sec = from->new_flows_per_sec,
		.tunnel_source4 = from->tunnel_source4,
		.tunnel_source6 = from->tunnel_source6};
	memcpy(to->idle_ms, from->idle_ms, sizeof(to->idle_ms));
}

void push_encode_pool(const struct conf *conf, uint32_t i, void *out)
{
	((struct api_pool *)out)->prefix = conf->pool[i];
}

static uint8_t encode_mode(enum conf_lb_mode mode)
{
	switch (mode) {
	case CONF_LB_NAT:
		return API_LB_NAT;
	case CONF_LB_DSR:
		return API_LB_DSR;
	case CONF_LB_IPIP:
		return API_LB_IPIP;
	case CONF_LB_GUE:
		return API_LB_GUE;
	}
	BRAID_ASSERT(false);
	return API_LB_NAT;
}

static uint16_t encode_probe_kind(enum conf_probe_kind kind)
{
	switch (kind) {
	case CONF_PROBE_NONE:
		return API_PROBE_NONE;
	case CONF_PROBE_TCP:
		return API_PROBE_TCP;
	case CONF_PROBE_ICMP:
		return API_PROBE_ICMP;
	case CONF_PROBE_UDP:
		return API_PROBE_UDP;
	}
	BRAID_ASSERT(false);
	return API_PROBE_NONE;
}

void push_encode_service(const struct conf *conf, uint32_t i, void *out)
{
	const struct conf_service *from = &conf->services[i];
	const struct conf_probe *probe = &from->probe;
	struct api_service *to = out;

	base_strlcpy(to->name, from->name, sizeof(to->name));
	to->vip = from->vip;
	to->port = from->port;
	to->protocol = from->protocol;
	to->mode = encode_mode(from->mode);
	to->probe = (struct api_probe){.kind = encode_probe_kind(probe->kind),
		.port = probe->port,
		.interval_ms = probe->interval_ms,
		.timeout_ms = probe->timeout_ms,
		.rise = probe->rise,
		.fall = probe->fall,
		.request_bytes = probe->request_bytes,
		.expect_bytes = probe->expect_bytes};
	memcpy(to->probe.request, probe->request, sizeof(to->probe.request));
	memcpy(to->probe.expect, probe->expect, sizeof(to->probe.expect));
}

void push_encode_backend(const struct conf *conf, uint32_t i, void *out)
{
	const struct conf_backend *from = &conf->backends[i];
	struct api_backend *to = &((struct api_backend_want *)out)->backend;

	base_strlcpy(to->service, conf->services[from->service].name, sizeof(to->service));
	to->address = from->address;
	to->port = from->port;
	to->weight = from->weight;
}
