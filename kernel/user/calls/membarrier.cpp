// SPDX-License-Identifier: Apache-2.0
// membarrier: a full barrier between the memory accesses of all threads, paid for by the caller alone. The
// context switch's own barriers (B13) cover the threads that do not run now.
#include "kernel/smp/call.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/process.hpp"
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
  kGetRegistrations = 1 << 9,
};
// Seam (rseq): 1 << 7 and 1 << 8, with a flag that names a CPU.
constexpr u32 kSupported = kGlobal | kGlobalExpedited | kRegisterGlobalExpedited | kPrivateExpedited |
                           kRegisterPrivateExpedited | kPrivateSyncCore | kRegisterPrivateSyncCore |
                           kGetRegistrations;

void barrier(void*) { std::atomic_thread_fence(std::memory_order_seq_cst); } // B13
void barrier_and_fetch_anew(void*) {
  std::atomic_thread_fence(std::memory_order_seq_cst); // B13
  arch::refetch_instructions();
}

/// A CPU that is not among them when they are looked at makes its barrier when it switches to such a thread.
void on(CpuMask cpus, smp::CallFn fn) {
  call_function(cpus, fn, nullptr, Wait::kYes);
  std::atomic_thread_fence(std::memory_order_seq_cst); // B13: before the caller's accesses afterwards
}

i64 private_barrier(u32 registration, smp::CallFn fn) {
  Mm& mm = *current_process().mm;
  if ((mm.barrier_registrations.load(std::memory_order_relaxed) & registration) == 0)
    return negative(Errno::kPERM);
  std::atomic_thread_fence(
      std::memory_order_seq_cst); // B13: the caller's accesses before the look at the CPUs
  on(mm.loaded_on() & online_cpus(), fn);
  return 0;
}

i64 enrol(u32 registration) {
  Mm& mm = *current_process().mm;
  mm.barrier_registrations.fetch_or(registration, std::memory_order_relaxed);
  return 0;
}

} // namespace

i64 sys_membarrier(u32 command, u32 flags, i32) {
  if (flags != 0) return negative(Errno::kINVAL);
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
    return enrol(command);
  case kPrivateExpedited:
    return private_barrier(kRegisterPrivateExpedited, barrier);
  case kPrivateSyncCore:
    return private_barrier(kRegisterPrivateSyncCore, barrier_and_fetch_anew);
  case kGetRegistrations:
    return current_process().mm->barrier_registrations.load(std::memory_order_relaxed);
  default:
    return negative(Errno::kINVAL);
  }
}

} // namespace runnel::user
