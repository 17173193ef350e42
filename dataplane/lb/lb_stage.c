/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Settings and services of a generation, message by message: each finds the number it
 * has, or gets one, in a copy of what is installed. What a single message shows to be wrong is
 * refused here, what only the whole shows by lb_check(). Thread: main.
 */
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "dataplane/ip/ip.h"
#include "dataplane/lb/lb_main.h"
#include "dataplane/link/link.h"

struct lb_block *lb_stage_block(void)
{
	struct lb_block *b = lb_main.next;

	if (b)
		return b;
	b = lb_block_copy(lb_main.now);
	if (!b)
		return NULL;
	b->has_settings = false;
	memset(b->front_seen, 0, sizeof(b->front_seen));
	for (unsigned s = 0; s < LB_SERVICES_MAX; s++) {
		b->service_notes[s].seen = false;
		b->service_notes[s].table = NULL; /* the installed block's */
	}
	for (unsigned n = 0; n < LB_BACKENDS_MAX; n++) {
		b->backend_notes[n].seen = false;
		b->backend_notes[n].pin = 0; /* the installed block's */
	}
	lb_main.next = b;
	return b;
}

void lb_forget(void)
{
	if (lb_main.next)
		lb_block_free(lb_main.next, lb_main.now);
	lb_main.next = NULL;
}

int lb_stage_no_memory(struct base_error *err)
{
	return base_error_set(err, ENOMEM, "no memory for the services: nothing was changed");
}

int lb_stage_settings(const struct api_lb *want, struct base_error *err)
{
	const struct ip_addr *sources[] = {&want->tunnel_source4, &want->tunnel_source6};
	struct lb_block *b = lb_stage_block();
	char text[IPADDR_TEXT_MAX];

	if (!b)
		return lb_stage_no_memory(err);
	if (want->new_flows_per_sec == 0)
		return base_error_set(
			err, EINVAL, "lb: new_flows_per_sec is 0: give the flows of a busy second");
	for (unsigned i = 0; i < API_FLOW_STATES; i++)
		if (want->idle_ms[i] == 0)
			return base_error_set(err, EINVAL,
				"lb: an idle time is 0: flows would end between two packets");
	for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
		const struct ip_addr *a = sources[i];

		if (a->family == 0)
			continue;
		if (!iface_addr_ok(a) || a->family != (i ? 6 : 4))
			return base_error_set(
				err, EINVAL, "lb: tunnel source IPv%u is malformed", i ? 6 : 4);
		ip_addr_format(a, text);
		if (ip_addr_has_host_bits(a) || iface_unusable(a))
			return base_error_set(err, EINVAL,
				"lb: tunnel source %s: give a prefix of unicast addresses without "
				"host bits",
				text);
	}
	b->settings = *want;
	b->has_settings = true;
	return 0;
}

/* A slot for a front that neither block has, or LB_FRONTS_MAX. */
static uint16_t lb_stage_free_front(const struct lb_block *b)
{
	uint16_t f = 0;

	while (f < LB_FRONTS_MAX && (b->fronts[f].prefix.family != 0 ||
					    (lb_main.now && lb_main.now->fronts[f].prefix.family)))
		f++;
	return f;
}

int lb_stage_front(
	struct lb_block *b, const struct ip_addr *prefix, bool is_pool, struct base_error *err)
{
	char text[IPADDR_TEXT_MAX];
	uint16_t f = 0;
	int ret;

	while (f < LB_FRONTS_MAX &&
		(b->fronts[f].is_pool != is_pool || !ip_addr_equal(&b->fronts[f].prefix, prefix)))
		f++;
	if (f == LB_FRONTS_MAX) {
		f = lb_stage_free_front(b);
		if (f == LB_FRONTS_MAX)
			return base_error_set(err, ENOSPC,
				"no room for %s: at most %u prefixes of VIPs and of the NAT pool, "
				"those that are going away included",
				ip_addr_format(prefix, text), LB_FRONTS_MAX);
		b->fronts[f] = (struct lb_front){
			.prefix = *prefix,
			.is_pool = is_pool,
			.pool_first = LB_POOL_MAX, /* none yet */
		};
	}
	if (!b->front_seen[f]) {
		ret = route_stage_service(prefix, f, is_pool, err);
		if (ret < 0)
			return ret;
	}
	b->front_seen[f] = true;
	return f;
}

const char *lb_stage_bad_prefix(const struct ip_addr *prefix)
{
	if (ip_addr_has_host_bits(prefix))
		return "has host bits set";
	if (ip_addr_is_link_local(prefix))
		return "is link-local";
	return iface_unusable(prefix);
}

uint32_t lb_stage_pool_size(const struct ip_addr *prefix)
{
	unsigned bits = ip_addr_bits(prefix->family) - prefix->prefix_len;

	return bits > 10 ? LB_POOL_MAX + 1 : 1u << bits;
}

/* Whether @p can be sent, within the same bounds as in the configuration file. */
static bool lb_stage_probe_ok(const struct api_probe *p)
{
	if (p->kind > API_PROBE_UDP || p->request_bytes > API_PAYLOAD_MAX ||
		p->expect_bytes > API_PAYLOAD_MAX)
		return false;
	return p->kind == API_PROBE_NONE ||
	       (p->interval_ms >= CONF_INTERVAL_MIN_MS && p->interval_ms <= CONF_INTERVAL_MAX_MS &&
		       p->timeout_ms >= CONF_TIMEOUT_MIN_MS && p->timeout_ms <= p->interval_ms &&
		       p->rise >= 1 && p->rise <= CONF_STREAK_MAX && p->fall >= 1 &&
		       p->fall <= CONF_STREAK_MAX);
}

/* Checks what can be seen of @want alone. */
static int lb_stage_check_service(const struct api_service *want, struct base_error *err)
{
	char text[IPADDR_TEXT_MAX];
	const char *why;

	if (!api_string_ok(want->name, sizeof(want->name)) || want->name[0] == '\0')
		return base_error_set(err, EINVAL, "a service without a proper name");
	if (!iface_addr_ok(&want->vip))
		return base_error_set(
			err, EINVAL, "service \"%s\": its VIP is malformed", want->name);
	why = lb_stage_bad_prefix(&want->vip);
	if (why)
		return base_error_set(err, EINVAL,
			"service \"%s\": VIP %s %s%s: give a unicast address", want->name,
			ip_addr_format(&want->vip, text),
			ip_addr_has_host_bits(&want->vip) || ip_addr_is_link_local(&want->vip)
				? ""
				: "is ",
			why);
	if (want->protocol != IPPROTO_TCP && want->protocol != IPPROTO_UDP)
		return base_error_set(err, EINVAL,
			"service \"%s\": protocol %u: only tcp (6) and udp (17) are balanced",
			want->name, want->protocol);
	if (want->mode > API_LB_GUE)
		return base_error_set(
			err, EINVAL, "service \"%s\": unknown mode %u", want->name, want->mode);
	if (!lb_stage_probe_ok(&want->probe))
		return base_error_set(err, EINVAL,
			"service \"%s\": its health probe is malformed: an interval from %u ms to "
			"%u h, a timeout from %u ms to the interval, rise and fall from 1 to %u",
			want->name, CONF_INTERVAL_MIN_MS, CONF_INTERVAL_MAX_MS / 3600000,
			CONF_TIMEOUT_MIN_MS, CONF_STREAK_MAX);
	return 0;
}

/* The number of service @name: its own, or a free one; -EEXIST when it is staged already. */
static int lb_stage_service_number(
	const struct lb_block *b, const char *name, struct base_error *err)
{
	uint16_t s = lb_block_service(b, name);

	if (s == LB_NO_SERVICE)
		s = lb_block_service(b, "");
	if (s == LB_NO_SERVICE)
		return base_error_set(err, ENOSPC,
			"no room for service \"%s\": at most %u, those removed whose flows go on "
			"included",
			name, LB_SERVICES_MAX);
	if (b->service_notes[s].seen)
		return base_error_set(
			err, EEXIST, "service \"%s\" is there twice: rename one", name);
	return s;
}

int lb_stage_service(const struct api_service *want, struct base_error *err)
{
	struct lb_block *b = lb_stage_block();
	int ret = lb_stage_check_service(want, err), f;
	struct lb_service_note *note;

	if (!b)
		return lb_stage_no_memory(err);
	if (ret == 0)
		ret = lb_stage_service_number(b, want->name, err);
	if (ret < 0)
		return ret;
	f = lb_stage_front(b, &want->vip, false, err);
	if (f < 0)
		return f;
	note = &b->service_notes[ret];
	note->want = *want;
	/* Compared as bytes later. */
	memset(note->want.name, 0, sizeof(note->want.name));
	base_strlcpy(note->want.name, want->name, sizeof(note->want.name));
	note->gone = false;
	note->seen = true;
	b->services[ret] = (struct lb_service){
		.vip = want->vip,
		.front = (uint16_t)f,
		.port_be = htobe16(want->port),
		.protocol = want->protocol,
		.mode = want->mode,
	};
	base_strlcpy(b->services[ret].name, want->name, sizeof(b->services[ret].name));
	return 0;
}

void lb_stage_sweep(struct lb_block *next)
{
	for (unsigned f = 0; f < LB_FRONTS_MAX; f++)
		if (!next->front_seen[f])
			next->fronts[f] = (struct lb_front){};
	lb_stage_pool_sweep(next);
	for (unsigned s = 0; s < LB_SERVICES_MAX; s++) {
		struct lb_service_note *note = &next->service_notes[s];

		if (note->want.name[0] == '\0' || note->seen)
			continue;
		note->gone = true;
		next->services[s] = (struct lb_service){};
	}
	for (unsigned n = 0; n < LB_BACKENDS_MAX; n++) {
		struct lb_backend *be = &next->backends[n];

		if (be->addr.family == 0 || next->backend_notes[n].seen)
			continue;
		be->use = API_BACKEND_REMOVED;
		/* A service whose mode changed cannot go on with flows of the old one. */
		be->service_gone = next->service_notes[be->service].gone ||
				   next->services[be->service].mode != be->mode;
	}
}
