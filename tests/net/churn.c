/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * churn: holds thousands of TCP connections through a balancer and proves that none breaks. This
 * file is its command line; see churn.h for the parts. One thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/net/churn.h"

static int usage(FILE *out)
{
	fputs("Usage: churn server --port PORT --name NAME\n"
	      "       churn client --target ADDRESS:PORT [--target ...] [--connections N]\n"
	      "             [--rate R] [--bytes N] [--open-rate R] [--turnover R] [--passing R]\n"
	      "             [--stall SECONDS] [--seconds S] [--seed N] [--control SOCKET]\n"
	      "             [--trace FILE] [-j]\n"
	      "       churn ask SOCKET status|stop|'leave SERVER'|'stay SERVER'\n"
	      "\n"
	      "The server answers on all addresses, IPv4 and IPv6, says its name and echoes; it\n"
	      "checks what comes. SIGUSR1: stop listening, keep connections; SIGUSR2: listen "
	      "again.\n"
	      "The client holds N connections (1000), spread over the targets, with R exchanges "
	      "per\n"
	      "second on each (1) of up to --bytes (1400), opens them at --open-rate per second\n"
	      "(2000), opens lost ones again, closes and reopens --turnover of them per second "
	      "(0),\n"
	      "and opens --passing short ones per second (0). A connection without an answer for\n"
	      "--stall seconds (5) is broken. At the end it prints a table, or JSON. Told to "
	      "leave\n"
	      "a server, it closes its connections to it in order, new ones too, until told to\n"
	      "stay.\n"
	      "\n"
	      "For more than 28000 connections per target the client's host needs\n"
	      "  sysctl net.ipv4.ip_local_port_range='1024 65535' net.ipv4.tcp_tw_reuse=1\n"
	      "and for fast opening the servers' net.core.somaxconn=4096 or more.\n"
	      "\n"
	      "Example:\n"
	      "  churn server --port 7000 --name b1\n"
	      "  churn client --target 203.0.113.10:80 --target '[2001:db8::a]:80' \\\n"
	      "        --connections 5000 --control /tmp/churn.sock\n"
	      "  churn ask /tmp/churn.sock status\n",
		out);
	return out == stderr ? 2 : 0;
}

uint64_t churn_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

void churn_die(const char *what)
{
	fprintf(stderr, "churn: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint32_t churn_files(uint32_t n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		churn_die("the limit of open files");
	limit.rlim_cur = MIN_OF(MAX_OF(limit.rlim_cur, n), limit.rlim_max);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		churn_die("the limit of open files");
	return (uint32_t)MIN_OF(limit.rlim_cur, n);
}

/* Takes ADDRESS:PORT or [ADDRESS]:PORT. */
static bool take_target(struct churn_options *o, const char *value)
{
	struct sockaddr_in6 *v6 = &o->targets[o->n_targets];
	struct sockaddr_in *v4 = (struct sockaddr_in *)v6;
	const char *colon = strrchr(value, ':');
	unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
	char address[INET6_ADDRSTRLEN + 2];
	size_t length = colon ? (size_t)(colon - value) : 0;

	if (o->n_targets == CHURN_TARGETS_MAX || length == 0 || length >= sizeof(address) ||
		port == 0 || port > UINT16_MAX)
		return false;
	memcpy(address, value, length);
	address[length] = '\0';
	if (address[0] == '[' && address[length - 1] == ']') {
		address[length - 1] = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		if (inet_pton(AF_INET6, address + 1, &v6->sin6_addr) != 1)
			return false;
	} else {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		if (inet_pton(AF_INET, address, &v4->sin_addr) != 1)
			return false;
	}
	o->target_texts[o->n_targets++] = value;
	return true;
}

/* Takes a number of at least @min. */
static bool take_number(double *number, const char *value, double min)
{
	char *end;

	*number = strtod(value, &end);
	return end != value && *end == '\0' && *number >= min;
}

static bool take_count(uint32_t *count, const char *value, uint32_t max)
{
	double number;

	if (!take_number(&number, value, 1) || number > max)
		return false;
	*count = (uint32_t)number;
	return true;
}

/* Takes one option; false if its value makes no sense. */
static bool take_option(struct churn_options *o, int c, const char *value)
{
	uint32_t port;

	switch (c) {
	case 'p':
		if (!take_count(&port, value, UINT16_MAX))
			return false;
		o->port = (uint16_t)port;
		return true;
	case 'n':
		o->name = value;
		return strlen(value) > 0 && strlen(value) < CHURN_NAME_BYTES;
	case 't':
		return take_target(o, value);
	case 'c':
		return take_count(&o->connections, value, 1000000);
	case 'b':
		return take_count(&o->bytes_max, value, 1 << 20);
	case 'r':
		return take_number(&o->rate, value, 0.001);
	case 'o':
		return take_number(&o->open_rate, value, 1);
	case 'v':
		return take_number(&o->turnover, value, 0);
	case 'a':
		return take_number(&o->passing, value, 0);
	case 's':
		return take_number(&o->stall_sec, value, 0.1);
	case 'e':
		return take_number(&o->seconds, value, 0);
	case 'd':
		o->seed = strtoull(value, NULL, 10);
		return true;
	case 'C':
		o->control = value;
		return true;
	case 'T':
		o->trace = value;
		return true;
	case 'j':
		o->json = true;
		return true;
	default:
		return false;
	}
}

/* Parses what follows the subcommand; a number >= 0 is an exit code. */
static int parse_options(struct churn_options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{"port", required_argument, NULL, 'p'},
		{"name", required_argument, NULL, 'n'},
		{"target", required_argument, NULL, 't'},
		{"connections", required_argument, NULL, 'c'},
		{"bytes", required_argument, NULL, 'b'},
		{"rate", required_argument, NULL, 'r'},
		{"open-rate", required_argument, NULL, 'o'},
		{"turnover", required_argument, NULL, 'v'},
		{"passing", required_argument, NULL, 'a'},
		{"stall", required_argument, NULL, 's'},
		{"seconds", required_argument, NULL, 'e'},
		{"seed", required_argument, NULL, 'd'},
		{"control", required_argument, NULL, 'C'},
		{"trace", required_argument, NULL, 'T'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "j", known, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout);
		if (!take_option(o, c, optarg))
			return usage(stderr);
	}
	return optind == argc ? -1 : usage(stderr);
}

/* Sends a command to the socket of a client and prints the answer. */
static int ask(const char *path, const char *command)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char buffer[CHURN_BUFFER];
	ssize_t n;

	base_strlcpy(at.sun_path, path, sizeof(at.sun_path));
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		churn_die(path);
	if (send(fd, command, strlen(command), 0) < 0 || shutdown(fd, SHUT_WR) < 0)
		churn_die(path);
	while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		fwrite(buffer, 1, (size_t)n, stdout);
	close(fd);
	return n < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct churn_options o = {
		.name = "server",
		.connections = 1000,
		.bytes_max = 1400,
		.rate = 1,
		.open_rate = 2000,
		.stall_sec = 5,
		.seed = 1,
	};
	const char *command = argc > 1 ? argv[1] : "";
	int code;

	if (strcmp(command, "--help") == 0)
		return usage(stdout);
	if (strcmp(command, "ask") == 0)
		return argc == 4 ? ask(argv[2], argv[3]) : usage(stderr);
	code = argc > 1 ? parse_options(&o, argc - 1, argv + 1) : usage(stderr);
	if (code >= 0)
		return code;
	if (strcmp(command, "server") == 0 && o.port > 0)
		return churn_server(&o);
	if (strcmp(command, "client") == 0 && o.n_targets > 0)
		return churn_client(&o);
	return usage(stderr);
}
