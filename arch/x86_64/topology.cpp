// SPDX-License-Identifier: Apache-2.0
// Topology out of APIC ids: CPUID tells how many low bits of an id number the threads of a core, the CPUs of
// a package and the CPUs of a cache (Intel SDM volume 3, 9.9).
#include "arch/x86_64/instructions.hpp"

#include <arch/topology.hpp>
#include <bit>

namespace runnel::arch {
namespace {

struct Shifts {
  u32 core = 0;    // id >> core: same core
  u32 package = 0; // id >> package: same package
  u32 llc = 0;     // id >> llc: same last-level cache
};

/// Leaf 0x1f, else 0xb: subleaf n describes one level, with the shift to the next in eax and the kind in
/// ecx[15:8].
bool shifts_from_levels(u32 leaf, Shifts& shifts) {
  constexpr u32 kSmt = 1;
  bool found = false;
  for (u32 level = 0; level < 8; ++level) {
    const CpuidResult r = cpuid(leaf, level);
    const u32 kind = r.ecx >> 8 & 0xff;
    if (kind == 0) break;
    if (kind == kSmt) shifts.core = r.eax & 0x1f;
    shifts.package = r.eax & 0x1f;
    found = true;
  }
  return found;
}

/// Leaf 4, on AMD 0x8000001d, which looks the same: caches; the last-level one is the one with the highest
/// level that is not for instructions only.
bool llc_shift(u32 leaf, Shifts& shifts) {
  u32 highest = 0;
  for (u32 i = 0; i < 8; ++i) {
    const CpuidResult r = cpuid(leaf, i);
    const u32 kind = r.eax & 0x1f;
    const u32 level = r.eax >> 5 & 7;
    if (kind == 0) break;
    if (kind == 2 || level < highest) continue;
    highest = level;
    shifts.llc = static_cast<u32>(std::bit_width(r.eax >> 14 & 0xfff));
  }
  return highest != 0;
}

/// Sparse values to numbers from 0, in the order the CPUs have them.
template <typename Key> void number(MachineInfo& machine, u32 CpuDescription::* field, Key key) {
  u64 keys[kMaxCpus];
  u32 count = 0;
  for (u32 i = 0; i < machine.nr_cpus; ++i) {
    const u64 k = key(machine.cpus[i].hw_id);
    u32 n = 0;
    while (n < count && keys[n] != k) ++n;
    if (n == count) keys[count++] = k;
    machine.cpus[i].*field = n;
  }
}

} // namespace

u64 this_hw_id() {
  if (cpuid(0).eax >= 0xb)
    if (const CpuidResult r = cpuid(0xb); (r.ecx >> 8 & 0xff) != 0) return r.edx;
  return cpuid(1).ebx >> 24;
}

void refine_topology(MachineInfo& machine) {
  const u32 leaves = cpuid(0).eax;
  Shifts shifts;
  const bool found = (leaves >= 0x1f && shifts_from_levels(0x1f, shifts)) ||
                     (leaves >= 0xb && shifts_from_levels(0xb, shifts));
  if (!found) shifts.package = 8; // no topology leaves: one core a CPU, all in one package
  // No cache told: what shares a package shares a cache.
  const bool caches = (leaves >= 4 && llc_shift(4, shifts)) ||
                      (cpuid(0x8000'0000).eax >= 0x8000'001d && llc_shift(0x8000'001d, shifts));
  if (!caches) shifts.llc = shifts.package;
  number(machine, &CpuDescription::core, [&](u64 id) { return id >> shifts.core; });
  number(machine, &CpuDescription::package, [&](u64 id) { return id >> shifts.package; });
  number(machine, &CpuDescription::cluster, [&](u64 id) { return id >> shifts.package; });
  number(machine, &CpuDescription::llc, [&](u64 id) { return id >> shifts.llc; });
  for (u32 i = 0; i < machine.nr_cpus; ++i)
    machine.cpus[i].thread = static_cast<u32>(machine.cpus[i].hw_id & ((u64{1} << shifts.core) - 1));
}

} // namespace runnel::arch
