/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node of two workers with a service of each mode, from a configuration file as people write it,
 * and its API server with a client. Clients are behind 192.0.2.2 on port 0, backends on port 1.
 */
#ifndef TESTS_UNIT_LB_YAML_H
#define TESTS_UNIT_LB_YAML_H

#include <endian.h>
#include <netinet/in.h>

#include "dataplane/lb/lb_main.h"
#include "dataplane/lb/lb_query.h"
#include "tests/unit/frame.h"
#include "tests/unit/server_client.h"

#define LB_YAML_NODE                                                                               \
	"node:\n"                                                                                  \
	"  name: n\n"                                                                              \
	"  workers: [0, 0]\n"                                                                      \
	"  flows: 20000\n"                                                                         \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: net_null0\n"                                                                \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"    - name: wan\n"                                                                        \
	"      device: net_null1\n"                                                                \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24, \"2001:db8:1::1/64\"]\n"                               \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"                       \
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"                 \
	"  - {interface: wan, address: 198.51.100.21, mac: 02:00:00:00:00:21}\n"                   \
	"  - {interface: wan, address: 198.51.100.22, mac: 02:00:00:00:00:22}\n"                   \
	"  - {interface: wan, address: \"2001:db8:1::21\", mac: 02:00:00:00:00:21}\n"              \
	"routes:\n"                                                                                \
	"  - {prefix: 10.0.0.0/8, via: 192.0.2.2}\n"

#define LB_YAML_SERVICES                                                                           \
	"nat: {pool: [203.0.113.200/30, \"2001:db8:b::/126\"]}\n"                                  \
	"services:\n"                                                                              \
	"  - {name: nat, vip: 203.0.113.10, port: 80, mode: nat, health: {probe: none}, "          \
	"backends: [{address: 198.51.100.21, port: 8080}]}\n"                                      \
	"  - {name: dsr, vip: 203.0.113.10, port: 81, mode: dsr, health: {probe: none}, "          \
	"backends: [{address: 198.51.100.21}, {address: 198.51.100.22}]}\n"                        \
	"  - {name: ipip, vip: 203.0.113.10, port: 82, mode: ipip, health: {probe: none}, "        \
	"backends: [{address: 198.51.100.22}]}\n"                                                  \
	"  - {name: gue, vip: 203.0.113.10, port: 83, mode: gue, health: {probe: none}, "          \
	"backends: [{address: 198.51.100.22}]}\n"                                                  \
	"  - {name: nat6, vip: \"2001:db8:a::10\", port: 80, mode: nat, health: {probe: none}, "   \
	"backends: [{address: \"2001:db8:1::21\", port: 8080}]}\n"

static inline int lb_yaml_start(void **state)
{
	struct server_identity id = {.node = "n", .stats_path = "/run/counters"};
	struct base_error err = {};

	node_start(LB_YAML_NODE LB_YAML_SERVICES);
	node_advance(6 * NSEC_PER_SEC);
	node_clear();
	snprintf(server_path, sizeof(server_path), "/tmp/lb-test-%d", (int)getpid());
	if (server_init(server_path, &id, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static inline int lb_yaml_stop(void **state)
{
	server_fini();
	node_stop();
	return 0;
}

/* Lets the frame that @text describes arrive on @port. */
static inline void lb_yaml_arrive(uint16_t port, const char *text)
{
	uint8_t buf[FRAME_MAX];

	node_input(port, buf, frame_build(text, buf));
	node_run();
}

/* Asks @fd's server, lets the workers answer, and gives the reply. */
static inline const struct api_header *lb_yaml_ask(int fd, enum api_type type, const void *body)
{
	server_send(fd, type, 5, body);
	server_serve();
	node_run();
	return server_receive(fd);
}

#endif
