/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands of braidctl: the one place where their names, options and texts are. */
#include "control/cli/cli.h"
#include "control/cli/output.h"

/* Options of several commands. */
#define CC_OPTIONS                                                                                 \
	{.name = "include",                                                                        \
		.letter = 'I',                                                                     \
		.value = "DIR",                                                                    \
		.kind = CLI_DIRECTORY,                                                             \
		.help = "for a C source: search DIR for headers, too"},                            \
	{                                                                                          \
		.name = "define", .letter = 'D', .value = "NAME[=TEXT]",                           \
		.help = "for a C source: define a macro"                                           \
	}
#define RUN_OPTIONS                                                                                \
	{.name = "format",                                                                         \
		.letter = 'f',                                                                     \
		.value = "FORMAT",                                                                 \
		.kind = CLI_WORD,                                                                  \
		.choices = OUTPUT_FORMATS,                                                         \
		.help = "of results: text, raw, hex, or u64 (64-bit words)"},                      \
		{.name = "null", .letter = 'z', .help = "0 bytes instead of line ends"},           \
	{                                                                                          \
		.name = "deadline", .letter = 't', .value = "TIME",                                \
		.help = "give up and cancel after 500ms, 5s, 2m or 1h"                             \
	}
#define SERVER_OPTIONS                                                                             \
	{.name = "server",                                                                         \
		.letter = 's',                                                                     \
		.value = "HOST[:PORT]",                                                            \
		.help = "the store (default: BRAID_SERVER, --config, 127.0.0.1:6379)"},            \
		{.name = "config",                                                                 \
			.letter = 'c',                                                             \
			.value = "FILE",                                                           \
			.kind = CLI_FILE,                                                          \
			.help = "take address and password from it"},                              \
	{                                                                                          \
		.name = "password", .letter = 'a', .value = "PASSWORD",                            \
		.help = "better in BRAID_PASSWORD, which others do not see"                        \
	}
#define SERVER_TEXT                                                                                \
	"The store is where --server says, else the environment variable BRAID_SERVER, else the "  \
	"first listen address of --config, else 127.0.0.1:6379."

const struct cli_option cli_globals[] = {
	{.name = "runtime",
		.letter = 'r',
		.value = "DIR",
		.kind = CLI_DIRECTORY,
		.help = "runtime directory of the node (default: the only one in /run/braid)"},
	{.name = "node",
		.letter = 'n',
		.value = "NAME",
		.help = "the node whose directory is /run/braid/NAME, where there are several"},
	{.name = "json", .letter = 'j', .help = "print JSON instead of text"},
	{.name = "help", .letter = 'h', .help = "what the command does, with examples"},
	{.name = "version", .letter = 'V', .help = "print the version"},
	{0},
};

const struct cli_command cli_commands[] = {
	{
		.name = "status",
		.summary = "whether dataplane and control run, and what is in force",
		.text = "Asks both programs. Fails when one of them does not answer, and says "
			"which.",
		.examples = {"braidctl status", "braidctl -j status | jq .dataplane.generation"},
		.run = cli_status,
	},
	{
		.name = "show ports",
		.summary = "the DPDK devices with link, queues and counters",
		.text = "Counters are sums over all workers since the dataplane started. STEERED "
			"is "
			"yes where the device has fewer queues than there are workers, so that "
			"packets go to their worker by ring.",
		.examples = {"braidctl show ports", "braidctl -j show ports | jq '.[].rx_packets'"},
		.run = cli_show_ports,
	},
	{
		.name = "show interfaces",
		.summary = "ports and their 802.1Q sub-interfaces with addresses and counters",
		.text = "Interfaces are what routes and neighbours refer to.",
		.examples = {"braidctl show interfaces"},
		.run = cli_show_interfaces,
	},
	{
		.name = "show addresses",
		.args = "[INTERFACE]",
		.args_max = 1,
		.summary = "the node's own addresses and their state",
		.text = "An address is tentative while duplicate address detection runs, preferred "
			"when it is in use, duplicate when another station has it. Automatic ones "
			"are the link-local addresses made from the MAC address.",
		.examples = {"braidctl show addresses", "braidctl show addresses lan"},
		.run = cli_show_addresses,
	},
	{
		.name = "show routes",
		.args = "[PREFIX]",
		.args_max = 1,
		.summary = "the route table: static, connected and local routes",
		.text = "With PREFIX only the routes inside it. Several next hops are ECMP: the "
			"buckets say how many of the group's hash buckets each has.",
		.options = {{.name = "count", .help = "print only how many there are"}},
		.examples = {"braidctl show routes 198.51.100.0/24", "braidctl show routes --count",
			"braidctl -j show routes ::/0 | jq '.[].prefix'"},
		.run = cli_show_routes,
	},
	{
		.name = "show neighbors",
		.args = "[INTERFACE]",
		.args_max = 1,
		.summary = "resolved and unresolved neighbours (ARP and neighbour discovery)",
		.text = "AGE is the time since the neighbour was last confirmed; HELD the packets "
			"that wait for it.",
		.examples = {"braidctl show neighbors", "braidctl show neighbors lan"},
		.run = cli_show_neighbors,
	},
	{
		.name = "show services",
		.summary = "balanced services: VIP, mode, how many backends can be used",
		.text = "STATE is up, panic when so few backends are healthy that those which are "
			"down are used as well (panic_threshold), or no backend. USABLE are those "
			"that are up and have a weight. DROPPED packets, if any, are explained "
			"under "
			"FOR: no backend, no NAT port, a limit, too big.",
		.examples = {"braidctl show services",
			"braidctl -j show services | jq '.[] | select(.state != \"up\")'"},
		.run = cli_show_services,
	},
	{
		.name = "show backends",
		.args = "[SERVICE]",
		.args_max = 1,
		.summary = "backends with health, share, flows and counters",
		.text = "STATE is up; draining: it keeps its flows and gets no new ones; down: not "
			"healthy; removed: no longer configured, its last flows go on. SHARE is "
			"its part of new flows. PROBES are the last ones in a row; REPLIES are "
			"seen in mode nat only.",
		.examples = {"braidctl show backends", "braidctl show backends web",
			"braidctl -j show backends web | jq '.[] | {backend, flows, reason}'"},
		.run = cli_show_backends,
	},
	{
		.name = "show flows",
		.summary = "flows of the balancer: client, VIP, backend, state",
		.text = "SOURCE is the address and port of the NAT pool that the backend sees. "
			"IDLE is the time since the last packet. Options narrow it down together.",
		.options = {{.name = "service",
				    .letter = 's',
				    .value = "NAME",
				    .help = "only flows of this service"},
			{.name = "client",
				.letter = 'c',
				.value = "ADDRESS",
				.help = "only flows of this client"},
			{.name = "backend",
				.letter = 'b',
				.value = "BACKEND",
				.help = "only flows to it: 192.0.2.21 or 192.0.2.21:8080"},
			{.name = "limit",
				.letter = 'l',
				.value = "N",
				.help = "at most N flows, 0 for all (default 1000)"},
			{.name = "count", .help = "print only how many there are"}},
		.examples = {"braidctl show flows --service web --limit 20",
			"braidctl show flows --client 198.51.100.7",
			"braidctl show flows --backend '[2001:db8::1]:80' --count"},
		.run = cli_show_flows,
	},
	{
		.name = "show store",
		.summary = "the store: addresses, memory, keys, clients, rates",
		.text = "The store answers on PORT of each address, and each of its workers on a "
			"port of its own behind it, for clients that know Redis Cluster. What "
			"CONFIG SET has changed meanwhile is not shown here.",
		.examples = {"braidctl show store", "braidctl -j show store | jq .hit_percent"},
		.run = cli_show_store,
	},
	{
		.name = "show shards",
		.summary = "the shard of each worker: slots, keys, memory, hits, evictions",
		.text = "With several workers, LOCAL commands ran on the one of their client; "
			"FORWARDED ones had to go to another worker, which clients that know Redis "
			"Cluster avoid. The numbers are at most a tenth of a second old.",
		.examples = {"braidctl show shards", "braidctl -j show shards | jq '.[].evicted'"},
		.run = cli_show_shards,
	},
	{
		.name = "show conns",
		.summary = "TCP connections that end at the node itself",
		.text = "UNACKED bytes were sent, or wait to be, and are not acknowledged; "
			"READABLE ones were received and not consumed. RETX are segments sent "
			"again. Options narrow it down together. Connections in TIME-WAIT are "
			"only counted (metric braid_tcp_time_wait).",
		.options = {{.name = "state",
				    .value = "STATES",
				    .kind = CLI_WORD,
				    .choices = "SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 "
					       "FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK",
				    .help = "only of these states, separated by commas"},
			{.name = "remote",
				.value = "ADDRESS",
				.help = "only with this peer: 192.0.2.7 or 192.0.2.7:40000"},
			{.name = "limit",
				.letter = 'l',
				.value = "N",
				.help = "at most N connections, 0 for all (default 1000)"},
			{.name = "count", .help = "print only how many there are"}},
		.examples = {"braidctl show conns --state ESTABLISHED",
			"braidctl show conns --remote 192.0.2.7 --count",
			"braidctl -j show conns | jq '.[] | select(.retransmitted > 0)'"},
		.run = cli_show_conns,
	},
	{
		.name = "show drops",
		.summary = "dropped packets by reason",
		.text = "Severity routine happens in a healthy network, suspicious means malformed "
			"or hostile, resource means that a limit of braid was reached. Reasons "
			"that "
			"never happened are left out.",
		.options = {{.name = "all", .letter = 'a', .help = "also reasons with no packets"}},
		.examples = {"braidctl show drops", "braidctl show drops --all"},
		.run = cli_show_drops,
	},
	{
		.name = "show stages",
		.summary = "calls, packets and cycles of each step of the packet path",
		.text = "Cycles per packet are those of sampled calls, over all workers. "
			"PACKETS/CALL "
			"says how well batches fill.",
		.options = {{.name = "all",
			.letter = 'a',
			.help = "also stages that were not used"}},
		.examples = {"braidctl show stages", "braidctl -j show stages --all"},
		.run = cli_show_stages,
	},
	{
		.name = "show workers",
		.summary = "the poll threads: CPU, load and packet accounts",
		.text = "LOAD is the share of cycles spent on work since the start. Received + "
			"generated + handed in = transmitted + consumed + dropped + handed out, "
			"plus what is held or in flight. The last worker is the main thread.",
		.examples = {"braidctl show workers"},
		.run = cli_show_workers,
	},
	{
		.name = "show config",
		.summary = "the configuration in force, as YAML text",
		.text = "This is the text that was applied last, whatever has become of its file.",
		.examples = {"braidctl show config > braid.yaml"},
		.run = cli_show_config,
	},
	{
		.name = "apply",
		.args = "FILE",
		.args_min = 1,
		.args_max = 1,
		.args_kind = CLI_FILE,
		.summary = "check a configuration file, show the difference, put it in force",
		.text = "All or nothing: the file becomes one generation, or nothing changes and "
			"the "
			"reason is printed. Packets keep flowing; what is the same is not "
			"touched.\n"
			"\n"
			"Lines start with + for what is added, - for what is removed and ~ for "
			"what "
			"changes. Services in the counts at the end include the prefixes of the "
			"NAT pool. Changes of the node's name, workers, memory, flows or devices "
			"need a "
			"restart of the dataplane and are refused.",
		.options = {{.name = "dry-run",
			.help = "only check and show the difference, in the dataplane too"}},
		.examples = {"braidctl apply --dry-run braid.yaml", "braidctl apply braid.yaml"},
		.run = cli_apply,
	},
	{
		.name = "drain",
		.args = "SERVICE BACKEND",
		.args_min = 2,
		.args_max = 2,
		.summary = "give a backend no new flows; those it has go on",
		.text = "BACKEND is an address, with its port where the service has several "
			"backends of that address: 192.0.2.21, 192.0.2.21:8080 or "
			"[2001:db8::1]:80.\n"
			"\n"
			"The drain stays until undrain, or until the backend leaves the "
			"configuration, also when braid-control or braid-dataplane are "
			"restarted. Ctrl-C ends the waiting, not the drain.",
		.options = {{.name = "wait",
			.letter = 'w',
			.help = "show progress and end when its last flow is gone"}},
		.examples = {"braidctl drain web 192.0.2.21:8080 --wait",
			"braidctl drain web6 '[2001:db8::1]:80'"},
		.run = cli_drain,
	},
	{
		.name = "undrain",
		.args = "SERVICE BACKEND",
		.args_min = 2,
		.args_max = 2,
		.summary = "give a drained backend new flows again",
		.text = "BACKEND is written as for drain.",
		.examples = {"braidctl undrain web 192.0.2.21:8080"},
		.run = cli_undrain,
	},
	{
		.name = "explain",
		.summary = "what would happen to a packet, decided by the live tables",
		.text = "Sends nothing: the dataplane walks its tables as for a received packet "
			"and "
			"says each decision; the verdict comes last. A TCP packet is taken for a "
			"SYN unless a worker has its flow or connection.",
		.options = {{.name = "interface",
				    .letter = 'i',
				    .value = "NAME",
				    .help = "where the packet comes in"},
			{.name = "src",
				.letter = 's',
				.value = "ADDRESS",
				.help = "its source address"},
			{.name = "dst",
				.letter = 'd',
				.value = "ADDRESS",
				.help = "its destination address"},
			{.name = "protocol",
				.letter = 'p',
				.value = "PROTOCOL",
				.kind = CLI_WORD,
				.choices = "tcp udp icmp icmp6",
				.help = "tcp, udp, icmp, icmp6 or a number (default udp)"},
			{.name = "sport", .value = "PORT", .help = "source port (default 40000)"},
			{.name = "dport", .value = "PORT", .help = "destination port (default 53)"},
			{.name = "size",
				.value = "BYTES",
				.help = "of the IP packet (default 100)"},
			{.name = "ttl", .value = "N", .help = "TTL or hop limit (default 64)"},
			{.name = "df", .help = "don't fragment is set"}},
		.examples = {"braidctl explain --interface lan --src 192.0.2.7 --dst 198.51.100.1",
			"braidctl explain -i lan -s 192.0.2.7 -d 203.0.113.9 -p tcp --dport 443 "
			"--size "
			"1600 --df"},
		.run = cli_explain,
	},
	{
		.name = "capture",
		.summary = "write packets to a pcapng file for Wireshark and tshark",
		.text = "Without --drop it captures traffic as it enters and leaves; with --drop "
			"the "
			"packets that are dropped, the reason in each packet's comment. It ends "
			"after --count packets or on Ctrl-C. What cannot be copied in time is "
			"counted as lost; forwarding never waits.",
		.options = {{.name = "interface",
				    .letter = 'i',
				    .value = "NAME",
				    .help = "only of this interface"},
			{.name = "drop",
				.letter = 'd',
				.value = "REASON",
				.help = "dropped packets: a reason of `show drops --all`, or any"},
			{.name = "count",
				.letter = 'c',
				.value = "N",
				.help = "stop after N packets"},
			{.name = "snaplen",
				.letter = 's',
				.value = "BYTES",
				.help = "at most so many of each packet (default: all)"},
			{.name = "output",
				.letter = 'o',
				.value = "FILE",
				.kind = CLI_FILE,
				.help = "where to, - for stdout (required)"}},
		.examples = {"braidctl capture --interface lan --count 100 --output lan.pcapng",
			"braidctl capture --drop any --output - | tshark -r - -T fields -e "
			"frame.comment"},
		.run = cli_capture,
	},
	{
		.name = "top",
		.summary = "live rates per port, worker, service, backend, stage and drop reason",
		.text = "Reads the shared counters, and asks the dataplane for the names of "
			"services and backends; the workers do not notice. Ctrl-C ends "
			"it.",
		.options = {{.name = "interval",
				    .letter = 'd',
				    .value = "SECONDS",
				    .help = "between two pictures (default 1)"},
			{.name = "once", .help = "print one interval and exit"}},
		.examples = {"braidctl top", "braidctl -j top --once | jq '.ports[].rx_pps'"},
		.run = cli_top,
	},
	{
		.name = "cc",
		.args = "FILE.c",
		.args_min = 1,
		.args_max = 1,
		.args_kind = CLI_FILE,
		.summary = "compile a program for the node's workers",
		.text = "Runs clang with the flags that programs need (-target bpf -mcpu=v2 -O2 -g "
			"-c) and the directory of braid_task.h; what clang says is shown. The "
			"environment variable BRAID_CLANG names another clang.",
		.options = {{.name = "output",
				    .letter = 'o',
				    .value = "FILE",
				    .kind = CLI_FILE,
				    .help = "the object (default: FILE.o in this directory)"},
			CC_OPTIONS},
		.examples = {"braidctl cc double.c -o double.o",
			"braidctl cc double.c -I include -D LIMIT=100 -o double.o"},
		.run = cli_cc,
	},
	{
		.name = "check",
		.args = "FILE",
		.args_min = 1,
		.args_max = 1,
		.args_kind = CLI_FILE,
		.summary = "what the node will say of a program, and what a call costs",
		.text = "FILE is an object, or a C source, which is compiled first. For each "
			"function: accepted, or the line of C that is refused, why, and what to "
			"write instead. WORST CASE are the instructions of the longest way "
			"through it, helpers included; CODE BYTES and NS/RECORD are measured on "
			"this machine: the machine's code, and a call over small values. Exits "
			"with 3 if a function is refused.",
		.options = {CC_OPTIONS},
		.examples = {"braidctl check double.c",
			"braidctl -j check double.o | jq '.[].rule'"},
		.run = cli_check,
	},
	{
		.name = "load",
		.args = "FILE",
		.args_min = 1,
		.args_max = 1,
		.args_kind = CLI_FILE,
		.summary = "load a program into the node as a library (FUNCTION LOAD)",
		.text = "FILE is an object, or a C source, which is compiled first. Its functions "
			"are called LIBRARY.FUNCTION, or FUNCTION where only one library has one "
			"of that name.\n"
			"\n" SERVER_TEXT,
		.options = {{.name = "name",
				    .value = "LIBRARY",
				    .help = "its name (default: FILE without its ending)"},
			{.name = "replace", .help = "instead of the library of that name"},
			CC_OPTIONS, SERVER_OPTIONS},
		.examples = {"braidctl load double.c --replace --server 192.0.2.1",
			"braidctl load double.o --name twice --config braid.yaml"},
		.run = cli_load,
	},
	{
		.name = "map",
		.args = "FILE|LIBRARY FUNCTION [ITEM...]",
		.args_min = 2,
		.args_max = CLI_WORDS_MANY,
		.args_kind = CLI_FILE,
		.summary = "run a function over items, on all workers of the node",
		.text = "Items are words, or without any the lines of standard input. Results "
			"are printed one per line, in the order of the items. FUNCTION is of kind "
			"map or filter. FILE (an object or a C source) is loaded under a name "
			"that is made of what is in it, if the node does not have it yet.\n"
			"\n"
			"An item that ends with a fault has no result; stderr names it, the "
			"function and the line of C, and the exit status is 3. It is 124 when the "
			"deadline has passed and 130 after Ctrl-C, which both cancel what is "
			"under way on the node. Results as text have control characters, "
			"backslashes and what is not UTF-8 escaped, so that a line stays a line; "
			"with -j such results are in base64, under \"result_base64\".\n"
			"\n" SERVER_TEXT,
		.options = {{.name = "as-completed",
				    .help = "batches as they end, the item's number before each "
					    "result"},
			RUN_OPTIONS, {.name = "cancel-on-error", .help = "end at the first fault"},
			CC_OPTIONS, SERVER_OPTIONS},
		.examples = {"braidctl map double.c twice 1 2 3 4 5 --server 192.0.2.1",
			"seq 100000 | braidctl map double.o twice --deadline 1m > doubled.txt",
			"braidctl -j map double twice 21 | jq -r '.[].result'"},
		.run = cli_map,
	},
	{
		.name = "each",
		.args = "FILE|LIBRARY FUNCTION",
		.args_min = 2,
		.args_max = 2,
		.args_kind = CLI_FILE,
		.summary = "run a function over the records of the store, where they are",
		.text = "FUNCTION is of kind each or filter. Prints the pairs it emits, a tab "
			"between key and value; of a filter the keys it keeps; with --reduce "
			"first the accumulator of all records, as unsigned 64-bit words up to the "
			"last that is not zero. Records are visited in no order. Exit status and "
			"Ctrl-C are as for map.\n"
			"\n" SERVER_TEXT,
		.options =
			{{.name = "match", .value = "GLOB", .help = "only keys like it: 'shop:*'"},
				{.name = "type",
					.value = "TYPE",
					.help = "only records of this type"},
				{.name = "slots",
					.value = "FIRST-LAST",
					.help = "only of these hash slots, 0 to 16383"},
				{.name = "reduce", .help = "merge the accumulators into one"},
				{.name = "class",
					.value = "CLASS",
					.kind = CLI_WORD,
					.choices = "latency normal batch",
					.help = "latency, normal or batch (default normal)"},
				RUN_OPTIONS, CC_OPTIONS, SERVER_OPTIONS},
		.examples = {"braidctl each shop_sum.c sum --match 'shop:*' --reduce",
			"braidctl -j each shop_sum.c is_dear --class batch | jq -r '.keys[].key'"},
		.run = cli_each,
	},
	{
		.name = "jobs",
		.args = "[list | status ID | cancel ID]",
		.args_max = 2,
		.args_kind = CLI_WORD,
		.choices = "list status cancel",
		.summary = "the jobs of the node: all, one, the end of one",
		.text = "Jobs that have ended are listed until their results expire or are "
			"cancelled.\n"
			"\n" SERVER_TEXT,
		.options = {SERVER_OPTIONS},
		.examples = {"braidctl jobs --server 192.0.2.1",
			"braidctl -j jobs | jq -r '.[].id'"},
		.run = cli_jobs,
	},
	{
		.name = "completion",
		.args = "bash",
		.args_min = 1,
		.args_max = 1,
		.args_kind = CLI_WORD,
		.choices = "bash",
		.summary = "print the completion script of a shell",
		.text = "It is generated from the same table as this help.",
		.examples = {"source <(braidctl completion bash)",
			"braidctl completion bash > /etc/bash_completion.d/braidctl"},
		.run = cli_completion,
	},
	{
		.name = "man",
		.args = "[COMMAND]",
		.args_max = 2,
		.summary = "print the manual page, of one command or of all, as roff",
		.text = "The installed braidctl(1) is this command's output.",
		.examples = {"braidctl man | man -l -", "braidctl man explain | man -l -"},
		.run = cli_man,
	},
};

const size_t cli_n_commands = ARRAY_SIZE(cli_commands);
