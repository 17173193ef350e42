/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The typed messages between braidctl, braid-control and braid-dataplane on UNIX SOCK_SEQPACKET
 * sockets (DESIGN section 7). Fixed-width structures with explicit padding; sizes are pinned by a
 * unit test. One message is one packet of at most API_MSG_MAX_BYTES. Strings are terminated within
 * their array, checked on receipt. Both ends run on one machine: native byte order.
 */
#ifndef LIB_API_API_H
#define LIB_API_API_H

#include "lib/api/api_conn.h"
#include "lib/base/base.h"
#include "lib/base/ipaddr.h"

#define API_VERSION       3
#define API_MSG_MAX_BYTES 65536u
#define API_NAME_MAX      16
#define API_DEVICE_MAX    192
#define API_PATH_MAX      4096
#define API_ADDRESSES_MAX 16
#define API_HOPS_MAX      32
#define API_STEP_TEXT_MAX 232
#define API_REASON_MAX    32
#define API_PASSWORD_MAX  128
#define API_PAYLOAD_MAX   64 /* of UDP health probes */

enum api_type {
#define API_MSG(id, name, req, req_item, rep, rep_item, help) API_##name = (id),
#include "lib/api/api.def"
#undef API_MSG
};

enum api_flags {
	API_FLAG_REPLY = 1, /* answers the request with the same sequence */
	API_FLAG_EVENT = 2, /* unasked, or progress of the request with the same sequence */
};

/* Starts every message. */
struct api_header {
	uint32_t length_bytes; /* of the whole message */
	uint16_t type;         /* enum api_type */
	uint16_t flags;        /* enum api_flags */
	int32_t status;        /* replies: 0, or a negative errno and a struct base_error as body */
	uint32_t sequence;     /* chosen by the client, returned in the reply */
	uint64_t generation;   /* installed in the dataplane when the reply was made */
};

struct api_none {
	uint8_t nothing[0];
};

struct api_byte {
	uint8_t value;
};

struct api_hello {
	uint32_t version; /* API_VERSION of the client */
	uint32_t pid;
	char client[API_NAME_MAX];
};

struct api_hello_reply {
	uint32_t version;
	uint32_t pid;
	uint64_t generation; /* 0: nothing installed since start */
	uint64_t started_ns; /* CLOCK_REALTIME at start: tells one dataplane run from the next */
	char node[API_NAME_MAX];
	char build[API_NAME_MAX];
	char stats_path[108]; /* the shared counters, see lib/api/stats.h */
	uint8_t pad[4];
};

struct api_begin {
	uint64_t generation; /* larger than the installed one */
};

enum api_commit_flags { API_COMMIT_DRY_RUN = 1 };

struct api_commit {
	uint64_t generation;
	uint32_t flags; /* enum api_commit_flags */
	uint32_t pad;
};

/* How many objects a commit added, changed, removed and kept. */
struct api_commit_counts {
	uint32_t added;
	uint32_t changed;
	uint32_t removed;
	uint32_t kept;
};

struct api_commit_reply {
	struct api_commit_counts interfaces;
	struct api_commit_counts neighbors;
	struct api_commit_counts routes;
	struct api_commit_counts pool; /* prefixes of the NAT pool */
	struct api_commit_counts services;
	struct api_commit_counts backends;
};

/* As Redis's maxmemory-policy, in the order of its configuration. */
enum api_store_policy {
	API_STORE_NOEVICTION,
	API_STORE_ALLKEYS_LRU,
	API_STORE_ALLKEYS_LFU,
	API_STORE_ALLKEYS_RANDOM,
	API_STORE_VOLATILE_LRU,
	API_STORE_VOLATILE_LFU,
	API_STORE_VOLATILE_RANDOM,
	API_STORE_VOLATILE_TTL,
};

/* The store; what its memory is, the dataplane has read when it started. */
struct api_store {
	uint16_t n_listen;
	uint16_t port;           /* and the next n_workers ones, one for each worker */
	uint32_t timeout_s;      /* of silent clients; 0: never */
	uint32_t policy;         /* enum api_store_policy */
	uint32_t protected_mode; /* not 0: without a password clients are refused */
	struct ip_addr listen[API_ADDRESSES_MAX];
	char password[API_PASSWORD_MAX]; /* empty: none */
};

struct api_list {
	uint32_t count; /* items that follow */
	uint32_t pad;
};

struct api_interface {
	char name[API_NAME_MAX];
	char port[API_NAME_MAX];
	uint16_t vlan; /* 0: untagged */
	uint16_t mtu;
	uint16_t n_addresses;
	uint16_t pad;
	struct ip_addr addresses[API_ADDRESSES_MAX];
};

struct api_neighbor {
	char interface[API_NAME_MAX];
	struct ip_addr address;
	uint8_t mac[6];
	uint8_t pad[2];
};

enum api_action { API_ACTION_VIA, API_ACTION_BLACKHOLE, API_ACTION_REJECT };

struct api_hop {
	struct ip_addr address;
	char interface[API_NAME_MAX]; /* may be empty: the connected subnet decides */
	uint16_t weight;              /* 1..255 */
	uint16_t pad;
};

struct api_nexthop {
	uint32_t id;     /* names the set in api_route, within one generation */
	uint16_t action; /* enum api_action */
	uint16_t n_hops;
	struct api_hop hops[API_HOPS_MAX];
};

struct api_route {
	struct ip_addr prefix;
	uint32_t nexthop; /* api_nexthop.id */
};

/* States of a flow, in the order of api_lb.idle_ms. */
enum api_flow_state {
	API_FLOW_TCP_NEW, /* the handshake is not complete as far as the balancer sees it */
	API_FLOW_TCP_ESTABLISHED,
	API_FLOW_TCP_CLOSING, /* a FIN or RST was seen */
	API_FLOW_UDP_NEW,     /* one direction only, few packets */
	API_FLOW_UDP_ESTABLISHED,
	API_FLOW_STATES,
};

struct api_lb {
	uint64_t key[2];            /* of the choice among backends: the same on all members */
	uint32_t new_flows_per_sec; /* of the node; above it the hash alone decides */
	uint32_t idle_ms[API_FLOW_STATES];
	struct ip_addr tunnel_source4; /* prefix of outer source addresses; family 0: own address */
	struct ip_addr tunnel_source6;
};

struct api_pool {
	struct ip_addr prefix;
};

enum api_lb_mode { API_LB_NAT, API_LB_DSR, API_LB_IPIP, API_LB_GUE };

enum api_probe_kind { API_PROBE_NONE, API_PROBE_TCP, API_PROBE_ICMP, API_PROBE_UDP };

enum api_probe_failure {
	API_PROBE_OK,
	API_PROBE_TIMEOUT,
	API_PROBE_REFUSED,     /* TCP reset, ICMP port unreachable */
	API_PROBE_UNREACHABLE, /* no way to the backend, or an ICMP error says so */
	API_PROBE_UNEXPECTED,  /* the UDP answer does not begin as configured */
};

/* How a backend's health is asked for. */
struct api_probe {
	uint16_t kind; /* enum api_probe_kind */
	uint16_t port; /* 0: the backend's own */
	uint32_t interval_ms;
	uint32_t timeout_ms;
	uint16_t rise; /* successes in a row until it is up again */
	uint16_t fall; /* failures in a row until it is down */
	uint16_t request_bytes;
	uint16_t expect_bytes; /* 0: any answer will do */
	uint8_t request[API_PAYLOAD_MAX];
	uint8_t expect[API_PAYLOAD_MAX];
};

struct api_service {
	char name[API_NAME_MAX];
	struct ip_addr vip; /* a prefix; host bits clear */
	uint16_t port;      /* 0: any */
	uint8_t protocol;   /* 6 or 17 */
	uint8_t mode;       /* enum api_lb_mode */
	struct api_probe probe;
};

struct api_backend {
	char service[API_NAME_MAX];
	struct ip_addr address;
	uint16_t port;   /* 0: the one the client chose */
	uint16_t weight; /* 0: no new flows */
};

/* A desired backend, and what is to become of it until backend_state says otherwise. Of one that
 * the dataplane has already, its own state counts. */
struct api_backend_want {
	struct api_backend backend;
	uint8_t draining;
	uint8_t down;
	char reason[API_REASON_MAX];
};

/* Names a backend by service, address and port. */
struct api_backend_state {
	char service[API_NAME_MAX];
	struct ip_addr address;
	uint16_t port;
	uint8_t draining;
	uint8_t down;
	char reason[API_REASON_MAX]; /* shown to people */
};

struct api_service_info {
	struct api_service service;
	uint16_t index; /* in the counters */
	uint16_t n_backends;
	uint16_t n_usable; /* up, not draining, weight above 0 */
	uint16_t pad;
	uint32_t build_us; /* how long its table took to build */
};

enum api_backend_use {
	API_BACKEND_UP,
	API_BACKEND_DRAINING,
	API_BACKEND_DOWN,
	API_BACKEND_REMOVED, /* no longer configured, its flows go on */
};

struct api_backend_info {
	struct api_backend backend;
	uint16_t index;          /* in the counters */
	uint16_t use;            /* enum api_backend_use: what counts in the end */
	uint8_t draining;        /* as last told */
	uint8_t down;            /* as last told */
	uint16_t share_permille; /* of the service's table */
	char reason[API_REASON_MAX];
	uint32_t pad;
};

/* Asks for the flows after @cursor; empty names, ports and addresses of family 0 match all. */
struct api_flow_dump {
	uint64_t cursor;
	char service[API_NAME_MAX];
	struct ip_addr client;
	struct ip_addr backend;
};

struct api_flow_info {
	char service[API_NAME_MAX];
	struct ip_addr client;
	struct ip_addr vip;
	struct ip_addr backend;
	struct ip_addr source; /* NAT: the pool's address; family 0 otherwise */
	uint16_t client_port;
	uint16_t vip_port;
	uint16_t backend_port;
	uint16_t source_port; /* NAT */
	uint8_t protocol;
	uint8_t state; /* enum api_flow_state */
	uint8_t worker;
	uint8_t mode;     /* enum api_lb_mode */
	uint32_t idle_ms; /* since its last packet */
};

/* The store as it is: what was started, and what is configured now. */
struct api_store_info {
	struct api_store want; /* of the generation installed; n_listen 0: there is none */
	uint64_t memory_bytes; /* 0: the dataplane was started without a store */
	uint32_t max_clients;
	uint32_t n_workers; /* without the main thread: so many shards */
};

/* Asks for the items after @cursor; 0 starts. */
struct api_dump {
	uint64_t cursor;
	char filter[API_NAME_MAX]; /* an interface name, or empty */
	struct ip_addr prefix;     /* routes: only those inside this prefix (family 0: all) */
	uint32_t pad;
};

struct api_dump_reply {
	uint32_t count;
	uint32_t pad;
	uint64_t cursor; /* for the next request; 0: that was all */
};

/* What a port's device does for the node's own TCP. */
enum api_port_offloads {
	API_PORT_TX_CKSUM = 1,
	API_PORT_TX_TSO = 2, /* cuts large segments */
	API_PORT_RX_CKSUM = 4,
};

struct api_port_info {
	char name[API_NAME_MAX];
	char device[API_DEVICE_MAX];
	char driver[32];
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t index; /* in the counters */
	uint16_t dpdk_port;
	uint16_t n_rx_queues;
	uint16_t n_tx_queues;
	uint32_t link_mbps;
	uint8_t link_up;
	uint8_t steered;  /* fewer queues than workers: packets go to their worker by ring */
	uint8_t offloads; /* enum api_port_offloads */
	uint8_t pad;
	uint64_t driver_missed; /* rte_eth_stats imissed */
	uint64_t driver_rx_errors;
	uint64_t driver_tx_errors;
};

struct api_interface_info {
	char name[API_NAME_MAX];
	char port[API_NAME_MAX];
	uint16_t index; /* in the counters */
	uint16_t vlan;
	uint16_t mtu;
	uint8_t up;
	uint8_t pad;
	uint8_t mac[6];
	uint16_t n_addresses;
	uint32_t pad2;
};

enum api_address_state { API_ADDRESS_TENTATIVE, API_ADDRESS_PREFERRED, API_ADDRESS_DUPLICATE };

struct api_address_info {
	char interface[API_NAME_MAX];
	struct ip_addr address;
	uint16_t state;     /* enum api_address_state */
	uint16_t automatic; /* the link-local address made from the MAC */
};

enum api_neighbor_state {
	API_NEIGHBOR_INCOMPLETE,
	API_NEIGHBOR_REACHABLE,
	API_NEIGHBOR_STALE,
	API_NEIGHBOR_DELAY,
	API_NEIGHBOR_PROBE,
	API_NEIGHBOR_FAILED,
	API_NEIGHBOR_PERMANENT,
};

struct api_neighbor_info {
	char interface[API_NAME_MAX];
	struct ip_addr address;
	uint8_t mac[6];
	uint8_t state;    /* enum api_neighbor_state */
	uint8_t held;     /* packets waiting for it */
	uint32_t age_ms;  /* since it was last confirmed */
	uint32_t nexthop; /* index, as in api_route_info */
};

enum api_origin { API_ORIGIN_STATIC, API_ORIGIN_CONNECTED, API_ORIGIN_LOCAL, API_ORIGIN_SERVICE };

struct api_nexthop_info {
	uint32_t index;
	uint32_t refs; /* routes that use it */
	uint16_t action;
	uint16_t n_hops;
	struct api_hop hops[API_HOPS_MAX];
	uint16_t buckets[API_HOPS_MAX]; /* ECMP: how many of the group's buckets each hop has */
};

struct api_route_info {
	struct ip_addr prefix;
	uint32_t nexthop; /* api_nexthop_info.index; for connected and local ones the interface */
	uint8_t origin;   /* enum api_origin */
	uint8_t pad[3];
	char interface[API_NAME_MAX]; /* connected and local; services: vip or pool */
};

struct api_explain {
	char interface[API_NAME_MAX];
	struct ip_addr src;
	struct ip_addr dst;
	uint16_t sport;
	uint16_t dport;
	uint16_t size_bytes; /* of the IP packet */
	uint8_t protocol;
	uint8_t ttl;
	uint8_t dont_fragment;
	uint8_t pad[3];
};

struct api_explain_step {
	char stage[24];
	char text[API_STEP_TEXT_MAX];
};

struct api_explain_reply {
	uint32_t count;                  /* steps that follow */
	uint32_t forwarded;              /* 1: a frame would leave; 0: consumed or dropped */
	char verdict[API_STEP_TEXT_MAX]; /* the last word, one sentence */
};

struct api_capture {
	char interface[API_NAME_MAX]; /* empty: all */
	char reason[API_REASON_MAX];  /* a drop reason, "any" for every drop; empty: not drops but
					 traffic */
	uint32_t snap_bytes;          /* 0: whole packets */
	uint32_t pad;
};

enum api_capture_direction { API_CAPTURE_IN, API_CAPTURE_OUT, API_CAPTURE_DROP };

struct api_capture_packet {
	uint32_t count;        /* bytes that follow */
	uint32_t length_bytes; /* on the wire */
	uint64_t time_ns;      /* CLOCK_REALTIME */
	uint64_t lost;         /* packets that matched but could not be copied so far */
	char interface[API_NAME_MAX];
	char reason[API_REASON_MAX];
	uint16_t direction; /* enum api_capture_direction */
	uint16_t worker;
	uint32_t pad;
};

struct api_control_status {
	uint32_t pid;
	uint32_t dataplane_pid; /* 0: not connected */
	uint64_t generation;    /* desired */
	uint64_t installed;     /* in the dataplane */
	uint64_t started_ns;    /* CLOCK_REALTIME */
	uint64_t applied_ns;    /* CLOCK_REALTIME of the last successful apply */
	uint32_t reconnects;
	uint32_t routes;
	uint16_t metrics_port;
	uint16_t services;
	uint16_t backends;
	uint16_t backends_draining;
	uint16_t backends_down;
	uint16_t panics; /* services that use backends that are down, for want of others */
	uint8_t pad[4];
	char node[API_NAME_MAX];
	char metrics_address[IPADDR_TEXT_MAX];
	char config_path[1024];
	char last_error[256];
};

enum api_apply_flags { API_APPLY_DRY_RUN = 1 };

struct api_control_apply {
	uint32_t flags; /* enum api_apply_flags */
	uint32_t pad;
	char path[API_PATH_MAX]; /* absolute */
};

struct api_control_applied {
	uint32_t count;         /* bytes of text that follow */
	uint32_t truncated;     /* 1: the difference was longer than one message */
	uint32_t warning_bytes; /* of them, at the end: warnings, one a line */
	uint32_t pad;
	uint64_t generation;
	struct api_commit_reply counts;
};

struct api_control_drain {
	char service[API_NAME_MAX];
	struct ip_addr address;
	uint16_t port;
	uint16_t any_port; /* 1: the only backend with this address, whatever its port */
	uint32_t drain;    /* 0: use it again */
};

struct api_control_progress {
	uint32_t done;
	uint32_t total;
	char what[32];
};

/* One row of api.def at run time. */
struct api_row {
	uint16_t type;
	const char *name;
	const char *help;
	uint16_t request_bytes;
	uint16_t request_item_bytes; /* 0: no items */
	uint16_t reply_bytes;
	uint16_t reply_item_bytes;
};

/* The row of @type, or NULL. Any thread. */
const struct api_row *api_row_find(uint16_t type);

/* All rows; *@n is set to their number. Any thread. */
const struct api_row *api_rows(size_t *n);

/*
 * Checks that the @len bytes at @buf are one well-formed request or reply: header, known type,
 * exact length for its count. The body of an error reply is a terminated struct base_error. Strings
 * inside bodies are not checked here (see api_string_ok). 0, or -EBADMSG/-EPROTO with a sentence.
 */
int api_check(const void *buf, size_t len, struct base_error *err);

/* Whether the array of @size bytes holds a terminated string of printable ASCII. */
bool api_string_ok(const char *s, size_t size);

/* A blocking client of one socket: braidctl, and tests. */
struct api_client {
	int fd;
	uint32_t sequence;
	uint64_t generation; /* of the last reply */
	uint8_t *buf;        /* API_MSG_MAX_BYTES, holds the last message received */
	void (*on_event)(
		void *ctx, const struct api_header *hdr); /* during api_call; may be NULL */
	void *ctx;
};

/*
 * Connects to @path and says hello as @name; *@hello (may be NULL) is the answer. A missing or
 * stale socket, a refused permission and another API version each give their own sentence in @err.
 * 0 or a negative errno.
 */
int api_client_open(struct api_client *c, const char *path, const char *name,
	struct api_hello_reply *hello, struct base_error *err);

/* Closes and frees. */
void api_client_close(struct api_client *c);

/*
 * Sends @type with its request structure @body (NULL for an empty one), behind which the items lie
 * that its `count` announces, and waits for the reply. 0: *@reply (may be NULL) points to the
 * reply's body inside the client's buffer, valid until the next call. A negative errno: @err has
 * the other side's sentence. Events that arrive meanwhile are skipped unless c->on_event is set.
 */
int api_call(struct api_client *c, enum api_type type, const void *body, const void **reply,
	struct base_error *err);

/* Waits up to @timeout_ms (-1: forever) for one event. 1: *@hdr is it; 0: time is up; negative
 * errno. */
int api_event_wait(struct api_client *c, int timeout_ms, const struct api_header **hdr,
	struct base_error *err);

/* Opens a non-blocking SOCK_SEQPACKET socket to @path. The fd, or a negative errno with a sentence
 * that names the program @peer to start. For event loops. */
int api_connect(const char *path, const char *peer, struct base_error *err);

/*
 * Binds and listens on @path with mode 0660. A socket left by a dead process is replaced; one that
 * answers is refused with a sentence ("another ... is running"). The fd, or a negative errno.
 */
int api_listen(const char *path, struct base_error *err);

/*
 * Sends one whole message: the header, whose length is filled in; the body that goes with its type,
 * flags and status (NULL for an empty one; an error reply has a struct base_error); then @items_len
 * bytes of items. 0, -EAGAIN, or a negative errno.
 */
int api_send(int fd, struct api_header *hdr, const void *body, const void *items, size_t items_len);

/* Sends a message that lies whole in memory, as long as its header says. As above. */
int api_send_whole(int fd, const struct api_header *msg);

/* Receives one whole checked message into @buf of API_MSG_MAX_BYTES. Its length, 0 at end of file,
 * -EAGAIN, or -EBADMSG with a sentence. */
int api_recv(int fd, void *buf, struct base_error *err);

#endif
