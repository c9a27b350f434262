// SPDX-License-Identifier: Apache-2.0
// What the firmware's tables said about the CPUs, against what the CPUs say of themselves.
#include "kernel/smp/call.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/test/test.hpp"

#include <arch/cpu.hpp>
#include <arch/topology.hpp>
#include <atomic>

namespace runnel {
namespace {

using Number = u32 arch::CpuDescription::*;

/// How many CPUs share each value of `number`; 0 past the last. Values are below kMaxCpus.
struct Census {
  explicit Census(Number number) {
    for (u32 i = 0; i < nr_cpus(); ++i) {
      const u32 value = machine_info().cpus[i].*number;
      if (value < kMaxCpus)
        ++users[value];
      else
        ++out_of_range;
    }
  }
  bool is_dense() const {
    u32 n = 0;
    while (n < kMaxCpus && users[n] != 0) ++n;
    while (n < kMaxCpus && users[n] == 0) ++n;
    return n == kMaxCpus && out_of_range == 0;
  }
  u32 users[kMaxCpus] = {};
  u32 out_of_range = 0;
};

RUNNEL_TEST(topology, every_cpu_has_the_hardware_id_the_tables_give_it)
{
  static constinit std::atomic<u64> ids[kMaxCpus];
  for (auto& id : ids) id.store(~u64{0});
  call_function(
      CpuMask::all(), [](void*) { ids[arch::Cpu::this_cpu().value].store(arch::this_hw_id()); }, nullptr,
      Wait::kYes);
  for (const CpuId cpu : online_cpus()) CHECK(ids[cpu.value].load() == machine_info().cpus[cpu.value].hw_id);
}

RUNNEL_TEST(topology, no_hardware_id_twice)
{
  const arch::MachineInfo& machine = machine_info();
  for (u32 i = 0; i < machine.nr_cpus; ++i)
    for (u32 j = 0; j < i; ++j) CHECK(machine.cpus[i].hw_id != machine.cpus[j].hw_id);
}

RUNNEL_TEST(topology, packages_clusters_cores_and_caches_count_from_0)
{
  CHECK(Census(&arch::CpuDescription::package).is_dense());
  CHECK(Census(&arch::CpuDescription::cluster).is_dense());
  CHECK(Census(&arch::CpuDescription::core).is_dense());
  CHECK(Census(&arch::CpuDescription::llc).is_dense());
}

RUNNEL_TEST(topology, smaller_groups_lie_inside_larger_ones, .cpus = 2)
{
  const arch::MachineInfo& machine = machine_info();
  for (u32 i = 0; i < machine.nr_cpus; ++i)
    for (u32 j = 0; j < i; ++j) {
      const arch::CpuDescription& a = machine.cpus[i];
      const arch::CpuDescription& b = machine.cpus[j];
      if (a.core == b.core) {
        CHECK(a.thread != b.thread);
        CHECK(a.cluster == b.cluster);
        CHECK(a.llc == b.llc);
      }
      if (a.cluster == b.cluster) CHECK(a.package == b.package);
    }
}

/// A virtual machine's packages are all alike, and so are its cores.
RUNNEL_TEST(topology, cores_have_equally_many_threads, .cpus = 2)
{
  const Census cores(&arch::CpuDescription::core);
  const u32 threads = cores.users[0];
  u32 total = 0;
  for (const u32 users : cores.users) {
    if (users != 0) CHECK(users == threads);
    total += users;
  }
  CHECK(total == nr_cpus());
  for (u32 i = 0; i < nr_cpus(); ++i) CHECK(machine_info().cpus[i].thread < threads);
}

} // namespace
} // namespace runnel
