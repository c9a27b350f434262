// SPDX-License-Identifier: Apache-2.0
// What of user mode changes at a context switch.
#include "kernel/user/rseq/leave_rules.hpp"
#include "kernel/user/thread.hpp"

namespace runnel::user {

void switch_user_state(Task& prev, Task& next) {
  if (prev.user != nullptr) arch::user_state_save(prev.user->arch);
  if (next.user != nullptr) {
    arch::user_state_load(next.user->arch, next.stack_top);
    rseq::note_switch_in(next.rseq_event);
  } else if (prev.user != nullptr) {
    arch::user_state_unload();
  }
}

} // namespace runnel::user
