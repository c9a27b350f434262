// SPDX-License-Identifier: Apache-2.0
// What comes with a signal: siginfo_t as user programs see it, 128 bytes, the same on both architectures
// (spec linux_abi 5.1).
#pragma once

#include "kernel/user/signal/sigset.hpp"

#include <cstddef>

namespace runnel::user {

enum SigCode : i32 {
  kSiUser = 0,
  kSiKernel = 0x80,
  kSiQueue = -1,
  kSiTimer = -2,
  kSiTkill = -6,
  // by signal
  kSegvMapErr = 1,
  kSegvAccErr = 2,
  kBusAdrAln = 1,
  kBusAdrErr = 2,
  kIllOpc = 1,
  kFpeIntDiv = 1,
  kFpeFltInv = 7,
  kTrapBrkpt = 1,
  kTrapTrace = 2,
  kCldExited = 1,
  kCldKilled = 2,
  kCldDumped = 3,
  kCldStopped = 5,
  kCldContinued = 6,
};

struct SigInfo {
  i32 signo = 0;
  i32 error = 0;
  i32 code = 0;
  i32 pad = 0;
  union {
    struct {
      i32 pid;
      u32 uid;
      u64 value; // of sigqueue
    } sender;
    struct {
      i32 pid;
      u32 uid;
      i32 status;
      i32 pad;
      i64 utime; // in ticks of 100 Hz
      i64 stime;
    } child;
    struct {
      i32 id;
      i32 overrun;
      u64 value;
    } timer;
    struct {
      u64 address;
    } fault;
    std::byte bytes[112] = {};
  };

  static SigInfo of(i32 sig, i32 code) {
    SigInfo info;
    info.signo = sig;
    info.code = code;
    return info;
  }
  static SigInfo from_kernel(i32 sig) { return of(sig, kSiKernel); }
  static SigInfo from_user(i32 sig, i32 code, u32 pid, u32 uid) {
    SigInfo info = of(sig, code);
    info.sender = {static_cast<i32>(pid), uid, 0};
    return info;
  }
  static SigInfo from_fault(i32 sig, i32 code, u64 address) {
    SigInfo info = of(sig, code);
    info.fault = {address};
    return info;
  }
  static SigInfo from_child(i32 code, u32 pid, u32 uid, i32 status) {
    SigInfo info = of(kSigChld, code);
    info.child = {static_cast<i32>(pid), uid, status, 0, 0, 0};
    return info;
  }
};

static_assert(sizeof(SigInfo) == 128 && offsetof(SigInfo, child.status) == 24 &&
              offsetof(SigInfo, sender.value) == 24 && offsetof(SigInfo, child.utime) == 32);

} // namespace runnel::user
