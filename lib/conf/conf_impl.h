/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of this folder share: the YAML tree, the key tables and the state of one load.
 * Main threads only. Not for use outside lib/conf.
 */
#ifndef LIB_CONF_CONF_IMPL_H
#define LIB_CONF_CONF_IMPL_H

#include "lib/conf/conf.h"

#define CONF_TEXT_MAX      (64U << 20) /* bytes of one YAML file */
#define CONF_VALUES_MAX    1000000     /* YAML scalars, lists and maps in one file */
#define CONF_DEPTH_MAX     12          /* lists and maps inside each other */
#define CONF_CPU_MAX       1023
#define CONF_WEIGHT_MAX    255
#define CONF_QUOTE_BYTES   64  /* of a user's text that a message repeats, terminator included */
#define CONF_WHERE_BYTES   256 /* of file, line and column in a message */
#define CONF_IS_CONNECTED  0x80000000U
#define CONF_CONNECTED_MAX (2 * CONF_INTERFACES_MAX * CONF_ADDRESSES_MAX)

enum conf_value_kind { CONF_VALUE_SCALAR, CONF_VALUE_LIST, CONF_VALUE_MAP };

/* One value of the file; the children of a map are key, value, key, value. */
struct conf_value {
	enum conf_value_kind kind;
	struct conf_place place;
	uint32_t first;      /* index of the first child, 0: none */
	uint32_t next;       /* index of the next sibling, 0: none */
	uint32_t n_children; /* items of a list; keys and values of a map */
	uint32_t text_len;
	bool has_control; /* a scalar with control characters in it */
	size_t text;      /* offset of a scalar's terminated text in conf_yaml.text */
};

/* The file as a tree; values[0] is unused, values[1] the root. */
struct conf_yaml {
	struct conf_value *values;
	uint32_t n_values;
	uint32_t cap_values;
	char *text;
	size_t text_len;
	size_t text_cap;
};

/* A route as written, before its next hops are shared. */
struct conf_draft {
	struct ip_addr prefix;
	struct conf_place prefix_place;
	enum conf_action action;
	struct conf_place action_place; /* line 0: no action given */
	char interface[CONF_NAME_MAX];  /* for the hops that name none */
	uint16_t n_hops;
	struct conf_hop hops[CONF_HOPS_MAX];
	struct conf_place hop_places[CONF_HOPS_MAX];
};

/* Consecutive routes from one file. */
struct conf_source {
	const char *file;
	uint32_t first_route;
};

/* A connected subnet or an own address, which no route may replace. */
struct conf_connected {
	struct ip_addr prefix;
	uint16_t interface;
};

/* A place in the hash of prefixes. */
struct conf_slot {
	uint32_t hash;   /* its upper bits choose the slot */
	uint32_t target; /* 0: free, 1 + route, or CONF_IS_CONNECTED | index into connected */
};

/* Where routes and next-hop sets are found again while loading. */
struct conf_rib {
	struct conf_slot *slots;
	unsigned slots_log2;
	uint32_t n_used;
	uint32_t *nexthop_slots;   /* 0 free, else 1 + next hop */
	struct conf_place *places; /* of each route */
	uint32_t cap_routes;
	uint32_t cap_nexthops;
	uint16_t n_connected;
	struct conf_connected connected[CONF_CONNECTED_MAX];
	uint16_t n_sources;
	struct conf_source sources[CONF_ROUTE_FILES_MAX + 2];
};

/* Where the keys of the service being read stand; line 0: not given. */
struct conf_service_places {
	struct conf_place health;
	struct conf_place probe;
	struct conf_place probe_port;
	struct conf_place interval;
	struct conf_place timeout;
	struct conf_place request;
	struct conf_place expect;
};

/* Where the balancer's parts stand, for the checks that come when all of the file is read. */
struct conf_lb_places {
	struct conf_place pool[CONF_POOL_MAX];
	struct conf_place vips[CONF_SERVICES_MAX];
	struct conf_place modes[CONF_SERVICES_MAX];
	struct conf_place backend_ports[CONF_BACKENDS_MAX];
	struct conf_service_places service;
};

/* The state of one load; everything in it but conf dies with it. */
struct conf_loader {
	const char *file;      /* what messages name: the YAML file, or the route file being read */
	const char *yaml_file; /* route files are looked up beside it */
	bool node_only;
	struct conf_error *err;
	struct conf *conf;
	struct conf_yaml yaml;
	struct conf_place mtu_places[CONF_INTERFACES_MAX];
	struct conf_place vlan_places[CONF_INTERFACES_MAX];
	struct conf_place address_places[CONF_INTERFACES_MAX][CONF_ADDRESSES_MAX];
	struct conf_place flows_place; /* of node.flows; line 0: not given */
	uint32_t cap_neighbors;
	struct conf_place neighbor_interface_place;
	struct conf_place neighbor_address_place;
	struct conf_draft draft;
	struct conf_rib rib;
	uint32_t cap_services;
	uint32_t cap_backends;
	struct conf_lb_places lb_places;
	struct conf_place store_listen_places[CONF_STORE_LISTEN_MAX];
};

/* What kinds of value a key takes; several may be or-ed. */
enum conf_takes {
	CONF_TAKES_NOTHING = 0, /* a key of the design that this version refuses */
	CONF_TAKES_SCALAR = 1,
	CONF_TAKES_SCALARS = 2, /* a list of scalars */
	CONF_TAKES_MAP = 4,
	CONF_TAKES_MAPS = 8, /* a list of maps */
};

struct conf_key;

/* Reads one scalar into @base; 0 or the result of conf_fail. */
typedef int conf_decode(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base);

/* One row per key of the file. */
struct conf_key {
	const char *name;
	unsigned takes; /* enum conf_takes */
	bool required;
	bool is_binary; /* control characters are welcome */
	size_t offset;  /* in the section's structure */
	uint64_t min;   /* of the number */
	uint64_t max;
	uint32_t items_min; /* of the list */
	uint32_t items_max;
	const char *const *words;           /* of an enumeration, in its order, NULL-terminated */
	conf_decode *decode;                /* each scalar */
	const struct conf_section *section; /* each map */
	const char *help;
};

/* A map with named keys. */
struct conf_section {
	const char *noun;
	const char *identity; /* the key whose value names it in messages, or NULL */
	const struct conf_key *keys;
	size_t n_keys;
	/* Makes the structure for @map and points *@base, the parent's, to it. May be NULL. */
	int (*begin)(struct conf_loader *l, const struct conf_value *map, void **base);
	/* Checks it when all its keys are read. May be NULL. */
	int (*end)(struct conf_loader *l, const struct conf_value *map, void *base);
};

/* The whole file (conf_keys.c). */
extern const struct conf_section conf_file_section;

/* Its `node` section (conf_keys_node.c). */
extern const struct conf_section conf_node_section;

/* Its `nat`, `lb` and `services` sections (conf_keys_lb.c, conf_keys_service.c). */
extern const struct conf_section conf_nat_section;
extern const struct conf_section conf_lb_section;
extern const struct conf_section conf_service_section;

/* Its `store` section (conf_keys_store.c). */
extern const struct conf_section conf_store_section;

/* Its `compute` section (conf_keys_compute.c). */
extern const struct conf_section conf_compute_section;

/* Checks the store's addresses and ports when all of the file is read; 0 or the result of
 * conf_fail.
 */
int conf_check_store(struct conf_loader *l);

/* The words for enum conf_lb_mode and enum conf_probe_kind (conf_keys_service.c). */
extern const char *const conf_mode_words[];
extern const char *const conf_probe_words[];

/* Writes "file:line:column: sentence" to the load's error (line 0: no place); returns -EINVAL. */
int conf_fail(struct conf_loader *l, struct conf_place place, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* `mtu "abc" must be ...`: fails with the key, the value as written and @wanted. */
int conf_fail_value(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, const char *wanted);

/* As conf_fail for want of memory; returns -ENOMEM. */
int conf_fail_memory(struct conf_loader *l);

/* The first CONF_QUOTE_BYTES of @len bytes at @text, made printable, in @buf; returns @buf. */
char *conf_quote(const char *text, size_t len, char buf[CONF_QUOTE_BYTES]);

/* Makes room for one more in *@array of *@cap elements of @size bytes, @n used; 0 or -ENOMEM. */
int conf_grow(void **array, uint32_t *cap, uint32_t n, size_t size);

/* Parses the text into l->yaml, within the limits; 0 or the result of conf_fail. */
int conf_yaml_parse(struct conf_loader *l, const char *text, size_t len);

/* The text of a scalar, terminated. */
static inline const char *conf_value_text(const struct conf_loader *l, const struct conf_value *v)
{
	return l->yaml.text + v->text;
}

/* The value with that index, or NULL for 0. */
static inline struct conf_value *conf_value_at(const struct conf_loader *l, uint32_t index)
{
	return index ? &l->yaml.values[index] : NULL;
}

/* The member at the key's offset. */
static inline void *conf_key_member(const struct conf_key *key, void *base)
{
	return (char *)base + key->offset;
}

/* Decodes l->yaml into l->conf by the tables, `node` before everything else. */
int conf_decode_file(struct conf_loader *l);

/* Scalar decoders for the tables, with the members of struct conf_key that each uses. */
conf_decode conf_decode_name;      /* offset: char[CONF_NAME_MAX] */
conf_decode conf_decode_device;    /* offset: char[CONF_DEVICE_MAX] */
conf_decode conf_decode_u16;       /* offset: uint16_t; min, max */
conf_decode conf_decode_size;      /* offset: uint64_t; min, max, in bytes */
conf_decode conf_decode_word;      /* offset: an enum; words in its order */
conf_decode conf_decode_mac;       /* offset: uint8_t[6] */
conf_decode conf_decode_address;   /* offset: struct ip_addr, without a length */
conf_decode conf_decode_interface; /* offset: char[CONF_NAME_MAX], one that exists */
conf_decode conf_decode_worker;    /* a CPU or a range of them for conf_node.workers */
conf_decode conf_decode_listen;    /* conf.metrics_address and conf.metrics_port */
conf_decode conf_decode_count;     /* offset: uint32_t; min, max */
conf_decode conf_decode_duration;  /* offset: uint32_t, milliseconds; min, max */
conf_decode conf_decode_percent;   /* offset: uint16_t */
conf_decode conf_decode_port;      /* offset: uint16_t; `any` is 0 */
conf_decode conf_decode_protocol;  /* offset: uint8_t */
conf_decode conf_decode_key;       /* offset: uint8_t[16] */

/* Reads an address or a prefix without host bits that hosts can have, into @out. */
int conf_decode_addresses(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, struct ip_addr *out);

/* Reads what a probe sends or expects: text with escapes, into @out; *@n_bytes is its length. */
int conf_decode_payload(struct conf_loader *l, const struct conf_value *value,
	uint8_t out[CONF_PAYLOAD_MAX], uint16_t *n_bytes);

/* Why no host can have that address ("a multicast address"), or NULL. */
const char *conf_check_unusable(const struct ip_addr *addr);

/* Why @addr, with the length of its subnet, is no address of a host there, or NULL. */
const char *conf_check_not_a_host(const struct ip_addr *addr);

/* Sets the last address of a subnet in *@addr. */
void conf_check_last(struct ip_addr *addr);

/* Fails unless @name, of which an error is at @place, is that of an interface. */
int conf_check_interface(struct conf_loader *l, const char *name, struct conf_place place);

/* Checks and adds an interface address. */
int conf_check_add_address(
	struct conf_loader *l, const struct conf_value *value, struct conf_interface *interface);

/* Fails when another interface than @self has its name already. */
int conf_check_name(
	struct conf_loader *l, const struct conf_interface *self, struct conf_place place);

/* Fails when another interface of the same port has the VLAN of @self. */
int conf_check_vlan(
	struct conf_loader *l, const struct conf_interface *self, struct conf_place place);

/* Completes and checks the MTUs of a port and its sub-interfaces. */
int conf_check_mtus(struct conf_loader *l, struct conf_port *port);

/* Interface, address and uniqueness of the neighbour added last. */
int conf_check_neighbor(struct conf_loader *l, const struct conf_neighbor *neighbor);

/* Whether the next hops of the draft, sorted, can be reached from the interfaces. */
int conf_check_hops(struct conf_loader *l, const struct conf_draft *draft);

/* Completes the service read last and checks what must hold inside it. */
int conf_check_service(struct conf_loader *l, struct conf_service *service);

/* Fails when the NAT pool cannot carry the flows that were asked for. */
int conf_check_pool(struct conf_loader *l);

/* What must hold between services, the pool, interfaces and routes, all of them being read. */
int conf_check_lb(struct conf_loader *l);

/* Prepares the tables of routes, the interfaces being known. */
int conf_routes_init(struct conf_loader *l);

/* Starts a run of routes from @file, a string that lives as long as the load. */
void conf_routes_source(struct conf_loader *l, const char *file);

/* Reads the prefix of a route, whose error is at @place, and checks that it can be one. */
int conf_routes_prefix(struct conf_loader *l, const char *text, size_t len, struct conf_place place,
	struct ip_addr *out);

/* Adds the draft as a route, its next hops shared with equal ones. */
int conf_routes_add(struct conf_loader *l, struct conf_draft *draft);

/* What stands under exactly @prefix: as conf_slot.target, 0 for nothing. */
uint32_t conf_routes_find(struct conf_loader *l, const struct ip_addr *prefix);

/* As conf_routes_find, for the longest prefix that covers the address @addr; its length goes to
 * @prefix_len. */
uint32_t conf_routes_match(struct conf_loader *l, const struct ip_addr *addr, uint8_t *prefix_len);

/* Writes "file:line:column" of a route, @target, to @buf; returns @buf. */
char *conf_routes_where(const struct conf_loader *l, uint32_t target, char buf[CONF_WHERE_BYTES]);

/* Gives back what the arrays have too much; frees the tables. */
void conf_routes_fini(struct conf_loader *l);

/* Reads the route file named by a value of `route_files`. */
int conf_route_file_load(struct conf_loader *l, const struct conf_value *value);

#endif
