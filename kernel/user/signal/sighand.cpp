// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/signal/sighand.hpp"

#include "kernel/mm/kmalloc.hpp"

#include <algorithm>
#include <utility>

namespace runnel::user {

Result<Sighand*> Sighand::create() {
  Sighand* const hand = mm::knew<Sighand>();
  if (hand == nullptr) return err(Errno::kNOMEM);
  return hand;
}

// The copy needs no lock yet: nobody else knows it.
Result<Sighand*> Sighand::copy() NO_THREAD_SAFETY_ANALYSIS {
  const Result<Sighand*> to = create();
  if (!to) return to;
  const IrqSpinGuard guard(lock_);
  std::ranges::copy(actions_, (*to)->actions_);
  return to;
}

void Sighand::put() {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) mm::kdelete(this);
}

SigAction Sighand::action(i32 sig) {
  const IrqSpinGuard guard(lock_);
  return actions_[sig - 1];
}

SigAction Sighand::set_action(i32 sig, const SigAction& action) {
  const IrqSpinGuard guard(lock_);
  return std::exchange(actions_[sig - 1], action);
}

SigAction Sighand::take_action(i32 sig) {
  const IrqSpinGuard guard(lock_);
  SigAction& here = actions_[sig - 1];
  const SigAction taken = here;
  if (taken.is_handler() && (taken.flags & kSaResetHand) != 0) here.handler = kHandlerDefault;
  return taken;
}

void Sighand::reset_handlers() {
  const IrqSpinGuard guard(lock_);
  for (SigAction& action : actions_) {
    const bool ignored = action.is_ignore();
    action = {};
    if (ignored) action.handler = kHandlerIgnore;
  }
}

} // namespace runnel::user
