// SPDX-License-Identifier: Apache-2.0
// Calls about the machine and the CPU: uname, random bytes, yield, getcpu.
#include "kernel/smp/cpumask.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/mm/layout.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

#include <algorithm>
#include <cstring>
#include <sched/sched.hpp>

namespace runnel::user {

i64 sys_uname(u64 to) {
  struct Names {
    char system[65], node[65], release[65], version[65], machine[65], domain[65];
  } names{};
  const auto put = [](char(&field)[65], std::string_view text) {
    std::memcpy(field, text.data(), text.size());
  };
  put(names.system, "Linux"); // what programs ask for: whose system calls these are
  put(names.node, "runnel");
  put(names.release, "7.2.0-runnel");
  put(names.version, "#1 SMP PREEMPT Runnel");
  put(names.machine, arch::kPlatform);
  put(names.domain, "(none)");
  return to_syscall(write_user(to, names));
}

i64 sys_getrandom(u64 to, u64 size, u32 flags) {
  constexpr u32 kNonBlock = 1, kRandom = 2, kInsecure = 4;
  if ((flags & ~(kNonBlock | kRandom | kInsecure)) != 0 ||
      (flags & (kRandom | kInsecure)) == (kRandom | kInsecure))
    return negative(Errno::kINVAL);
  size = std::min<u64>(size, 0x7fffffff);
  u64 done = 0;
  while (done < size) {
    const u64 word = random_word();
    const usize n = std::min<u64>(sizeof word, size - done);
    const usize copied = copy_to_user_some(to + done, &word, n);
    done += copied;
    if (copied < n) return done > 0 ? static_cast<i64>(done) : negative(Errno::kFAULT);
    if (current_task().signal_pending()) break;
  }
  return static_cast<i64>(done);
}

i64 sys_sched_yield() {
  arch::Cpu::relax();
  return sched::yield();
}

i64 sys_getcpu(u64 cpu, u64 node) {
  const CpuId here = arch::Cpu::this_cpu();
  if (cpu != 0)
    if (const auto written = store_user<u32>(cpu, here.value); !written) return negative(written.error());
  if (node == 0) return 0;
  return to_syscall(store_user<u32>(node, machine_info().cpus[here.value].node));
}

namespace {

template <typename State> i64 prctl(State& state, u64 code, u64 argument) {
  if constexpr (requires { state.gs_base; }) {
    constexpr u64 kSetGs = 0x1001, kSetFs = 0x1002, kGetFs = 0x1003, kGetGs = 0x1004;
    switch (code) {
    case kSetGs:
    case kSetFs:
      if (argument >= arch::kUserEnd) return negative(Errno::kPERM);
      (code == kSetGs ? state.gs_base : state.fs_base) = argument;
      return 0;
    case kGetFs:
    case kGetGs:
      return to_syscall(store_user<u64>(argument, code == kGetGs ? state.gs_base : state.fs_base));
    default:
      return negative(Errno::kINVAL);
    }
  }
  return negative(Errno::kNOSYS);
}

} // namespace

i64 sys_arch_prctl(u64 code, u64 argument) {
  Thread& self = current_thread();
  {
    const PreemptGuard stays;
    arch::user_state_save(self.arch);
  }
  // A switch in between saves the same: only user mode changes it.
  const i64 result = prctl(self.arch, code, argument);
  const PreemptGuard stays;
  arch::user_state_load(self.arch, self.task->stack_top);
  return result;
}

} // namespace runnel::user
