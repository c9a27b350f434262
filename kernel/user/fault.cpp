// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/fault.hpp"

#include "kernel/debug/fault.hpp"
#include "kernel/debug/panic.hpp"
#include "kernel/log/log.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/uaccess.hpp"

#include <arch/cpu.hpp>
#include <arch/upcalls.hpp>

namespace runnel::user {
namespace {

using arch::FaultKind;

constexpr i32 kCodeKernel = 0x80, kCodeIllegalOpcode = 1, kCodeDivide = 1, kCodeFloatInvalid = 7,
              kCodeBreakpoint = 1, kCodeAlignment = 1, kCodeTrace = 2;

FaultSignal signal_of(const arch::Fault& fault, u64 pc) {
  switch (fault.kind) {
  case FaultKind::kPage: {
    const FaultResult result = current_mm()->handle_fault(fault.address, fault.access);
    return {.signal = result.signal(), .code = result.code(), .address = result.address};
  }
  case FaultKind::kUndefined:
    return {.signal = kSigIll, .code = kCodeIllegalOpcode, .address = pc};
  case FaultKind::kBreakpoint:
    return {.signal = kSigTrap, .code = kCodeBreakpoint, .address = pc};
  case FaultKind::kDebug:
    return {.signal = kSigTrap, .code = kCodeTrace, .address = pc};
  case FaultKind::kDivide:
    return {.signal = kSigFpe, .code = kCodeDivide, .address = pc};
  case FaultKind::kFloatingPoint:
    return {.signal = kSigFpe, .code = kCodeFloatInvalid, .address = pc};
  case FaultKind::kAlignment:
    return {.signal = kSigBus, .code = kCodeAlignment, .address = fault.address};
  default:
    return {.signal = kSigSegv, .code = kCodeKernel};
  }
}

constexpr u32 kMaxUserFrames = 16;

/// Return addresses along the frame pointers, as far as they can be read and lead upwards.
u32 user_backtrace(const arch::UserRegs& regs, u64 (&frames)[kMaxUserFrames]) {
  u32 count = 0;
  frames[count++] = regs.pc();
  u64 fp = regs.fp();
  while (count < kMaxUserFrames && fp % sizeof(u64) == 0 && fp != 0) {
    const auto next = load_user<u64>(fp);
    const auto pc = load_user<u64>(fp + sizeof(u64));
    if (!next || !pc || *pc == 0) break;
    frames[count++] = *pc;
    if (*next <= fp) break;
    fp = *next;
  }
  return count;
}

/// No page was to be had for the running program, which ends for it.
void report_out_of_memory() {
  constexpr u64 kKiB = kPageSize / 1024; // of a page
  const mm::PageStats pages = mm::page_stats();
  const MmStats used = current_mm()->stats();
  raw_print(
      "runnel: killed {} (pid {}) for want of memory: it has {} KiB, {} KiB of the machine's {} are free",
      std::string_view(current_task().comm), current_process().pid, used.resident_pages * kKiB,
      (pages.free + pages.cached) * kKiB, pages.total * kKiB);
}

} // namespace

bool handle_uaccess_fault(const arch::Fault& fault, const arch::Registers& regs) {
  const bool may_sleep = regs.irqs_were_enabled() && arch::Cpu::current()->preempt_count == 0;
  if (fault.kind != FaultKind::kPage || fault.address >= arch::kUserEnd || current_mm() == nullptr ||
      !may_sleep)
    return false;
  arch::Cpu::irq_enable();
  const FaultResult result = current_mm()->handle_fault(fault.address, fault.access);
  // The call ends with EFAULT, which the program does not see any more.
  if (result.verdict == FaultVerdict::kNoMemory && current_thread_or_null() != nullptr) {
    report_out_of_memory();
    kill_process(current_process(), status_killed(kSigKill));
  }
  arch::Cpu::irq_disable();
  return result.ok();
}

void report_fatal_fault(const FaultSignal& signal, const arch::Fault& fault, const arch::UserRegs& regs) {
  char cause[160];
  BufferSink what(cause);
  debug::describe_fault(fault, what);
  const Task& task = current_task();
  printk("user: {}/{}: signal {}: {}, pc {:#x} sp {:#x}", std::string_view(task.comm), task.pid,
         signal.signal, what.view(), regs.pc(), regs.sp());
  u64 frames[kMaxUserFrames];
  const u32 count = user_backtrace(regs, frames);
  for (u32 i = 0; i < count; ++i) printk("user:   #{} {:#x}", i, frames[i]);
}

} // namespace runnel::user

namespace runnel::upcall {

void user_fault(const arch::Fault& fault, arch::UserRegs& regs) {
  using namespace user;
  if (fault.kind == arch::FaultKind::kMachineCheck)
    panic("{} in user mode, code {:#x}", fault.name, fault.code);
  const FaultSignal signal = signal_of(fault, regs.pc());
  if (signal.signal == 0) return;
  // A handler, unless the signal is blocked or ignored, which ends the process all the same.
  if (signal.signal == kSigKill || !has_handler(signal.signal)) {
    if (signal.signal == kSigKill)
      report_out_of_memory();
    else
      report_fatal_fault(signal, fault, regs);
    exit_process(status_killed(signal.signal));
  }
  current_thread().signals.fault_code = fault.code;
  force_signal(SigInfo::from_fault(signal.signal, signal.code, signal.address));
}

} // namespace runnel::upcall
