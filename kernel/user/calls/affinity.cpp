// SPDX-License-Identifier: Apache-2.0
// Which CPUs a thread may run on (spec sched_core 1.16).
#include "kernel/smp/cpumask.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/target.hpp"
#include "kernel/user/uaccess.hpp"

#include <algorithm>
#include <sched/sched.hpp>

namespace runnel::user {
namespace {

constexpr u32 kMaskBytes = align_up(kMaxCpus, 64) / 8;
struct UserMask {
  u64 words[kMaskBytes / sizeof(u64)] = {};
};

/// `size` bytes, zero-extended; what is beyond the largest number of CPUs is not looked at.
Result<CpuMask> read_mask(u64 from, u32 size) {
  UserMask bits;
  RUNNEL_TRY(copy_from_user(&bits, from, std::min(size, kMaskBytes)));
  CpuMask mask;
  for (u32 cpu = 0; cpu < kMaxCpus; ++cpu)
    if ((bits.words[cpu / 64] >> cpu % 64 & 1) != 0) mask.set({cpu});
  return mask;
}

} // namespace

i64 sys_sched_setaffinity(u32 pid, u32 size, u64 from) {
  const auto mask = read_mask(from, size);
  if (!mask) return negative(mask.error());
  const auto target = find_target(pid);
  if (!target) return negative(target.error());
  const Credentials& self = current_process().credentials;
  if (!owns(self, target->credentials()) && !may_set_priorities(self)) return negative(Errno::kPERM);
  return to_syscall(sched::set_cpus_allowed(target->task(), *mask));
}

i64 sys_sched_getaffinity(u32 pid, u32 size, u64 to) {
  if (size % sizeof(u64) != 0 || u64{size} * 8 < nr_cpus()) return negative(Errno::kINVAL);
  const auto target = find_target(pid);
  if (!target) return negative(target.error());
  UserMask bits;
  for (const CpuId cpu : target->task().cpus_mask& active_cpus())
    bits.words[cpu.value / 64] |= u64{1} << cpu.value % 64;
  const u32 n = std::min(size, kMaskBytes);
  const auto written = copy_to_user(to, &bits, n);
  return written ? n : negative(written.error());
}

} // namespace runnel::user
