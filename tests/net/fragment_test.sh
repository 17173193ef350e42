#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# IPv4 packets without DF that are larger than the next MTU are cut and arrive whole, fragments are
# cut again. Over AF_XDP: the AF_PACKET driver has the kernel reassemble what comes in.

. "$(dirname "$0")/lib.sh"

NET_DEVICE=af_xdp
net_begin fragment
pair_hosts
WAN_KEYS='mtu: 600
addresses: [198.51.100.1/24]'
pair_config </dev/null
sed -i '/198.51.100.1\/24, /d' "$NET/braid.yaml"
in_ns right ip link set eth0 mtu 600
braid_start node "$NET/braid.yaml"

check_ping left 198.51.100.2
made=$(accounts | jq .generated)
check_ping left 198.51.100.2 -s 1400 -M dont
[ "$(stage ip4_fragment)" -eq 5 ] || fail "$(stage ip4_fragment) packets were cut, not 5"
now=$(accounts | jq .generated)
[ $((now - made)) -ge 15 ] || fail "5 packets made $((now - made)) fragments, not 15 or more"
check_ping left 198.51.100.2 -s 8000 -M dont
check_ping right 192.0.2.2 -s 8000 -M dont
[ "$(drops ip4_too_big)" -eq 0 ] || fail "packets without DF were too big"
check_accounts
