/* SPDX-License-Identifier: BSD-3-Clause */
/* Does not include braid_task.h. For bpf; refused. */
__attribute__((section("map"), used)) long nothing(void *ctx)
{
	return 0;
}
