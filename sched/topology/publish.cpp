// SPDX-License-Identifier: Apache-2.0
// Makes a set of domains the one in force (spec 7.2): built beside the one in use, swapped by pointer, the
// old one's memory used again only after every reader has left it.
#include "sched/topology/publish.hpp"

#include "sched/balance/balance.hpp"

#include <sched/rq.hpp>

namespace runnel::sched {
namespace {

alignas(kCacheLine) constinit std::byte memory[2][kDomainMemory];
constinit DomainBuilder sets[2] = {DomainBuilder{memory[0]}, DomainBuilder{memory[1]}};
constinit std::atomic<DomainBuilder*> current_set{nullptr};
constinit MachineTopology described;

// First CPU of each CPU's cache, plus one; 0: not known. Apart from the sets, for those who only ask this and
// hold nothing.
constinit std::atomic<u32> cache_of[kMaxCpus];

constinit const CpuDomains nowhere;

void set_lowest_domains(DomainBuilder* set) {
  for (const CpuId cpu : port::possible_cpus()) {
    const RqLock guard(cpu_rq(cpu));
    cpu_rq(cpu).sd = set != nullptr ? set->of(cpu).lowest : nullptr;
  }
}

} // namespace

const DomainBuilder* current_domains() {
  return current_set.load(std::memory_order_acquire); // pairs with the release in sched_build_domains
}

Result<> sched_build_domains(const MachineTopology& machine) {
  DomainBuilder& next = current_domains() == &sets[0] ? sets[1] : sets[0];
  RUNNEL_TRY(next.build(machine, port::active_cpus(), port::clock()));
  described = machine;
  current_set.store(&next, std::memory_order_release); // the set is whole before it is seen
  for (u32 cpu = 0; cpu < kMaxCpus; ++cpu) {
    const bool known = next.partition().test(CpuId{cpu});
    cache_of[cpu].store(known ? next.of(CpuId{cpu}).llc_id.value + 1 : 0, std::memory_order_relaxed);
  }
  set_lowest_domains(&next);
  root_domain().span = next.partition();
  port::synchronize();
  // Who balanced by the old domains is through. What it found out about when to look again may be far off:
  // for a CPU that was in no domain there was nothing to look at.
  for (const CpuId cpu : port::possible_cpus())
    cpu_rq(cpu).balance.next_balance.store(0, std::memory_order_relaxed);
  return {};
}

Result<> sched_rebuild_domains() {
  return described.cpus.empty() ? Result<>{} : sched_build_domains(MachineTopology{described});
}

void sched_forget_domains() {
  balance_forget();
  current_set.store(nullptr, std::memory_order_release);
  described = {};
  for (std::atomic<u32>& cache : cache_of) cache.store(0, std::memory_order_relaxed);
}

const CpuDomains& cpu_domains(CpuId cpu) {
  const DomainBuilder* set = current_domains();
  return set != nullptr ? set->of(cpu) : nowhere;
}

bool cpus_share_cache(CpuId a, CpuId b) {
  if (a == b) return true;
  const u32 cache = cache_of[a.value].load(std::memory_order_relaxed);
  return cache != 0 && cache == cache_of[b.value].load(std::memory_order_relaxed);
}

} // namespace runnel::sched
