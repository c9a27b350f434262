// SPDX-License-Identifier: Apache-2.0
// Nice values of threads, groups of processes and users: getpriority, setpriority.
#include "kernel/user/calls.hpp"
#include "kernel/user/proc/source.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/target.hpp"

#include <algorithm>
#include <sched/attr.hpp>

namespace runnel::user {
namespace {

enum : i32 { kOfThread = 0, kOfGroup = 1, kOfUser = 2 };

u32 group_of(Process& process) {
  ProcDetails details;
  proc_source.details(process, nullptr, details);
  return details.group;
}

bool is_meant(Process& process, i32 which, u32 who) {
  Process& self = current_process();
  if (which == kOfGroup) return group_of(process) == (who == 0 ? group_of(self) : who);
  return process.credentials.uid == (who == 0 ? self.credentials.uid : who);
}

/// visit(Target) for every thread that is meant.
template <typename Visit> void for_each_meant(i32 which, u32 who, Visit visit) {
  if (which == kOfThread) {
    if (const auto target = find_target(who)) visit(*target);
    return;
  }
  for (u32 pid = proc_source.next(0); pid != 0; pid = proc_source.next(pid)) {
    Process* const process = proc_source.find(pid);
    if (process == nullptr) continue;
    if (is_meant(*process, which, who)) {
      // By number, for a change may sleep: threads that come meanwhile have their creator's value.
      for (u32 tid = 0; (tid = next_thread(*process, tid)) != 0;)
        if (const auto target = find_target(tid)) visit(*target);
    }
    put_process(*process);
  }
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
