#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Fetches Redis's own tests from Debian's source package, verified by apt, without touching the
# machine's sources: redis_suite_fetch.sh DIRECTORY [RELEASE]. What is there already is kept.
# Prints nothing; afterwards DIRECTORY/runtest runs.
set -euo pipefail

dir=${1:?directory} release=${2:-bookworm} version=7.0.15
[ ! -e "$dir/runtest" ] || exit 0
work=$(mktemp -d "/tmp/braid-redis-suite.XXXXXX")
trap 'rm -rf "$work"' EXIT

key=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$work/lists/partial" "$dir"
cat >"$work/sources" <<-EOT
	deb-src [signed-by=$key] http://deb.debian.org/debian $release main
	deb-src [signed-by=$key] http://deb.debian.org/debian-security $release-security main
EOT
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources" -o Dir::Etc::sourceparts=-
	-o "Dir::State::lists=$work/lists" -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$work" && "${apt[@]}" source --download-only redis) >/dev/null
tar -xzf "$work"/redis_$version.orig.tar.gz -C "$work"
mkdir -p "$dir/src"
for program in redis-cli redis-benchmark redis-server; do
	ln -sf "$(command -v $program)" "$dir/src/$program"
done
mv "$work/redis-$version/tests" "$dir"
mv "$work/redis-$version/runtest" "$dir" # last: it says that all is there
