// SPDX-License-Identifier: Apache-2.0
// What a process does with each signal. Shared under CLONE_SIGHAND, copied by fork, reset by exec.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/sync/spinlock.hpp"
#include "kernel/user/signal/sigset.hpp"

#include <atomic>

namespace runnel::user {

inline constexpr u64 kHandlerDefault = 0;
inline constexpr u64 kHandlerIgnore = 1;

enum SigActionFlags : u64 {
  kSaNoChildStop = 1,
  kSaNoChildWait = 2,
  kSaSigInfo = 4,
  kSaExposeTagBits = 0x800,
  kSaRestorer = 0x400'0000,
  kSaOnStack = 0x800'0000,
  kSaRestart = 0x1000'0000,
  kSaNoDefer = 0x4000'0000,
  kSaResetHand = 0x8000'0000,
};

/// struct sigaction of the system call; the same on both architectures.
struct SigAction {
  u64 handler = kHandlerDefault;
  u64 flags = 0;
  u64 restorer = 0;
  SigSet mask;

  bool is_default() const { return handler == kHandlerDefault; }
  bool is_ignore() const { return handler == kHandlerIgnore; }
  bool is_handler() const { return handler > kHandlerIgnore; }
  /// `sig` with this action does nothing at all.
  bool ignores(i32 sig) const {
    return is_ignore() || (is_default() && default_action(sig) == DefaultAction::kIgnore);
  }
};
static_assert(sizeof(SigAction) == 32);

class Sighand {
 public:
  static Result<Sighand*> create();
  /// For fork without CLONE_SIGHAND. One reference. kNOMEM.
  Result<Sighand*> copy();
  void get() { refs_.fetch_add(1, std::memory_order_relaxed); }
  void put();
  bool is_shared() const { return refs_.load(std::memory_order_relaxed) != 1; }

  SigAction action(i32 sig);
  /// Returns the old one.
  SigAction set_action(i32 sig, const SigAction& action);
  /// The action of a signal that is about to be delivered; SA_RESETHAND takes effect.
  SigAction take_action(i32 sig);
  /// exec: handlers go to default, ignored stays ignored. CLONE_CLEAR_SIGHAND: the same (spec clone_ns).
  void reset_handlers();

 private:
  SpinLock lock_{LockRank::kSighand};
  SigAction actions_[kNrSignals] GUARDED_BY(lock_);
  std::atomic<u32> refs_{1};
};

} // namespace runnel::user
