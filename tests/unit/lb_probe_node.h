/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node of the probe tests: interfaces and hosts as in frame.c, one service with a few backends
 * put together by hand, and frames written with what a probe chose at random left open: $i is the
 * IPv4 identification, $p the own port, $c the sequence number, $a the one after it, $e identifier
 * and sequence number of an echo request.
 */
#ifndef TESTS_UNIT_LB_PROBE_NODE_H
#define TESTS_UNIT_LB_PROBE_NODE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/lb/lb_probe.h"
#include "dataplane/neigh/neigh.h"
#include "tests/unit/frame.h"
#include "tests/unit/node.h"

#define PROBE_NODE_PORTS                                                                           \
	"  main: 0\n"                                                                              \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: test0\n"                                                                    \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"    - name: wan\n"                                                                        \
	"      device: test1\n"                                                                    \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24, \"2001:db8:1::1/64\"]\n"                               \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"                       \
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"                 \
	"  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n"

#define PROBE_NODE  "node:\n  name: t\n  workers: [1]\n" PROBE_NODE_PORTS
#define PROBE_NODE2 "node:\n  name: t\n  workers: [1, 2]\n" PROBE_NODE_PORTS

#define PROBE_BACKEND     5 /* the one that most tests are about */
#define PROBE_INTERVAL_NS NSEC_PER_SEC
#define PROBE_TIMEOUT_NS  (300 * NSEC_PER_MSEC)

/* Frames from whom was asked, and the question as an ICMP error quotes it. */
#define FROM4     "eth ip4{src=host,dst=node} "
#define FROM_VIP4 "eth ip4{src=203.0.113.16,dst=node} "
#define FROM6     "eth ip6{src=host,dst=node} "
#define FROM_VIP6 "eth ip6{src=2001:db8:9::10,dst=node} "
#define ASKED4    " ip4{src=node,dst=host} "
#define ASKED6    " ip6{src=node,dst=host} "

static struct lb_service probe_services[2];
static struct lb_backend probe_backends[LB_BACKENDS_MAX];
static struct stats_probe probe_results[LB_BACKENDS_MAX];
static struct lb_world probe_world = {.services = probe_services, .backends = probe_backends};
static struct ip_probe_question asked; /* by the last frame of probe_node_wait() */
static uint16_t asked_id;

static inline struct ip_addr probe_node_addr(const char *text)
{
	struct ip_addr a;

	if (ip_addr_parse(text, &a) < 0)
		assert_int_equal(ip_addr_parse_prefix(text, &a), 0);
	return a;
}

/* The settings that most tests begin with: every second, TCP. */
static inline struct api_probe probe_node_settings(enum api_probe_kind kind)
{
	return (struct api_probe){
		.kind = kind,
		.interval_ms = PROBE_INTERVAL_NS / NSEC_PER_MSEC,
		.timeout_ms = PROBE_TIMEOUT_NS / NSEC_PER_MSEC,
	};
}

/* Publishes @lb and lets the probes follow. */
static inline void probe_node_publish(const struct lb_world *lb)
{
	struct world *next = world_draft();

	assert_non_null(next);
	next->lb = lb;
	world_publish(next);
	lb_probe_follow();
}

/* The next hop of the neighbour @text on @iface. */
static inline uint16_t probe_node_nexthop(uint16_t iface, const char *text)
{
	struct ip_addr a = probe_node_addr(text);

	if (a.family == 4)
		return (uint16_t)neigh_lookup4(world_current->neighbors, iface, ip_addr_v4_be(&a));
	return (uint16_t)neigh_lookup6(world_current->neighbors, iface, a.bytes);
}

/* Backend number @number of service 0: @addr, port 8080, by way of itself, a neighbour on lan. */
static inline void probe_node_backend(unsigned number, const char *addr)
{
	probe_backends[number] = (struct lb_backend){
		.addr = probe_node_addr(addr),
		.port_be = htobe16(8080),
		.nexthop = probe_node_nexthop(0, addr),
		.weight = 1,
		.mode = probe_services[0].mode,
		.use = API_BACKEND_UP,
	};
}

/* Starts the node of @yaml with service 0 on @vip, port 80, in @mode. */
static inline void probe_node_start(const char *yaml, const char *vip, enum api_lb_mode mode)
{
	memset(probe_services, 0, sizeof(probe_services));
	memset(probe_backends, 0, sizeof(probe_backends));
	memset(probe_results, 0, sizeof(probe_results));
	probe_services[0] = (struct lb_service){
		.vip = probe_node_addr(vip),
		.port_be = htobe16(80),
		.protocol = 6,
		.mode = (uint8_t)mode,
	};
	lb_probe_results(probe_results);
	node_start(yaml);
	node_advance(6 * NSEC_PER_SEC);
	node_clear();
}

static inline void probe_node_stop(void)
{
	probe_node_publish(NULL);
	lb_probe_fini();
	node_stop();
}

/* Starts a node whose only backend is the host @addr, probed as @want says. */
static inline void probe_node_start_one(
	const char *addr, enum api_lb_mode mode, const struct api_probe *want)
{
	probe_node_start(
		PROBE_NODE, strchr(addr, ':') ? "2001:db8:9::10/124" : "203.0.113.16/28", mode);
	probe_node_backend(PROBE_BACKEND, addr);
	lb_probe_configure(PROBE_BACKEND, want);
	probe_node_publish(&probe_world);
}

/* Takes what a probe chose at random from the frame @f. */
static inline void probe_node_learn(const struct node_frame *f)
{
	bool is_ip6 = f->bytes[12] == 0x86;
	const uint8_t *l3 = f->bytes + 14, *l4 = l3 + (is_ip6 ? 40 : 20);
	uint32_t sequence_be;
	uint16_t id_be;

	memset(&asked, 0, sizeof(asked));
	memcpy(&id_be, l3 + 4, 2);
	asked_id = be16toh(id_be);
	asked.protocol = l3[is_ip6 ? 6 : 9];
	if (asked.protocol == 6 || asked.protocol == 17) {
		memcpy(&asked.own_port_be, l4, 2);
		memcpy(&sequence_be, l4 + 4, 4);
		asked.cookie = be32toh(sequence_be);
		return;
	}
	memcpy(&asked.own_port_be, l4 + 4, 2);
	memcpy(&id_be, l4 + 6, 2);
	asked.cookie = be16toh(id_be);
}

/* Advances to the next frame, at most @ns, and learns from it. */
static inline const struct node_frame *probe_node_wait(uint64_t ns)
{
	uint64_t end_ns = node_now_ns() + ns;

	node_clear();
	while (node_n_output() == 0 && node_now_ns() < end_ns)
		node_advance(10 * NSEC_PER_MSEC);
	if (node_n_output() > 0)
		probe_node_learn(node_output(0));
	return node_output(0);
}

/* The number behind the letter @c of a template. */
static inline uint32_t probe_node_value(char c)
{
	uint16_t port = be16toh(asked.own_port_be);

	switch (c) {
	case 'i':
		return asked_id;
	case 'p':
		return port;
	case 'c':
		return asked.cookie;
	case 'a':
		return asked.cookie + 1;
	case 'e':
		return (uint32_t)port << 16 | (uint16_t)asked.cookie;
	default:
		fail_msg("$%c in a template", c);
	}
	return 0;
}

/* Builds the frame of @template into @buf; its length. */
static inline uint32_t probe_node_build(const char *template, uint8_t *buf)
{
	char text[1024];
	size_t n = 0;

	for (const char *p = template; *p && n < sizeof(text) - 16; p++) {
		if (*p == '$')
			n += (size_t)snprintf(
				text + n, sizeof(text) - n, "%u", probe_node_value(*++p));
		else
			text[n++] = *p;
	}
	text[n] = '\0';
	return frame_build(text, buf);
}

/* Lets the frame of @template arrive on @port. */
static inline void probe_node_input(uint16_t port, const char *template)
{
	uint8_t frame[FRAME_MAX];

	node_input(port, frame, probe_node_build(template, frame));
	node_run();
}

/* Fails unless frame @f is the one of @template, up to its end. The identification of IPv4 is
 * random. */
static inline void probe_node_same(const struct node_frame *f, const char *template)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len;

	assert_non_null(f);
	asked_id = (uint16_t)(f->bytes[18] << 8 | f->bytes[19]);
	len = probe_node_build(template, frame);
	assert_int_equal(f->len, len);
	assert_memory_equal(f->bytes, frame, len);
}

#endif
