// SPDX-License-Identifier: Apache-2.0
// Nice values of threads, groups of processes and users: getpriority, setpriority.
#include "kernel/user/calls.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/target.hpp"
#include "kernel/user/tree.hpp"

#include <algorithm>
#include <sched/attr.hpp>

namespace runnel::user {
namespace {

enum : i32 { kOfThread = 0, kOfGroup = 1, kOfUser = 2 };

bool is_meant(const Process& process, i32 which, u32 who) REQUIRES(tree_lock) {
  const Process& self = current_process();
  if (which == kOfGroup) return process.pgid == (who == 0 ? self.pgid : who);
  return process.credentials.uid == (who == 0 ? self.credentials.uid : who);
}

/// The lowest number above `after` of a thread of the processes that are meant; 0: none.
u32 next_meant(i32 which, u32 who, u32 after) {
  u32 best = 0;
  const SpinGuard guard(tree_lock);
  for_each_process([&](Process& process) NO_THREAD_SAFETY_ANALYSIS { // of tree_lock, held
    if (!is_meant(process, which, who)) return;
    const IrqSpinGuard threads_stay(process.lock);
    for (const Thread& thread : process.threads)
      if (thread.tid() > after && (best == 0 || thread.tid() < best)) best = thread.tid();
  });
  return best;
}

/// visit(Target) for every thread that is meant, one after the other by number: a change may sleep.
template <typename Visit> void for_each_meant(i32 which, u32 who, Visit visit) {
  if (which == kOfThread) {
    if (const auto target = find_target(who)) visit(*target);
    return;
  }
  for (u32 tid = 0; (tid = next_meant(which, who, tid)) != 0;)
    if (const auto target = find_target(tid)) visit(*target);
}

} // namespace

i64 sys_getpriority(i32 which, u32 who) {
  if (which < kOfThread || which > kOfUser) return negative(Errno::kINVAL);
  i64 best = negative(Errno::kSRCH);
  for_each_meant(which, who, [&](const Target& target) {
    // 40..1 instead of -20..19: a negative result is an error.
    best = std::max<i64>(best, 20 - target.task().nice());
  });
  return best;
}

i64 sys_setpriority(i32 which, u32 who, i32 nice) {
  if (which < kOfThread || which > kOfUser) return negative(Errno::kINVAL);
  const Credentials& self = current_process().credentials;
  i64 result = negative(Errno::kSRCH);
  for_each_meant(which, who, [&](const Target& target) {
    if (!owns(self, target.credentials()) && !may_set_priorities(self)) {
      result = negative(Errno::kPERM);
      return;
    }
    const sched::SchedRights rights{.cap_sys_nice = may_set_priorities(self),
                                    .same_owner = true,
                                    .rlimit_nice = target.nice_limit(),
                                    .rlimit_rtprio = target.priority_limit()};
    const auto changed = sched::set_user_nice(target.task(), nice, rights);
    if (!changed)
      result = negative(changed.error());
    else if (result == negative(Errno::kSRCH))
      result = 0;
  });
  return result;
}

} // namespace runnel::user
