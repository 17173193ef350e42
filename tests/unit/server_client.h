/* SPDX-License-Identifier: BSD-3-Clause */
/* A node with its API server, and clients of it, in one thread: messages wait in the socket until
 * the server is polled. */
#ifndef TESTS_UNIT_SERVER_CLIENT_H
#define TESTS_UNIT_SERVER_CLIENT_H

#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/core/server.h"
#include "tests/unit/node.h"

#define SERVER_NODE                                                                                \
	"node:\n"                                                                                  \
	"  name: n1\n"                                                                             \
	"  workers: [0]\n"                                                                         \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: test0\n"                                                                    \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24]\n"                                                        \
	"      interfaces: [{name: lan.10, vlan: 10, addresses: [192.0.10.1/24]}]\n"               \
	"    - name: wan\n"                                                                        \
	"      device: test1\n"                                                                    \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24]\n"                                                     \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"                       \
	"  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n"

static char server_path[64];
static _Alignas(uint64_t) uint8_t server_buf[API_MSG_MAX_BYTES];

/* Starts the node and its server. */
static inline int server_node_start(void **state)
{
	struct server_identity id = {.node = "n1", .stats_path = "/run/counters"};
	struct base_error err = {};

	node_start(SERVER_NODE);
	node_advance(6 * NSEC_PER_SEC);
	node_clear();
	snprintf(server_path, sizeof(server_path), "/tmp/server-test-%d", (int)getpid());
	if (server_init(server_path, &id, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static inline int server_node_stop(void **state)
{
	server_fini();
	node_stop();
	return access(server_path, F_OK) == 0 ? -1 : 0;
}

/* Serves until nothing is left to do. */
static inline void server_serve(void)
{
	for (unsigned i = 0; server_poll() > 0; i++)
		assert_true(i < 100000);
}

static inline int server_connect(void)
{
	struct base_error err = {};
	int fd = api_connect(server_path, "the test", &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	return fd;
}

/* Sends a request of @type; the server has not seen it yet. */
static inline void server_send(int fd, enum api_type type, uint32_t sequence, const void *body)
{
	struct api_header hdr = {.type = (uint16_t)type, .sequence = sequence};

	assert_int_equal(api_send(fd, &hdr, body, NULL, 0), 0);
}

/* The next message from the server in server_buf: its header; NULL when it closed or is silent. */
static inline const struct api_header *server_receive(int fd)
{
	struct base_error err = {};

	return api_recv(fd, server_buf, &err) > 0 ? (const struct api_header *)server_buf : NULL;
}

/* Asks and has it answered. */
static inline const struct api_header *server_ask(int fd, enum api_type type, const void *body)
{
	const struct api_header *hdr;

	server_send(fd, type, 77, body);
	server_serve();
	hdr = server_receive(fd);
	assert_non_null(hdr);
	assert_int_equal(hdr->type, type);
	assert_int_equal(hdr->flags, API_FLAG_REPLY);
	assert_int_equal(hdr->sequence, 77);
	return hdr;
}

/* The sentence of error reply @hdr. */
static inline const char *server_sentence(const struct api_header *hdr)
{
	assert_non_null(hdr);
	assert_true(hdr->status < 0);
	return ((const struct base_error *)(hdr + 1))->text;
}

/* Whether the server has closed the connection and said all it had to say. */
static inline bool server_has_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

#endif
