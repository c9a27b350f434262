// SPDX-License-Identifier: Apache-2.0
// Who shares what with whom (spec 7): root domain, scheduling domains. Owned by sched/topology.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/format.hpp"

#include <sched/cpudl.hpp>
#include <sched/cpupri.hpp>
#include <sched/dl_bw.hpp>
#include <sched/domain.hpp>
#include <sched/machine_topology.hpp>

namespace runnel::sched {

/// CPUs among which tasks of the rt and deadline classes are balanced globally. There is one.
struct RootDomain {
  CpuMask span;
  AtomicCpuMask online;
  AtomicCpuMask rto_mask; // rt-overloaded CPUs (B10)
  std::atomic<u32> rto_count{0};
  AtomicCpuMask dlo_mask; // deadline-overloaded CPUs (B10)
  std::atomic<u32> dlo_count{0};
  std::atomic<u32> overloaded{0}; // some CPU has more than one runnable task
  CpuPri cpupri;
  CpuDl cpudl;
  DlBw dl_bw;
};

RootDomain& root_domain();

/// Makes domains for the active CPUs of `machine` (which must stay: it is read again) and makes them current;
/// nobody sees the old ones any more when this returns. May block; one caller at a time. On an error (see
/// sched/topology/builder.hpp) the domains before stay.
Result<> sched_build_domains(const MachineTopology& machine);
/// The same machine with the CPUs that are active now: after one came or went.
Result<> sched_rebuild_domains();
/// As before the first build, without waiting: for a ground that begins anew. Nothing runs.
void sched_forget_domains();

/// Where `cpu` is in the domains; what it points to stays while a port::RcuReadGuard is held or interrupts
/// are off.
const CpuDomains& cpu_domains(CpuId cpu);

/// Both CPUs are under the same last-level cache; unknown before the first build, then only a CPU shares with
/// itself. Any context.
bool cpus_share_cache(CpuId a, CpuId b);

/// One line for each domain: "MC 0-7: 0-1 2-3 4-5 6-7", its CPUs and its groups, the smallest first; then
/// lines about what was wrong with the machine's description.
void describe_domains(Sink& sink);

} // namespace runnel::sched
