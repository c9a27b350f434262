// SPDX-License-Identifier: Apache-2.0
// The numbers of futex() and the little language of FUTEX_WAKE_OP (spec linux_abi 6).
#pragma once

#include "kernel/lib/errno.hpp"

namespace runnel::user {

enum FutexCommand : u32 {
  kFutexWait = 0,
  kFutexWake = 1,
  kFutexRequeue = 3,
  kFutexCmpRequeue = 4,
  kFutexWakeOp = 5,
  kFutexLockPi = 6,
  kFutexUnlockPi = 7,
  kFutexTryLockPi = 8,
  kFutexWaitBitset = 9,
  kFutexWakeBitset = 10,
  kFutexWaitRequeuePi = 11,
  kFutexCmpRequeuePi = 12,
  kFutexLockPi2 = 13,
};
inline constexpr u32 kFutexPrivate = 128;
inline constexpr u32 kFutexClockRealtime = 256;
inline constexpr u32 kFutexCommandMask = ~(kFutexPrivate | kFutexClockRealtime);
inline constexpr u32 kFutexAnyBit = ~u32{0};

// The word of a lock.
inline constexpr u32 kFutexWaiters = 0x80000000;
inline constexpr u32 kFutexOwnerDied = 0x40000000;
inline constexpr u32 kFutexTidMask = 0x3fffffff;

constexpr bool futex_takes_timeout(u32 command) {
  return command == kFutexWait || command == kFutexWaitBitset || command == kFutexLockPi ||
         command == kFutexLockPi2 || command == kFutexWaitRequeuePi;
}
constexpr bool futex_takes_clock(u32 command) {
  return command == kFutexWaitBitset || command == kFutexWaitRequeuePi || command == kFutexLockPi2;
}

/// FUTEX_WAKE_OP's third value: OP in bits 28..30 (31: the argument is a shift count), CMP in 24..27, two
/// arguments of 12 bits with sign.
struct FutexWakeOp {
  u32 operation = 0, comparison = 0;
  u32 argument = 0;
  i32 compare_with = 0;

  static constexpr FutexWakeOp decode(u32 encoded) {
    const auto sign_extend = [](u32 twelve_bits) {
      return static_cast<i32>((twelve_bits & 0xfff) ^ 0x800) - 0x800;
    };
    FutexWakeOp op;
    op.operation = encoded >> 28 & 7;
    op.comparison = encoded >> 24 & 15;
    op.argument = static_cast<u32>(sign_extend(encoded >> 12));
    op.compare_with = sign_extend(encoded);
    if ((encoded >> 31) != 0) op.argument = u32{1} << (op.argument & 31); // other counts wrap, as with Linux
    return op;
  }

  constexpr bool is_known_operation() const { return operation <= 4; }

  /// SET, ADD, OR, ANDN, XOR.
  constexpr u32 apply(u32 old) const {
    switch (operation) {
    case 0:
      return argument;
    case 1:
      return old + argument;
    case 2:
      return old | argument;
    case 3:
      return old & ~argument;
    default:
      return old ^ argument;
    }
  }

  /// EQ, NE, LT, LE, GT, GE, with sign. kNOSYS: no such comparison.
  constexpr Result<bool> compare(u32 old) const {
    const auto value = static_cast<i32>(old);
    switch (comparison) {
    case 0:
      return value == compare_with;
    case 1:
      return value != compare_with;
    case 2:
      return value < compare_with;
    case 3:
      return value <= compare_with;
    case 4:
      return value > compare_with;
    case 5:
      return value >= compare_with;
    default:
      return err(Errno::kNOSYS);
    }
  }
};

} // namespace runnel::user
