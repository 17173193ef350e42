#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Redis 7.0.15's own test suite in external mode against a node over a veth link. What cannot pass
# yet is in redis_suite.skip, each with its reason; how many tests passed is printed, and fewer than
# PASSED_LEAST are a failure.

. "$(dirname "$0")/lib.sh"

PASSED_LEAST=${PASSED_LEAST:-250}
UNITS=(type/string type/incr protocol auth expire keyspace scan multi quit info)

# How many lines of the log say $1, of all units or of unit $2.
count() {
	awk -v what="[$1]" -v unit="${2:-}" '
		/^Testing unit\// {now = $2}
		index($0, what) == 1 && (unit == "" || now == "unit/" unit) {n++}
		END {print n + 0}' "$NET/suite.txt"
}

net_begin redis_suite
"$NET_PEERS/redis_suite_fetch.sh" "$BRAID_BUILD/redis-suite"
cp -r "$BRAID_BUILD/redis-suite" "$NET/suite" # it writes into its directory
pair_hosts
pair_config <<-EOT
	store: {listen: [192.0.2.1], memory: 128M, protected_mode: "no"}
EOT
braid_start node "$NET/braid.yaml"

options=()
for unit in "${UNITS[@]}"; do options+=(--single "unit/$unit"); done
in_ns left env -C "$NET/suite" timeout 300 ./runtest --host 192.0.2.1 --port 6379 \
	"${options[@]}" --ignore-digest --tags "-slow -needs:repl -needs:save -needs:pfdebug" \
	--skipfile "$NET_PEERS/redis_suite.skip" >"$NET/suite.log" 2>&1 </dev/null || code=$?
sed 's/\x1b\[[0-9;]*m//g' "$NET/suite.log" >"$NET/suite.txt"

for unit in "${UNITS[@]}"; do
	printf '%-12s %3d passed %3d failed %3d skipped %3d ignored\n' "$unit" \
		"$(count ok "$unit")" "$(count err "$unit")" "$(count skip "$unit")" \
		"$(count ignore "$unit")"
done
passed=$(count ok)
echo "$passed tests of Redis's suite passed"
[ "${code:-0}" -eq 0 ] || fail "the suite failed: $(grep -aA 3 '^\[e[rx]' "$NET/suite.txt" || true)"
[ "$passed" -ge "$PASSED_LEAST" ] || fail "$passed tests passed, $PASSED_LEAST did before"
check_accounts
