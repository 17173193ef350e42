/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of `churn` share: live TCP connections between its client and its servers over
 * which a known stream of bytes flows both ways, so that either end notices any break. One thread.
 *
 * A connection begins with the client's seed (8 bytes) and the server's name (CHURN_NAME_BYTES).
 * Then the client sends bytes of the stream of that seed, a few at a time, and the server, which
 * knows what has to come, sends the same ones back.
 */
#ifndef TESTS_NET_CHURN_H
#define TESTS_NET_CHURN_H

#include <netinet/in.h>

#include "lib/base/base.h"

#define CHURN_NAME_BYTES  16
#define CHURN_TARGETS_MAX 16
#define CHURN_PASSING_MAX 4096 /* short connections at one time */
#define CHURN_EVENTS      512  /* of one look at the sockets */
#define CHURN_BUFFER      16384

struct churn_options {
	/* server */
	uint16_t port;
	const char *name;
	/* client */
	struct sockaddr_in6 targets[CHURN_TARGETS_MAX]; /* IPv4 as sockaddr_in in the same place */
	const char *target_texts[CHURN_TARGETS_MAX];
	uint32_t n_targets;
	uint32_t connections;
	uint32_t bytes_max; /* of one exchange */
	double rate;        /* exchanges per second on each connection */
	double open_rate;   /* connections opened per second until all are */
	double turnover;    /* held connections closed and opened again per second */
	double passing;     /* short connections per second beside those held */
	double stall_sec;
	double seconds; /* 0: until told to stop */
	uint64_t seed;
	const char *control; /* path of the UNIX socket that takes commands, or NULL */
	const char *trace;   /* file for a line per connection opened and closed, or NULL */
	bool json;
};

/* The stream of a seed: byte @offset and those that follow it. */
static inline uint64_t churn_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline void churn_stream(uint64_t seed, uint64_t offset, uint8_t *out, size_t n)
{
	uint64_t word = churn_mix(seed ^ (offset >> 3));

	for (size_t i = 0; i < n; i++, offset++) {
		if ((offset & 7) == 0)
			word = churn_mix(seed ^ (offset >> 3));
		out[i] = (uint8_t)(word >> (8 * (offset & 7)));
	}
}

/* CLOCK_MONOTONIC. */
uint64_t churn_now_ns(void);

/* Raises the limit of open files towards @n; how many of those there may be. */
uint32_t churn_files(uint32_t n);

/* Prints a sentence with errno and ends the program. */
_Noreturn void churn_die(const char *what);

/* Runs the server until SIGTERM or SIGINT; SIGUSR1 closes its listening socket, SIGUSR2 opens it
 * again. Exit code. */
int churn_server(const struct churn_options *options);

/* Runs the client until it is told to stop, or for options.seconds. Exit code. */
int churn_client(const struct churn_options *options);

#endif
