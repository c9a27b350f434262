// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/target.hpp"

#include "kernel/user/tree.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

u32 narrow(u64 limit) { return static_cast<u32>(std::min<u64>(limit, 0xffff'ffff)); }

} // namespace

Target::Target(Task& adopted, const Process& process)
    : task_(&adopted), credentials_(process.credentials),
      nice_limit_(narrow(process.limits[kLimitNice].soft)),
      priority_limit_(narrow(process.limits[kLimitRealTime].soft)) {}

Result<Target> find_target(u32 tid) {
  const SpinGuard guard(tree_lock);
  Thread* const thread = tid == 0 ? &current_thread() : find_thread_locked(tid);
  if (thread == nullptr) return err(Errno::kSRCH);
  get_task(*thread->task);
  return Target(*thread->task, *thread->process);
}

bool owns(const Credentials& caller, const Credentials& target) {
  return caller.euid == target.euid || caller.euid == target.uid;
}

} // namespace runnel::user
