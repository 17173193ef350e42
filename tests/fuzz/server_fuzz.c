/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages to the dataplane's API socket: each input is a sequence of message bodies, each behind a
 * byte that picks the type and one for the length; the headers are made right, the bodies are not.
 * Every handler of lib/api/dataplane.def runs on the real modules. Whatever is asked for, the node
 * keeps its accounts and its next begin works.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sanitizer/lsan_interface.h>

#include "dataplane/core/capture.h"
#include "dataplane/core/generation.h"
#include "dataplane/core/nexthop.h"
#include "dataplane/core/server.h"
#include "tests/unit/node.h"

#define MESSAGES_MAX 24
#define STEPS_MAX    10000

static const char config[] = "node:\n"
			     "  name: fuzz\n"
			     "  workers: [0]\n"
			     "  main: 0\n"
			     "  ports:\n"
			     "    - name: lan\n"
			     "      device: net_null0\n"
			     "      addresses: [192.0.2.1/24, \"2001:db8:1::1/64\"]\n"
			     "    - name: wan\n"
			     "      device: net_null1\n"
			     "      addresses: [198.51.100.1/24]\n";

static char path[64];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void remove_socket(void)
{
	unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct server_identity id = {.node = "fuzz"};
	struct base_error err = {0};

	node_start(config);
	/* ECMP groups hang off next hops, which lie in mapped memory that LeakSanitizer skips. */
	__lsan_register_root_region(nexthop_array(), WORLD_NEXTHOPS_MAX * sizeof(struct nexthop));
	snprintf(path, sizeof(path), "/tmp/braid-fuzz-%d.sock", (int)getpid());
	if (server_init(path, &id, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	atexit(remove_socket);
	return 0;
}

/* Lets the server work and takes what it answers. */
static void serve(int fd)
{
	static uint8_t reply[API_MSG_MAX_BYTES];

	for (unsigned i = 0; i < STEPS_MAX && (server_poll() || generation_step(1000)); i++)
		continue;
	capture_poll();
	while (recv(fd, reply, sizeof(reply), MSG_DONTWAIT) > 0)
		continue;
}

/* Sends one message of the type that @pick names, with @len bytes of @data behind the header; the
 * count and the length are made to fit, or not, as @data says. */
static void send_message(int fd, uint8_t pick, const uint8_t *data, size_t len)
{
	static _Alignas(8) uint8_t buf[API_MSG_MAX_BYTES];
	size_t n_rows, body;
	const struct api_row *rows = api_rows(&n_rows), *row = &rows[pick % n_rows];
	struct api_header hdr = {.type = row->type, .sequence = pick};
	uint32_t count;

	memset(buf, 0, sizeof(buf));
	body = row->request_bytes;
	if (row->request_item_bytes) {
		count = 1 + (pick >> 6);
		body += (size_t)count * row->request_item_bytes;
		memcpy(buf + sizeof(hdr) + 4, data, MIN_OF(len, body - 4));
		memcpy(buf + sizeof(hdr), &count, sizeof(count));
	} else {
		memcpy(buf + sizeof(hdr), data, MIN_OF(len, body));
	}
	hdr.length_bytes = (uint32_t)(sizeof(hdr) + body);
	memcpy(buf, &hdr, sizeof(hdr));
	send(fd, buf, hdr.length_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct base_error err = {0};
	int fd = api_connect(path, "braid-dataplane", &err);

	if (fd < 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	for (unsigned i = 0; i < MESSAGES_MAX && size > 2; i++) {
		size_t len = MIN_OF((size_t)data[1] * 4, size - 2);

		send_message(fd, data[0], data + 2, len);
		serve(fd);
		data += 2 + len;
		size -= 2 + len;
	}
	close(fd);
	serve(fd);
	node_run();
	node_check_accounts();
	return 0;
}
