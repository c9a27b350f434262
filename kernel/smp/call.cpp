// SPDX-License-Identifier: Apache-2.0
#include "kernel/smp/call.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/percpu.hpp"
#include "kernel/sync/guards.hpp"

#include <arch/irqchip.hpp>

namespace runnel::smp {
namespace {

/// One request from one CPU to another. Each sender has one for each target, free while `busy` is 0.
struct Call {
  CallFn fn = nullptr;
  void* arg = nullptr;
  Call* next = nullptr;
  std::atomic<u32> busy{0};
};

struct Sender {
  Call to[kMaxCpus];
};

constinit PerCpu<Sender> senders;
constinit PerCpu<std::atomic<Call*>> inboxes;

// Acquire: pairs with the release in call_function_interrupt; what the function did is visible to who waited.
void wait_until_free(const Call& call) {
  while (call.busy.load(std::memory_order_acquire) != 0) arch::Cpu::relax();
}

void post(Call& call, CpuId target, CallFn fn, void* arg) {
  wait_until_free(call); // an earlier request without wait may still be on its way
  call.fn = fn;
  call.arg = arg;
  call.busy.store(1, std::memory_order_relaxed);
  auto& inbox = inboxes.on(target);
  Call* head = inbox.load(std::memory_order_relaxed);
  do {
    call.next = head;
  } while (!inbox.compare_exchange_weak(head, &call)); // full order; pairs with the exchange of the receiver
  if (head == nullptr) arch::send_ipi(target, arch::Ipi::kCallFunction);
}

} // namespace

void call_function(CpuMask cpus, CallFn fn, void* arg, Wait wait) {
  RUNNEL_ASSERT(arch::Cpu::irqs_enabled());
  const PreemptGuard pinned;
  const CpuId here = arch::Cpu::this_cpu();
  CpuMask others = cpus & online_cpus();
  const bool self = others.test(here);
  others.clear(here);
  Sender& sender = senders.local();
  for (const CpuId cpu : others) post(sender.to[cpu.value], cpu, fn, arg);
  if (self) {
    const IrqGuard irqs_off;
    fn(arg);
  }
  if (wait == Wait::kYes)
    for (const CpuId cpu : others) wait_until_free(sender.to[cpu.value]);
}

void call_function_interrupt() {
  Call* call = inboxes.local().exchange(nullptr); // full order; pairs with post
  while (call != nullptr) {
    Call* next = call->next;
    call->fn(call->arg);
    call->busy.store(0, std::memory_order_release); // the sender may reuse it from here on
    call = next;
  }
}

} // namespace runnel::smp
