#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Mistakes in services are answered with their place and a remedy, and nothing is applied: the node
# balances as before.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

CASES=0

# Expects `braidctl apply` of the configuration changed by sed script $2 to say $1.
expect() {
	CASES=$((CASES + 1))
	sed -E "$2" "$NET/braid.yaml" >"$NET/bad.yaml"
	cmp -s "$NET/braid.yaml" "$NET/bad.yaml" && fail "$2 changes nothing"
	braidctl apply "$NET/bad.yaml" >"$NET/said.txt" 2>&1 && fail "$2 is accepted"
	grep -qE "bad.yaml:[0-9]+:[0-9]+: .*$1" "$NET/said.txt" || fail "$2: $(cat "$NET/said.txt")"
}

net_begin lb_bad_config
lb_hosts 2
lb_webs
LB_KEYS='health: {probe: none}' lb_config nat 8080 <<-EOT
	  - name: more
	    vip: 203.0.113.32/28
	    port: any
	    protocol: udp
	    mode: dsr
	    backends: [{address: 198.51.100.11}, {address: 198.51.100.12}]
EOT
braid_start node "$NET/braid.yaml"
generation=$(braidctl -j status | jq .dataplane.generation)

expect 'backends' 's/backends: \[.*\]/backends: []/'
expect 'every backend .* has weight 0' 's/(198.51.100.1.)\}/\1, weight: 0}/g'
expect 'unknown key "wieght".*"weight"' 's/(198.51.100.11)\}/\1, wieght: 2}/'
expect 'is an address of interface' "s/vip: \"$VIP4\"/vip: 192.0.2.1/"
expect 'broadcast address of the subnet' "s/vip: \"$VIP4\"/vip: 198.51.100.255/"
expect 'overlaps' "s/vip: \"$VIP4\"/vip: 203.0.113.33/"
expect 'overlaps' 's,203.0.113.200/30,203.0.113.40/31,'
expect 'already that of service' "s/name: web6/name: web5/; s/vip: \"$VIP6\"/vip: $VIP4/;
	s/2001:db8:2::(1[12])/198.51.100.\1/"
expect 'no IPv6 address in the pool' 's/, "2001:db8:98::\/126"//'
expect 'is the node.s? own|address of this node' 's/(address: )198.51.100.11\}/\1198.51.100.1}/'
expect 'no connected subnet, which mode dsr needs' 's/(address: )198.51.100.11\}/\1203.0.114.9}/'
expect 'not of the family' 's/(address: )198.51.100.11\}/\1"2001:db8:2::11"}/'
expect 'mode dsr cannot change the port' 's/198.51.100.11\}/198.51.100.11, port: 54}/'
expect 'twice in service' 's/(address: )198.51.100.12\}/\1198.51.100.11}/'
expect 'must be nat' 's/mode: dsr/mode: ipvs/'
expect 'timeout is longer' 's/(health: \{probe: )none/\1tcp, interval: 1s, timeout: 2s/'
expect 'pool is too small: 4 IPv4 addresses' 's/^(  workers: .*)/\1\n  flows: 10M/
	s/mode: dsr/mode: nat/'
expect 'leaves 1272 bytes .* mode gue' 's/^( *)(addresses: \[198)/\1mtu: 1320\n\1\2/;
	s/mode: nat/mode: gue/; s/, port: 8080//'
[ $CASES -ge 18 ] || fail "only $CASES cases ran"

sed '/^services:/,$d' "$NET/braid.yaml" >"$NET/none.yaml"
[ "$(braidctl -j status | jq .dataplane.generation)" = "$generation" ] ||
	fail "the generation has changed"
lb_check_spread $VIP4
lb_check_spread $VIP6
braidctl apply "$NET/none.yaml" >/dev/null || fail "services cannot be removed"
lb_get $VIP4 / >/dev/null 2>&1 && fail "the VIP answers without a service"
check_accounts
