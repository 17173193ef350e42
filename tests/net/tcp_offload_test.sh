#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Large values over a device that sums and cuts for the node (TAP, whose driver does it itself), and
# over devices that do not: the same bytes both ways, IPv4 and IPv6, and far fewer packets where the
# device cuts. The kernel of host "left" checks every sum.

. "$(dirname "$0")/lib.sh"

BYTES=1000000
ROUNDS=8

# A store on port lan, whose device is $1.
offload_config() {
	cat >"$NET/braid.yaml" <<-EOF
		node:
		  name: $NET_NODE
		  workers: [1]
		  main: 0
		  memory: 256M
		  ports:
		    - name: lan
		      device: "$1"
		      addresses: [192.0.2.1/24, "2001:db8:1::1/64"]
		store: {listen: [192.0.2.1, "2001:db8:1::1"], memory: 128M, protected_mode: "no"}
	EOF
}

# Sets and gets $ROUNDS values of $BYTES at $1; every one must come back as it was.
values_pass() {
	local i sent got
	for i in $(seq $ROUNDS); do
		head -c $BYTES /dev/urandom >"$NET/value"
		sent=$(md5sum <"$NET/value")
		in_ns left timeout 60 redis-cli -h "$1" -x SET "v:$i" <"$NET/value" >"$NET/said" ||
			fail "SET at $1 failed: $(cat "$NET/said")"
		got=$(in_ns left timeout 60 redis-cli -h "$1" GET "v:$i" |
			head -c $BYTES | md5sum)
		[ "$sent" = "$got" ] || fail "value $i at $1 came back differently"
	done
}

# The word $1 of port lan.
of_port() { braidctl -j show ports | jq ".[0].$1"; }

# Passes values at $1 and prints how many packets left the port for them.
packets_for() {
	local before
	before=$(of_port tx_packets)
	values_pass "$1"
	echo $(($(of_port tx_packets) - before))
}

# Passes values at both addresses: $1 and $2 packets at most.
both_pass() {
	local packets4 packets6
	wait_for "the node" "in_ns left ping -q -c 1 -W 1 192.0.2.1"
	packets4=$(packets_for 192.0.2.1)
	packets6=$(packets_for 2001:db8:1::1)
	echo "   $((2 * ROUNDS)) values of $BYTES bytes: $packets4 packets IPv4, $packets6 IPv6"
	[ "$packets4" -le "$1" ] || fail "$packets4 packets over IPv4, more than $1"
	[ "$packets6" -le "$2" ] || fail "$packets6 packets over IPv6, more than $2"
	check_json "receive checksums were wrong" \
		'[.[] | select(.reason == "l4_bad_checksum" or .reason == "port_no_offload" or
			.reason == "port_tx_refused") | .packets] | add == 0' show drops --all
	check_accounts
}

# Relays between host left and interface $1 of the box with options $@ until relay_stop.
relay_start() {
	local to=$1
	shift
	in_ns_bg box relay "$BRAID_BUILD/tests/net/relay" near "$to" --seed "${SEED:-1}" "$@"
	RELAY_PID=$BG_PID
	wait_for "the relay" "grep -q ready $NET/relay.log"
}

relay_stop() { end_process "$RELAY_PID"; }

net_begin tcp_offload
[ -c /dev/net/tun ] || fail "there is no /dev/net/tun, so no TAP device"
for host in left box node; do host_add $host; done
link_add left eth0 box near
link_add box far node lan0
node_end node lan0
in_ns box sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
host_addresses left 192.0.2 2001:db8:1

echo "-- TAP: its driver sums both ways and cuts IPv4"
offload_config "net_tap0,iface=tap0"
braid_start box "$NET/braid.yaml"
check_json "what the TAP driver does" '.[0].offloads == ["tx-cksum", "tso", "rx-cksum"]' show ports
relay_start tap0 --delay 0
both_pass 2500 15000
relay_stop

echo "-- the same where frames are lost, late, doubled and damaged"
relay_start tap0 --loss 2 --reorder 4 --duplicate 1 --corrupt 1 --delay 1
for host in 192.0.2.1 2001:db8:1::1; do
	what=$(peer left tcp_transfer --host $host --seed "${SEED:-1}" --count 60 --max 1000000 \
		--large 4000000) || fail "over a bad link to $host: $what"
	echo "   $what"
done
relay_stop
[ "$(drops l4_bad_checksum)" -gt 0 ] || fail "the device let every damaged segment pass"
check_accounts
end_process "$CONTROL_PID"
end_process "$DATAPLANE_PID"

echo "-- ${NET_DEVICE:-af_packet}: nothing of it"
offload_config "$(device_for lan0)"
braid_start node "$NET/braid.yaml"
check_json "no offloads" '.[0].offloads == []' show ports
relay_start far --delay 0
both_pass 15000 15000
