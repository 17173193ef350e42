/* SPDX-License-Identifier: BSD-3-Clause */
/* What a person may write wrongly in the configuration file, each with the exact sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/conf/conf.h"

/* A good node on lines 1 to 5; the mistake is on line 6. */
#define NODE                                                                                       \
	"node:\n  name: n1\n  workers: [1]\n  ports:\n"                                            \
	"    - {name: lan, device: d0, addresses: [192.0.2.1/24, '2001:db8::1/64']}\n"

/* A node with more keys of its port, on line 5. */
#define PORT(keys)                                                                                 \
	"node:\n  name: n1\n  workers: [1]\n  ports:\n    - {name: lan, device: d0, " keys "}\n"

/* A node with more keys, on line 1. */
#define NODE_KEYS(keys)                                                                            \
	"node: {" keys ", name: n1, workers: [1], ports: [{name: lan, device: d0}]}\n"

struct mistake {
	const char *text;
	const char *sentence; /* after "t.yaml:" */
};

static const struct mistake yaml_mistakes[] = {
	{"", "1:1: the file is empty (it needs at least a node section)"},
	{"# only a comment\n", "1:1: the file is empty (it needs at least a node section)"},
	{"- a\n- b\n", "1:1: the file must be a map of keys, not a list (it needs at least a "
		       "node section)"},
	{"node\n", "1:1: the file must be a map of keys, not one value (it needs at least "
		   "a node section)"},
	{"node:\n\tname: n1\n", "2:1: not valid YAML: a tab indents this line (use spaces)"},
	{"node: {name: n1\n",
		"2:1: not valid YAML: did not find expected ',' or '}' while parsing a "
		"flow mapping that starts at line 1"},
	{"node: [name: n1\n",
		"2:1: not valid YAML: did not find expected ',' or ']' while parsing a "
		"flow sequence that starts at line 1"},
	{"node:\n  name: 'n1\n",
		"3:1: not valid YAML: found unexpected end of stream while scanning a "
		"quoted scalar that starts at line 2"},
	{"node:\n  name: n1\n   main: 0\n",
		"3:8: not valid YAML: mapping values are not allowed in this context"},
	{"node: {name: \"a\\x00b\"}\n", "1:14: this value holds a control character"},
	{"node: {name: \"\377\"}\n",
		"1:15: not valid YAML: invalid leading UTF-8 octet (the file must be "
		"UTF-8 text)"},
	{"node: &n {name: n1}\n", "1:7: anchor \"&n\" is not supported (write the value out)"},
	{"a: *n\n", "1:4: YAML aliases are not supported (write the value out)"},
	{"node: !!map {name: n1}\n",
		"1:7: tag \"tag:yaml.org,2002:map\" is not supported (remove it)"},
	{"node: {}\n---\nnode: {}\n",
		"2:1: a second YAML document starts here (a configuration is one)"},
	{"a: [[[[[[[[[[[[1]]]]]]]]]]]]\n", "1:15: more than 12 lists and maps inside each other"},
	{"? [a, b]\n: c\n", "1:3: a key of the file must be a word, not a list"},
	{"node: {name: n1, ? {a: b} : c}\n",
		"1:20: a key of node \"n1\" must be a word, not a map of keys"},
	{"<<: {a: b}\n", "1:1: unknown key \"<<\" in the file"},
};

static const struct mistake file_mistakes[] = {
	{"metrics: {listen: 127.0.0.1:9465}\n",
		"1:1: the file has no \"node\" (this machine: its name, workers and "
		"ports)"},
	{"nodes: {name: n1}\n", "1:1: unknown key \"nodes\" in the file (did you mean \"node\"?)"},
	{NODE "zebra: 1\n", "6:1: unknown key \"zebra\" in the file"},
	{NODE "nod: 1\n", "6:1: unknown key \"nod\" in the file (did you mean \"node\"?)"},
	{NODE "node: {}\n", "6:1: key \"node\" is twice in the file (remove one of them)"},
	{NODE "metrics: {}\nmetrics: {}\n",
		"7:1: key \"metrics\" is twice in the file (remove one of them)"},
	{NODE "routes: 5\n", "6:9: \"routes\" must be a list of maps, not one value (a list of "
			     "{prefix, via} or {prefix, action})"},
	{NODE "routes: {prefix: 0.0.0.0/0}\n",
		"6:9: \"routes\" must be a list of maps, not a map of keys (a list of "
		"{prefix, via} or {prefix, action})"},
	{NODE "routes:\n", "6:8: \"routes\" must be a list of maps, not nothing (a list of "
			   "{prefix, via} or {prefix, action})"},
	{NODE "routes: [{}]\n",
		"6:10: route has no \"prefix\" (the destinations: 198.51.100.0/24)"},
	{NODE "routes: [5]\n",
		"6:10: each item of \"routes\" must be a map of keys, not one value (a "
		"list of {prefix, via} or {prefix, action})"},
	{NODE "route_files: x.txt\n",
		"6:14: \"route_files\" must be a list, not one value (a list of files "
		"with lines \"PREFIX via ADDRESS\")"},
	{NODE "route_files: [{a: b}]\n",
		"6:15: each item of \"route_files\" must be one value, not a map of "
		"keys (a list of files with lines \"PREFIX via ADDRESS\")"},
	{NODE "route_files: [nowhere.txt]\n",
		"6:15: cannot read route file \"nowhere.txt\": No such file or "
		"directory"},
	{NODE "route_files: [/]\n", "6:15: route file \"/\" is not a regular file"},
	{NODE "metrics: 9465\n", "6:10: \"metrics\" must be a map of keys, not one value (where "
				 "Prometheus reads)"},
	{NODE "metrics: {listen: 9465}\n",
		"6:19: listen \"9465\" must be ADDRESS:PORT: 127.0.0.1:9465 or "
		"\"[::1]:9465\""},
	{NODE "metrics: {listen: [::1]:9465}\n",
		"6:20: not valid YAML: did not find expected node content while "
		"parsing a flow node that starts at line 6"},
	{NODE "metrics: {listen: '::1:9465'}\n",
		"6:19: listen \"::1:9465\" must be ADDRESS:PORT: 127.0.0.1:9465 or "
		"\"[::1]:9465\""},
	{NODE "metrics: {listen: '127.0.0.1:0'}\n",
		"6:19: listen \"127.0.0.1:0\" must be ADDRESS:PORT with a port from 1 "
		"to 65535"},
	{NODE "metrics: {listen: '127.0.0.1:65536'}\n",
		"6:19: listen \"127.0.0.1:65536\" must be ADDRESS:PORT with a port "
		"from 1 to 65535"},
	{NODE "metrics: {listen: '[127.0.0.1]:9465'}\n",
		"6:19: listen \"[127.0.0.1]:9465\" must be ADDRESS:PORT: "
		"127.0.0.1:9465 or \"[::1]:9465\""},
	{NODE "metrics: {listen: '224.0.0.1:9465'}\n",
		"6:19: listen \"224.0.0.1:9465\" must be an address of this host"},
	{NODE "metrics: {lisen: '127.0.0.1:9465'}\n",
		"6:11: unknown key \"lisen\" in metrics (did you mean \"listen\"?)"},
	{NODE "neighbors: [{interface: lan, address: 192.0.2.9, mac: "
	      "02:00:00:00:00:01, age: 3}]\n",
		"6:74: unknown key \"age\" in neighbor \"192.0.2.9\""},
};

static const struct mistake node_mistakes[] = {
	{"node: {workers: [1], ports: [{name: lan, device: d0}]}\n",
		"1:7: node has no \"name\" (what this machine is called: n1)"},
	{"node: {name: n1, ports: [{name: lan, device: d0}]}\n",
		"1:7: node \"n1\" has no \"workers\" (a list of the CPUs that poll: "
		"[1])"},
	{"node: {name: n1, workers: [1]}\n",
		"1:7: node \"n1\" has no \"ports\" (a list of DPDK devices)"},
	{"node: {name: n1, workers: [1], ports: []}\n",
		"1:39: \"ports\" is an empty list (a list of DPDK devices)"},
	{NODE_KEYS("bakcends: 1"), "1:8: unknown key \"bakcends\" in node \"n1\""},
	{NODE_KEYS("mian: 0"), "1:8: unknown key \"mian\" in node \"n1\" (did you mean \"main\"?)"},
	{NODE_KEYS("main: -1"), "1:14: main \"-1\" must be a number from 0 to 1023"},
	{NODE_KEYS("main: 1024"), "1:14: main \"1024\" must be a number from 0 to 1023"},
	{NODE_KEYS("main: 0x1"), "1:14: main \"0x1\" must be a number from 0 to 1023"},
	{NODE_KEYS("main: 01"), "1:14: main \"01\" must be a number from 0 to 1023"},
	{NODE_KEYS("main: [1]"),
		"1:14: \"main\" must be one value, not a list (the CPU of the main "
		"thread, 0 unless given)"},
	{NODE_KEYS("main: ''"),
		"1:14: \"main\" must be one value, not nothing (the CPU of the main "
		"thread, 0 unless given)"},
	{NODE_KEYS("main: 1, main: 2"),
		"1:17: key \"main\" is twice in node \"n1\" (remove one of them)"},
	{NODE_KEYS("memory: lots"),
		"1:16: memory \"lots\" must be a number of bytes, or with K, M or G: "
		"512M"},
	{NODE_KEYS("memory: 512"),
		"1:16: memory \"512\" is 512 bytes and must be from 64M to 1024G"},
	{NODE_KEYS("memory: 2048G"),
		"1:16: memory \"2048G\" is 2199023255552 bytes and must be from 64M to "
		"1024G"},
	{NODE_KEYS("memory: 99999999999999999999G"),
		"1:16: memory \"99999999999999999999G\" must be a number of bytes, or "
		"with K, M or G: 512M"},
	{NODE_KEYS("memory: 1.5G"),
		"1:16: memory \"1.5G\" must be a number of bytes, or with K, M or G: "
		"512M"},
	{NODE_KEYS("huge: maybe"), "1:14: huge \"maybe\" must be auto | yes | no"},
	{NODE_KEYS("huge: atuo"),
		"1:14: huge \"atuo\" must be auto | yes | no (did you mean \"auto\"?)"},
	{NODE_KEYS("idle: adaptiv"), "1:14: idle \"adaptiv\" must be adaptive | poll (did you mean "
				     "\"adaptive\"?)"},
	{"node: {name: 9lives}\n",
		"1:14: name \"9lives\" must be a letter followed by letters, digits, "
		"\".\", \"_\" or \"-\""},
	{"node: {name: abcdefghijklmnop}\n",
		"1:14: name \"abcdefghijklmnop\" must be at most 15 characters long"},
	{"node: {name: n1, workers: 1}\n",
		"1:27: \"workers\" must be a list, not one value (a list of the CPUs "
		"that poll: [1])"},
	{"node: {name: n1, workers: [a]}\n",
		"1:28: worker \"a\" must be a CPU from 0 to 1023, or a range of them: "
		"2-5"},
	{"node: {name: n1, workers: [3-1]}\n",
		"1:28: worker \"3-1\" must be a CPU from 0 to 1023, or a range of "
		"them: 2-5"},
	{"node: {name: n1, workers: [1024]}\n",
		"1:28: worker \"1024\" must be a CPU from 0 to 1023, or a range of "
		"them: 2-5"},
	{"node: {name: n1, workers: [0-16]}\n", "1:28: more than 16 workers"},
	{"node: {name: n1, workers: [[1]]}\n",
		"1:28: each item of \"workers\" must be one value, not a list (a list "
		"of the CPUs that poll: [1])"},
	{"node: {name: n1, workers: [1, ~, '']}\n",
		"1:31: worker \"~\" must be a CPU from 0 to 1023, or a range of them: "
		"2-5"},
};

static const struct mistake port_mistakes[] = {
	{"node:\n  ports:\n    - {device: d0}\n",
		"3:7: port has no \"name\" (what other parts call it: lan)"},
	{"node:\n  ports:\n    - {name: lan}\n",
		"3:7: port \"lan\" has no \"device\" (DPDK devargs or a PCI address: "
		"net_af_xdp0,iface=eth0)"},
	{"node:\n  ports: [{name: lan, device: d0}, {name: lan, device: d1}]\n",
		"2:43: the name \"lan\" is taken by the interface at line 2"},
	{"node:\n  ports:\n    - {name: lan, device: d0}\n    - {name: wan, "
	 "device: d0}\n",
		"4:27: device \"d0\" is already that of the port at line 3"},
	{"node:\n  name: n1\n  workers: [1]\n  ports:\n    - {name: lan, "
	 "device: 'a b'}\n",
		"5:27: device \"a b\" must be printable ASCII without spaces"},
	{PORT("mtu: 575"), "5:36: mtu \"575\" must be a number from 576 to 9600"},
	{PORT("mtu: 9601"), "5:36: mtu \"9601\" must be a number from 576 to 9600"},
	{PORT("mtu: 1279, addresses: ['2001:db8::1/64']"),
		"5:36: mtu 1279 of interface \"lan\" is below 1280, the least its IPv6 "
		"addresses need"},
	{PORT("mut: 1500"), "5:31: unknown key \"mut\" in port \"lan\" (did you mean \"mtu\"?)"},
	{PORT("mac: 02:00:00:00:00"),
		"5:36: mac \"02:00:00:00:00\" must be six pairs of hex digits: "
		"02:00:00:00:00:01"},
	{PORT("mac: 01:00:00:00:00:01"),
		"5:36: mac \"01:00:00:00:00:01\" must be unicast (its first byte even)"},
	{PORT("mac: 00:00:00:00:00:00"),
		"5:36: mac \"00:00:00:00:00:00\" must be other than all zeros"},
	{PORT("addresses: 192.0.2.1/24"),
		"5:42: \"addresses\" must be a list, not one value (a list of "
		"ADDRESS/LENGTH: [192.0.2.1/24])"},
	{PORT("addresses: [192.0.2.1]"),
		"5:43: address \"192.0.2.1\" has no prefix length (write 192.0.2.1/24 "
		"if that is its subnet)"},
	{PORT("addresses: ['2001:db8::1']"),
		"5:43: address \"2001:db8::1\" has no prefix length (write "
		"2001:db8::1/64 if that is its subnet)"},
	{PORT("addresses: [192.0.2.1/33]"),
		"5:43: address \"192.0.2.1/33\" must be ADDRESS/LENGTH: 192.0.2.1/24 "
		"or 2001:db8::1/64"},
	{PORT("addresses: [192.0.2.256/24]"),
		"5:43: address \"192.0.2.256/24\" must be ADDRESS/LENGTH: 192.0.2.1/24 "
		"or 2001:db8::1/64"},
	{PORT("addresses: [192.0.02.1/24]"),
		"5:43: address \"192.0.02.1/24\" must be ADDRESS/LENGTH: 192.0.2.1/24 "
		"or 2001:db8::1/64"},
	{PORT("addresses: ['2001:db8:::1/64']"),
		"5:43: address \"2001:db8:::1/64\" must be ADDRESS/LENGTH: "
		"192.0.2.1/24 or 2001:db8::1/64"},
	{PORT("addresses: [224.0.0.1/24]"),
		"5:43: address 224.0.0.1/24 is a multicast address, which no interface "
		"can have"},
	{PORT("addresses: [127.0.0.2/8]"),
		"5:43: address 127.0.0.2/8 is a loopback address, which no interface "
		"can have"},
	{PORT("addresses: [0.0.0.0/0]"),
		"5:43: address 0.0.0.0/0 is the unspecified address, which no "
		"interface can have"},
	{PORT("addresses: [255.255.255.255/32]"),
		"5:43: address 255.255.255.255/32 is in the reserved 240.0.0.0/4, "
		"which no interface can have"},
	{PORT("addresses: ['::1/128']"),
		"5:43: address ::1/128 is the loopback address, which no interface can "
		"have"},
	{PORT("addresses: ['::ffff:192.0.2.1/128']"),
		"5:43: address ::ffff:192.0.2.1/128 is an IPv4-mapped address, which "
		"no interface can have"},
	{PORT("addresses: ['ff02::1/64']"),
		"5:43: address ff02::1/64 is a multicast address, which no interface "
		"can have"},
	{PORT("addresses: [10.0.0.1/0]"),
		"5:43: address 10.0.0.1/0 has the whole internet as its subnet"},
	{PORT("addresses: [192.0.2.0/24]"),
		"5:43: address 192.0.2.0/24 is the network address of its subnet (use "
		"another address in it)"},
	{PORT("addresses: [192.0.2.255/24]"),
		"5:43: address 192.0.2.255/24 is the broadcast address of its subnet "
		"(use another address in it)"},
	{PORT("addresses: ['2001:db8::/64']"),
		"5:43: address 2001:db8::/64 is the subnet-router anycast address of "
		"its subnet (use another address in it)"},
	{PORT("addresses: [192.0.2.1/24, 192.0.2.1/25]"),
		"5:57: address 192.0.2.1 is already at line 5 (remove one of them)"},
	{PORT("interfaces: [{name: lan, vlan: 10}]"),
		"5:51: the name \"lan\" is taken by the interface at line 5"},
	{PORT("interfaces: [{name: lan.10}]"),
		"5:44: interface \"lan.10\" has no \"vlan\" (its 802.1Q VLAN, 1 to "
		"4094)"},
	{PORT("interfaces: [{vlan: 10}]"),
		"5:44: interface has no \"name\" (what other parts call it: lan.10)"},
	{PORT("interfaces: [{name: lan.10, vlan: 0}]"),
		"5:65: vlan \"0\" must be a number from 1 to 4094"},
	{PORT("interfaces: [{name: lan.10, vlan: 4095}]"),
		"5:65: vlan \"4095\" must be a number from 1 to 4094"},
	{PORT("interfaces: [{name: a, vlan: 10}, {name: b, vlan: 10}]"),
		"5:81: vlan 10 is already that of another interface of this port (line "
		"5)"},
	{PORT("interfaces: [{name: a, vlan: 10}, {name: a, vlan: 11}]"),
		"5:72: the name \"a\" is taken by the interface at line 5"},
	{PORT("interfaces: [{name: a, vlan: 10, mtu: 1501}]"),
		"5:69: mtu 1501 of interface \"a\" is above its port's, which is 1500"},
	{PORT("mtu: 1000, interfaces: [{name: a, vlan: 10, addresses: "
	      "['2001:db8::1/64']}]"),
		"5:36: mtu 1000 of interface \"a\" is below 1280, the least its IPv6 "
		"addresses need"},
	{PORT("interfaces: [{name: a, vlan: 10, mtu: 1000, addresses: "
	      "['2001:db8::1/64']}]"),
		"5:69: mtu 1000 of interface \"a\" is below 1280, the least its IPv6 "
		"addresses need"},
	{PORT("addresses: [192.0.2.1/24], interfaces: [{name: a, vlan: 10, "
	      "addresses: [192.0.2.2/24]}]"),
		"5:103: subnet 192.0.2.0/24 is already that of another interface (line "
		"5)"},
	{PORT("interfaces: [{name: lan.10, vlna: 10}]"),
		"5:59: unknown key \"vlna\" in interface \"lan.10\" (did you mean "
		"\"vlan\"?)"},
};

static const struct mistake neighbor_mistakes[] = {
	{NODE "neighbors: [{interface: lan, address: 192.0.2.9}]\n",
		"6:13: neighbor \"192.0.2.9\" has no \"mac\" (its MAC: "
		"02:00:00:00:00:fe)"},
	{NODE "neighbors: [{interface: lna, address: 192.0.2.9, mac: "
	      "02:00:00:00:00:01}]\n",
		"6:25: there is no interface \"lna\" (did you mean \"lan\"?)"},
	{NODE "neighbors: [{interface: eth7, address: 192.0.2.9, mac: "
	      "02:00:00:00:00:01}]\n",
		"6:25: there is no interface \"eth7\" (add it under node.ports)"},
	{NODE "neighbors: [{interface: lan, address: 192.0.3.9, mac: "
	      "02:00:00:00:00:01}]\n",
		"6:39: neighbor 192.0.3.9 is in no subnet of interface \"lan\" (add an "
		"address to it whose subnet contains 192.0.3.9)"},
	{NODE "neighbors: [{interface: lan, address: 192.0.2.1, mac: "
	      "02:00:00:00:00:01}]\n",
		"6:39: neighbor 192.0.2.1 is an address of this node (interface "
		"\"lan\")"},
	{NODE "neighbors: [{interface: lan, address: 192.0.2.255, mac: "
	      "02:00:00:00:00:01}]\n",
		"6:39: neighbor 192.0.2.255 is the broadcast address of its subnet"},
	{NODE "neighbors: [{interface: lan, address: 192.0.2.9/24, mac: "
	      "02:00:00:00:00:01}]\n",
		"6:39: address \"192.0.2.9/24\" must be one address, without a prefix "
		"length"},
	{NODE "neighbors: [{interface: lan, address: 192.0.2, mac: "
	      "02:00:00:00:00:01}]\n",
		"6:39: address \"192.0.2\" must be an IPv4 or IPv6 address"},
	{NODE "neighbors: [{interface: lan, address: 192.0.2.9, mac: "
	      "03:00:00:00:00:01}]\n",
		"6:55: mac \"03:00:00:00:00:01\" must be unicast (its first byte even)"},
	{NODE "neighbors:\n  - {interface: lan, address: 192.0.2.9, mac: "
	      "02:00:00:00:00:01}\n  - {interface: lan, address: 192.0.2.9, mac: "
	      "02:00:00:00:00:02}\n",
		"8:31: neighbor 192.0.2.9 on interface \"lan\" is already at line 7 "
		"(remove one of them)"},
};

static const struct mistake route_mistakes[] = {
	{NODE "routes: [{via: 192.0.2.9}]\n",
		"6:10: route has no \"prefix\" (the destinations: 198.51.100.0/24)"},
	{NODE "routes: [{prefix: 198.51.100.0/24}]\n",
		"6:10: route has neither \"via\" (next hops) nor \"action\" (blackhole "
		"or reject)"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: 192.0.2.9, action: reject}]\n",
		"6:60: a route has either \"via\" or \"action\" (remove one of them)"},
	{NODE "routes: [{prefix: 198.51.100.0/24, action: drop}]\n",
		"6:44: action \"drop\" must be blackhole | reject"},
	{NODE "routes: [{prefix: 198.51.100.0/24, action: blackhol}]\n",
		"6:44: action \"blackhol\" must be blackhole | reject (did you mean "
		"\"blackhole\"?)"},
	{NODE "routes: [{prefix: 198.51.100.0/24, action: reject, interface: lan}]\n",
		"6:10: \"interface\" in a route without \"via\" (remove it)"},
	{NODE "routes: [{prefix: 198.51.100.0, via: 192.0.2.9}]\n",
		"6:19: prefix \"198.51.100.0\" has no length (198.51.100.0/32 is that "
		"one address)"},
	{NODE "routes: [{prefix: 198.51.100/24, via: 192.0.2.9}]\n",
		"6:19: prefix \"198.51.100/24\" must be ADDRESS/LENGTH: "
		"198.51.100.0/24 or 2001:db8::/32"},
	{NODE "routes: [{prefix: 198.51.100.7/24, via: 192.0.2.9}]\n",
		"6:19: prefix \"198.51.100.7/24\" has host bits set (did you mean "
		"198.51.100.0/24?)"},
	{NODE "routes: [{prefix: '2001:db8::7/32', via: 192.0.2.9}]\n",
		"6:19: prefix \"2001:db8::7/32\" has host bits set (did you mean "
		"2001:db8::/32?)"},
	{NODE "routes: [{prefix: 224.0.0.0/4, via: 192.0.2.9}]\n",
		"6:19: prefix \"224.0.0.0/4\" is multicast, which is never routed"},
	{NODE "routes: [{prefix: 127.0.0.0/8, via: 192.0.2.9}]\n",
		"6:19: prefix \"127.0.0.0/8\" is loopback, which is never routed"},
	{NODE "routes: [{prefix: 'fe80::/10', via: '2001:db8::9'}]\n",
		"6:19: prefix \"fe80::/10\" is link-local, which is never routed"},
	{NODE "routes: [{prefix: 192.0.2.0/24, via: 192.0.2.9}]\n",
		"6:19: route 192.0.2.0/24 is connected: a subnet or address of "
		"interface \"lan\" (remove the route)"},
	{NODE "routes: [{prefix: 192.0.2.1/32, action: reject}]\n",
		"6:19: route 192.0.2.1 is connected: a subnet or address of interface "
		"\"lan\" (remove the route)"},
	{NODE "routes:\n  - {prefix: 198.51.100.0/24, via: 192.0.2.9}\n  - {prefix: "
	      "198.51.100.0/24, via: 192.0.2.8}\n",
		"8:14: route 198.51.100.0/24 is already at t.yaml:7:14 (remove one of "
		"them)"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: '2001:db8::9'}]\n",
		"6:41: next hop 2001:db8::9 is not of the family of route "
		"198.51.100.0/24"},
	{NODE "routes: [{prefix: '2001:db8:9::/48', via: 192.0.2.9}]\n",
		"6:43: next hop 192.0.2.9 is not of the family of route 2001:db8:9::/48"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: 192.0.3.9}]\n",
		"6:41: next hop 192.0.3.9 cannot be reached (add an interface address "
		"whose subnet contains it)"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: 192.0.2.1}]\n",
		"6:41: next hop 192.0.2.1 is an address of this node (interface "
		"\"lan\")"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: 192.0.2.0}]\n",
		"6:41: next hop 192.0.2.0 is the network address of its subnet"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: 239.1.1.1}]\n",
		"6:41: via 239.1.1.1 is a multicast address, which no host has"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: 192.0.2.9, interface: wan}]\n",
		"6:63: there is no interface \"wan\" (did you mean \"lan\"?)"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: 10.0.0.9, interface: lan}]\n",
		"6:41: next hop 10.0.0.9 is in no subnet of interface \"lan\" (add an "
		"address to it whose subnet contains 10.0.0.9)"},
	{NODE "routes: [{prefix: '2001:db8:9::/48', via: 'fe80::9'}]\n",
		"6:43: next hop fe80::9 is link-local: name the interface it is behind "
		"(interface)"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: []}]\n",
		"6:41: \"via\" is an empty list (a next hop, or a list of {address, "
		"weight, interface})"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: {address: 192.0.2.9}}]\n",
		"6:41: \"via\" must be one value or a list, not a map of keys (a next "
		"hop, or a list of {address, weight, interface})"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: [{weight: 2}]}]\n",
		"6:42: next hop has no \"address\" (its IPv4 or IPv6 address)"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: [{address: 192.0.2.9, weight: "
	      "0}]}]\n",
		"6:71: weight \"0\" must be a number from 1 to 255"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: [{address: 192.0.2.9, weight: "
	      "256}]}]\n",
		"6:71: weight \"256\" must be a number from 1 to 255"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: [{address: 192.0.2.9, wieght: "
	      "2}]}]\n",
		"6:63: unknown key \"wieght\" in next hop \"192.0.2.9\" (did you mean "
		"\"weight\"?)"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: [192.0.2.9, 192.0.2.9]}]\n",
		"6:53: next hop 192.0.2.9 is twice in this route (use weight for a "
		"larger share)"},
	{NODE "routes: [{prefix: 198.51.100.0/24, via: [[192.0.2.9]]}]\n",
		"6:42: each item of \"via\" must be a map of keys, not a list (a next "
		"hop, or a list of {address, weight, interface})"},
	{NODE "routes: [{prefix: 198.51.100.0/24, gateway: 192.0.2.9}]\n",
		"6:36: unknown key \"gateway\" in route \"198.51.100.0/24\""},
};

/* Loads each text, which must fail with its sentence and give nothing. */
static void check_mistakes(const struct mistake *mistakes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct conf *conf = (struct conf *)1;
		struct conf_error err = {0};
		char expected[600];

		assert_int_equal(conf_load_text("t.yaml", mistakes[i].text,
					 strlen(mistakes[i].text), &conf, &err) < 0,
			1);
		snprintf(expected, sizeof(expected), "t.yaml:%s", mistakes[i].sentence);
		assert_string_equal(err.text, expected);
		assert_null(conf);
	}
}

static void text_that_is_no_plain_yaml_is_refused(void **state)
{
	check_mistakes(yaml_mistakes, ARRAY_SIZE(yaml_mistakes));
}

static void wrong_top_level_keys_are_refused(void **state)
{
	check_mistakes(file_mistakes, ARRAY_SIZE(file_mistakes));
}

static void wrong_node_keys_are_refused(void **state)
{
	check_mistakes(node_mistakes, ARRAY_SIZE(node_mistakes));
}

static void wrong_ports_and_interfaces_are_refused(void **state)
{
	check_mistakes(port_mistakes, ARRAY_SIZE(port_mistakes));
}

static void wrong_neighbors_are_refused(void **state)
{
	check_mistakes(neighbor_mistakes, ARRAY_SIZE(neighbor_mistakes));
}

static void wrong_routes_are_refused(void **state)
{
	check_mistakes(route_mistakes, ARRAY_SIZE(route_mistakes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_that_is_no_plain_yaml_is_refused),
		cmocka_unit_test(wrong_top_level_keys_are_refused),
		cmocka_unit_test(wrong_node_keys_are_refused),
		cmocka_unit_test(wrong_ports_and_interfaces_are_refused),
		cmocka_unit_test(wrong_neighbors_are_refused),
		cmocka_unit_test(wrong_routes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
