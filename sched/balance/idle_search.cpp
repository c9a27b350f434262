// SPDX-License-Identifier: Apache-2.0
#include "sched/balance/idle_search.hpp"

#include <sched/features.hpp>

namespace runnel::sched {
namespace {

constexpr CpuId kNobody{kMaxCpus};
constexpr auto kRelaxed = std::memory_order_relaxed;

bool only_idle_policy_runs(const Rq& rq) {
  const u32 running = rq.nr_running_hint.load(kRelaxed);
  return running != 0 && running == rq.fair.nr_idle_policy.load(kRelaxed);
}

bool is_candidate(const Task& p, CpuId cpu, CpuId target) {
  return cpu != target && cpus_share_cache(cpu, target) && is_cpu_allowed(p, cpu) && is_free_for(p, cpu);
}

/// Another thread of the same core as `cpu`.
CpuId free_sibling(const Task& p, CpuId cpu) {
  for (const CpuId thread : *cpu_domains(cpu).core)
    if (thread != cpu && is_cpu_allowed(p, thread) && is_free_for(p, thread)) return thread;
  return kNobody;
}

bool core_is_idle(const CpuMask& core) {
  for (const CpuId thread : core)
    if (!cpu_is_idle(thread)) return false;
  return true;
}

/// Calls `look(cpu)` for the members of `cpus` from the one after `start` on, around, until it says true.
template <typename Look> void for_each_from(const CpuMask& cpus, CpuId start, Look look) {
  for (u32 at = start.value + 1; (at = at < kMaxCpus ? cpus.next(at).value : kMaxCpus) < kMaxCpus; ++at)
    if (look(CpuId{at})) return;
  for (u32 at = 0; (at = cpus.next(at).value) <= start.value && at < kMaxCpus; ++at)
    if (look(CpuId{at})) return;
}

/// A core with all threads idle, else any free thread seen on the way. Nothing limits this search: the hint
/// said that there is one. If it was wrong, it is taken back.
CpuId search_cores(const Task& p, const CpuMask& cpus, CpuId target, LlcShared& shared) {
  CpuId found = kNobody;
  bool whole = false;
  CpuMask left = cpus;
  for_each_from(cpus, target, [&](CpuId cpu) {
    if (!left.test(cpu)) return false;
    const CpuMask& core = *cpu_domains(cpu).core;
    left = left & ~core;
    whole = core_is_idle(core);
    if (whole) {
      found = cpu;
      return true;
    }
    for (const CpuId thread : core)
      if (found == kNobody && cpus.test(thread) && is_free_for(p, thread)) found = thread;
    return false;
  });
  if (!whole) shared.has_idle_cores.store(0, kRelaxed);
  return found;
}

/// At most nr_idle_scan CPUs: in a busy cache a long search finds little and costs much.
CpuId search_threads(const Task& p, const CpuMask& cpus, CpuId target, const LlcShared& shared) {
  u32 looks = features.sis_util ? shared.nr_idle_scan.load(kRelaxed) : ~u32{0};
  CpuId found = kNobody;
  if (looks == 0) return kNobody;
  for_each_from(cpus, target, [&](CpuId cpu) {
    if (is_free_for(p, cpu)) {
      found = cpu;
      return true;
    }
    return --looks == 0;
  });
  return found;
}

} // namespace

bool is_free_for(const Task& p, CpuId cpu) {
  return cpu_is_idle(cpu) || (p.policy != Policy::kIdle && only_idle_policy_runs(cpu_rq(cpu)));
}

CpuId select_idle_cpu(Task& p, CpuId prev, CpuId target) {
  if (is_cpu_allowed(p, target) && is_free_for(p, target)) return target;
  if (is_candidate(p, prev, target)) return prev;
  const CpuId recent{p.recent_cpu};
  p.recent_cpu = prev.value;
  if (recent != prev && is_candidate(p, recent, target)) return recent;

  const CpuDomains& place = cpu_domains(target);
  if (place.llc == nullptr) return target;
  LlcShared& shared = *place.llc->shared;
  const CpuMask cpus = *place.llc->span & *p.cpus_ptr & port::active_cpus();
  const bool threads = (cpu_domains(target).lowest->flags & kSdShareCapacity) != 0;
  CpuId found = kNobody;
  if (threads && shared.has_idle_cores.load(kRelaxed) != 0) {
    found = search_cores(p, cpus, target, shared);
  } else {
    if (threads && cpus_share_cache(prev, target)) found = free_sibling(p, prev);
    if (found == kNobody) found = search_threads(p, cpus, target, shared);
  }
  return found != kNobody ? found : target;
}

} // namespace runnel::sched
