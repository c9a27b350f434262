// SPDX-License-Identifier: Apache-2.0
// prctl and personality: what a thread or process can set about itself.
#include "kernel/user/calls.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/rseq/slice.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/tree.hpp"
#include "kernel/user/uaccess.hpp"

#include <cstring>

namespace runnel::user {
namespace {

enum Option : i32 {
  kSetDeathSignal = 1,
  kGetDeathSignal = 2,
  kGetDumpable = 3,
  kSetDumpable = 4,
  kGetKeepCapabilities = 7,
  kSetKeepCapabilities = 8,
  kSetName = 15,
  kGetName = 16,
  kReadCapabilityBound = 23,
  kSetTimerSlack = 29,
  kGetTimerSlack = 30,
  kSetSubreaper = 36,
  kGetSubreaper = 37,
  kSetNoNewPrivileges = 38,
  kGetNoNewPrivileges = 39,
  kRseqSliceExtension = 79,
};

constexpr u64 kLastSignal = 64, kLastCapability = 40, kDefaultSlack = 50'000;

/// As much as fits, with a NUL.
i64 set_name(u64 from) {
  char name[sizeof(sched::Task::comm)] = {};
  for (u32 i = 0; i < sizeof name - 1; ++i) {
    const auto byte = load_user<u8>(from + i);
    if (!byte) return negative(byte.error());
    if (*byte == 0) break;
    name[i] = static_cast<char>(*byte);
  }
  std::memcpy(current_task().comm, name, sizeof name);
  return 0;
}

/// One of the switches that know 0 and 1 only.
i64 set_switch(std::atomic<u32>& to, u64 value) {
  if (value > 1) return negative(Errno::kINVAL);
  to.store(static_cast<u32>(value), std::memory_order_relaxed);
  return 0;
}
i64 set_subreaper(u32 value) {
  const SpinGuard guard(tree_lock);
  current_process().is_subreaper = value != 0;
  return 0;
}
u32 is_subreaper() {
  const SpinGuard guard(tree_lock);
  return current_process().is_subreaper ? 1 : 0;
}
i64 get(const std::atomic<u32>& from) { return from.load(std::memory_order_relaxed); }

} // namespace

i64 sys_prctl(i32 option, u64 a, u64 b, u64 c, u64 d) {
  ThreadControls& thread = current_thread().controls;
  ProcessControls& process = current_process().controls;
  switch (option) {
  case kSetDeathSignal:
    if (a > kLastSignal) return negative(Errno::kINVAL);
    thread.death_signal = static_cast<u32>(a);
    return 0;
  case kGetDeathSignal:
    return to_syscall(store_user<u32>(a, thread.death_signal));
  case kGetDumpable:
    return get(process.dumpable);
  case kSetDumpable:
    return set_switch(process.dumpable, a);
  case kGetKeepCapabilities:
    return get(process.keep_capabilities);
  case kSetKeepCapabilities:
    return set_switch(process.keep_capabilities, a);
  case kSetName:
    return set_name(a);
  case kGetName:
    return to_syscall(copy_to_user(a, current_task().comm, sizeof current_task().comm));
  case kReadCapabilityBound:
    return a <= kLastCapability ? 1 : negative(Errno::kINVAL);
  case kSetTimerSlack: // kept only: sleeps are exact
    thread.timer_slack = static_cast<i64>(a) <= 0 ? kDefaultSlack : a;
    return 0;
  case kGetTimerSlack:
    return static_cast<i64>(thread.timer_slack);
  case kSetSubreaper:
    return set_subreaper(a != 0 ? 1 : 0);
  case kGetSubreaper:
    return to_syscall(store_user<u32>(a, is_subreaper()));
  case kSetNoNewPrivileges:
    if (a != 1 || b != 0 || c != 0 || d != 0) return negative(Errno::kINVAL);
    current_process().no_new_privs = true;
    return 0;
  case kGetNoNewPrivileges:
    if (a != 0 || b != 0 || c != 0 || d != 0) return negative(Errno::kINVAL);
    return current_process().no_new_privs ? 1 : 0;
  case kRseqSliceExtension:
    return rseq::slice_control(a, b, c, d);
  default:
    return negative(Errno::kINVAL);
  }
}

i64 sys_personality(u32 wanted) {
  constexpr u32 kAsk = 0xffff'ffff;
  ThreadControls& thread = current_thread().controls;
  const u32 old = thread.personality;
  if (wanted != kAsk) thread.personality = wanted;
  return old;
}

} // namespace runnel::user
