/* SPDX-License-Identifier: BSD-3-Clause */
/* Translates the node's configuration to EAL arguments. Thread: main. */
#include <errno.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "dataplane/core/eal.h"
#include "dataplane/core/worker.h"

#define ARGS_MAX       48
#define ARG_BYTES      256
#define MBUFS_MIN      8192u
#define MBUFS_MAX      4194304u
#define MEMPOOL_CACHE  256u
#define L2_HEADER_MAX  18u /* Ethernet and one 802.1Q tag */
#define HUGEPAGE_BYTES (2ULL << 20)

/* Arguments being collected for rte_eal_init. */
struct args {
	int n;
	char text[ARGS_MAX][ARG_BYTES];
};

static void add(struct args *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add(struct args *a, const char *fmt, ...)
{
	va_list ap;

	BRAID_ASSERT(a->n < ARGS_MAX);
	va_start(ap, fmt);
	vsnprintf(a->text[a->n++], ARG_BYTES, fmt, ap);
	va_end(ap);
}

/* Whether the device string is a PCI address, with or without domain and arguments. */
static bool is_pci(const char *device)
{
	static const char pattern[] =
		"^([0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7](,.*)?$";
	regex_t re;
	bool match;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	match = regexec(&re, device, 0, NULL, 0) == 0;
	regfree(&re);
	return match;
}

/* Bytes in free 2 MB hugepages. */
static uint64_t free_hugepage_bytes(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	unsigned long long n = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%llu", &n) != 1)
		n = 0;
	fclose(f);
	return n * HUGEPAGE_BYTES;
}

/* Bytes of ordinary memory that can be had without swapping; UINT64_MAX where nobody knows. */
static uint64_t available_bytes(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long long kib;
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) {
			fclose(f);
			return kib << 10;
		}
	}
	if (f)
		fclose(f);
	return UINT64_MAX;
}

/* Decides about hugepages; says why not, where they were wanted. */
static int choose_memory(const struct conf_node *node, struct args *a, struct base_error *err)
{
	uint64_t available = free_hugepage_bytes();
	bool huge = node->huge != CONF_HUGE_NO && available >= node->memory_bytes;

	if (node->huge == CONF_HUGE_YES && !huge)
		return base_error_set(err, ENOMEM,
			"node.huge is yes, but only %llu MB of the %llu MB in node.memory are free "
			"in 2 MB hugepages: run scripts/setup, or set huge: auto",
			(unsigned long long)(available >> 20),
			(unsigned long long)(node->memory_bytes >> 20));
	if (!huge && available_bytes() < node->memory_bytes)
		return base_error_set(err, ENOMEM,
			"node.memory is %llu MB, but only %llu MB of memory are available (lower "
			"it)",
			(unsigned long long)(node->memory_bytes >> 20),
			(unsigned long long)(available_bytes() >> 20));
	if (huge) {
		add(a, "--in-memory");
	} else {
		if (node->huge == CONF_HUGE_AUTO)
			fprintf(stderr,
				"braid-dataplane: %llu MB of hugepages are free, %llu MB wanted: "
				"using ordinary memory (slower; scripts/setup reserves "
				"hugepages)\n",
				(unsigned long long)(available >> 20),
				(unsigned long long)(node->memory_bytes >> 20));
		add(a, "--no-huge");
		add(a, "--no-shconf");
	}
	add(a, "-m");
	add(a, "%llu", (unsigned long long)(node->memory_bytes >> 20));
	return 0;
}

/* EAL leaves its directory in /var/run/dpdk behind, empty once it has removed its socket, which it
 * does at exit: this is registered before, and so runs after that. */
static void remove_runtime(void)
{
	rmdir(rte_eal_get_runtime_dir());
}

/* EAL's own answer to a CPU that is not there is its usage text. */
static int check_cpu(unsigned cpu, const char *key, struct base_error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u", cpu);
	if (access(path, F_OK) == 0)
		return 0;
	return base_error_set(err, ENODEV,
		"node.%s: this machine has no CPU %u, it has %ld (see lscpu)", key, cpu,
		sysconf(_SC_NPROCESSORS_CONF));
}

static int check_cpus(const struct conf_node *node, struct base_error *err)
{
	int ret = check_cpu(node->main_cpu, "main", err);

	for (unsigned i = 0; ret == 0 && i < node->n_workers; i++)
		ret = check_cpu(node->workers[i], "workers", err);
	return ret;
}

int eal_init(const struct conf_node *node, struct base_error *err)
{
	struct args *a = calloc(1, sizeof(*a));
	char *argv[ARGS_MAX], *lcores;
	bool pci = false;
	size_t len;
	int ret;

	if (!a)
		return base_error_set(err, ENOMEM, "no memory");
	add(a, "braid-dataplane");
	add(a, "--file-prefix=braid-%s", node->name);
	add(a, "--iova-mode=va");
	add(a, "--log-level=*:warning");
	for (unsigned i = 0; i < node->n_ports; i++) {
		if (!is_pci(node->ports[i].device))
			continue;
		pci = true;
		add(a, "--allow=%s", node->ports[i].device);
	}
	if (!pci)
		add(a, "--no-pci");
	add(a, "--main-lcore=0");
	lcores = a->text[a->n];
	add(a, "--lcores=0@%u", node->main_cpu);
	for (unsigned i = 0; i < node->n_workers; i++) {
		len = strlen(lcores);
		snprintf(lcores + len, ARG_BYTES - len, ",%u@%u", i + 1, node->workers[i]);
	}
	ret = check_cpus(node, err);
	if (ret == 0)
		ret = choose_memory(node, a, err);
	for (int i = 0; i < a->n; i++)
		argv[i] = a->text[i];
	atexit(remove_runtime);
	if (ret == 0 && rte_eal_init(a->n, argv) < 0)
		ret = base_error_set(err, rte_errno ? rte_errno : EIO,
			"DPDK cannot start: %s (are node.main and node.workers CPUs of this "
			"machine, is node.memory available, are we root?)",
			rte_strerror(rte_errno));
	free(a);
	return ret;
}

/* The most that the driver of @device copies into a buffer without asking how large it is: that of
 * AF_PACKET, a frame of its ring. 0: no more than the MTU. */
static unsigned driver_copy_bytes(const char *device)
{
	const char *at = strstr(device, ",framesz=");

	return at && strstr(device, "af_packet") ? (unsigned)strtoul(at + 9, NULL, 10) : 0;
}

struct rte_mempool *eal_mempool_create(const struct conf_node *node, struct base_error *err)
{
	uint16_t room = RTE_MBUF_DEFAULT_DATAROOM;
	bool shared_cpu = false;
	struct rte_mempool *mp;
	uint64_t n;

	for (unsigned i = 0; i < node->n_ports; i++) {
		unsigned copied = driver_copy_bytes(node->ports[i].device);

		if (copied > UINT16_MAX - RTE_PKTMBUF_HEADROOM) {
			base_error_set(err, EINVAL,
				"port \"%s\": framesz=%u in its device string is more than a "
				"packet "
				"buffer can hold (%u)",
				node->ports[i].name, copied, UINT16_MAX - RTE_PKTMBUF_HEADROOM);
			return NULL;
		}
		room = MAX_OF(room, (uint16_t)(node->ports[i].mtu + L2_HEADER_MAX));
		room = MAX_OF(room, (uint16_t)copied);
	}
	room = (uint16_t)(room + RTE_PKTMBUF_HEADROOM);
	for (unsigned i = 0; i < node->n_workers; i++) {
		shared_cpu |= node->workers[i] == node->main_cpu;
		for (unsigned j = 0; j < i; j++)
			shared_cpu |= node->workers[i] == node->workers[j];
	}
	n = node->memory_bytes / 3 / (room + sizeof(struct rte_mbuf) + CACHE_LINE_BYTES);
	n = MIN_OF(MAX_OF(n, (uint64_t)MBUFS_MIN), (uint64_t)MBUFS_MAX);
	/* A thread preempted inside a ring operation makes the default ring spin for a time slice;
	 * the relaxed-tail-sync ring does not wait for it. */
	mp = rte_pktmbuf_pool_create_by_ops("packets", (unsigned)n, MEMPOOL_CACHE, 0, room,
		SOCKET_ID_ANY, shared_cpu ? "ring_mt_rts" : "ring_mp_mc");
	if (!mp)
		base_error_set(err, rte_errno,
			"no memory for %llu packet buffers of %u bytes (%s): raise node.memory",
			(unsigned long long)n, room, rte_strerror(rte_errno));
	return mp;
}

void eal_fini(void)
{
	rte_eal_cleanup();
}
