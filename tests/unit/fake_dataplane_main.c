/* SPDX-License-Identifier: BSD-3-Clause */
/* The fake dataplane as a program, for the script that tests braid-control and braidctl:
 * fake-dataplane DIR NODE [refuse SENTENCE | version N]. Ends on SIGTERM. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake_dataplane.h"

int main(int argc, char **argv)
{
	struct fake_dataplane *fake;
	sigset_t set;
	int sig;

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
	sigwait(&set, &sig);
	fake_dataplane_stop(fake);
	return 0;
}
