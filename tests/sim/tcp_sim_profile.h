/* SPDX-License-Identifier: BSD-3-Clause */
/* What a seed means: link, limits, applications. One thread. */
#ifndef TESTS_SIM_TCP_SIM_PROFILE_H
#define TESTS_SIM_TCP_SIM_PROFILE_H

#include "tests/sim/tcp_sim.h"

/* Sets up everything of @sim that follows from its seed. */
void sim_profile(struct sim *sim);

#endif
