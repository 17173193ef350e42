/* SPDX-License-Identifier: BSD-3-Clause */
/* Compares services, their backends, the NAT pool and the balancer's settings. Any thread. */
#include <netinet/in.h>
#include <string.h>

#include "control/core/diff_services.h"

/* "203.0.113.10:80/tcp nat" */
static void describe_service(FILE *out, const struct conf_service *s)
{
	static const char *const modes[] = {[CONF_LB_NAT] = "nat",
		[CONF_LB_DSR] = "dsr",
		[CONF_LB_IPIP] = "ipip",
		[CONF_LB_GUE] = "gue"};
	bool brackets = s->vip.family == 6;
	char vip[IPADDR_TEXT_MAX];

	fprintf(out, "%s%s%s:", brackets ? "[" : "", ip_addr_format(&s->vip, vip),
		brackets ? "]" : "");
	if (s->port == 0)
		fprintf(out, "any");
	else
		fprintf(out, "%u", s->port);
	fprintf(out, "/%s %s", s->protocol == IPPROTO_TCP ? "tcp" : "udp", modes[s->mode]);
}

/* "500ms", "90s", "2h": the largest unit without a remainder; returns @buf. */
static const char *format_time(uint32_t ms, char buf[16])
{
	static const struct {
		uint32_t ms;
		const char *unit;
	} units[] = {{3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(units) && (ms == 0 || ms % units[i].ms != 0))
		i++;
	snprintf(buf, 16, "%u%s", ms / units[i].ms, units[i].unit);
	return buf;
}

static void describe_probe(FILE *out, const struct conf_probe *p)
{
	static const char *const kinds[] = {[CONF_PROBE_NONE] = "none",
		[CONF_PROBE_TCP] = "tcp",
		[CONF_PROBE_ICMP] = "icmp",
		[CONF_PROBE_UDP] = "udp"};
	char every[16], timeout[16];

	fprintf(out, "%s", kinds[p->kind]);
	if (p->kind == CONF_PROBE_NONE)
		return;
	if (p->port)
		fprintf(out, " port %u", p->port);
	fprintf(out, " every %s, timeout %s, rise %u, fall %u", format_time(p->interval_ms, every),
		format_time(p->timeout_ms, timeout), p->rise, p->fall);
}

static bool same_payload(const struct conf_probe *a, const struct conf_probe *b)
{
	return a->request_bytes == b->request_bytes && a->expect_bytes == b->expect_bytes &&
	       memcmp(a->request, b->request, a->request_bytes) == 0 &&
	       memcmp(a->expect, b->expect, a->expect_bytes) == 0;
}

static bool same_probe(const struct conf_probe *a, const struct conf_probe *b)
{
	return a->kind == b->kind && a->port == b->port && a->interval_ms == b->interval_ms &&
	       a->timeout_ms == b->timeout_ms && a->rise == b->rise && a->fall == b->fall;
}

static const struct conf_service *find_service(const struct conf *conf, const char *name)
{
	for (uint32_t i = 0; i < conf->n_services; i++)
		if (strcmp(conf->services[i].name, name) == 0)
			return &conf->services[i];
	return NULL;
}

static const struct conf_backend *find_backend(
	const struct conf *conf, const struct conf_service *s, const struct conf_backend *like)
{
	for (uint32_t i = 0; s && i < s->n_backends; i++) {
		const struct conf_backend *b = &conf->backends[s->first_backend + i];

		if (b->port == like->port && ip_addr_equal(&b->address, &like->address))
			return b;
	}
	return NULL;
}

/* "backend web 192.0.2.21:8080 weight 1" */
static void backend_line(
	FILE *out, char sign, const char *service, const struct conf_backend *b, int weight_was)
{
	bool brackets = b->address.family == 6 && b->port != 0;
	char address[IPADDR_TEXT_MAX];

	fprintf(out, "%c backend %s %s%s%s", sign, service, brackets ? "[" : "",
		ip_addr_format_host(&b->address, address), brackets ? "]" : "");
	if (b->port)
		fprintf(out, ":%u", b->port);
	if (weight_was >= 0)
		fprintf(out, " weight %d -> %u\n", weight_was, b->weight);
	else
		fprintf(out, " weight %u\n", b->weight);
}

/* One pair of the two configurations' versions of a service. */
struct pair {
	const struct conf *from, *to;
	const struct conf_service *was, *now; /* was may be NULL */
};

static void diff_backends(FILE *out, const struct pair *p)
{
	for (uint32_t i = 0; p->was && i < p->was->n_backends; i++) {
		const struct conf_backend *was = &p->from->backends[p->was->first_backend + i];

		if (!find_backend(p->to, p->now, was))
			backend_line(out, '-', p->was->name, was, -1);
	}
	for (uint32_t i = 0; i < p->now->n_backends; i++) {
		const struct conf_backend *now = &p->to->backends[p->now->first_backend + i];
		const struct conf_backend *was = find_backend(p->from, p->was, now);

		if (!was)
			backend_line(out, '+', p->now->name, now, -1);
		else if (was->weight != now->weight)
			backend_line(out, '~', p->now->name, now, was->weight);
	}
}

static void diff_probe(FILE *out, const struct conf_service *was, const struct conf_service *now)
{
	if (same_probe(&was->probe, &now->probe)) {
		if (!same_payload(&was->probe, &now->probe))
			fprintf(out, "~ service \"%s\" health (another request or answer)\n",
				now->name);
		return;
	}
	fprintf(out, "~ service \"%s\" health (", now->name);
	describe_probe(out, &was->probe);
	fprintf(out, " -> ");
	describe_probe(out, &now->probe);
	fprintf(out, ")\n");
}

static void diff_service(FILE *out, const struct pair *p)
{
	const struct conf_service *was = p->was, *now = p->now;

	if (!was) {
		fprintf(out, "+ service \"%s\" ", now->name);
		describe_service(out, now);
		fprintf(out, "\n");
		return;
	}
	if (!ip_addr_equal(&was->vip, &now->vip) || was->port != now->port ||
		was->protocol != now->protocol || was->mode != now->mode) {
		fprintf(out, "~ service \"%s\" (", now->name);
		describe_service(out, was);
		fprintf(out, " -> ");
		describe_service(out, now);
		fprintf(out, ")\n");
	}
	if (was->panic_percent != now->panic_percent)
		fprintf(out, "~ service \"%s\" panic_threshold (%u %% -> %u %%)\n", now->name,
			was->panic_percent, now->panic_percent);
	diff_probe(out, was, now);
}

static bool pool_has(const struct conf *conf, const struct ip_addr *prefix)
{
	for (uint16_t i = 0; i < conf->n_pool; i++)
		if (ip_addr_equal(&conf->pool[i], prefix))
			return true;
	return false;
}

/* Writes what @conf's pool has and @other's has not. */
static void pool_missing(FILE *out, char sign, const struct conf *conf, const struct conf *other)
{
	char text[IPADDR_TEXT_MAX];

	for (uint16_t i = 0; i < conf->n_pool; i++)
		if (!pool_has(other, &conf->pool[i]))
			fprintf(out, "%c nat pool %s\n", sign,
				ip_addr_format(&conf->pool[i], text));
}

static void diff_tunnel_source(
	FILE *out, const struct ip_addr *was, const struct ip_addr *now, const char *version)
{
	char a[IPADDR_TEXT_MAX] = "own address", b[IPADDR_TEXT_MAX] = "own address";

	if (ip_addr_equal(was, now))
		return;
	if (was->family)
		ip_addr_format(was, a);
	if (now->family)
		ip_addr_format(now, b);
	fprintf(out, "~ lb tunnel_source for %s (%s -> %s)\n", version, a, b);
}

static void diff_settings(FILE *out, const struct conf_lb *was, const struct conf_lb *now)
{
	static const char *const states[] = {
		"tcp_new", "tcp_established", "tcp_closing", "udp_new", "udp_established"};
	char a[16], b[16];

	/* The key itself is a secret. */
	if (memcmp(was->key, now->key, sizeof(was->key)) != 0)
		fprintf(out, "~ lb key (new flows choose other backends)\n");
	if (was->new_flows_per_sec != now->new_flows_per_sec)
		fprintf(out, "~ lb new_flows (%u -> %u)\n", was->new_flows_per_sec,
			now->new_flows_per_sec);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (was->idle_ms[i] != now->idle_ms[i])
			fprintf(out, "~ lb idle %s (%s -> %s)\n", states[i],
				format_time(was->idle_ms[i], a), format_time(now->idle_ms[i], b));
	diff_tunnel_source(out, &was->tunnel_source4, &now->tunnel_source4, "IPv4");
	diff_tunnel_source(out, &was->tunnel_source6, &now->tunnel_source6, "IPv6");
}

void diff_services(FILE *out, const struct conf *from, const struct conf *to)
{
	/* Compared with nothing at all, settings are no difference: they always have a value. */
	if (from->node.n_workers > 0)
		diff_settings(out, &from->lb, &to->lb);
	pool_missing(out, '-', from, to);
	pool_missing(out, '+', to, from);
	for (uint32_t i = 0; i < from->n_services; i++) {
		const struct conf_service *was = &from->services[i];

		if (find_service(to, was->name))
			continue;
		fprintf(out, "- service \"%s\" ", was->name);
		describe_service(out, was);
		fprintf(out, " with %u backend%s\n", was->n_backends,
			was->n_backends == 1 ? "" : "s");
	}
	for (uint32_t i = 0; i < to->n_services; i++) {
		struct pair p = {.from = from,
			.to = to,
			.was = find_service(from, to->services[i].name),
			.now = &to->services[i]};

		diff_service(out, &p);
		diff_backends(out, &p);
	}
}
