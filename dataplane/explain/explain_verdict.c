/* SPDX-License-Identifier: BSD-3-Clause */
/* The sentences of explain about the end: where the packet and the answer to it are at last, and
 * the verdict. Thread: main. */
#include <stdio.h>
#include <string.h>

#include "dataplane/explain/explain_tell.h"
#include "dataplane/link/link.h"
#include "dataplane/neigh/neigh.h"

/* Whether the neighbour that @m waits for was asked just now and did not answer: then the main
 * thread does not hold packets. */
static bool neighbor_failed(const struct explain_view *v)
{
	const struct pkt *p = pkt_of(v->m);
	struct ip_addr to =
		p->nexthop ? v->world->nexthops[p->nexthop].addr : explain_destination(v->m);
	struct api_neighbor_info some[16];
	uint64_t cursor = 0;

	do {
		size_t n = neigh_dump(&cursor, 0, some, ARRAY_SIZE(some));

		for (size_t i = 0; i < n; i++)
			if (ip_addr_same_host(&some[i].address, &to) &&
				strcmp(some[i].interface,
					explain_iface_name(v->world, p->iface_out)) == 0)
				return some[i].state == API_NEIGHBOR_FAILED;
	} while (cursor);
	return false;
}

/* "2 frames by port lan, VLAN 10, to 02:00:00:00:00:ac" */
static void format_frames(const struct explain_view *v, char *buf, size_t size)
{
	const struct port *port = port_get(v->m->port);
	uint16_t vlan = v->world->ifaces[pkt_of(v->m)->iface_out % WORLD_INTERFACES_MAX].vlan;
	char tag[16] = "", mac[18];

	if (vlan)
		snprintf(tag, sizeof(tag), ", VLAN %u,", vlan);
	snprintf(buf, size, "%u frame%s by port %s%s to %s", v->n_next, v->n_next == 1 ? "" : "s",
		port ? port->name : "?", tag,
		mac_format(rte_pktmbuf_mtod(v->m, const uint8_t *), mac));
}

/* How the explained packet itself ended. */
static void verdict(struct explain_story *story, const struct explain_view *v)
{
	struct api_explain_reply *r = &story->reply;
	const struct drop_info *d = &drop_table[pkt_of(v->m)->drop];
	char frames[96];

	switch ((unsigned)v->stage) {
	case STAGE_port_tx:
		format_frames(v, frames, sizeof(frames));
		r->forwarded = 1;
		snprintf(r->verdict, sizeof(r->verdict), "forwarded: %s", frames);
		break;
	case STAGE_handoff:
		r->forwarded = !neighbor_failed(v);
		if (!r->forwarded)
			d = &drop_table[DROP_neigh_unreachable];
		if (r->forwarded)
			snprintf(r->verdict, sizeof(r->verdict),
				"held until the neighbour answers, then forwarded");
		else
			snprintf(r->verdict, sizeof(r->verdict),
				"dropped: %s (%s), and its source is told", d->text, d->name);
		break;
	default:
		snprintf(r->verdict, sizeof(r->verdict), "dropped: %s (%s)", d->text, d->name);
		break;
	}
}

/* Adds to the verdict what becomes of the node's answer. */
static void verdict_of_answer(struct explain_story *story, const struct explain_view *v)
{
	struct api_explain_reply *r = &story->reply;
	size_t len = strlen(r->verdict);
	char text[128];

	switch ((unsigned)v->stage) {
	case STAGE_port_tx:
		format_frames(v, text, sizeof(text));
		break;
	case STAGE_handoff:
		snprintf(text, sizeof(text), "%s",
			neighbor_failed(v) ? "in vain, its neighbour does not answer"
					   : "once its neighbour has been found");
		break;
	default:
		snprintf(text, sizeof(text), "in vain, %s", drop_table[pkt_of(v->m)->drop].text);
		break;
	}
	snprintf(r->verdict + len, sizeof(r->verdict) - len, "%sanswered: %s", len ? "; " : "",
		text);
}

void explain_tell_end(struct explain_story *story, const struct explain_view *v)
{
	const struct pkt *p = pkt_of(v->m);
	char frames[96];

	switch ((unsigned)v->stage) {
	case STAGE_port_tx:
		format_frames(v, frames, sizeof(frames));
		explain_say(story, v->stage, "sends %s", frames);
		break;
	case STAGE_handoff:
		explain_say(story, v->stage, "to the main thread, %s",
			neighbor_failed(v) ? "which knows that the neighbour does not answer"
					   : "which holds it until the neighbour answers");
		break;
	default:
		explain_say(story, v->stage, "counted as %s", drop_table[p->drop].name);
		break;
	}
	if (explain_is_answer(story, v->m))
		verdict_of_answer(story, v);
	else
		verdict(story, v);
}
