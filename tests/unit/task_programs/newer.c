/* SPDX-License-Identifier: BSD-3-Clause */
/* Of an ABI that does not exist yet. For bpf; refused. */
__attribute__((section(".braid_abi"), used)) static const unsigned int abi = 2;

__attribute__((section("map"), used)) long nothing(void *ctx)
{
	return 0;
}
