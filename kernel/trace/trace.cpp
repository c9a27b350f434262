// SPDX-License-Identifier: Apache-2.0
#include "kernel/trace/trace.hpp"

#include "kernel/log/log.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/percpu.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/time/clock.hpp"

#include <arch/layout.hpp>
#include <cstring>

namespace runnel::trace {

constinit std::atomic<bool> detail::on{false};

namespace {

constexpr u32 kRingOrder = 8; // 1 MiB a CPU: 32,766 events
constexpr u64 kRingBytes = kPageSize << kRingOrder;

constinit PerCpu<RingHeader*> rings;
constinit PhysAddr ring_base[kMaxCpus];

Event* events_of(RingHeader& ring) { return reinterpret_cast<Event*>(&ring + 1); }

} // namespace

Result<> trace_start() {
  for (u32 i = 0; i < nr_cpus(); ++i) {
    const Result<PhysAddr> pages = alloc_pages(kRingOrder);
    if (!pages) return err(pages.error());
    ring_base[i] = *pages;
    auto* ring = static_cast<RingHeader*>(arch::phys_to_virt(*pages));
    std::memset(static_cast<void*>(ring), 0, kRingBytes); // the file must not depend on what lay there before
    *ring = RingHeader{};
    ring->cpu = i;
    ring->capacity = static_cast<u32>((kRingBytes - sizeof(RingHeader)) / sizeof(Event));
    rings.on(CpuId{i}) = ring;
  }
  detail::on.store(true, std::memory_order_release);
  return {};
}

void trace_finish() {
  if (!detail::on.exchange(false)) return;
  for (u32 i = 0; i < nr_cpus(); ++i)
    raw_print("runnel: bulk trace.cpu{} {:#x} {:#x}\n", i, ring_base[i].value, kRingBytes);
}

void record(EventType type, u32 pid, u64 a, u64 b) {
  const IrqGuard irqs_off;
  RingHeader* ring = rings.local();
  if (ring == nullptr) return;
  Event& event = events_of(*ring)[ring->written % ring->capacity];
  event = {time::now().ns, type, static_cast<u16>(arch::Cpu::this_cpu().value), pid, a, b};
  ++ring->written;
}

void record_name(u32 pid, std::string_view comm) {
  u64 words[2] = {};
  std::memcpy(words, comm.data(), comm.size() < sizeof words ? comm.size() : sizeof words);
  record(EventType::kTaskName, pid, words[0], words[1]);
}

} // namespace runnel::trace
