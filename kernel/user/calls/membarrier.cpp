// SPDX-License-Identifier: Apache-2.0
// membarrier: a full barrier between the memory accesses of all threads, paid for by the caller alone. The
// context switch's own barriers (B13) cover the threads that do not run now.
#include "kernel/smp/call.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/rseq/rseq.hpp"
#include "kernel/user/syscall.hpp"

#include <arch/user.hpp>

namespace runnel::user {
namespace {

enum Command : u32 {
  kQuery = 0,
  kGlobal = 1 << 0,
  kGlobalExpedited = 1 << 1,
  kRegisterGlobalExpedited = 1 << 2,
  kPrivateExpedited = 1 << 3,
  kRegisterPrivateExpedited = 1 << 4,
  kPrivateSyncCore = 1 << 5,
  kRegisterPrivateSyncCore = 1 << 6,
  kPrivateRseq = 1 << 7,
  kRegisterPrivateRseq = 1 << 8,
  kGetRegistrations = 1 << 9,
};
constexpr u32 kFlagCpu = 1; // of kPrivateRseq: on one CPU only
constexpr u32 kSupported = kGlobal | kGlobalExpedited | kRegisterGlobalExpedited | kPrivateExpedited |
                           kRegisterPrivateExpedited | kPrivateSyncCore | kRegisterPrivateSyncCore |
                           kPrivateRseq | kRegisterPrivateRseq | kGetRegistrations;

void barrier(void*) { std::atomic_thread_fence(std::memory_order_seq_cst); } // B13
void barrier_and_fetch_anew(void*) {
  std::atomic_thread_fence(std::memory_order_seq_cst); // B13
  arch::refetch_instructions();
}

void barrier_and_restart(void*) {
  std::atomic_thread_fence(std::memory_order_seq_cst); // B13
  rseq::interrupt_section();
}

/// A CPU that is not among them when they are looked at makes its barrier when it switches to such a thread.
void on(CpuMask cpus, smp::CallFn fn) {
  call_function(cpus, fn, nullptr, Wait::kYes);
  std::atomic_thread_fence(std::memory_order_seq_cst); // B13: before the caller's accesses afterwards
}

i64 private_barrier(u32 registration, smp::CallFn fn, CpuMask among = online_cpus()) {
  Mm& mm = *current_process().mm;
  if ((mm.barrier_registrations.load(std::memory_order_relaxed) & registration) == 0)
    return negative(Errno::kPERM);
  std::atomic_thread_fence(
      std::memory_order_seq_cst); // B13: the caller's accesses before the look at the CPUs
  on(mm.loaded_on() & among, fn);
  return 0;
}

/// One CPU, or all (a negative number, too). The caller's is not in a section: it makes a system call.
i64 rseq_barrier(u32 flags, i32 cpu) {
  CpuMask among = online_cpus();
  if ((flags & kFlagCpu) != 0 && cpu >= 0)
    among = static_cast<u32>(cpu) < kMaxCpus ? among & CpuMask::of({static_cast<u32>(cpu)}) : CpuMask();
  return private_barrier(kRegisterPrivateRseq, barrier_and_restart, among);
}

i64 enrol(u32 registration) {
  Mm& mm = *current_process().mm;
  mm.barrier_registrations.fetch_or(registration, std::memory_order_relaxed);
  return 0;
}

} // namespace

i64 sys_membarrier(u32 command, u32 flags, i32 cpu) {
  if (flags != 0 && (command != kPrivateRseq || flags != kFlagCpu)) return negative(Errno::kINVAL);
  switch (command) {
  case kQuery:
    return kSupported;
  case kGlobal:
  case kGlobalExpedited: // of those that have registered; more does not hurt
    on(online_cpus(), barrier);
    return 0;
  case kRegisterGlobalExpedited:
  case kRegisterPrivateExpedited:
  case kRegisterPrivateSyncCore:
  case kRegisterPrivateRseq:
    return enrol(command);
  case kPrivateExpedited:
    return private_barrier(kRegisterPrivateExpedited, barrier);
  case kPrivateSyncCore:
    return private_barrier(kRegisterPrivateSyncCore, barrier_and_fetch_anew);
  case kPrivateRseq:
    return rseq_barrier(flags, cpu);
  case kGetRegistrations:
    return current_process().mm->barrier_registrations.load(std::memory_order_relaxed);
  default:
    return negative(Errno::kINVAL);
  }
}

} // namespace runnel::user
