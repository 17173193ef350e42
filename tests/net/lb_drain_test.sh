#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# `braidctl drain --wait`: the backend keeps its connections and gets no new ones, the command shows
# progress and ends when the last flow is gone; undrain brings it back. No connection breaks.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

# Connections that churn holds to backend b$1, or has ever opened there (.opened).
of_backend() { churn_now "[.servers[] | select(.server == \"b$1\") | $2][0] // 0"; }

net_begin lb_drain
lb_hosts 3
lb_config nat 7000 <<-EOT
	lb: {idle: {tcp_closing: 1s}}
EOT
churn_servers 7000
braid_start node "$NET/braid.yaml"
churn_start --target $VIP4:80 --target "[$VIP6]:80" --connections 600 --turnover 300
churn_holds 600

braidctl drain web4 198.51.100.11 || fail "web4 cannot be drained"
braidctl drain web6 2001:db8:2::11 --wait >"$NET/drain.txt" 2>&1 &
drain=$!
NET_PIDS+=($drain)
wait_for "the drain to begin" "[ \"\$(backend_is web6 '[2001:db8:2::11]:7000' state)\" = draining ]"
kill -0 $drain 2>/dev/null || fail "drain --wait did not wait: $(cat "$NET/drain.txt")"
opened=$(of_backend 1 .opened)
wait_for "b1 to have no connections" "[ \$(of_backend 1 .live) -eq 0 ]" 30
[ "$(of_backend 1 .opened)" -le $((opened + 5)) ] || fail "b1 got new connections"
wait_for "drain --wait to end" "! kill -0 $drain" 10
wait $drain || fail "drain --wait failed: $(cat "$NET/drain.txt")"
grep -qE '[0-9]+ flows?' "$NET/drain.txt" || fail "no progress: $(cat "$NET/drain.txt")"

braidctl undrain web4 198.51.100.11
braidctl undrain web6 2001:db8:2::11
wait_for "b1 to be used again" "[ \$(of_backend 1 .live) -gt 50 ]" 10
braidctl drain web4 198.51.100.99 >"$NET/drain.txt" 2>&1 && fail "drained a backend that is not"
grep -q '198.51.100.99' "$NET/drain.txt" || fail "drain says: $(cat "$NET/drain.txt")"
churn_check 100000
check_accounts
