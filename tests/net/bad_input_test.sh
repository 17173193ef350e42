#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A table of mistakes around the files, sockets, devices and rights of a node: each ends with a
# non-zero exit code and a sentence that says what to do, and nothing has changed afterwards.

. "$(dirname "$0")/lib.sh"

DATAPLANE=$BRAID_BUILD/dataplane/braid-dataplane
CONTROL=$BRAID_BUILD/control/braid-control
BRAIDCTL=$BRAID_BUILD/control/braidctl
NOBODY=(setpriv --reuid 65534 --regid 65534 --clear-groups)
CASES=0

# Expects command $3... in the node's namespace to exit with a code > 0 and a sentence that matches
# $2. $1 names the case.
expect() {
	local name=$1 pattern=$2 code=0
	shift 2
	CASES=$((CASES + 1))
	in_ns node timeout -k 1 15 "$@" >"$NET/said.txt" 2>&1 </dev/null || code=$?
	[ $code -ne 0 ] && [ $code -lt 124 ] && grep -qE "$pattern" "$NET/said.txt" ||
		fail "$name: exit code $code: $(cat "$NET/said.txt")"
}

# Expects the dataplane to refuse the configuration changed by sed script $3, in a runtime directory
# of its own.
expect_dataplane() {
	sed -E "$3" "$NET/braid.yaml" >"$NET/bad.yaml"
	expect "$1" "$2" "$DATAPLANE" --config "$NET/bad.yaml" --runtime "$NET/bad"
	[ ! -e "$NET/bad/dataplane.sock" ] || fail "$1: its socket was left behind"
	rm -rf "$NET/bad"
}

# Expects `braidctl apply` to refuse the configuration changed by sed script $3, and what is in
# force to stay.
expect_apply() {
	local generation
	generation=$(braidctl -j status | jq .dataplane.generation)
	sed -E "$3" "$NET/braid.yaml" >"$NET/bad.yaml"
	expect "$1" "$2" "$BRAIDCTL" -r "$NET_RUNTIME" apply "$NET/bad.yaml"
	[ "$(braidctl -j status | jq .dataplane.generation)" = "$generation" ] ||
		fail "$1: the generation has changed"
}

before_anything_runs() {
	expect "no configuration" 'Usage: braid-dataplane' "$DATAPLANE"
	expect "unknown option" 'Usage: braid-dataplane' "$DATAPLANE" --confg x
	expect "missing file" 'no.yaml: .*[Nn]o such file' "$DATAPLANE" -c "$NET/no.yaml"
	expect "missing file for control" 'no.yaml: .*[Nn]o such file' "$CONTROL" \
		-c "$NET/no.yaml" -r "$NET/bad"
	expect "a directory as file" '[Dd]irectory' "$DATAPLANE" -c "$NET"
	expect "no dataplane runs" 'braid-dataplane is not running here .start it' "$BRAIDCTL" \
		-r "$NET/none" show ports
	expect "no control runs" 'braid-control is not running here .start it' "$BRAIDCTL" \
		-r "$NET/none" apply "$NET/braid.yaml"
	expect "runtime directory too long" 'limit of UNIX socket names' "$DATAPLANE" -c \
		"$NET/braid.yaml" -r "/tmp/$(printf 'x%.0s' $(seq 120))"
	expect "runtime directory in the void" 'cannot be made.*--runtime' "$DATAPLANE" -c \
		"$NET/braid.yaml" -r "$NET/no/such"
	expect_dataplane "no such interface" 'port "wan": device .*that its interface exists' \
		's/wan0/wan7/g'
	expect_dataplane "no such driver" 'port "lan": .*check the DPDK device string' \
		's/device: "[^"]*lan0[^"]*"/device: net_nothing0/'
	expect_dataplane "no such PCI device" 'port "lan": device "0000:7f:1f.7"' \
		's/device: "[^"]*lan0[^"]*"/device: "0000:7f:1f.7"/'
	expect_dataplane "more memory than there is" 'memory' 's/memory: .*/memory: 1000G/'
	expect_dataplane "a CPU this machine does not have" 'CPU' 's/workers: .*/workers: [190]/'
	expect_dataplane "unknown key" 'bad.yaml:[0-9]+:[0-9]+: unknown key "wrkers".*"workers"' \
		's/workers:/wrkers:/'
}

without_the_right_to() {
	chmod 0755 "$NET"
	expect "dataplane as nobody" 'run as root' "${NOBODY[@]}" "$DATAPLANE" \
		-c "$NET/braid.yaml" -r "$NET/bad"
	mkdir -m 0777 "$NET/open"
	expect "as nobody in a directory of its own" '(are we|we are) root' "${NOBODY[@]}" \
		"$DATAPLANE" -c "$NET/braid.yaml" -r "$NET/open/run"
}

beside_a_node() {
	local service='$aservices: [{name: web, port: 80, backends: [{address: 198.51.100.2}]'

	mkdir -p "$NET_RUNTIME"
	/usr/bin/python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).bind(sys.argv[1])' \
		"$NET_RUNTIME/dataplane.sock"
	braid_start node "$NET/braid.yaml" # replaces the stale socket
	expect "second dataplane" 'another process is running on this socket' "$DATAPLANE" \
		-c "$NET/braid.yaml" -r "$NET_RUNTIME"
	expect "second control" 'another process is running on this socket' "$CONTROL" \
		-c "$NET/braid.yaml" -r "$NET_RUNTIME"
	expect "braidctl as nobody" '[Pp]ermission|run this as root' "${NOBODY[@]}" "$BRAIDCTL" -r \
		"$NET_RUNTIME" show ports
	expect "apply of nothing" 'No such file' "$BRAIDCTL" -r "$NET_RUNTIME" apply "$NET/no.yaml"
	expect_apply "next hop out of reach" \
		'bad.yaml:[0-9]+:[0-9]+: next hop 10.9.9.9 cannot be reached' \
		's/via: 198.51.100.2/via: 10.9.9.9/'
	expect_apply "an address twice" 'address 192.0.2.1 is already at line' \
		's/198.51.100.1\/24, /192.0.2.1\/24, /'
	expect_apply "a port that does not exist" '"wun".*restart' 's/name: wan/name: wun/'
	expect_apply "another device" 'restart' 's/framecnt=2048/framecnt=1024/'
	expect_apply "another node" 'node differs.*restart' "s/name: $NET_NODE/name: other/"
	expect_apply "a missing route file" 'cannot read route file .*none.txt.*No such file' \
		'$aroute_files: [none.txt]'
	expect_apply "a service without backends" \
		'bad.yaml:[0-9]+:[0-9]+: "backends" is an empty list' \
		'$aservices: [{name: web, vip: 203.0.113.10, port: 80, mode: dsr, backends: []}]'
	expect_apply "a VIP that is an interface's address" \
		'vip 192.0.2.1 of service "web" is an address of interface "lan"' \
		"$service, vip: 192.0.2.1, mode: dsr}]"
	expect_apply "NAT without a pool" 'mode nat of service "web" needs source addresses' \
		"$service, vip: 203.0.113.10, mode: nat}]"
	expect "explain on no interface" '"lon"' "$BRAIDCTL" -r "$NET_RUNTIME" explain -i lon -s \
		192.0.2.2 -d 198.51.100.2
	expect "capture of no reason" 'did you mean "ip4_bad_checksum"' "$BRAIDCTL" -r \
		"$NET_RUNTIME" capture --drop ip4_bad_chksum -o "$NET/x.pcapng"
	expect "capture on no interface" '"lon"' "$BRAIDCTL" -r "$NET_RUNTIME" capture -i lon -o \
		"$NET/x.pcapng"
	check_ping left 198.51.100.2
	check_accounts
}

beside_others() {
	end_process "$CONTROL_PID"
	in_ns_bg node squatter nc -l -k 127.0.0.1 9465
	wait_for "the squatter" "in_ns node ss -ltn | grep -q :9465"
	expect "metrics port in use" 'metrics.*127.0.0.1.*9465.*in use' "$CONTROL" -c \
		"$NET/braid.yaml" -r "$NET_RUNTIME"
	mkdir "$NET/older"
	peer_bg node older other_version "$NET/older/dataplane.sock"
	expect "braidctl with another version" 'version 99.*same version|99.*of one version' \
		"$BRAIDCTL" -r "$NET/older" show ports
	end_process "$BG_PID"
	peer_bg node older other_version "$NET/older/control.sock"
	expect "apply at another version" 'version 99.*same version|99.*of one version' \
		"$BRAIDCTL" -r "$NET/older" apply "$NET/braid.yaml"
	check_ping left 198.51.100.2
}

net_begin bad_input
pair_hosts
pair_config <<-EOT
	routes:
	  - {prefix: 203.0.113.0/24, via: 198.51.100.2}
EOT
before_anything_runs
without_the_right_to
beside_a_node
beside_others
echo "$CASES mistakes were refused"
