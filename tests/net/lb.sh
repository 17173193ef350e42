# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Shell library of the balancer's tests and of scripts/demo, beside lib.sh: several backends behind
# the node's wan port, services for them, web servers and their clients.
#
#   left 192.0.2.2 -- lan [ node ] wan 198.51.100.1 -- switch -- b1 198.51.100.11, b2 .12, ...
#     2001:db8:1::2                       2001:db8:2::1              2001:db8:2::11, ::12, ...

VIP4=203.0.113.10 VIP6=2001:db8:99::10
POOL='nat: {pool: [203.0.113.200/30, "2001:db8:98::/126"]}'
LB_TOOLS=$BRAID_BUILD/tests/net
BACKENDS=0 # how many there are
SERVER_PIDS=()

b4() { echo "198.51.100.$((10 + $1))"; }
b6() { echo "2001:db8:2::$((10 + $1))"; }

# A URL's or a target's host: IPv6 addresses in brackets.
host_of() { [[ $1 == *:* ]] && echo "[$1]" || echo "$1"; }

# Makes that network with $1 backends; $2 is the MTU of their links.
lb_hosts() {
	local i
	BACKENDS=$1
	for i in left node switch; do host_add "$i"; done
	link_add left eth0 node lan0
	link_add node wan0 switch p0 "${2:-1500}"
	node_end node lan0
	node_end node wan0
	host_addresses left 192.0.2 2001:db8:1
	in_ns left sysctl -qw net.ipv4.ip_local_port_range='1024 65535' net.ipv4.tcp_tw_reuse=1
	in_ns switch sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	in_ns switch ip link add br0 type bridge mcast_snooping 0 forward_delay 0
	in_ns switch ip link set br0 up
	in_ns switch ip link set p0 master br0
	for i in $(seq "$1"); do lb_backend "$i" "${2:-1500}"; done
}

# Makes backend $1 with MTU $2.
lb_backend() {
	host_add "b$1"
	link_add switch "p$1" "b$1" eth0 "$2"
	in_ns switch ip link set "p$1" master br0
	in_ns "b$1" sysctl -qw net.core.somaxconn=4096
	in_ns "b$1" ip addr add "$(b4 "$1")/24" dev eth0
	in_ns "b$1" ip -6 addr add "$(b6 "$1")/64" dev eth0 nodad
	in_ns "b$1" ip route add default via 198.51.100.1
	in_ns "b$1" ip -6 route add default via 2001:db8:2::1
}

# Prints service $1 of VIP $2, port $3, protocol $4, mode $5 with the backends that follow, each an
# address with further keys: "198.51.100.11, weight: 2". LB_KEYS are further keys of the service,
# one per line.
lb_service() {
	local backend address
	cat <<-EOF
		  - name: $1
		    vip: "$2"
		    port: $3
		    protocol: $4
		    mode: $5
		$(sed 's/^/    /' <<<"${LB_KEYS:-health: {probe: none\}}")
		    backends:
	EOF
	for backend in "${@:6}"; do
		address=${backend%%,*}
		echo "      - {address: \"$address\"${backend#"$address"}}"
	done
}

# The backends' IPv4 (function b4) or IPv6 (b6) addresses with $2 appended, one per line.
lb_backends() {
	local i
	for i in $(seq "$BACKENDS"); do echo "$($1 "$i")${2:-}"; done
}

# Prints services of both VIPs: $1 and the IP version is the name, then port, protocol, mode and
# what is appended to each backend.
lb_services() {
	local backends
	mapfile -t backends < <(lb_backends b4 "${5:-}")
	lb_service "${1}4" $VIP4 "$2" "$3" "$4" "${backends[@]}"
	mapfile -t backends < <(lb_backends b6 "${5:-}")
	lb_service "${1}6" $VIP6 "$2" "$3" "$4" "${backends[@]}"
}

# Writes the configuration with web services of mode $1, to port ${2:-80} of the backends; stdin may
# have more services.
lb_config() {
	{
		[ "$1" != nat ] || echo "$POOL"
		echo "services:"
		lb_services web 80 tcp "$1" "${2:+, port: $2}"
		cat
	} | pair_config
}

# Starts a web server on backend $1 which says its name and whose client asks.
lb_web() {
	mkdir -p "$NET/b$1/temp"
	cat >"$NET/b$1/nginx.conf" <<-EOF
		user root;
		worker_processes 1;
		daemon off;
		error_log stderr;
		pid $NET/b$1/pid;
		events { worker_connections 4096; }
		http {
			access_log off;
			keepalive_requests 1000000;
			$(printf "%s_temp_path $NET/b$1/temp;\n" \
				client_body proxy fastcgi uwsgi scgi)
			server {
				listen 80 backlog=4096;
				listen [::]:80 backlog=4096;
				listen 8080 backlog=4096;
				$(printf 'listen %s; listen [::]:%s; ' 81 81 82 82 83 83)
				listen [::]:8080 backlog=4096;
				location / { return 200 "b$1\n"; }
				location /client { return 200 "\$remote_addr\n"; }
				location /big { alias $NET/big; }
			}
		}
	EOF
	in_ns_bg "b$1" "nginx$1" nginx -e stderr -p "$NET/b$1" -c "$NET/b$1/nginx.conf"
	wait_for "the web server of b$1" "in_ns b$1 curl -s -m 1 127.0.0.1:8080"
}

# Starts the web servers of all backends, and makes the file they all have.
lb_webs() {
	local i
	head -c 1000000 /dev/urandom >"$NET/big"
	for i in $(seq "$BACKENDS"); do lb_web "$i"; done
}

# Gives the VIPs to the backends themselves, as dsr and tunnels want it.
lb_vips() {
	local i
	for i in $(seq "$BACKENDS"); do
		in_ns "b$i" ip addr add $VIP4/32 dev lo
		in_ns "b$i" ip -6 addr add $VIP6/128 dev lo nodad
	done
}

# Starts the far ends of tunnels on all backends; their counters are in $NET/decap<number>.
lb_decaps() {
	local i
	for i in $(seq "$BACKENDS"); do
		in_ns_bg "b$i" "decap$i.log" "$LB_TOOLS/decap" tun0 "$NET/decap$i"
		wait_for "decap of b$i" "in_ns b$i ip link set tun0 up"
	done
}

# The packets that came out of tunnels of kind $1 on all backends together.
decapsulated() {
	cat "$NET"/decap? | awk -v kind="$1" '$1 == kind {n += $2} END {print n + 0}'
}

# What host left gets from path $2 of address $1.
lb_get() { in_ns left curl -s -S -m 5 "http://$(host_of "$1")$2"; }

# Fails unless all backends answer, one after the other, to the requests to $1.
lb_check_spread() {
	local i
	: >"$NET/names"
	for i in $(seq $((BACKENDS * 10))); do
		lb_get "$1" / >>"$NET/names" || fail "request $i to $1 failed"
	done
	[ "$(sort -u "$NET/names" | wc -l)" -eq "$BACKENDS" ] ||
		fail "not all backends of $1 answered: $(sort "$NET/names" | uniq -c)"
}

# Runs wrk against $1 for ${2:-1} s, with further options, and fails on any error.
lb_wrk() {
	local to=$1 seconds=${2:-1}
	shift $(($# > 1 ? 2 : 1))
	in_ns left wrk -t1 -c20 -d"${seconds}s" "$@" "http://$(host_of "$to")/" \
		>"$NET/wrk.txt" 2>&1 || fail "wrk to $to: $(cat "$NET/wrk.txt")"
	grep -qE 'Socket errors|Non-2xx' "$NET/wrk.txt" && fail "wrk to $to: $(cat "$NET/wrk.txt")"
	[ "$(awk '/requests in/ {print $1}' "$NET/wrk.txt")" -ge 200 ] ||
		fail "wrk to $to had few answers: $(cat "$NET/wrk.txt")"
}

# Real use of both VIPs: every backend answers, a large file arrives, wrk with lasting connections
# and with one per request.
lb_check_web() {
	local vip
	for vip in $VIP4 $VIP6; do
		lb_check_spread $vip
		lb_get $vip /big | cmp - "$NET/big" || fail "the file from $vip is another"
		lb_wrk $vip
		lb_wrk $vip 1 -H 'Connection: close'
	done
}

# What is said of backend $2, as ADDRESS:PORT, of service $1: its field $3.
backend_is() {
	braidctl -j show backends "$1" |
		jq -r --arg b "$2" --arg f "$3" '.[] | select(.backend == $b) | .[$f]'
}

# What is said of service $1: its field $2.
service_is() {
	braidctl -j show services |
		jq -r --arg s "$1" --arg f "$2" '.[] | select(.name == $s) | .[$f]'
}

# Starts churn's servers on port $1 of all backends; SERVER_PIDS are they.
churn_servers() {
	local i
	for i in $(seq "$BACKENDS"); do churn_server "$i" "$1"; done
}

# Starts churn's server on port $2 of backend $1.
churn_server() {
	in_ns_bg "b$1" "server$1" "$LB_TOOLS/churn" server --port "$2" --name "b$1"
	SERVER_PIDS[$1]=$BG_PID
	wait_for "churn's server on b$1" "grep -q ready $NET/server$1.log"
}

# Starts churn's client on host left with its options; CHURN_PID is it.
churn_start() {
	in_ns_bg left churn "$LB_TOOLS/churn" client --control "$NET/churn.sock" -j "$@"
	CHURN_PID=$BG_PID
	wait_for "churn's client" "[ -S $NET/churn.sock ]"
}

# What churn's client has seen so far: filter $1 of it.
churn_now() { "$LB_TOOLS/churn" ask "$NET/churn.sock" status | jq -r "$1"; }

# Waits until churn's client holds $1 connections.
churn_holds() {
	wait_for "$1 connections" "[ \$(churn_now .held) -ge $1 ]" "${2:-20}"
}

# Ends churn's client; what it has seen goes to $NET/churn.json. Fails if a connection broke, data
# differed, or less than ${1:-1} bytes were checked.
churn_check() {
	local pid
	"$LB_TOOLS/churn" ask "$NET/churn.sock" stop >"$NET/churn.json"
	wait "$CHURN_PID" || true
	jq -e ".broken == 0 and .checked_bytes >= ${1:-1}" "$NET/churn.json" >/dev/null ||
		fail "connections broke: $(jq -c '.losses |= .[:20]' "$NET/churn.json")"
	for pid in "${SERVER_PIDS[@]}"; do end_process "$pid"; done
	grep -h '"mismatches": [^0]' "$NET"/server*.log &&
		fail "a server got other data than was sent"
	return 0
}
