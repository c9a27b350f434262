#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the table images of this folder again, from the QEMU and the firmware that are installed:
#   tests/data/firmware/dump.sh [NAME...]      all of them, or those named (without suffix)
# Needs qemu-system-x86, qemu-system-arm, ovmf, qemu-efi-aarch64 and perl. About a minute.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
guest=
trap '[ -z "$guest" ] || kill "$guest" 2>/dev/null; rm -rf "$work"' EXIT
wanted=("$@")

is_wanted() {
  [ ${#wanted[@]} -eq 0 ] && return 0
  local name
  for name in "${wanted[@]}"; do [ "$name" = "$1" ] && return 0; done
  return 1
}

# acpi NAME RAM_BASE RAM_SIZE SCAN_FROM SCAN_TO QEMU...: starts the machine with nothing to boot, reads its memory until
# the firmware has put complete tables there, keeps them.
acpi() {
  local name=$1 base=$2 size=$3 from=$4 to=$5 i
  shift 5
  is_wanted "$name" || return 0
  mkfifo "$work/monitor"
  timeout 120 "$@" -nodefaults -no-user-config -display none -serial none -monitor stdio <"$work/monitor" >/dev/null &
  guest=$!
  exec 3>"$work/monitor"
  for i in $(seq 40); do
    sleep 1
    rm -f "$work/memory" "$work/done"
    echo "pmemsave $base $size \"$work/memory\"" >&3
    echo "pmemsave $base 1 \"$work/done\"" >&3
    while [ ! -s "$work/done" ]; do sleep 0.1; kill -0 "$guest"; done
    if perl "$here/collect.pl" acpi "$work/memory" "$base" "$from" "$to" "$here/$name.acpi"; then break; fi
    [ "$i" -lt 40 ] || { echo "dump.sh: $name: no tables after 40 s" >&2; exit 1; }
  done
  echo quit >&3
  exec 3>&-
  wait "$guest" || true
  guest=
  rm "$work/monitor"
  echo "$name.acpi $(stat -c %s "$here/$name.acpi") bytes"
}

# dtb NAME QEMU...: the device tree QEMU makes for the machine, without the room it leaves at the end.
dtb() {
  local name=$1
  shift
  is_wanted "$name" || return 0
  "$@" -nodefaults -display none -machine "dtb-randomness=off,dumpdtb=$work/tree" 2>/dev/null
  perl "$here/collect.pl" dtb "$work/tree" "$here/$name.dtb"
  echo "$name.dtb $(stat -c %s "$here/$name.dtb") bytes"
}

memory64M=(-m 64M)
numa=(-m 224M -smp "8,sockets=2,cores=2,threads=2"
  -object "memory-backend-ram,id=m0,size=160M" -object "memory-backend-ram,id=m1,size=64M"
  -numa "node,nodeid=0,memdev=m0,cpus=0-3" -numa "node,nodeid=1,memdev=m1,cpus=4-7"
  -numa "dist,src=0,dst=1,val=21")

q35=(qemu-system-x86_64 -M q35 -cpu max -bios qboot.rom)
low=(0 0x4000000 0xe0000 0x100000) # 64 MiB of RAM from 0; the root pointer is where PC firmware leaves it
acpi q35-1 "${low[@]}" "${q35[@]}" "${memory64M[@]}" -smp 1
acpi q35-4 "${low[@]}" "${q35[@]}" "${memory64M[@]}" -smp 4
acpi q35-8-smt "${low[@]}" "${q35[@]}" "${memory64M[@]}" -smp 8,sockets=2,cores=2,threads=2
acpi q35-64 "${low[@]}" "${q35[@]}" "${memory64M[@]}" -smp 64
acpi q35-2-of-4 "${low[@]}" "${q35[@]}" "${memory64M[@]}" -smp 2,maxcpus=4
acpi q35-numa 0 0xe000000 0xe0000 0x100000 "${q35[@]}" "${numa[@]}"
acpi q35-seabios "${low[@]}" qemu-system-x86_64 -M q35 -cpu max "${memory64M[@]}" -smp 4
acpi q35-ovmf 0 0x8000000 0x100000 0x8000000 qemu-system-x86_64 -M q35 -cpu max -bios /usr/share/ovmf/OVMF.fd -m 128M -smp 4
acpi microvm-4 "${low[@]}" qemu-system-x86_64 -M microvm,acpi=on -cpu max "${memory64M[@]}" -smp 4

virt=(qemu-system-aarch64 -cpu max)
aavmf=(-bios /usr/share/qemu-efi-aarch64/QEMU_EFI.fd)
ram=(0x40000000 0x8000000 0x40000000 0x48000000)
acpi virt-4 "${ram[@]}" "${virt[@]}" "${aavmf[@]}" -M virt,gic-version=3 -m 128M -smp 4
acpi virt-numa 0x40000000 0xe000000 0x40000000 0x4e000000 "${virt[@]}" "${aavmf[@]}" -M virt,gic-version=3 "${numa[@]}"
acpi virt-el2 "${ram[@]}" "${virt[@]}" "${aavmf[@]}" -M virt,gic-version=3,virtualization=on -m 128M -smp 4,clusters=2,cores=2
acpi virt-64 "${ram[@]}" "${virt[@]}" "${aavmf[@]}" -M virt,gic-version=3 -m 128M -smp 64

dtb virt-1 "${virt[@]}" -M virt,gic-version=3 -m 128M -smp 1
dtb virt-4 "${virt[@]}" -M virt,gic-version=3 -m 128M -smp 4
dtb virt-8-smt "${virt[@]}" -M virt,gic-version=3 -m 128M -smp 8,sockets=2,cores=2,threads=2
dtb virt-el2 "${virt[@]}" -M virt,gic-version=3,virtualization=on -m 128M -smp 4,clusters=2,cores=2
dtb virt-numa "${virt[@]}" -M virt,gic-version=3 "${numa[@]}"
dtb virt-64 "${virt[@]}" -M virt,gic-version=3 -m 128M -smp 64
dtb virt-gicv2 "${virt[@]}" -M virt,gic-version=2 -m 128M -smp 4
