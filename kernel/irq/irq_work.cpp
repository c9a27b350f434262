// SPDX-License-Identifier: Apache-2.0
#include "kernel/irq/irq_work.hpp"

#include "kernel/smp/percpu.hpp"
#include "kernel/sync/preempt.hpp"

#include <arch/irqchip.hpp>

namespace runnel::irq {
namespace {
constinit PerCpu<std::atomic<IrqWork*>> lists;
}

bool irq_work_queue(IrqWork& work) {
  if (work.pending.exchange(1) != 0) return false;
  const sync::IrqGuard irqs_off;
  auto& list = lists.local();
  IrqWork* head = list.load(std::memory_order_relaxed);
  do {
    work.next = head;
  } while (!list.compare_exchange_weak(head, &work)); // only an NMI can come between: progress, not a wait
  if (head == nullptr) arch::send_ipi(arch::Cpu::this_cpu(), arch::Ipi::kIrqWork);
  return true;
}

void irq_work_run() {
  IrqWork* work = lists.local().exchange(nullptr);
  while (work != nullptr) {
    IrqWork* next = work->next;
    work->pending.store(0); // before fn: a request made while it runs must queue it again
    work->fn(*work);
    work = next;
  }
}

} // namespace runnel::irq
