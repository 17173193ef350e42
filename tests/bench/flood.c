/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends small UDP frames as fast as a packet socket takes them, or at a given rate, for
 * scripts/bench linux. Prints what it sent and what that cost as JSON. One thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/base.h"
#include "lib/wire/checksum.h"

#define FLOWS_MAX 4096
#define BATCH     32
#define BYTES_MIN 60
#define BYTES_MAX 1514

struct frame {
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
} __attribute__((packed));

static struct {
	const char *interface;
	uint8_t mac[6];
	uint32_t source_be;
	uint32_t destination_be;
	unsigned flows;
	unsigned frame_bytes;
	double seconds;
	double rate_pps; /* 0: as fast as it goes */
} options = {.flows = 1024, .frame_bytes = 64, .seconds = 1};

static uint8_t frames[FLOWS_MAX][BYTES_MAX];

static int usage(FILE *out)
{
	fprintf(out,
		"Usage: flood --interface NAME --mac MAC --source ADDRESS --destination ADDRESS\n"
		"             [--flows N] [--bytes N] [--seconds S] [--rate PACKETS_PER_SECOND]\n"
		"\n"
		"Sends UDP frames of N flows (source ports) from a packet socket; without --rate "
		"as\n"
		"fast as it goes. Prints {\"sent\": ..., \"refused\": ..., \"seconds\": ...,\n"
		"\"cpu_seconds\": ...}.\n"
		"\n"
		"Example:\n"
		"  flood --interface eth0 --mac 02:00:00:00:00:01 --source 192.0.2.2 \\\n"
		"        --destination 198.51.100.2 --seconds 2 --rate 200000\n");
	return out == stderr ? 2 : 0;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	char end;

	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &mac[0], &mac[1], &mac[2], &mac[3],
		       &mac[4], &mac[5], &end) == 6;
}

/* Takes one option; false if its value makes no sense. */
static bool take_option(int c, const char *value)
{
	switch (c) {
	case 'i':
		options.interface = value;
		return true;
	case 'm':
		return parse_mac(value, options.mac);
	case 's':
		return inet_pton(AF_INET, value, &options.source_be) == 1;
	case 'd':
		return inet_pton(AF_INET, value, &options.destination_be) == 1;
	case 'f':
		options.flows = (unsigned)strtoul(value, NULL, 10);
		return options.flows >= 1 && options.flows <= FLOWS_MAX;
	case 'b':
		options.frame_bytes = (unsigned)strtoul(value, NULL, 10);
		return options.frame_bytes >= BYTES_MIN && options.frame_bytes <= BYTES_MAX;
	case 't':
		options.seconds = strtod(value, NULL);
		return options.seconds > 0;
	case 'r':
		options.rate_pps = strtod(value, NULL);
		return options.rate_pps > 0;
	default:
		return false;
	}
}

/* Parses the command line; a number >= 0 is an exit code. */
static int parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{"interface", required_argument, NULL, 'i'},
		{"mac", required_argument, NULL, 'm'},
		{"source", required_argument, NULL, 's'},
		{"destination", required_argument, NULL, 'd'},
		{"flows", required_argument, NULL, 'f'},
		{"bytes", required_argument, NULL, 'b'},
		{"seconds", required_argument, NULL, 't'},
		{"rate", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout);
		if (!take_option(c, optarg))
			return usage(stderr);
	}
	if (!options.interface || !options.source_be || !options.destination_be || optind != argc)
		return usage(stderr);
	return -1;
}

/* A packet socket on the interface that goes round its queueing discipline. */
static int open_socket(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(options.interface),
	};

	if (fd < 0 || addr.sll_ifindex == 0 ||
		bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0) {
		fprintf(stderr, "flood: %s: %s (does it exist, are we root?)\n", options.interface,
			strerror(errno));
		exit(1);
	}
	return fd;
}

static void build_frame(uint8_t *at, unsigned flow)
{
	uint16_t ip_bytes = (uint16_t)(options.frame_bytes - sizeof(struct ether_header));
	struct frame f = {
		.eth = {.ether_shost = {2, 0, 0, 0, 0, 0xaa}, .ether_type = htons(ETHERTYPE_IP)},
		.ip =
			{
				.version = 4,
				.ihl = 5,
				.tot_len = htons(ip_bytes),
				.ttl = 64,
				.protocol = IPPROTO_UDP,
				.saddr = options.source_be,
				.daddr = options.destination_be,
			},
		.udp =
			{
				.uh_sport = htons((uint16_t)(1024 + flow)),
				.uh_dport = htons(9),
				.uh_ulen = htons((uint16_t)(ip_bytes - sizeof(struct iphdr))),
			},
	};

	memcpy(f.eth.ether_dhost, options.mac, 6);
	f.ip.check = checksum_ip4_header(&f.ip, 5);
	memcpy(at, &f, sizeof(f));
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Sleeps until the next batch is due. */
static void pace(uint64_t due_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(due_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(due_ns % NSEC_PER_SEC),
	};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void flood(int fd)
{
	struct iovec iov[BATCH];
	struct mmsghdr messages[BATCH];
	uint64_t start_ns = now_ns(), end_ns = start_ns + (uint64_t)(options.seconds * 1e9);
	uint64_t sent = 0, refused = 0, offered = 0, at_ns = start_ns;
	unsigned flow = 0;

	memset(messages, 0, sizeof(messages));
	while (at_ns < end_ns) {
		int n;

		for (unsigned i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){frames[flow], options.frame_bytes};
			messages[i].msg_hdr.msg_iov = &iov[i];
			messages[i].msg_hdr.msg_iovlen = 1;
			flow = flow + 1 < options.flows ? flow + 1 : 0;
		}
		n = sendmmsg(fd, messages, BATCH, 0);
		sent += n > 0 ? (uint64_t)n : 0;
		refused += n < BATCH ? 1 : 0;
		offered += BATCH;
		if (options.rate_pps > 0)
			pace(start_ns + (uint64_t)((double)offered / options.rate_pps * 1e9));
		at_ns = now_ns();
	}
	printf("{\"sent\": %llu, \"refused\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
		(unsigned long long)sent, (unsigned long long)refused,
		(double)(at_ns - start_ns) / 1e9, cpu_seconds());
}

int main(int argc, char **argv)
{
	int code = parse_options(argc, argv), fd;

	if (code >= 0)
		return code;
	fd = open_socket();
	for (unsigned i = 0; i < options.flows; i++)
		build_frame(frames[i], i);
	flood(fd);
	close(fd);
	return 0;
}
