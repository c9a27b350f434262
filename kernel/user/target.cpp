// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/target.hpp"

#include "kernel/user/proc/source.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

u32 narrow(u64 limit) { return static_cast<u32>(std::min<u64>(limit, 0xffff'ffff)); }

Task* thread_of(Process& process, u32 tid) {
  const IrqSpinGuard guard(process.lock);
  for (Thread& thread : process.threads) {
    if (thread.tid() != tid) continue;
    get_task(*thread.task);
    return thread.task;
  }
  return nullptr;
}

} // namespace

Target::Target(Task& adopted, const Process& process)
    : task_(&adopted), credentials_(process.credentials),
      nice_limit_(narrow(process.limits[kLimitNice].soft)),
      priority_limit_(narrow(process.limits[kLimitRealTime].soft)) {}

Result<Target> find_target(u32 tid) {
  Process& own = current_process();
  if (Task* const task = thread_of(own, tid == 0 ? current_thread().tid() : tid)) return Target(*task, own);
  // Seam (clone): threads of other processes that are not their first.
  Process* const other = proc_source.find(tid);
  if (other == nullptr) return err(Errno::kSRCH);
  Task* const task = thread_of(*other, tid);
  if (task == nullptr) {
    put_process(*other);
    return err(Errno::kSRCH);
  }
  Target target(*task, *other);
  put_process(*other);
  return target;
}

u32 next_thread(Process& process, u32 after) {
  u32 best = 0;
  const IrqSpinGuard guard(process.lock);
  for (const Thread& thread : process.threads)
    if (thread.tid() > after && (best == 0 || thread.tid() < best)) best = thread.tid();
  return best;
}

bool owns(const Credentials& caller, const Credentials& target) {
  return caller.euid == target.euid || caller.euid == target.uid;
}

} // namespace runnel::user
