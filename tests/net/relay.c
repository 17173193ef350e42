/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bad link between two interfaces of a namespace: loses, duplicates, reorders, corrupts, delays
 * and limits frames, for lack of netem. What happens to the n-th frame of a direction depends on
 * the seed and n alone. On SIGTERM or SIGINT it says what it did.
 *
 *   relay IFACE IFACE [--seed N] [--loss %] [--duplicate %] [--reorder %] [--corrupt %]
 *         [--delay MS] [--rate MBIT]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/base.h"

#define FRAME_MAX   9600
#define QUEUE_MAX   4096 /* frames that wait in one direction */
#define HEADER_MIN  34   /* corruption spares Ethernet and most of IPv4: routers would drop it */
#define REORDER_NS  (3 * NSEC_PER_MSEC)
#define SOCKET_ROOM (4 << 20)

struct frame {
	uint64_t due_ns;
	uint64_t order; /* of arrival, among frames that are due at the same time */
	uint32_t len;
	uint8_t bytes[FRAME_MAX];
};

/* One direction: frames wait in a binary heap by time. */
struct direction {
	int from, to;
	uint64_t rng;
	uint64_t free_ns; /* when the limited link has sent what it took */
	uint64_t received, sent, lost, duplicated, reordered, corrupted, overflowed;
	uint32_t n;
	struct frame *heap[QUEUE_MAX];
};

/* Probabilities are in millionths. */
static struct {
	uint64_t seed;
	uint32_t loss, duplicate, reorder, corrupt;
	uint64_t delay_ns;
	uint64_t rate_bits;
} options = {.seed = 1};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = 1;
}

_Noreturn static void fail(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

/* splitmix64. */
static uint64_t draw(struct direction *d)
{
	uint64_t z = d->rng += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static bool happens(struct direction *d, uint32_t millionths)
{
	return draw(d) % 1000000 < millionths;
}

static bool before(const struct frame *a, const struct frame *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void heap_swap(struct direction *d, uint32_t i, uint32_t j)
{
	struct frame *f = d->heap[i];

	d->heap[i] = d->heap[j];
	d->heap[j] = f;
}

static void heap_push(struct direction *d, struct frame *f)
{
	uint32_t i = d->n++;

	d->heap[i] = f;
	for (; i > 0 && before(d->heap[i], d->heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap_swap(d, i, (i - 1) / 2);
}

static struct frame *heap_pop(struct direction *d)
{
	struct frame *first = d->heap[0];

	d->heap[0] = d->heap[--d->n];
	for (uint32_t i = 0;;) {
		uint32_t least = i;

		for (uint32_t child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < d->n && before(d->heap[child], d->heap[least]))
				least = child;
		if (least == i)
			return first;
		heap_swap(d, i, least);
		i = least;
	}
}

static void corrupt(struct direction *d, uint8_t *bytes, uint32_t len, uint64_t at)
{
	if (len <= HEADER_MIN)
		return;
	bytes[HEADER_MIN + (at >> 8) % (len - HEADER_MIN)] ^= (uint8_t)(1u << (at & 7));
	d->corrupted++;
}

/* Queues @len bytes for sending, late or damaged as the dice say. All dice of a frame are thrown,
 * whatever comes of them, so that the next one's do not depend on it. */
static void enqueue(struct direction *d, const uint8_t *bytes, uint32_t len, uint64_t at_ns)
{
	struct frame *f;
	bool is_late = happens(d, options.reorder);
	bool is_corrupt = happens(d, options.corrupt);
	uint64_t corrupt_at = draw(d);

	if (d->n == QUEUE_MAX) {
		d->overflowed++;
		return;
	}
	f = malloc(sizeof(*f));
	if (!f)
		fail("no memory");
	if (options.rate_bits) {
		d->free_ns =
			MAX_OF(d->free_ns, at_ns) + len * 8ull * NSEC_PER_SEC / options.rate_bits;
		at_ns = d->free_ns;
	}
	f->due_ns = at_ns + options.delay_ns + (is_late ? REORDER_NS : 0);
	f->order = d->received;
	f->len = len;
	memcpy(f->bytes, bytes, len);
	d->reordered += is_late;
	if (is_corrupt)
		corrupt(d, f->bytes, len, corrupt_at);
	heap_push(d, f);
}

static void receive(struct direction *d)
{
	static uint8_t bytes[FRAME_MAX];
	uint64_t at_ns = now_ns();

	for (int i = 0; i < 64; i++) {
		ssize_t len = recv(d->from, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (len <= 0)
			return;
		d->received++;
		if (happens(d, options.loss)) {
			d->lost++;
			continue;
		}
		enqueue(d, bytes, (uint32_t)len, at_ns);
		if (happens(d, options.duplicate)) {
			d->duplicated++;
			enqueue(d, bytes, (uint32_t)len, at_ns);
		}
	}
}

static void forward(struct direction *d)
{
	uint64_t at_ns = now_ns();

	while (d->n > 0 && d->heap[0]->due_ns <= at_ns) {
		struct frame *f = heap_pop(d);

		if (send(d->to, f->bytes, f->len, 0) == (ssize_t)f->len)
			d->sent++;
		free(f);
	}
}

static int open_interface(const char *name)
{
	struct packet_mreq all = {.mr_type = PACKET_MR_PROMISC};
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), one = 1, room = SOCKET_ROOM;

	address.sll_ifindex = (int)if_nametoindex(name);
	all.mr_ifindex = address.sll_ifindex;
	if (fd < 0 || all.mr_ifindex == 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0)
		fail(name);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	return fd;
}

static double number(const char *text)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || n < 0) {
		fprintf(stderr, "relay: \"%s\" must be a number, not negative\n", text);
		exit(2);
	}
	return n;
}

static void read_options(int argc, char **argv)
{
	static const struct option rows[] = {{"seed", 1, NULL, 's'}, {"loss", 1, NULL, 'l'},
		{"duplicate", 1, NULL, 'd'}, {"reorder", 1, NULL, 'o'}, {"corrupt", 1, NULL, 'c'},
		{"delay", 1, NULL, 'y'}, {"rate", 1, NULL, 'r'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1) {
		double n = c == '?' ? 0 : number(optarg);

		switch (c) {
		case 's':
			options.seed = (uint64_t)n;
			break;
		case 'l':
			options.loss = (uint32_t)(n * 10000);
			break;
		case 'd':
			options.duplicate = (uint32_t)(n * 10000);
			break;
		case 'o':
			options.reorder = (uint32_t)(n * 10000);
			break;
		case 'c':
			options.corrupt = (uint32_t)(n * 10000);
			break;
		case 'y':
			options.delay_ns = (uint64_t)(n * NSEC_PER_MSEC);
			break;
		case 'r':
			options.rate_bits = (uint64_t)(n * 1e6);
			break;
		default:
			exit(2);
		}
	}
}

/* How long until a frame is due, at most a second. */
static struct timespec wait_time(const struct direction *d)
{
	uint64_t at_ns = now_ns(), wait_ns = NSEC_PER_SEC;

	for (int i = 0; i < 2; i++)
		if (d[i].n > 0)
			wait_ns = d[i].heap[0]->due_ns <= at_ns
					  ? 0
					  : MIN_OF(wait_ns, d[i].heap[0]->due_ns - at_ns);
	return (struct timespec){.tv_sec = (time_t)(wait_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(wait_ns % NSEC_PER_SEC)};
}

static void relay(struct direction *d)
{
	struct pollfd fds[2] = {
		{.fd = d[0].from, .events = POLLIN}, {.fd = d[1].from, .events = POLLIN}};

	while (!stopped) {
		struct timespec wait = wait_time(d);

		ppoll(fds, 2, &wait, NULL);
		for (int i = 0; i < 2; i++) {
			if (fds[i].revents & POLLIN)
				receive(&d[i]);
			forward(&d[i]);
		}
	}
}

int main(int argc, char **argv)
{
	static struct direction d[2];
	struct sigaction action = {.sa_handler = on_signal};

	read_options(argc, argv);
	if (argc - optind != 2) {
		fprintf(stderr, "usage: relay IFACE IFACE [--seed N] [--loss %%] [--duplicate %%] "
				"[--reorder %%] [--corrupt %%] [--delay MS] [--rate MBIT]\n");
		return 2;
	}
	for (int i = 0; i < 2; i++) {
		d[i].from = open_interface(argv[optind + i]);
		d[i].rng = options.seed * 2 + (uint64_t)i;
	}
	d[0].to = d[1].from;
	d[1].to = d[0].from;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	printf("ready\n");
	fflush(stdout);
	relay(d);
	for (int i = 0; i < 2; i++)
		printf("%s -> %s: %lu received, %lu sent, %lu lost, %lu duplicated, %lu reordered, "
		       "%lu corrupted, %lu overflowed\n",
			argv[optind + i], argv[optind + 1 - i], d[i].received, d[i].sent, d[i].lost,
			d[i].duplicated, d[i].reordered, d[i].corrupted, d[i].overflowed);
	return 0;
}
