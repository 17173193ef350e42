/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration file (DESIGN section 8) as a C structure: strict YAML, all or nothing, every
 * error with file:line:column and a suggestion. Used by the dataplane (its `node` part) and by
 * control (all of it). Main threads only; allocates.
 */
#ifndef LIB_CONF_CONF_H
#define LIB_CONF_CONF_H

#include "lib/base/base.h"
#include "lib/base/ipaddr.h"

#define CONF_NAME_MAX         16 /* node, port and interface names, terminator included */
#define CONF_DEVICE_MAX       192
#define CONF_PATH_MAX         4096
#define CONF_WORKERS_MAX      16
#define CONF_PORTS_MAX        16
#define CONF_INTERFACES_MAX   64 /* of all ports, the ports' own included */
#define CONF_ADDRESSES_MAX    16 /* per interface */
#define CONF_NEIGHBORS_MAX    4096
#define CONF_HOPS_MAX         32    /* per route */
#define CONF_NEXTHOPS_MAX     16384 /* different next-hop sets in one file */
#define CONF_ROUTES_MAX       4000000
#define CONF_ROUTE_FILES_MAX  16
#define CONF_SERVICES_MAX     1024
#define CONF_BACKENDS_MAX     4096  /* of all services */
#define CONF_POOL_MAX         64    /* prefixes of the NAT pool */
#define CONF_POOL_ADDRESSES   1024  /* addresses of the NAT pool */
#define CONF_POOL_PORTS       64512 /* of each of them: 1024 to 65535 */
#define CONF_WARNINGS_MAX     2     /* of one file */
#define CONF_PAYLOAD_MAX      64    /* bytes of a UDP probe */
#define CONF_INTERVAL_MIN_MS  100   /* of probes */
#define CONF_INTERVAL_MAX_MS  3600000
#define CONF_TIMEOUT_MIN_MS   10
#define CONF_STREAK_MAX       100 /* rise and fall */
#define CONF_FLOWS_MIN        1000
#define CONF_FLOWS_MAX        64000000
#define CONF_FLOWS_DEFAULT    1000000
#define CONF_NEW_FLOWS        1000000 /* per second, unless given */
#define CONF_NEW_FLOWS_MAX    100000000
#define CONF_STORE_LISTEN_MAX 16
#define CONF_STORE_PORT       6379
#define CONF_STORE_PORT_MAX   64511 /* above, the node asks after the health of backends */
#define CONF_STORE_MEMORY     (256ULL << 20)
#define CONF_STORE_CLIENTS    10000
#define CONF_PASSWORD_MAX     128 /* terminator included */
#define CONF_MTU_MIN          576 /* 1280 with IPv6 addresses (RFC 8200 section 5) */
#define CONF_MTU_MAX          9600
#define CONF_MTU_DEFAULT      1500

/* Where in which file something was written; line and column count from 1, 0 is unknown. */
struct conf_place {
	uint32_t line;
	uint32_t column;
};

enum conf_huge { CONF_HUGE_AUTO, CONF_HUGE_YES, CONF_HUGE_NO };
enum conf_idle { CONF_IDLE_ADAPTIVE, CONF_IDLE_POLL };

/* An interface: the port itself (vlan 0) or one of its 802.1Q sub-interfaces. */
struct conf_interface {
	char name[CONF_NAME_MAX];
	uint16_t port; /* index into conf_node.ports */
	uint16_t vlan; /* 1..4094, 0: untagged */
	uint16_t mtu;  /* layer 3, bytes; a sub-interface inherits the port's */
	uint16_t n_addresses;
	struct ip_addr addresses[CONF_ADDRESSES_MAX]; /* host bits kept, prefix_len of the subnet */
	struct conf_place place;
};

/* A DPDK device. */
struct conf_port {
	char name[CONF_NAME_MAX];
	char device[CONF_DEVICE_MAX]; /* devargs or PCI address */
	uint16_t mtu;
	bool has_mac;
	uint8_t mac[6];
	struct conf_place place;
};

struct conf_node {
	char name[CONF_NAME_MAX];
	uint16_t n_workers;
	uint16_t workers[CONF_WORKERS_MAX]; /* CPU numbers, repeats allowed */
	uint16_t main_cpu;
	uint64_t memory_bytes;
	enum conf_huge huge;
	enum conf_idle idle;
	uint32_t flows; /* of the balancer, of each IP version, all workers together */
	uint16_t n_ports;
	struct conf_port ports[CONF_PORTS_MAX];
	uint16_t n_interfaces; /* a port's own interface comes before its sub-interfaces */
	struct conf_interface interfaces[CONF_INTERFACES_MAX];
};

struct conf_neighbor {
	char interface[CONF_NAME_MAX];
	struct ip_addr address;
	uint8_t mac[6];
	struct conf_place place;
};

enum conf_action { CONF_ACTION_VIA, CONF_ACTION_BLACKHOLE, CONF_ACTION_REJECT };

struct conf_hop {
	struct ip_addr address;
	char interface[CONF_NAME_MAX]; /* needed for link-local addresses, else may be empty */
	uint16_t weight;               /* 1..255 */
};

/* A set of next hops, sorted by address; equal sets are stored once and shared by their routes. */
struct conf_nexthop {
	enum conf_action action;
	uint16_t n_hops;
	struct conf_hop *hops;
};

struct conf_route {
	struct ip_addr prefix; /* host bits clear */
	uint32_t nexthop;      /* index into conf.nexthops */
};

enum conf_lb_mode { CONF_LB_NAT, CONF_LB_DSR, CONF_LB_IPIP, CONF_LB_GUE };
enum conf_probe_kind { CONF_PROBE_NONE, CONF_PROBE_TCP, CONF_PROBE_ICMP, CONF_PROBE_UDP };

/* How the health of a service's backends is asked for. Unless given, the kind is tcp for TCP, icmp
 * where TCP backends have no port of their own, and none for UDP. */
struct conf_probe {
	enum conf_probe_kind kind;
	uint16_t port; /* 0: the backend's own */
	uint32_t interval_ms;
	uint32_t timeout_ms;
	uint16_t rise;
	uint16_t fall;
	uint16_t request_bytes;
	uint16_t expect_bytes;
	uint8_t request[CONF_PAYLOAD_MAX];
	uint8_t expect[CONF_PAYLOAD_MAX];
};

struct conf_backend {
	struct ip_addr address;
	uint16_t port;    /* 0: the one the client chose (only where the service has port any) */
	uint16_t weight;  /* 0..255, 1 unless given; 0: no new flows */
	uint16_t service; /* index into conf.services */
	struct conf_place place;
};

struct conf_service {
	char name[CONF_NAME_MAX];
	struct ip_addr vip; /* a prefix, host bits clear */
	uint16_t port;      /* 0: any */
	uint8_t protocol;   /* IPPROTO_TCP or IPPROTO_UDP */
	enum conf_lb_mode mode;
	uint16_t panic_percent; /* fewer healthy ones than this: all are used; 0: never */
	struct conf_probe probe;
	uint32_t first_backend; /* index into conf.backends, whose order is that of services */
	uint32_t n_backends;
	struct conf_place place;
};

/* Settings of the balancer. */
struct conf_lb {
	bool has_key;
	uint8_t key[16];
	uint32_t new_flows_per_sec;
	uint32_t idle_ms[5];           /* in the order of enum api_flow_state */
	struct ip_addr tunnel_source4; /* prefix; family 0: the node's own address */
	struct ip_addr tunnel_source6;
};

enum conf_yes_no { CONF_YES, CONF_NO };

/* As Redis's maxmemory-policy. */
enum conf_store_policy {
	CONF_STORE_NOEVICTION,
	CONF_STORE_ALLKEYS_LRU,
	CONF_STORE_ALLKEYS_LFU,
	CONF_STORE_ALLKEYS_RANDOM,
	CONF_STORE_VOLATILE_LRU,
	CONF_STORE_VOLATILE_LFU,
	CONF_STORE_VOLATILE_RANDOM,
	CONF_STORE_VOLATILE_TTL,
};

/* The shards and who may ask them. Memory and clients are taken when the dataplane starts. */
struct conf_store {
	uint16_t n_listen; /* 0: there is no store */
	struct ip_addr listen[CONF_STORE_LISTEN_MAX];
	uint16_t port; /* and the next n_workers ones, one for each worker */
	uint64_t memory_bytes;
	uint32_t max_clients;
	uint32_t timeout_ms; /* 0: never */
	enum conf_store_policy policy;
	enum conf_yes_no protected_mode;  /* without a password nobody is answered from afar */
	char password[CONF_PASSWORD_MAX]; /* empty: none */
	struct conf_place place;
};

#define CONF_JOBS_PER_CLIENT 16 /* or all of compute.jobs, where that is less */

/* Users' programs and their jobs; taken when the dataplane starts. */
struct conf_compute {
	uint32_t quantum_us;      /* of a worker at a time; 0: as there is room beside packets */
	uint32_t jobs;            /* of a worker at the same time */
	uint32_t jobs_per_client; /* of those one client's */
	uint16_t quota_percent;   /* of a worker's time, for one client */
	uint64_t result_bytes;    /* of one job */
	uint32_t result_ttl_ms;
	uint32_t grace_ms; /* how long a job goes on without its client */
};

/* The whole file. Owned by the caller of conf_load; freed by conf_free. */
struct conf {
	struct conf_node node;
	uint32_t n_neighbors;
	struct conf_neighbor *neighbors;
	uint32_t n_nexthops;
	struct conf_nexthop *nexthops;
	uint32_t n_routes; /* of `routes` and of all `route_files` */
	struct conf_route *routes;
	uint16_t n_route_files;
	char (*route_files)[CONF_PATH_MAX]; /* as opened: relative ones are relative to the file */
	uint16_t n_pool;
	struct ip_addr *pool; /* prefixes of full NAT's addresses */
	struct conf_lb lb;
	uint32_t n_services;
	struct conf_service *services;
	uint32_t n_backends;
	struct conf_backend *backends;
	struct conf_store store;
	struct conf_compute compute;
	char metrics_address[IPADDR_TEXT_MAX]; /* default 127.0.0.1 */
	uint16_t metrics_port;                 /* default 9465 */
};

/* The sentence a person gets: "file:line:column: what is wrong (what to do)". */
struct conf_error {
	char text[512];
};

/* The words for enum conf_store_policy, NULL at the end. */
extern const char *const conf_policy_words[];

/*
 * Loads and validates @path, its route files included, or only its `node` section when @node_only
 * (the rest must still be well-formed YAML with known keys). 0 and *@out, or a negative errno and
 * @err; nothing is left allocated then.
 */
int conf_load(const char *path, bool node_only, struct conf **out, struct conf_error *err);

/* As conf_load, from memory: @name stands for the file in messages, relative route files are
 * looked up beside it. For tests and fuzzing. */
int conf_load_text(
	const char *name, const char *text, size_t len, struct conf **out, struct conf_error *err);

/* Flows that services of IP version @family in mode nat can have at a time: one for each port of
 * the pool that some worker can use. */
uint32_t conf_pool_flows(const struct conf *conf, unsigned family);

/* Writes sentences about what is allowed but may not be meant to @warnings; how many. */
unsigned conf_warn(const struct conf *conf, struct conf_error warnings[CONF_WARNINGS_MAX]);

/* Frees; NULL is allowed. */
void conf_free(struct conf *conf);

#endif
