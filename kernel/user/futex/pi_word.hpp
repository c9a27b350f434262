// SPDX-License-Identifier: Apache-2.0
// The word of a lock with priority inheritance, and the thread it names: what locking and requeueing share.
#pragma once

#include "kernel/task/task.hpp"
#include "kernel/user/uaccess.hpp"

#include <utility>

namespace runnel::user {

/// A reference to a thread of a user program.
class TaskRef {
 public:
  TaskRef() = default;
  /// The thread `tid`, if there is one.
  explicit TaskRef(u32 tid) {
    for_each_task([&](Task& task) {
      if (task.pid == tid && task.mm != nullptr && try_get_task(task)) task_ = &task;
    });
  }
  ~TaskRef() {
    if (task_ != nullptr) put_task(*task_);
  }
  TaskRef(const TaskRef&) = delete;
  TaskRef& operator=(const TaskRef&) = delete;
  Task* get() const { return task_; }

 private:
  Task* task_ = nullptr;
};

/// What a step under the bucket's lock came to.
enum class PiStep : u8 {
  kDone,
  kWait,  // in the state's mutex
  kAgain, // the word has changed meanwhile
  kFault, // the fault must be served
  kNoOwner,
};

/// kFault, kAgain (it is not `*seen` any more, which is updated), kDone.
inline PiStep exchange_word(u64 address, u32& seen, u32 desired) {
  const auto was = compare_exchange_user<u32>(address, seen, desired);
  if (!was) return PiStep::kFault;
  if (std::exchange(seen, *was) != *was) return PiStep::kAgain;
  return PiStep::kDone;
}

} // namespace runnel::user
