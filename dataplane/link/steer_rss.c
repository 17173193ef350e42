/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking a device for its key, its hash and its redirection table. Thread: main. */
#include <rte_ethdev.h>

#include "dataplane/link/steer_rss.h"

#define KEY_BYTES_MAX 256
#define N_GROUPS      (STEER_RSS_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE)

/* What is hashed with ports, where no narrower selection of fields says otherwise. */
static const struct {
	uint64_t hashes;
	uint8_t kind;
} kinds[] = {
	{RTE_ETH_RSS_NONFRAG_IPV4_TCP, STEER_RSS_TCP4},
	{RTE_ETH_RSS_NONFRAG_IPV4_UDP, STEER_RSS_UDP4},
	{RTE_ETH_RSS_NONFRAG_IPV6_TCP, STEER_RSS_TCP6},
	{RTE_ETH_RSS_NONFRAG_IPV6_UDP, STEER_RSS_UDP6},
};

/* The 32 bits of @key that begin at bit @bit. */
static uint32_t window(const uint8_t *key, unsigned bit)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < 5; i++)
		bytes = bytes << 8 | (i < 4 || bit % 8 ? key[bit / 8 + i] : 0);
	return (uint32_t)(bytes >> (8 - bit % 8));
}

void steer_rss_set_key(struct steer_rss *r, const uint8_t *key)
{
	for (unsigned half = 0; half < ARRAY_SIZE(r->parts); half++)
		for (unsigned value = 0; value < ARRAY_SIZE(r->parts[half]); value++) {
			uint32_t sum = 0;

			for (unsigned bit = 0; bit < 4; bit++)
				if (value >> (3 - bit) & 1)
					sum ^= window(key, half * 4 + bit);
			r->parts[half][value] = sum;
		}
}

/* Which kinds the device hashes with ports, and with which key. */
static bool read_key(struct steer_rss *r, uint16_t dpdk_port, const struct rte_eth_dev_info *info)
{
	uint8_t key[KEY_BYTES_MAX] = {0}, sum = 0;
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = info->hash_key_size};

	if (info->hash_key_size != 0 && info->hash_key_size < STEER_RSS_KEY_MIN)
		return false;
	if (rte_eth_dev_rss_hash_conf_get(dpdk_port, &conf) != 0)
		return false;
	for (unsigned i = 0; i < STEER_RSS_KEY_MIN; i++)
		sum |= key[i];
	if (sum == 0 || conf.rss_hf & (RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY |
					      RTE_ETH_RSS_L4_SRC_ONLY | RTE_ETH_RSS_L4_DST_ONLY))
		return false;
	steer_rss_set_key(r, key);
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (conf.rss_hf & kinds[i].hashes)
			r->with_ports |= kinds[i].kind;
	return r->with_ports != 0;
}

/* Which worker gets the packets of each entry of the redirection table. */
static bool read_table(
	struct steer_rss *r, uint16_t dpdk_port, const uint8_t *owners, unsigned n_queues)
{
	struct rte_eth_rss_reta_entry64 table[N_GROUPS] = {0};
	unsigned n = r->mask + 1u;

	for (unsigned i = 0; i < N_GROUPS; i++)
		table[i].mask = UINT64_MAX;
	if (rte_eth_dev_rss_reta_query(dpdk_port, table, (uint16_t)n) != 0)
		return false;
	for (unsigned i = 0; i < n; i++) {
		uint16_t queue =
			table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];

		if (queue >= n_queues)
			return false;
		r->owners[i] = owners[queue];
		r->reached |= (uint16_t)(1u << owners[queue]);
	}
	return true;
}

bool steer_rss_read(
	struct steer_rss *r, uint16_t dpdk_port, const uint8_t *owners, unsigned n_queues)
{
	struct rte_eth_dev_info info;
	unsigned n;

	memset(r, 0, sizeof(*r));
	if (rte_eth_dev_info_get(dpdk_port, &info) != 0)
		return false;
	n = info.reta_size;
	if (n == 0 || n > STEER_RSS_TABLE_MAX || (n & (n - 1)) != 0)
		return false;
	r->mask = (uint16_t)(n - 1);
	if (read_key(r, dpdk_port, &info) && read_table(r, dpdk_port, owners, n_queues))
		return true;
	memset(r, 0, sizeof(*r));
	return false;
}
