// SPDX-License-Identifier: Apache-2.0

#include "kernel/irq/irq_time.hpp"

#include "kernel/smp/percpu.hpp"
#include "kernel/time/clock.hpp"

#include <atomic>

namespace runnel::irq {
namespace {

constinit PerCpu<std::atomic<i64>> totals; // one writer each: no read-modify-write needed

} // namespace

Duration irq_time(CpuId cpu) { return {totals.on(cpu).load(std::memory_order_relaxed)}; }

IrqTimeScope::IrqTimeScope() : start_(time::now()) {}

IrqTimeScope::~IrqTimeScope() {
  std::atomic<i64>& total = totals.local();
  total.store(total.load(std::memory_order_relaxed) + (time::now() - start_).ns, std::memory_order_relaxed);
}

} // namespace runnel::irq
