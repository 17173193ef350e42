/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decap: a backend's far end of tunnels, for kernels that have none. Takes packets out of IP-in-IP
 * (RFC 2003, RFC 2473) and GUE (variant 1: the inner header directly in UDP) and gives them to the
 * host through a TUN device, as if they had come without a tunnel. One thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/base.h"

#define GUE_PORT     6080
#define PACKET_BYTES 65536
#define BUFFER_BYTES (4 << 20)
#define BURST        64
#define TELL_MS      20

/* A way in. */
struct tunnel {
	const char *name;
	int family;
	int type;
	int protocol;
	uint64_t pkts;
	uint64_t bad_pkts;
	uint16_t ports[2]; /* UDP: two different source ports that were seen */
};

static struct tunnel tunnels[] = {
	{.name = "ipip4", .family = AF_INET, .type = SOCK_RAW, .protocol = IPPROTO_IPIP},
	{.name = "ipip6", .family = AF_INET6, .type = SOCK_RAW, .protocol = IPPROTO_IPV6},
	{.name = "ip4in6", .family = AF_INET6, .type = SOCK_RAW, .protocol = IPPROTO_IPIP},
	{.name = "gue4", .family = AF_INET, .type = SOCK_DGRAM, .protocol = IPPROTO_UDP},
	{.name = "gue6", .family = AF_INET6, .type = SOCK_DGRAM, .protocol = IPPROTO_UDP},
};

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "decap: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void bind_gue(int fd, int family)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(GUE_PORT)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(GUE_PORT)};
	int on = 1, code;

	if (family == AF_INET) {
		code = bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	} else {
		code = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		/* Tunnels may leave the outer checksum out (RFC 6935). */
		code |= setsockopt(fd, IPPROTO_UDP, UDP_NO_CHECK6_RX, &on, sizeof(on));
		code |= bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	}
	if (code < 0)
		die("binding the GUE port");
}

static int open_tunnel(const struct tunnel *t)
{
	int fd = socket(t->family, t->type, t->protocol), bytes = BUFFER_BYTES;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		die(t->name);
	if (t->type == SOCK_DGRAM)
		bind_gue(fd, t->family);
	return fd;
}

static int open_tun(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR);

	base_strlcpy(request.ifr_name, name, sizeof(request.ifr_name));
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		die("opening the TUN device");
	return fd;
}

/* Bytes of the outer header that a raw IPv4 socket leaves in front. */
static size_t outer_bytes(const struct tunnel *t, const uint8_t *packet)
{
	return t->type == SOCK_RAW && t->family == AF_INET ? (size_t)(packet[0] & 15) * 4 : 0;
}

static void note_port(struct tunnel *t, const struct sockaddr_in6 *from)
{
	uint16_t port = ntohs(from->sin6_port);

	if (t->ports[0] == 0)
		t->ports[0] = port;
	else if (port != t->ports[0])
		t->ports[1] = port;
}

/* Passes on what waits in a tunnel's socket. */
static void pass(struct tunnel *t, int fd, int tun)
{
	static uint8_t packet[PACKET_BYTES];

	for (unsigned i = 0; i < BURST; i++) {
		struct sockaddr_in6 from;
		socklen_t from_bytes = sizeof(from);
		ssize_t n = recvfrom(fd, packet, sizeof(packet), MSG_DONTWAIT,
			(struct sockaddr *)&from, &from_bytes);
		size_t outer;

		if (n <= 0)
			return;
		outer = outer_bytes(t, packet);
		t->pkts++;
		if (t->type == SOCK_DGRAM)
			note_port(t, &from);
		if ((size_t)n < outer + 20 || write(tun, packet + outer, (size_t)n - outer) < 0)
			t->bad_pkts++;
	}
}

/* Writes the counters to file @path, for tests. */
static void tell(const char *path)
{
	char temporary[4096];
	FILE *out;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	out = fopen(temporary, "w");
	if (!out)
		die(temporary);
	for (unsigned i = 0; i < ARRAY_SIZE(tunnels); i++)
		fprintf(out, "%s %lu bad %lu ports %u %u\n", tunnels[i].name, tunnels[i].pkts,
			tunnels[i].bad_pkts, tunnels[i].ports[0], tunnels[i].ports[1]);
	fclose(out);
	if (rename(temporary, path) < 0)
		die(path);
}

int main(int argc, char **argv)
{
	struct pollfd fds[ARRAY_SIZE(tunnels)];
	int tun;

	if (argc != 3) {
		fputs("Usage: decap DEVICE FILE\n"
		      "\n"
		      "Makes the TUN device DEVICE, to which it gives what comes in IP-in-IP and "
		      "GUE\n"
		      "(UDP port 6080). Writes its counters to FILE when it has no work. The "
		      "host\n"
		      "must set the device up, and needs rp_filter=0 on it.\n"
		      "\n"
		      "Example:\n"
		      "  decap tun0 /tmp/decap.txt & ip link set tun0 up\n",
			stderr);
		return 2;
	}
	tun = open_tun(argv[1]);
	for (unsigned i = 0; i < ARRAY_SIZE(tunnels); i++)
		fds[i] = (struct pollfd){.fd = open_tunnel(&tunnels[i]), .events = POLLIN};
	puts("ready");
	fflush(stdout);
	for (bool told = true;;) {
		int n = poll(fds, ARRAY_SIZE(fds), told ? -1 : TELL_MS);

		if (n < 0 && errno != EINTR)
			die("poll");
		for (unsigned i = 0; i < ARRAY_SIZE(tunnels); i++)
			if (fds[i].revents)
				pass(&tunnels[i], fds[i].fd, tun);
		if (n <= 0)
			tell(argv[2]);
		told = n <= 0;
	}
}
