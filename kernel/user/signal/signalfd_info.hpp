// SPDX-License-Identifier: Apache-2.0
// struct signalfd_siginfo: a signal as it is read from a signalfd. Pure.
#pragma once

#include "kernel/user/signal/siginfo.hpp"

#include <cstring>

namespace runnel::user {

struct SignalFdInfo {
  u32 signo = 0;
  i32 error = 0, code = 0;
  u32 pid = 0, uid = 0;
  i32 fd = 0;
  u32 timer = 0, band = 0, overrun = 0, trap = 0;
  i32 status = 0;
  i32 value_int = 0;
  u64 value = 0;
  u64 utime = 0, stime = 0;
  u64 address = 0;
  u16 address_bits = 0, pad = 0;
  i32 syscall = 0;
  u64 call_address = 0;
  u32 arch = 0;
  u8 rest[28] = {};
};
static_assert(sizeof(SignalFdInfo) == 128 && offsetof(SignalFdInfo, value) == 48 &&
              offsetof(SignalFdInfo, address) == 72 && offsetof(SignalFdInfo, call_address) == 88);

/// Which member of siginfo's union is in use.
enum class SigLayout : u8 { kKill, kTimer, kPoll, kFault, kChild, kQueued, kSyscall };

constexpr SigLayout layout_of(i32 sig, i32 code) {
  constexpr i32 kSiSigIo = -5, kPollCodes = 6;
  if (code > kSiUser && code < kSiKernel) {
    switch (sig) {
    case kSigIll:
      if (code <= 11) return SigLayout::kFault;
      break;
    case kSigFpe:
      if (code <= 15) return SigLayout::kFault;
      break;
    case kSigSegv:
      if (code <= 10) return SigLayout::kFault;
      break;
    case kSigBus:
      if (code <= 5) return SigLayout::kFault;
      break;
    case kSigTrap:
      if (code <= 6) return SigLayout::kFault;
      break;
    case kSigChld:
      if (code <= 6) return SigLayout::kChild;
      break;
    case kSigSys:
      if (code <= 2) return SigLayout::kSyscall;
      break;
    default:
      break;
    }
    return code <= kPollCodes ? SigLayout::kPoll : SigLayout::kKill;
  }
  if (code == kSiTimer) return SigLayout::kTimer;
  if (code == kSiSigIo) return SigLayout::kPoll;
  return code < 0 ? SigLayout::kQueued : SigLayout::kKill;
}

inline SignalFdInfo to_signalfd(const SigInfo& info) {
  SignalFdInfo told;
  told.signo = static_cast<u32>(info.signo);
  told.error = info.error;
  told.code = info.code;
  const auto value = [&](u64 of) {
    told.value = of;
    told.value_int = static_cast<i32>(static_cast<u32>(of));
  };
  switch (layout_of(info.signo, info.code)) {
  case SigLayout::kTimer:
    told.timer = static_cast<u32>(info.timer.id);
    told.overrun = static_cast<u32>(info.timer.overrun);
    value(info.timer.value);
    break;
  case SigLayout::kPoll: // si_band, a long; si_fd
    std::memcpy(&told.band, info.bytes, sizeof told.band);
    std::memcpy(&told.fd, info.bytes + 8, sizeof told.fd);
    break;
  case SigLayout::kFault:
    told.address = info.fault.address;
    break;
  case SigLayout::kSyscall: // si_call_addr, si_syscall, si_arch
    told.call_address = info.fault.address;
    std::memcpy(&told.syscall, info.bytes + 8, sizeof told.syscall);
    std::memcpy(&told.arch, info.bytes + 12, sizeof told.arch);
    break;
  case SigLayout::kChild:
    told.status = info.child.status;
    told.utime = static_cast<u64>(info.child.utime);
    told.stime = static_cast<u64>(info.child.stime);
    told.pid = static_cast<u32>(info.child.pid);
    told.uid = info.child.uid;
    break;
  case SigLayout::kQueued:
    value(info.sender.value);
    [[fallthrough]];
  case SigLayout::kKill:
    told.pid = static_cast<u32>(info.sender.pid);
    told.uid = info.sender.uid;
    break;
  }
  return told;
}

} // namespace runnel::user
