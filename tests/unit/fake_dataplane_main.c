/* SPDX-License-Identifier: BSD-3-Clause */
/* The fake dataplane as a program, for the script that tests braid-control and braidctl:
 * fake-dataplane DIR NODE [refuse SENTENCE | version N]. Ends on SIGTERM. Lines on its input change
 * the counters: "flows INDEX N", "refused INDEX N", "streak INDEX N", and of service
 * INDEX "drops INDEX N"; "flow_answers 0 N" lets the Nth flow_dump fail. Each is answered by
 * "done".
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tests/unit/fake_dataplane.h"

static void obey(struct fake_dataplane *fake, const char *line)
{
	struct stats_backend *b;
	struct stats_probe *p;
	unsigned index;
	char what[16];
	int n;

	if (sscanf(line, "%15s %u %d", what, &index, &n) != 3 || index >= STATS_BACKENDS_MAX)
		return;
	b = &fake->counters->workers[0].backends[index];
	p = &fake->counters->probes[index];
	if (strcmp(what, "flows") == 0) {
		uint64_t flows = b->new_flows - b->ended_flows;

		if ((uint64_t)n > flows)
			b->new_flows += (uint64_t)n - flows;
		else
			b->ended_flows += flows - (uint64_t)n;
	} else if (strcmp(what, "refused") == 0) {
		b->refused += (uint64_t)n;
	} else if (strcmp(what, "drops") == 0) {
		fake->counters->workers[1].services[index % STATS_SERVICES_MAX].drops[0] +=
			(uint64_t)n;
	} else if (strcmp(what, "flow_answers") == 0) {
		fake->flow_answers = (unsigned)n;
	} else if (strcmp(what, "streak") == 0) {
		if (n > 0)
			p->succeeded += (uint64_t)n;
		p->last_failure = API_PROBE_TIMEOUT;
		p->rtt_us = 120;
		p->streak = n;
	}
	printf("done\n");
	fflush(stdout);
}

/* Obeys until SIGTERM. */
static void serve(struct fake_dataplane *fake, const sigset_t *set)
{
	struct pollfd fds[2] = {{.fd = signalfd(-1, set, SFD_CLOEXEC), .events = POLLIN},
		{.fd = STDIN_FILENO, .events = POLLIN}};
	char line[128];

	while (poll(fds, ARRAY_SIZE(fds), -1) >= 0 && fds[0].revents == 0) {
		ssize_t n = fds[1].revents ? read(STDIN_FILENO, line, sizeof(line) - 1) : 0;

		line[MAX_OF(n, 0)] = '\0';
		if (n > 0)
			obey(fake, line);
		else if (fds[1].revents)
			fds[1].fd = -1;
	}
	close(fds[0].fd);
}

int main(int argc, char **argv)
{
	struct fake_dataplane *fake;
	sigset_t set;

	if (argc < 3)
		return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fake = fake_dataplane_start(argv[1], argv[2]);
	if (argc == 5 && strcmp(argv[3], "refuse") == 0)
		base_strlcpy(fake->refusal.text, argv[4], sizeof(fake->refusal.text));
	if (argc == 5 && strcmp(argv[3], "version") == 0)
		fake->version = (uint32_t)atoi(argv[4]);
	printf("ready\n");
	fflush(stdout);
	serve(fake, &set);
	fake_dataplane_stop(fake);
	return 0;
}
