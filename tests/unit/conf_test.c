/* SPDX-License-Identifier: BSD-3-Clause */
/* Good configurations: every value arrives, defaults are filled in, the limits are what they say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/conf/conf.h"

#define TEXT_BYTES_MAX (1 << 20)

static const char full_text[] =
	"node:\n"
	"  name: n1\n"
	"  workers: [1, 1, 2-4]\n"
	"  main: 0\n"
	"  memory: 256M\n"
	"  huge: no\n"
	"  idle: poll\n"
	"  ports:\n"
	"    - name: lan\n"
	"      interfaces:\n"
	"        - {name: lan.10, vlan: 10, addresses: [192.0.2.65/26]}\n"
	"        - {name: lan.20, vlan: 20, mtu: 1400}\n"
	"      device: net_af_xdp0,iface=lan0\n"
	"      mtu: 1600\n"
	"      mac: 02:00:00:00:00:01\n"
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"
	"    - name: wan\n"
	"      device: 0000:03:00.0\n"
	"      addresses: [198.18.0.0/31, \"fe80::1/64\"]\n"
	"neighbors:\n"
	"  - {interface: lan, address: 192.0.2.254, "
	"mac: 02:00:00:00:00:fe}\n"
	"  - {interface: wan, address: \"fe80::9\", "
	"mac: 02:00:00:00:00:09}\n"
	"routes:\n"
	"  - {prefix: 198.51.100.0/24, via: 192.0.2.254}\n"
	"  - {prefix: 203.0.113.0/24, via: [{address: 192.0.2.8}, "
	"{address: 192.0.2.7, weight: 3}]}\n"
	"  - {prefix: 203.0.112.0/24, via: [{address: 192.0.2.7, weight: 3}, "
	"192.0.2.8]}\n"
	"  - {prefix: 192.0.2.128/25, action: blackhole}\n"
	"  - {prefix: \"2001:db8:f::/48\", action: reject}\n"
	"  - {prefix: \"::/0\", via: \"fe80::9\", interface: wan}\n"
	"metrics:\n"
	"  listen: \"[::1]:9000\"\n";

/* Loads @text, which must be good. */
static struct conf *load(const char *text)
{
	struct conf *conf = NULL;
	struct conf_error err = {0};
	int rc = conf_load_text("t.yaml", text, strlen(text), &conf, &err);

	assert_string_equal(err.text, "");
	assert_int_equal(rc, 0);
	return conf;
}

/* Loads @text, which must fail with @sentence. */
static void load_fails(const char *text, const char *sentence)
{
	struct conf *conf = NULL;
	struct conf_error err = {0};

	assert_true(conf_load_text("t.yaml", text, strlen(text), &conf, &err) < 0);
	assert_string_equal(err.text, sentence);
	assert_null(conf);
}

static void assert_address(const struct ip_addr *addr, const char *expected)
{
	char text[IPADDR_TEXT_MAX];

	assert_string_equal(ip_addr_format(addr, text), expected);
}

/* Appends to a text of TEXT_BYTES_MAX. */
static void PRINTF_LIKE(2, 3) append(char *text, const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, TEXT_BYTES_MAX - n, fmt, ap);
	va_end(ap);
}

static void a_full_file_fills_the_node(void **state)
{
	static const uint16_t workers[] = {1, 1, 2, 3, 4};
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct conf *conf = load(full_text);
	const struct conf_node *node = &conf->node;

	assert_string_equal(node->name, "n1");
	assert_int_equal(node->n_workers, 5);
	assert_memory_equal(node->workers, workers, sizeof(workers));
	assert_int_equal(node->memory_bytes, 256 << 20);
	assert_int_equal(node->huge, CONF_HUGE_NO);
	assert_int_equal(node->idle, CONF_IDLE_POLL);
	assert_int_equal(node->n_ports, 2);
	assert_string_equal(node->ports[0].device, "net_af_xdp0,iface=lan0");
	assert_int_equal(node->ports[0].mtu, 1600);
	assert_true(node->ports[0].has_mac);
	assert_memory_equal(node->ports[0].mac, mac, sizeof(mac));
	assert_int_equal(node->ports[0].place.line, 9);
	assert_int_equal(node->ports[0].place.column, 7);
	assert_string_equal(node->ports[1].device, "0000:03:00.0");
	assert_int_equal(node->ports[1].mtu, CONF_MTU_DEFAULT);
	assert_false(node->ports[1].has_mac);
	conf_free(conf);
}

static void a_ports_interface_comes_before_its_sub_interfaces(void **state)
{
	static const struct {
		const char *name;
		uint16_t port, vlan, mtu, n_addresses;
	} expected[] = {
		{"lan", 0, 0, 1600, 2},
		{"lan.10", 0, 10, 1600, 1},
		{"lan.20", 0, 20, 1400, 0},
		{"wan", 1, 0, 1500, 2},
	};
	struct conf *conf = load(full_text);

	assert_int_equal(conf->node.n_interfaces, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct conf_interface *interface = &conf->node.interfaces[i];

		assert_string_equal(interface->name, expected[i].name);
		assert_int_equal(interface->port, expected[i].port);
		assert_int_equal(interface->vlan, expected[i].vlan);
		assert_int_equal(interface->mtu, expected[i].mtu);
		assert_int_equal(interface->n_addresses, expected[i].n_addresses);
	}
	assert_address(&conf->node.interfaces[0].addresses[0], "192.0.2.1/24");
	assert_address(&conf->node.interfaces[0].addresses[1], "2001:db8::1/64");
	assert_address(&conf->node.interfaces[1].addresses[0], "192.0.2.65/26");
	assert_address(&conf->node.interfaces[3].addresses[0], "198.18.0.0/31");
	assert_int_equal(conf->node.interfaces[2].place.line, 12);
	conf_free(conf);
}

static void neighbors_and_metrics_arrive(void **state)
{
	struct conf *conf = load(full_text);

	assert_int_equal(conf->n_neighbors, 2);
	assert_string_equal(conf->neighbors[0].interface, "lan");
	assert_address(&conf->neighbors[0].address, "192.0.2.254");
	assert_int_equal(conf->neighbors[0].mac[5], 0xfe);
	assert_int_equal(conf->neighbors[1].place.line, 22);
	assert_address(&conf->neighbors[1].address, "fe80::9");
	assert_string_equal(conf->metrics_address, "::1");
	assert_int_equal(conf->metrics_port, 9000);
	conf_free(conf);
}

static void routes_with_equal_next_hops_share_one_set(void **state)
{
	struct conf *conf = load(full_text);
	const struct conf_nexthop *ecmp, *default_hop;

	assert_int_equal(conf->n_routes, 6);
	assert_int_equal(conf->n_nexthops, 5);
	assert_address(&conf->routes[0].prefix, "198.51.100.0/24");
	assert_int_equal(conf->routes[1].nexthop, conf->routes[2].nexthop);
	ecmp = &conf->nexthops[conf->routes[1].nexthop];
	assert_int_equal(ecmp->n_hops, 2);
	assert_address(&ecmp->hops[0].address, "192.0.2.7");
	assert_int_equal(ecmp->hops[0].weight, 3);
	assert_address(&ecmp->hops[1].address, "192.0.2.8");
	assert_int_equal(ecmp->hops[1].weight, 1);
	assert_string_equal(ecmp->hops[1].interface, "");
	assert_int_equal(conf->nexthops[conf->routes[3].nexthop].action, CONF_ACTION_BLACKHOLE);
	assert_int_equal(conf->nexthops[conf->routes[4].nexthop].action, CONF_ACTION_REJECT);
	assert_address(&conf->routes[5].prefix, "::/0");
	default_hop = &conf->nexthops[conf->routes[5].nexthop];
	assert_int_equal(default_hop->action, CONF_ACTION_VIA);
	assert_string_equal(default_hop->hops[0].interface, "wan");
	conf_free(conf);
}

static void what_is_not_given_has_a_default(void **state)
{
	struct conf *conf =
		load("node: {name: n1, workers: [0], ports: [{name: a, device: net_null0}]}\n"
		     "neighbors: []\nroutes: []\nroute_files: []\nmetrics: {}\n");

	assert_int_equal(conf->node.main_cpu, 0);
	assert_int_equal(conf->node.memory_bytes, 512 << 20);
	assert_int_equal(conf->node.huge, CONF_HUGE_AUTO);
	assert_int_equal(conf->node.idle, CONF_IDLE_ADAPTIVE);
	assert_string_equal(conf->metrics_address, "127.0.0.1");
	assert_int_equal(conf->metrics_port, 9465);
	assert_int_equal(conf->n_routes, 0);
	conf_free(conf);
}

static void sections_may_stand_in_any_order(void **state)
{
	struct conf *conf =
		load("metrics: {listen: 127.0.0.1:1}\n"
		     "routes: [{prefix: 198.51.100.0/24, via: 192.0.2.9, interface: lan}]\n"
		     "node:\n"
		     "  ports: [{addresses: [192.0.2.1/24], device: d0, name: lan}]\n"
		     "  workers: [1]\n"
		     "  name: n1\n");

	assert_int_equal(conf->n_routes, 1);
	assert_string_equal(conf->nexthops[0].hops[0].interface, "lan");
	assert_int_equal(conf->metrics_port, 1);
	conf_free(conf);
}

static void sizes_have_suffixes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{"67108864", 64ULL << 20},
		{"65536K", 64ULL << 20},
		{"64M", 64ULL << 20},
		{"2G", 2ULL << 30},
		{"1024G", 1024ULL << 30},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		struct conf *conf;

		snprintf(text, sizeof(text),
			"node: {name: n, memory: %s, workers: [0], ports: [{name: a, device: d}]}",
			cases[i].text);
		conf = load(text);
		assert_int_equal(conf->node.memory_bytes, cases[i].bytes);
		conf_free(conf);
	}
}

static void every_limit_has_a_sentence(void **state)
{
	char *text = calloc(1, TEXT_BYTES_MAX);

	append(text, "node: {name: n, workers: [0], ports: [");
	for (int i = 0; i <= CONF_PORTS_MAX; i++)
		append(text, "{name: p%d, device: d%d}, ", i, i);
	append(text, "]}");
	load_fails(text, "t.yaml:1:435: more than 16 items in \"ports\"");

	strcpy(text, "node: {name: n, workers: [0], ports: [{name: p, device: d, interfaces: [\n");
	for (int i = 1; i <= CONF_INTERFACES_MAX; i++)
		append(text, "{name: i%d, vlan: %d},\n", i, i);
	append(text, "]}]}");
	load_fails(text, "t.yaml:65:1: more than 64 interfaces, ports included");

	strcpy(text, "node: {name: n, workers: [0], ports: [{name: p, device: d, addresses: [\n");
	for (int i = 0; i <= CONF_ADDRESSES_MAX; i++)
		append(text, "10.0.%d.1/24,\n", i);
	append(text, "]}]}");
	load_fails(text, "t.yaml:18:1: more than 16 items in \"addresses\"");

	strcpy(text, "node: {name: n, workers: [0], ports: [{name: p, device: d, addresses: "
		     "[10.0.0.1/8]}]}\nneighbors:\n");
	for (int i = 0; i <= CONF_NEIGHBORS_MAX; i++)
		append(text, "- {interface: p, address: 10.1.%d.%d, mac: 02:00:00:00:00:01}\n",
			i >> 8, i & 255);
	load_fails(text, "t.yaml:4099:3: more than 4096 items in \"neighbors\"");

	strcpy(text, "node: {name: n, workers: [0], ports: [{name: p, device: d, addresses: "
		     "[10.0.0.1/8]}]}\nroutes: [{prefix: 0.0.0.0/0, via: [\n");
	for (int i = 0; i <= CONF_HOPS_MAX; i++)
		append(text, "10.1.1.%d,\n", i);
	append(text, "]}]");
	load_fails(text, "t.yaml:35:1: more than 32 items in \"via\"");
	free(text);
}

static void more_next_hop_sets_than_fit_are_refused(void **state)
{
	char *text = calloc(1, 2 * TEXT_BYTES_MAX);
	size_t n;

	n = (size_t)sprintf(text,
		"node: {name: n, workers: [0], ports: [{name: p, device: d, addresses: "
		"[10.0.0.1/8]}]}\nroutes:\n");
	for (int i = 0; i <= CONF_NEXTHOPS_MAX; i++)
		n += (size_t)sprintf(text + n, "- {prefix: 20.%d.%d.0/24, via: 10.1.%d.%d}\n",
			i >> 8, i & 255, i >> 8, i & 255);
	load_fails(text, "t.yaml:16387:12: more than 16384 different sets of next hops");
	free(text);
}

static void a_long_value_and_a_huge_file_are_refused(void **state)
{
	struct conf *conf = NULL;
	struct conf_error err = {0};
	char text[5000] = "a: ";

	memset(text + 3, 'x', sizeof(text) - 4);
	load_fails(text, "t.yaml:1:4: this value is longer than 4096 bytes");
	assert_true(conf_load_text("t.yaml", text, (64U << 20) + 1, &conf, &err) < 0);
	assert_string_equal(
		err.text, "t.yaml: the file is larger than 64 MiB (put routes into route_files)");
}

/* Writes @text to a temporary file whose name is put into @path, a template. */
static void write_file(char *path, const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void the_node_alone_is_loaded_without_the_routes(void **state)
{
	char path[] = "/tmp/conf_test_XXXXXX", expected[128];
	struct conf *conf = NULL;
	struct conf_error err = {0};

	write_file(path, "routes: [{prefix: nonsense, via: nowhere}]\n"
			 "route_files: [missing.txt]\n"
			 "node: {name: n1, workers: [1], ports: [{name: lan, device: d0}]}\n"
			 "neighbors: [{interface: none, address: x, mac: y}]\n");
	assert_int_equal(conf_load(path, true, &conf, &err), 0);
	assert_string_equal(conf->node.ports[0].name, "lan");
	assert_int_equal(conf->n_routes + conf->n_neighbors + conf->n_route_files, 0);
	conf_free(conf);
	assert_int_equal(conf_load(path, false, &conf, &err), -EINVAL);
	snprintf(expected, sizeof(expected),
		"%s:1:19: prefix \"nonsense\" must be ADDRESS/LENGTH: 198.51.100.0/24 or "
		"2001:db8::/32",
		path);
	assert_string_equal(err.text, expected);
	assert_null(conf);
	unlink(path);
}

static void the_node_alone_still_wants_known_keys_elsewhere(void **state)
{
	char path[] = "/tmp/conf_test_XXXXXX", expected[128];
	struct conf *conf = NULL;
	struct conf_error err = {0};

	write_file(path, "node: {name: n1, workers: [1], ports: [{name: lan, device: d0}]}\n"
			 "routes: [{prefx: 0.0.0.0/0}]\n");
	assert_int_equal(conf_load(path, true, &conf, &err), -EINVAL);
	snprintf(expected, sizeof(expected),
		"%s:2:11: unknown key \"prefx\" in route (did you mean \"prefix\"?)", path);
	assert_string_equal(err.text, expected);
	unlink(path);

	strcpy(path, "/tmp/conf_test_XXXXXX");
	write_file(path, "metrics: {listen: x}\n");
	assert_int_equal(conf_load(path, true, &conf, &err), -EINVAL);
	snprintf(expected, sizeof(expected),
		"%s:1:1: the file has no \"node\" (this machine: its name, workers and ports)",
		path);
	assert_string_equal(err.text, expected);
	unlink(path);
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
	struct conf *conf = NULL;
	struct conf_error err = {0};

	assert_int_equal(conf_load("/nowhere/braid.yaml", false, &conf, &err), -ENOENT);
	assert_string_equal(err.text,
		"/nowhere/braid.yaml: cannot read the configuration file: No such file or "
		"directory");
	assert_int_equal(conf_load("/tmp", false, &conf, &err), -EISDIR);
	assert_string_equal(err.text, "/tmp: cannot read the configuration file: Is a directory");
	assert_null(conf);
	conf_free(NULL);
}

static void a_long_path_keeps_its_end_in_messages(void **state)
{
	struct conf *conf = NULL;
	struct conf_error err = {0};
	char name[1001];

	memset(name, 'd', sizeof(name));
	strcpy(name + 990, "/t.yaml");
	assert_true(conf_load_text(name, "a: 1", 4, &conf, &err) < 0);
	assert_non_null(strstr(err.text, "d/t.yaml:1:1: unknown key \"a\" in the file"));
	assert_memory_equal(err.text, "...d", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_file_fills_the_node),
		cmocka_unit_test(a_ports_interface_comes_before_its_sub_interfaces),
		cmocka_unit_test(neighbors_and_metrics_arrive),
		cmocka_unit_test(routes_with_equal_next_hops_share_one_set),
		cmocka_unit_test(what_is_not_given_has_a_default),
		cmocka_unit_test(sections_may_stand_in_any_order),
		cmocka_unit_test(sizes_have_suffixes),
		cmocka_unit_test(every_limit_has_a_sentence),
		cmocka_unit_test(more_next_hop_sets_than_fit_are_refused),
		cmocka_unit_test(a_long_value_and_a_huge_file_are_refused),
		cmocka_unit_test(the_node_alone_is_loaded_without_the_routes),
		cmocka_unit_test(the_node_alone_still_wants_known_keys_elsewhere),
		cmocka_unit_test(a_file_that_cannot_be_read_says_why),
		cmocka_unit_test(a_long_path_keeps_its_end_in_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
