/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must hold inside one service: ports that the mode can deliver to, weights, and a probe that
 * can be sent. Main threads only.
 */
#include <netinet/in.h>

#include "lib/conf/conf_impl.h"

/* The service's first backend; the others follow. */
static struct conf_backend *first_backend(struct conf_loader *l, const struct conf_service *service)
{
	return &l->conf->backends[service->first_backend];
}

/* Gives a backend the service's port unless it has one, which only NAT can translate to. */
static int check_port(
	struct conf_loader *l, const struct conf_service *service, struct conf_backend *backend)
{
	struct conf_place place = l->lb_places.backend_ports[backend - l->conf->backends];
	const char *mode = conf_mode_words[service->mode];

	if (!place.line) {
		backend->port = service->port;
		return 0;
	}
	if (service->mode == CONF_LB_NAT || backend->port == service->port)
		return 0;
	if (service->port == 0)
		return conf_fail(l, place,
			"port %u of a backend of service \"%s\": mode %s cannot change the port "
			"the client chose (remove the port, or use mode nat)",
			backend->port, service->name, mode);
	return conf_fail(l, place,
		"port %u of a backend of service \"%s\" differs from the service's, %u, which "
		"mode %s cannot change (remove the port, or use mode nat)",
		backend->port, service->name, service->port, mode);
}

static int check_backends(struct conf_loader *l, const struct conf_service *service)
{
	struct conf_backend *first = first_backend(l, service);
	char text[IPADDR_TEXT_MAX], vip[IPADDR_TEXT_MAX];
	unsigned total = 0;

	for (struct conf_backend *b = first; b < first + service->n_backends; b++) {
		int rc = check_port(l, service, b);

		if (rc < 0)
			return rc;
		if (b->address.family != service->vip.family)
			return conf_fail(l, b->place,
				"backend %s is not of the family of vip %s (make one service per "
				"IP version)",
				ip_addr_format_host(&b->address, text),
				ip_addr_format(&service->vip, vip));
		total += b->weight;
	}
	if (total == 0)
		return conf_fail(l, first->place,
			"every backend of service \"%s\" has weight 0 (give one of them a share, "
			"or remove the service)",
			service->name);
	return 0;
}

/* Whether it is known which port of every backend a probe can be sent to. */
static bool has_probe_port(struct conf_loader *l, const struct conf_service *service)
{
	const struct conf_backend *first = first_backend(l, service);

	if (service->probe.port)
		return true;
	for (const struct conf_backend *b = first; b < first + service->n_backends; b++)
		if (b->port == 0)
			return false;
	return true;
}

/* The probe of a service that names none. */
static enum conf_probe_kind default_kind(struct conf_loader *l, const struct conf_service *service)
{
	const struct conf_service_places *places = &l->lb_places.service;

	if (places->request.line || places->expect.line)
		return CONF_PROBE_UDP;
	if (service->protocol == IPPROTO_UDP)
		return CONF_PROBE_NONE;
	return has_probe_port(l, service) ? CONF_PROBE_TCP : CONF_PROBE_ICMP;
}

/* Fails where a key is given that the kind of probe has no use for. */
static int check_probe_keys(struct conf_loader *l, const struct conf_probe *probe)
{
	const struct conf_service_places *places = &l->lb_places.service;
	bool is_udp = probe->kind == CONF_PROBE_UDP;
	struct conf_place place = places->request.line ? places->request : places->expect;

	if (!is_udp && place.line)
		return conf_fail(l, place,
			"a probe of kind %s sends no request and expects no text (use probe: udp, "
			"or remove this)",
			conf_probe_words[probe->kind]);
	if (is_udp && !places->request.line)
		return conf_fail(l, places->probe.line ? places->probe : places->health,
			"a udp probe needs \"request\": what it sends, text with \\xNN for other "
			"bytes");
	if (!is_udp && probe->kind != CONF_PROBE_TCP && probe->port)
		return conf_fail(l, places->probe_port,
			"a probe of kind %s has no port (use probe: tcp, or remove this)",
			conf_probe_words[probe->kind]);
	return 0;
}

static int check_probe(struct conf_loader *l, struct conf_service *service)
{
	const struct conf_service_places *places = &l->lb_places.service;
	struct conf_probe *probe = &service->probe;
	int rc;

	if (!places->probe.line)
		probe->kind = default_kind(l, service);
	if (!places->probe.line && probe->kind == CONF_PROBE_NONE && places->health.line)
		return conf_fail(l, places->health,
			"health of the udp service \"%s\" has no \"probe\" (udp with a request, "
			"icmp, tcp, or none)",
			service->name);
	rc = check_probe_keys(l, probe);
	if (rc < 0)
		return rc;
	if ((probe->kind == CONF_PROBE_TCP || probe->kind == CONF_PROBE_UDP) &&
		!has_probe_port(l, service))
		return conf_fail(l, places->probe.line ? places->probe : places->health,
			"a %s probe of service \"%s\", which is on any port, needs \"port\": the "
			"one to probe (or use probe: icmp)",
			conf_probe_words[probe->kind], service->name);
	if (!places->timeout.line)
		probe->timeout_ms = MIN_OF(probe->timeout_ms, probe->interval_ms);
	if (probe->timeout_ms > probe->interval_ms)
		return conf_fail(l, places->timeout,
			"timeout is longer than the interval of the probes, %u ms (make it at most "
			"that)",
			probe->interval_ms);
	return 0;
}

int conf_check_service(struct conf_loader *l, struct conf_service *service)
{
	int rc = check_backends(l, service);

	return rc < 0 ? rc : check_probe(l, service);
}
