// SPDX-License-Identifier: Apache-2.0
// Signal numbers, sets of them, and the rules that follow from the number alone (spec linux_abi 5). Pure.
#pragma once

#include "kernel/lib/types.hpp"

#include <bit>

namespace runnel::user {

enum Signal : i32 {
  kSigHup = 1,
  kSigInt = 2,
  kSigQuit = 3,
  kSigIll = 4,
  kSigTrap = 5,
  kSigAbrt = 6,
  kSigBus = 7,
  kSigFpe = 8,
  kSigKill = 9,
  kSigUsr1 = 10,
  kSigSegv = 11,
  kSigUsr2 = 12,
  kSigPipe = 13,
  kSigAlrm = 14,
  kSigTerm = 15,
  kSigChld = 17,
  kSigCont = 18,
  kSigStop = 19,
  kSigTstp = 20,
  kSigTtin = 21,
  kSigTtou = 22,
  kSigUrg = 23,
  kSigXcpu = 24,
  kSigXfsz = 25,
  kSigVtalrm = 26,
  kSigProf = 27,
  kSigWinch = 28,
  kSigIo = 29,
  kSigPwr = 30,
  kSigSys = 31,
  kSigRtMin = 32,
};
inline constexpr i32 kNrSignals = 64;

constexpr bool is_valid_signal(i32 sig) { return sig >= 1 && sig <= kNrSignals; }
/// Every one sent is delivered, in order; of the others one is remembered.
constexpr bool is_realtime_signal(i32 sig) { return sig >= kSigRtMin; }

/// As the ABI has it: signal n is bit n - 1.
struct SigSet {
  u64 bits = 0;

  static constexpr u64 bit(i32 sig) { return u64{1} << (sig - 1); }
  template <typename... Sigs> static constexpr SigSet of(Sigs... sigs) { return {(bit(sigs) | ... | 0)}; }
  static constexpr SigSet all() { return {~u64{0}}; }

  constexpr bool operator==(const SigSet&) const = default;
  constexpr bool has(i32 sig) const { return (bits & bit(sig)) != 0; }
  constexpr bool empty() const { return bits == 0; }
  constexpr void add(i32 sig) { bits |= bit(sig); }
  constexpr void remove(i32 sig) { bits &= ~bit(sig); }
  constexpr SigSet operator|(SigSet o) const { return {bits | o.bits}; }
  constexpr SigSet operator&(SigSet o) const { return {bits & o.bits}; }
  constexpr SigSet operator~() const { return {~bits}; }
  /// Lowest number; not of an empty set.
  constexpr i32 first() const { return std::countr_zero(bits) + 1; }
};

inline constexpr SigSet kUnblockable = SigSet::of(kSigKill, kSigStop);
inline constexpr SigSet kStopSignals = SigSet::of(kSigStop, kSigTstp, kSigTtin, kSigTtou);
/// Caused by the instruction at which they are taken: delivered before all others.
inline constexpr SigSet kSynchronous = SigSet::of(kSigSegv, kSigBus, kSigIll, kSigTrap, kSigFpe, kSigSys);

enum class DefaultAction : u8 { kTerminate, kIgnore, kStop, kContinue };

constexpr DefaultAction default_action(i32 sig) {
  if (SigSet::of(kSigChld, kSigUrg, kSigWinch).has(sig)) return DefaultAction::kIgnore;
  if (sig == kSigCont) return DefaultAction::kContinue;
  if (kStopSignals.has(sig)) return DefaultAction::kStop;
  return DefaultAction::kTerminate;
}

/// Which of `pending` is taken next when `blocked` may not be; 0: none.
constexpr i32 next_signal(SigSet pending, SigSet blocked) {
  const SigSet open = pending & ~blocked;
  if (open.empty()) return 0;
  const SigSet now = open & kSynchronous;
  return (now.empty() ? open : now).first();
}

/// rt_sigprocmask's `how`.
enum class MaskChange : i32 { kBlock = 0, kUnblock = 1, kSet = 2 };

constexpr SigSet change_mask(SigSet old, MaskChange how, SigSet set) {
  SigSet mask = how == MaskChange::kBlock ? old | set : how == MaskChange::kUnblock ? old & ~set : set;
  return mask & ~kUnblockable;
}

} // namespace runnel::user
