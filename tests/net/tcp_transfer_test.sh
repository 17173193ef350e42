#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The node's TCP against Linux's over a bad link: values of 1 byte to 64 MB are set and got while a
# relay between the two loses, doubles, reorders, damages, delays and limits frames. Every byte must
# be the right one, every connection must end, every packet must be accounted for.

. "$(dirname "$0")/lib.sh"

SEED=${SEED:-1}
TRANSFERS=0

# One port, a store on it.
transfer_config() {
	cat >"$NET/braid.yaml" <<-EOF
		node:
		  name: $NET_NODE
		  workers: ${NODE_WORKERS:-[1]}
		  main: 0
		  memory: 256M
		  ports:
		    - name: lan
		      device: "$(device_for lan0)"
		      addresses: [192.0.2.1/24, "2001:db8:1::1/64"]
		store: {listen: [192.0.2.1, "2001:db8:1::1"], memory: 256M, protected_mode: "no"}
	EOF
}

# Relays between both links with options $@ until relay_stop.
relay_start() {
	in_ns_bg box relay "$BRAID_BUILD/tests/net/relay" near far --seed "$SEED" "$@"
	RELAY_PID=$BG_PID
	wait_for "the relay" "grep -q ready $NET/relay.log"
	wait_for "the node" "in_ns left ping -q -c 1 -W 1 192.0.2.1"
}

relay_stop() {
	end_process "$RELAY_PID"
	sed 's/^/   /' "$NET/relay.log" | grep -v ready
}

# Transfers over a link as $1 says, between host left and address $2; further options of the client.
transfers() {
	local link=$1 host=$2 what
	shift 2
	# shellcheck disable=SC2086
	relay_start $link
	what=$(peer left tcp_transfer --host "$host" --seed "$SEED" "$@") ||
		fail "over a link with $link: $what"
	echo "   $what"
	TRANSFERS=$((TRANSFERS + ${what%% *}))
	wait_for "the connections to end" \
		'[ "$(braidctl show conns --count --state ESTABLISHED)" -eq 0 ]' 20
	relay_stop
}

net_begin tcp_transfer
for host in left box node; do host_add $host; done
link_add left eth0 box near
link_add box far node lan0
node_end node lan0
in_ns box sysctl -qw net.ipv6.conf.all.disable_ipv6=1
host_addresses left 192.0.2 2001:db8:1
transfer_config
braid_start node "$NET/braid.yaml"

echo "-- a clean link, 64 MB both ways"
transfers "--delay 0" 192.0.2.1 --count 40 --max 1000000 --large 64000000

echo "-- what is usual on bad days"
transfers "--loss 1 --reorder 2 --duplicate 1 --corrupt 0.5 --delay 1" 192.0.2.1 \
	--count 250 --max 1000000 --large 64000000

echo "-- 5 % lost, 10 % late"
transfers "--loss 5 --reorder 10 --duplicate 2 --corrupt 1 --delay 1" 192.0.2.1 \
	--count 250 --max 300000 --large 4000000 --parallel 16

echo "-- the same over IPv6"
transfers "--loss 5 --reorder 10 --duplicate 2 --corrupt 1 --delay 1" 2001:db8:1::1 \
	--count 150 --max 300000 --large 2000000 --parallel 16

echo "-- a long thin link"
transfers "--loss 0.5 --rate 40 --delay 10" 2001:db8:1::1 --count 60 --max 1000000

[ $TRANSFERS -ge 500 ] || fail "only $TRANSFERS transfers"
echo "-- $TRANSFERS transfers; the accounts"
check_accounts
