# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Shell library of the namespace tests and of scripts/demo: hosts as network namespaces, veth links,
# a braid node in the middle. Source it, call net_begin; everything is removed on exit.
#
# Needs root and BRAID_BUILD, the build directory. NET_DEVICE=af_xdp selects AF_XDP ports.

set -euo pipefail
: "${BRAID_BUILD:?set BRAID_BUILD to the build directory}"
NET_PIDS=()
NET_PEERS=$(realpath "$(dirname "${BASH_SOURCE[0]}")") # where the peers in Python are

# Starts a test called $1: a work directory $NET, a prefix for namespaces, cleanup on exit.
net_begin() {
	NET_NAME=$1
	NET=$(mktemp -d "/tmp/braid-$1.XXXXXX")
	NET_PREFIX="bt$$"
	NET_RUNTIME=$NET/run
	NET_NODE=$NET_PREFIX # name of the node: also names its DPDK directory
	trap net_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# Ends process $1 within five seconds, with SIGKILL if it must.
end_process() {
	kill "$1" 2>/dev/null || return 0
	for _ in $(seq 100); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.05
	done
	kill -9 "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

# Ends the processes this test started, by pid, and removes its namespaces.
net_end() {
	local code=$? pid ns
	trap - EXIT INT TERM
	set +e
	if [ $code -ne 0 ] && [ $code -ne 130 ]; then
		echo "-- $NET_NAME failed ($code); its processes said:" >&2
		tail -n 20 "$NET"/*.log >&2 2>/dev/null
	fi
	for pid in "${NET_PIDS[@]}"; do end_process "$pid"; done
	for ns in $(ip netns list | awk '{print $1}' | grep "^$NET_PREFIX-"); do
		ip netns pids "$ns" | xargs -r kill -9 2>/dev/null
		ip netns del "$ns"
	done
	rm -rf "$NET" "/var/run/dpdk/braid-$NET_NODE"
	exit $code
}

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# Runs a command in host $1.
in_ns() {
	local ns=$1
	shift
	ip netns exec "$NET_PREFIX-$ns" "$@"
}

# Runs a command in host $1 in the background, its output in $NET/$2.log; BG_PID is its pid, and it
# is ended at the end.
in_ns_bg() {
	local ns=$1 log=$2
	shift 2
	ip netns exec "$NET_PREFIX-$ns" "$@" >"$NET/$log.log" 2>&1 </dev/null &
	BG_PID=$!
	NET_PIDS+=("$BG_PID")
}

# Runs the peer $2.py in host $1.
peer() {
	local ns=$1 name=$2
	shift 2
	in_ns "$ns" /usr/bin/python3 "$NET_PEERS/$name.py" "$@"
}

# Runs the peer $3.py in host $1 in the background, its output in $NET/$2.log, and waits until it is
# ready.
peer_bg() {
	local ns=$1 log=$2 name=$3
	shift 3
	in_ns_bg "$ns" "$log" /usr/bin/python3 "$NET_PEERS/$name.py" "$@"
	wait_for "$name.py to be ready" "grep -q ready $NET/$log.log"
}

# Makes host $1.
host_add() {
	ip netns add "$NET_PREFIX-$1"
	in_ns "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	in_ns "$1" ip link set lo up
}

# Makes a veth link: host $1 interface $2 <-> host $3 interface $4 with MTU ${5:-1500}. Offloads
# that leave checksums or segments to a device that does not exist are off.
link_add() {
	local side ns dev
	ip link add "$2" netns "$NET_PREFIX-$1" mtu "${5:-1500}" type veth peer name "$4" \
		netns "$NET_PREFIX-$3" mtu "${5:-1500}"
	for side in "$1 $2" "$3 $4"; do
		read -r ns dev <<<"$side"
		in_ns "$ns" ethtool -K "$dev" tx off rx off gso off gro off tso off \
			txvlan off rxvlan off >/dev/null 2>&1 || true
		in_ns "$ns" ip link set "$dev" up
	done
}

# Gives the node's end $2 of a link in namespace $1 to braid: the kernel keeps off it.
node_end() {
	in_ns "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=1" "net.ipv4.conf.$2.arp_ignore=8"
}

# The DPDK device string for kernel interface $1: AF_XDP where it works, else AF_PACKET. NET_FRAMES
# is the room of its rings; what does not fit is lost, and neither DPDK nor braid is told.
device_for() {
	if [ "${NET_DEVICE:-af_packet}" = af_xdp ]; then
		echo "net_af_xdp_$1,iface=$1,start_queue=0,queue_count=1"
	else
		echo -n "net_af_packet_$1,iface=$1,framesz=2048,blocksz=4096,"
		echo "framecnt=${NET_FRAMES:-2048}"
	fi
}

# Waits up to ${3:-10} seconds until command $2 succeeds; $1 says for what.
wait_for() {
	local what=$1 cmd=$2 deadline=$((SECONDS + ${3:-10}))
	until eval "$cmd" >/dev/null 2>&1; do
		[ $SECONDS -le $deadline ] || fail "waited in vain for $what"
		sleep 0.05
	done
}

# Starts the dataplane in namespace $1 with configuration $2; DATAPLANE_PID is it. False if it ends.
dataplane_try() {
	mkdir -p "$NET_RUNTIME"
	in_ns_bg "$1" dataplane "$BRAID_BUILD/dataplane/braid-dataplane" --config "$2" \
		--runtime "$NET_RUNTIME"
	DATAPLANE_PID=$BG_PID
	wait_for "the dataplane" \
		"grep -q 'is up' $NET/dataplane.log || ! kill -0 $DATAPLANE_PID" 20
	kill -0 "$DATAPLANE_PID" 2>/dev/null
}

# Likewise; a dataplane that ends is a failure.
dataplane_start() {
	dataplane_try "$@" ||
		fail "the dataplane did not start: $(tail -n 3 "$NET/dataplane.log")"
}

# Starts control in namespace $1 with configuration $2 and waits until it is in force; CONTROL_PID
# is it.
control_start() {
	in_ns_bg "$1" control "$BRAID_BUILD/control/braid-control" --config "$2" \
		--runtime "$NET_RUNTIME"
	CONTROL_PID=$BG_PID
	wait_for "the configuration to be in force" "in_force || ! kill -0 $CONTROL_PID" 20
	kill -0 "$CONTROL_PID" 2>/dev/null ||
		fail "control did not start: $(tail -n 3 "$NET/control.log")"
}

# Whether the dataplane has what control wants.
in_force() {
	braidctl -j status 2>/dev/null | jq -e '.control.connected and .dataplane.generation > 0 and
		.dataplane.generation == .control.generation'
}

# Starts both, and waits until the node's addresses are no longer tentative.
braid_start() {
	dataplane_start "$1" "$2"
	control_start "$1" "$2"
	wait_for "the node's addresses" addresses_preferred
}

addresses_preferred() {
	braidctl -j show addresses | jq -e 'length > 0 and all(.state == "preferred")'
}

braidctl() {
	"$BRAID_BUILD/control/braidctl" --runtime "$NET_RUNTIME" "$@"
}

# Fails as $1 unless filter $2 holds for what `braidctl -j $3...` says.
check_json() {
	local what=$1 filter=$2
	shift 2
	braidctl -j "$@" >"$NET/checked.json" || fail "braidctl $* failed"
	jq -e "$filter" "$NET/checked.json" >/dev/null || fail "$what: $(cat "$NET/checked.json")"
}

# The number of packets dropped for reason $1.
drops() {
	braidctl -j show drops --all | jq --arg r "$1" '.[] | select(.reason == $r) | .packets'
}

# The number of packets that passed stage $1.
stage() {
	braidctl -j show stages --all | jq --arg s "$1" '.[] | select(.stage == $s) | .packets'
}

# Fails unless ${3:-0} percent or less of the packets were lost in the output of ping in file $2; $1
# says which.
check_loss() {
	local loss
	loss=$(sed -n 's/.* \([0-9.]*\)% packet loss.*/\1/p' "$2")
	[ -n "$loss" ] || fail "$1: ping gave no result: $(cat "$2")"
	jq -en "$loss <= ${3:-0}" >/dev/null || fail "$1: $loss% of the packets were lost"
}

# Pings $2 from host $1 with further options, and fails on any loss.
check_ping() {
	local ns=$1 to=$2
	shift 2
	in_ns "$ns" ping -q -c 5 -i 0.02 -W 2 "$@" "$to" >"$NET/ping.txt" 2>&1 || true
	check_loss "ping $to from $ns" "$NET/ping.txt"
}

# Sends ${4:-4} MB over TCP from host $1 to address $3 of host $2, and fails unless all arrives.
check_tcp() {
	local family=-4 listener
	[[ $3 != *:* ]] || family=-6
	head -c "${4:-4}000000" /dev/urandom >"$NET/tcp.sent"
	in_ns "$2" timeout 30 nc $family -l 7000 >"$NET/tcp.got" </dev/null &
	listener=$!
	NET_PIDS+=("$listener")
	wait_for "the TCP listener" "in_ns $2 ss -ltn | grep -q :7000"
	in_ns "$1" timeout 30 nc -N "$3" 7000 <"$NET/tcp.sent" || fail "TCP from $1 to $3 failed"
	wait "$listener" || fail "TCP from $1 to $3 did not end"
	cmp "$NET/tcp.sent" "$NET/tcp.got" || fail "TCP from $1 to $3 arrived differently"
}

# Fails unless what came in or was made is, to the packet, what went out, ended here or is held.
check_accounts() {
	wait_for "the accounts to balance: $(accounts)" accounts_balance 3
}

accounts() { braidctl -j status | jq -c .dataplane.accounts; }

accounts_balance() {
	accounts | jq -e '.received > 0 and
		.received + .generated == .transmitted + .consumed + .dropped + .held'
}

# The usual network: host "left" 192.0.2.2, 2001:db8:1::2 at port lan of "node", host "right"
# 198.51.100.2, 2001:db8:2::2 at port wan. $1 is the MTU of the wan link.
pair_hosts() {
	local host
	for host in left node right; do host_add $host; done
	link_add left eth0 node lan0
	link_add right eth0 node wan0 "${1:-1500}"
	node_end node lan0
	node_end node wan0
	host_addresses left 192.0.2 2001:db8:1
	host_addresses right 198.51.100 2001:db8:2
}

# Gives host $1 the addresses $2.2/24 and $3::2/64, and the node as its router.
host_addresses() {
	in_ns "$1" ip addr add "$2.2/24" dev eth0
	in_ns "$1" ip -6 addr add "$3::2/64" dev eth0 nodad
	in_ns "$1" ip route add default via "$2.1"
	in_ns "$1" ip -6 route add default via "$3::1"
}

# Writes the configuration of that network to $NET/braid.yaml. NODE_KEYS, LAN_KEYS and WAN_KEYS are
# further keys of the node and its ports, one per line; stdin is what follows the node section.
pair_config() {
	cat >"$NET/braid.yaml" <<-EOF
		node:
		  name: $NET_NODE
		  workers: ${NODE_WORKERS:-[1]}
		  main: 0
		  memory: 256M
		$(sed 's/^/  /' <<<"${NODE_KEYS:-}")
		  ports:
		    - name: lan
		      device: "$(device_for lan0)"
		      addresses: [192.0.2.1/24, "2001:db8:1::1/64"]
		$(sed 's/^/      /' <<<"${LAN_KEYS:-}")
		    - name: wan
		      device: "$(device_for wan0)"
		      addresses: [198.51.100.1/24, "2001:db8:2::1/64"]
		$(sed 's/^/      /' <<<"${WAN_KEYS:-}")
	EOF
	cat >>"$NET/braid.yaml"
}
