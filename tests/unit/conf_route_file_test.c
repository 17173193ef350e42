/* SPDX-License-Identifier: BSD-3-Clause */
/* Route files: what each line may be, every mistake with its sentence, and a million lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/conf/conf.h"

#define NODE                                                                                       \
	"node: {name: n1, workers: [1], ports: [{name: lan, device: d0, "                          \
	"addresses: [192.0.2.1/24, '2001:db8::1/64']}]}\n"
#define ROUTES_A_MILLION 1000000

/* A directory with a configuration in it; @name of a route file goes to @path. */
static char dir[] = "/tmp/conf_route_file_test_XXXXXX";

static char *path_of(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text, size_t len)
{
	char path[128];
	FILE *file = fopen(path_of(name, path), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
}

/* Loads NODE and then @rest. */
static int load(const char *rest, struct conf **conf, struct conf_error *err)
{
	char path[128], text[1024];

	*err = (struct conf_error){0};
	snprintf(text, sizeof(text), "%s%s", NODE, rest);
	return conf_load_text(path_of("t.yaml", path), text, strlen(text), conf, err);
}

/* Loads a route file with @text, which must be good. */
static struct conf *load_routes(const char *text, size_t len)
{
	struct conf *conf = NULL;
	struct conf_error err;
	int rc;

	write_file("r.txt", text, len);
	rc = load("route_files: [r.txt]\n", &conf, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(rc, 0);
	return conf;
}

/* Loads NODE and @rest, which must fail with @sentence after the directory. */
static void load_fails(const char *rest, const char *sentence)
{
	struct conf *conf = NULL;
	struct conf_error err;

	assert_true(load(rest, &conf, &err) < 0);
	assert_memory_equal(err.text, dir, strlen(dir));
	assert_string_equal(err.text + strlen(dir) + 1, sentence);
	assert_null(conf);
}

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char path[128];

	unlink(path_of("r.txt", path));
	unlink(path_of("s.txt", path));
	return rmdir(dir);
}

static void assert_address(const struct ip_addr *addr, const char *expected)
{
	char text[IPADDR_TEXT_MAX];

	assert_string_equal(ip_addr_format(addr, text), expected);
}

static void every_form_of_a_line_is_read(void **state)
{
	static const char text[] = "# a comment\n"
				   "\n"
				   "   \t \n"
				   "198.51.100.0/24 via 192.0.2.9\n"
				   "\t203.0.113.0/24\tvia  192.0.2.9 weight 1 # the same\r\n"
				   "2001:db8:1::/48 via 2001:db8::9 weight 3 via fe80::8 interface "
				   "lan via 2001:db8::7#\n"
				   "10.0.0.0/8 blackhole\r\n"
				   "0.0.0.0/0 reject";
	struct conf *conf = load_routes(text, strlen(text));
	const struct conf_nexthop *ecmp;

	assert_int_equal(conf->n_routes, 5);
	assert_int_equal(conf->n_nexthops, 4);
	assert_int_equal(conf->routes[0].nexthop, conf->routes[1].nexthop);
	assert_address(&conf->routes[2].prefix, "2001:db8:1::/48");
	ecmp = &conf->nexthops[conf->routes[2].nexthop];
	assert_int_equal(ecmp->n_hops, 3);
	assert_address(&ecmp->hops[0].address, "2001:db8::7");
	assert_address(&ecmp->hops[1].address, "2001:db8::9");
	assert_int_equal(ecmp->hops[1].weight, 3);
	assert_address(&ecmp->hops[2].address, "fe80::8");
	assert_string_equal(ecmp->hops[2].interface, "lan");
	assert_int_equal(conf->nexthops[conf->routes[3].nexthop].action, CONF_ACTION_BLACKHOLE);
	assert_int_equal(conf->nexthops[conf->routes[4].nexthop].action, CONF_ACTION_REJECT);
	assert_int_equal(conf->n_route_files, 1);
	conf_free(conf);
}

static const struct {
	const char *line;
	const char *sentence; /* after the file and line */
} mistakes[] = {
	{"nonsense", ":1: prefix \"nonsense\" must be ADDRESS/LENGTH: 198.51.100.0/24 or "
		     "2001:db8::/32"},
	{"10.0.0.1 via 192.0.2.9",
		":1: prefix \"10.0.0.1\" has no length (10.0.0.1/32 is that one address)"},
	{"10.0.0.1/8 via 192.0.2.9",
		":1: prefix \"10.0.0.1/8\" has host bits set (did you mean 10.0.0.0/8?)"},
	{"10.0.0.0/33 via 192.0.2.9", ":1: prefix \"10.0.0.0/33\" must be ADDRESS/LENGTH: "
				      "198.51.100.0/24 or 2001:db8::/32"},
	{"224.0.0.0/4 reject", ":1: prefix \"224.0.0.0/4\" is multicast, which is never routed"},
	{"  10.0.0.0/8", ":13: expected \"via ADDRESS\", \"blackhole\" or \"reject\", not the end "
			 "of the line"},
	{"10.0.0.0/8 vai 192.0.2.9", ":12: unknown word \"vai\" (did you mean \"via\"?)"},
	{"10.0.0.0/8 gw 192.0.2.9",
		":12: expected \"via ADDRESS\", \"blackhole\" or \"reject\", not \"gw\""},
	{"10.0.0.0/8 weight 3",
		":12: expected \"via ADDRESS\", \"blackhole\" or \"reject\", not \"weight\""},
	{"10.0.0.0/8 blackhole 7", ":22: expected the end of the line, not \"7\""},
	{"10.0.0.0/8 via", ":15: expected the address of a next hop, not the end of the line"},
	{"10.0.0.0/8 via #192.0.2.9",
		":16: expected the address of a next hop, not the end of the line"},
	{"10.0.0.0/8 via 192.0.2.9/32",
		":16: expected the address of a next hop, not \"192.0.2.9/32\""},
	{"10.0.0.0/8 via 192.0.2.300",
		":16: expected the address of a next hop, not \"192.0.2.300\""},
	{"10.0.0.0/8 via 127.0.0.1",
		":16: next hop 127.0.0.1 is a loopback address, which no host has"},
	{"10.0.0.0/8 via 192.0.3.9", ":16: next hop 192.0.3.9 cannot be reached (add an interface "
				     "address whose subnet contains it)"},
	{"10.0.0.0/8 via 192.0.2.1",
		":16: next hop 192.0.2.1 is an address of this node (interface \"lan\")"},
	{"10.0.0.0/8 via 192.0.2.255",
		":16: next hop 192.0.2.255 is the broadcast address of its subnet"},
	{"10.0.0.0/8 via 2001:db8::9",
		":16: next hop 2001:db8::9 is not of the family of route 10.0.0.0/8"},
	{"2001:db8:1::/48 via fe80::9", ":21: next hop fe80::9 is link-local: name the interface "
					"it is behind (interface)"},
	{"10.0.0.0/8 via 192.0.2.9 weight",
		":32: expected a weight from 1 to 255, not the end of the line"},
	{"10.0.0.0/8 via 192.0.2.9 weight 0", ":33: expected a weight from 1 to 255, not \"0\""},
	{"10.0.0.0/8 via 192.0.2.9 weight 256",
		":33: expected a weight from 1 to 255, not \"256\""},
	{"10.0.0.0/8 via 192.0.2.9 weight 1 weight 2",
		":35: expected \"via\", \"weight\" or \"interface\", each once per next hop, not "
		"\"weight\""},
	{"10.0.0.0/8 via 192.0.2.9 wieght 2",
		":26: unknown word \"wieght\" (did you mean \"weight\"?)"},
	{"10.0.0.0/8 via 192.0.2.9 2",
		":26: expected \"via\", \"weight\" or \"interface\", each once per next hop, not "
		"\"2\""},
	{"10.0.0.0/8 via 192.0.2.9 interface",
		":35: expected the name of an interface, not the end of the line"},
	{"10.0.0.0/8 via 192.0.2.9 interface lna",
		":36: there is no interface \"lna\" (did you mean \"lan\"?)"},
	{"10.0.0.0/8 via 192.0.2.9 interface abcdefghijklmnop",
		":36: expected the name of an interface, not \"abcdefghijklmnop\""},
	{"10.0.0.0/8 via 192.0.2.9 via 192.0.2.9",
		":30: next hop 192.0.2.9 is twice in this route (use weight for a larger share)"},
	{"192.0.2.0/24 reject", ":1: route 192.0.2.0/24 is connected: a subnet or address of "
				"interface \"lan\" (remove the route)"},
	{"10.0.0.0/8 via \x1b[31m", ":16: expected the address of a next hop, not \"?[31m\""},
};

static void every_mistake_has_its_line_and_column(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		char text[256], sentence[512];

		snprintf(text, sizeof(text), "# first\n1.0.0.0/8 via 192.0.2.9\n%s\n",
			mistakes[i].line);
		write_file("r.txt", text, strlen(text));
		snprintf(sentence, sizeof(sentence), "r.txt:3%s", mistakes[i].sentence);
		load_fails("route_files: [r.txt]\n", sentence);
	}
}

static void a_prefix_twice_names_both_places_across_sources(void **state)
{
	char sentence[512];

	write_file("r.txt", "#\n 10.0.0.0/8 reject\n", 21);
	write_file("s.txt", "11.0.0.0/8 reject\n10.0.0.0/8 reject\n", 37);
	snprintf(sentence, sizeof(sentence),
		"s.txt:2:1: route 10.0.0.0/8 is already at %s/r.txt:2:2 (remove one of them)", dir);
	load_fails("route_files: [r.txt, s.txt]\n", sentence);
	snprintf(sentence, sizeof(sentence),
		"r.txt:2:2: route 10.0.0.0/8 is already at %s/t.yaml:2:19 (remove one of them)",
		dir);
	load_fails(
		"routes: [{prefix: 10.0.0.0/8, action: reject}]\nroute_files: [r.txt]\n", sentence);
	snprintf(sentence, sizeof(sentence),
		"t.yaml:3:19: route 10.0.0.0/8 is already at %s/r.txt:2:2 (remove one of them)",
		dir);
	load_fails(
		"route_files: [r.txt]\nroutes: [{prefix: 10.0.0.0/8, action: reject}]\n", sentence);
}

static void a_file_is_listed_once_and_must_exist(void **state)
{
	char sentence[512];

	write_file("r.txt", "", 0);
	snprintf(sentence, sizeof(sentence), "t.yaml:2:22: route file \"%s/r.txt\" is listed twice",
		dir);
	load_fails("route_files: [r.txt, r.txt]\n", sentence);
	snprintf(sentence, sizeof(sentence),
		"t.yaml:2:15: cannot read route file \"%s/none.txt\": No such file or directory",
		dir);
	load_fails("route_files: [none.txt]\n", sentence);
	load_fails("route_files: [/dev/zero]\n",
		"t.yaml:2:15: route file \"/dev/zero\" is not a regular file");
}

static void a_line_longer_than_the_limit_is_refused(void **state)
{
	size_t len = 300000;
	char *text = malloc(len);

	memset(text, ' ', len);
	memcpy(text, "1.0.0.0/8 reject\n", 17);
	write_file("r.txt", text, len);
	load_fails("route_files: [r.txt]\n", "r.txt:2:4097: this line is longer than 4096 bytes");
	memcpy(text + 17 + 4096, "\n2.0.0.0/8 reject\n", 18);
	conf_free(load_routes(text, 17 + 4096 + 18));
	free(text);
}

static void more_next_hops_than_a_route_has_are_refused(void **state)
{
	char text[1024] = "10.0.0.0/8";

	for (unsigned i = 0; i < CONF_HOPS_MAX; i++)
		sprintf(text + strlen(text), " via 192.0.2.%u", 100 + i);
	conf_free(load_routes(text, strlen(text)));
	strcat(text, " via 192.0.2.99");
	write_file("r.txt", text, strlen(text));
	load_fails("route_files: [r.txt]\n", "r.txt:1:528: more than 32 next hops in a route");
}

static void a_million_lines_are_a_million_routes(void **state)
{
	char *text = malloc((size_t)ROUTES_A_MILLION * 48), sentence[512];
	struct conf *conf;
	size_t n = 0;

	for (unsigned i = 0; i < ROUTES_A_MILLION; i++)
		n += (size_t)sprintf(text + n, "%u.%u.%u.0/24 via 192.0.2.%u\n", 10 + (i >> 16),
			i >> 8 & 255, i & 255, 2 + i % 200);
	conf = load_routes(text, n);
	assert_int_equal(conf->n_routes, ROUTES_A_MILLION);
	assert_int_equal(conf->n_nexthops, 200);
	for (unsigned i = 0; i < ROUTES_A_MILLION; i++) {
		const uint8_t bytes[4] = {(uint8_t)(10 + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i};

		if (memcmp(conf->routes[i].prefix.bytes, bytes, 4) ||
			conf->routes[i].prefix.prefix_len != 24 ||
			conf->routes[i].nexthop != i % 200)
			fail_msg("route %u differs", i);
	}
	conf_free(conf);
	n += (size_t)sprintf(text + n, "10.0.7.0/24 reject\n");
	write_file("r.txt", text, n);
	free(text);
	snprintf(sentence, sizeof(sentence),
		"r.txt:1000001:1: route 10.0.7.0/24 is already at %s/r.txt:8:1 (remove one of "
		"them)",
		dir);
	load_fails("route_files: [r.txt]\n", sentence);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_a_line_is_read),
		cmocka_unit_test(every_mistake_has_its_line_and_column),
		cmocka_unit_test(a_prefix_twice_names_both_places_across_sources),
		cmocka_unit_test(a_file_is_listed_once_and_must_exist),
		cmocka_unit_test(a_line_longer_than_the_limit_is_refused),
		cmocka_unit_test(more_next_hops_than_a_route_has_are_refused),
		cmocka_unit_test(a_million_lines_are_a_million_routes),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
