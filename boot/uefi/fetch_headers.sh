#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fetch_headers.sh DIR: GNU-EFI's headers for arm64, as DIR/usr/include/efi. Debian's amd64 package holds none, and
# the arm64 package of the same name cannot be installed beside it: so it is downloaded and unpacked, with apt's
# state kept in DIR too (nothing of this system changes). Done once; needs the network that one time.
# Without network: put gnu-efi_*_arm64.deb into DIR beforehand.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: fetch_headers.sh DIR" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
want=usr/include/efi/aarch64/efibind.h
[ -f "$dir/$want" ] && exit 0

fail() {
  echo "fetch_headers.sh: GNU-EFI's arm64 headers: $1" >&2
  echo "fetch_headers.sh: with network: repeat. Without: download gnu-efi_*_arm64.deb (Debian) to $dir and repeat." >&2
  exit 1
}

deb=$(find "$dir" -maxdepth 1 -name 'gnu-efi_*_arm64.deb' | head -1)
if [ -z "$deb" ]; then
  apt=$dir/apt
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
  options=(-o Dir::State="$apt/state" -o Dir::State::status=/dev/null -o Dir::Cache="$apt/cache"
           -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Acquire::Languages=none
           -o Acquire::Retries=2 -o APT::Sandbox::User=root -qq)
  # A source that does not know arm64 makes update complain; what counts is whether the package is found.
  apt-get "${options[@]}" update >"$apt/log" 2>&1 || true
  (cd "$dir" && apt-get "${options[@]}" download gnu-efi:arm64 >>"$apt/log" 2>&1) ||
    fail "cannot be downloaded: $(grep -E '^E:' "$apt/log" | tail -1)"
  rm -rf "$apt"
  deb=$(find "$dir" -maxdepth 1 -name 'gnu-efi_*_arm64.deb' | head -1)
fi
rm -rf "$dir/unpacked"
dpkg-deb -x "$deb" "$dir/unpacked" || fail "$deb is damaged"
[ -f "$dir/unpacked/$want" ] || fail "$deb does not hold $want"
rm -rf "$dir/usr"
mv "$dir/unpacked/usr" "$dir/usr"
rm -rf "$dir/unpacked"
