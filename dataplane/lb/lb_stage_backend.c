/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The backends of a generation, message by message. One is the same as before when service, mode,
 * address and port are; then it keeps its number, and its flows go on. Thread: main.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "dataplane/lb/lb_main.h"
#include "dataplane/link/link.h"

/* Says that @want cannot be, with the service's name and the backend's address in front. */
static int lb_backend_refuse(const struct api_backend *want, const char *what, const char *remedy,
	struct base_error *err)
{
	char text[IPADDR_TEXT_MAX];

	return base_error_set(err, EINVAL, "service \"%s\": backend %s %s: %s", want->service,
		ip_addr_format(&want->address, text), what, remedy);
}

/* Checks @want against its service @s. */
static int lb_backend_check(
	const struct api_backend *want, const struct api_service *s, struct base_error *err)
{
	const char *why = iface_unusable(&want->address);

	if (want->address.prefix_len != ip_addr_bits(want->address.family))
		return lb_backend_refuse(want, "is a prefix", "give the address of a host", err);
	if (why || ip_addr_is_link_local(&want->address))
		return lb_backend_refuse(want, "is no address of a host with a route to it",
			"give its unicast address", err);
	if (want->address.family != s->vip.family)
		return lb_backend_refuse(want, "is of another IP version than the VIP",
			"make a service for each IP version", err);
	if (want->weight > MAGLEV_WEIGHT_MAX)
		return lb_backend_refuse(want, "has a weight above 255", "choose 0 to 255", err);
	if (s->port == 0 && want->port != 0 && s->mode != API_LB_NAT)
		return lb_backend_refuse(want, "has a port, but only mode nat can change ports",
			"leave the port out", err);
	if (s->port != 0 && want->port != 0 && want->port != s->port && s->mode != API_LB_NAT)
		return lb_backend_refuse(want, "has another port than the service",
			"only mode nat can change ports, so give the same", err);
	return 0;
}

/* The backend of service @s that equals @want, in the mode of the service, or LB_NO_BACKEND. */
static uint16_t lb_backend_find(
	const struct lb_block *b, uint16_t s, const struct api_backend *want)
{
	uint16_t port_be = htobe16(want->port);

	for (uint16_t n = 0; n < LB_BACKENDS_MAX; n++) {
		const struct lb_backend *be = &b->backends[n];

		if (be->service == s && be->port_be == port_be && be->mode == b->services[s].mode &&
			ip_addr_equal(&be->addr, &want->address))
			return n;
	}
	return LB_NO_BACKEND;
}

/* A number that neither block has, or LB_NO_BACKEND. */
static uint16_t lb_backend_free(const struct lb_block *b)
{
	for (uint16_t n = 0; n < LB_BACKENDS_MAX; n++)
		if (b->backends[n].addr.family == 0 &&
			(!lb_main.now || lb_main.now->backends[n].addr.family == 0))
			return n;
	return LB_NO_BACKEND;
}

/* What control says of @want, which is new here: after a restart it knows more than the dataplane.
 */
static struct lb_backend_note lb_backend_first(const struct api_backend_want *want)
{
	struct lb_backend_note note = {
		.draining = want->draining != 0,
		.down = want->down != 0,
	};

	base_strlcpy(note.reason, want->reason, sizeof(note.reason));
	return note;
}

/* What was told about the same backend in another mode of service @s, or else what @want says. */
static struct lb_backend_note lb_backend_told(uint16_t s, const struct api_backend_want *want)
{
	const struct lb_block *now = lb_main.now;
	uint16_t n = now ? lb_block_backend(now, s, &want->backend.address, want->backend.port)
			 : LB_NO_BACKEND;
	struct lb_backend_note note;

	if (n == LB_NO_BACKEND || now->backends[n].use == API_BACKEND_REMOVED)
		return lb_backend_first(want);
	note = now->backend_notes[n];
	note.pin = 0;
	return note;
}

/* Gives @want, new to service @s, a number. */
static int lb_backend_create(
	struct lb_block *b, uint16_t s, const struct api_backend_want *want, struct base_error *err)
{
	uint16_t n = lb_backend_free(b);

	if (n == LB_NO_BACKEND)
		return base_error_set(err, ENOSPC,
			"service \"%s\": no room for another backend: at most %u of all services, "
			"those removed whose flows go on included",
			want->backend.service, LB_BACKENDS_MAX);
	b->backends[n] = (struct lb_backend){
		.addr = want->backend.address,
		.port_be = htobe16(want->backend.port),
		.service = s,
		.mode = b->services[s].mode,
	};
	b->backend_notes[n] = lb_backend_told(s, want);
	return n;
}

int lb_stage_backend(const struct api_backend_want *item, struct base_error *err)
{
	const struct api_backend *want = &item->backend;
	struct lb_block *b = lb_stage_block();
	uint16_t s;
	int n, ret;

	if (!b)
		return base_error_set(err, ENOMEM, "no memory for the backends");
	if (!api_string_ok(want->service, sizeof(want->service)) || want->service[0] == '\0')
		return base_error_set(
			err, EINVAL, "a backend without the proper name of a service");
	if (!iface_addr_ok(&want->address))
		return base_error_set(err, EINVAL,
			"service \"%s\": a backend has a malformed address", want->service);
	if (!api_string_ok(item->reason, sizeof(item->reason)))
		return base_error_set(err, EINVAL, "service \"%s\": a reason is not printable text",
			want->service);
	s = lb_block_service(b, want->service);
	if (s == LB_NO_SERVICE || !b->service_notes[s].seen)
		return lb_backend_refuse(
			want, "came before its service", "send the service first", err);
	ret = lb_backend_check(want, &b->service_notes[s].want, err);
	if (ret < 0)
		return ret;
	n = lb_backend_find(b, s, want);
	if (n != LB_NO_BACKEND && b->backend_notes[n].seen)
		return lb_backend_refuse(want, "is there twice with the same port",
			"use weight for a larger share", err);
	if (n == LB_NO_BACKEND)
		n = lb_backend_create(b, s, item, err);
	if (n < 0)
		return n;
	if (b->backends[n].use == API_BACKEND_REMOVED)
		b->backend_notes[n] = lb_backend_first(item);
	b->backends[n].weight = want->weight;
	b->backends[n].service_gone = false;
	b->backends[n].use = (uint8_t)lb_block_use(b, (uint16_t)n);
	b->backend_notes[n].seen = true;
	return 0;
}
