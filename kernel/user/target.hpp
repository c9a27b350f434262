// SPDX-License-Identifier: Apache-2.0
// The thread that a system call names by number.
#pragma once

#include "kernel/user/process.hpp"

namespace runnel::user {

/// A thread's task with a reference, and what was known of its process when it was found.
class Target {
 public:
  Target(Task& adopted, const Process& process);
  Target(const Target&) = delete;
  Target(Target&& o) noexcept
      : task_(o.task_), credentials_(o.credentials_), nice_limit_(o.nice_limit_),
        priority_limit_(o.priority_limit_) {
    o.task_ = nullptr;
  }
  Target& operator=(Target&&) = delete;
  ~Target() {
    if (task_ != nullptr) put_task(*task_);
  }

  Task& task() const { return *task_; }
  const Credentials& credentials() const { return credentials_; }
  u32 nice_limit() const { return nice_limit_; }
  u32 priority_limit() const { return priority_limit_; }

 private:
  Task* task_;
  Credentials credentials_;
  u32 nice_limit_, priority_limit_; // RLIMIT_NICE, RLIMIT_RTPRIO
};

/// Thread `tid`, 0: the caller. kSRCH. No lock held.
Result<Target> find_target(u32 tid);

/// The caller has the effective user id of the target's real or effective one (spec sched_core 1.16).
bool owns(const Credentials& caller, const Credentials& target);
/// CAP_SYS_NICE: root's.
inline bool may_set_priorities(const Credentials& caller) { return caller.euid == 0; }

} // namespace runnel::user
