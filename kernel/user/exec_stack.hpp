// SPDX-License-Identifier: Apache-2.0
// The initial stack of a program (linux_abi 3.2): argc, argv, envp, auxiliary vector, strings.
#pragma once

#include "kernel/lib/errno.hpp"

#include <span>
#include <string_view>

namespace runnel::user {

class Mm;

enum : u64 { // auxiliary vector
  kAuxNull = 0,
  kAuxPhdr = 3,
  kAuxPhent = 4,
  kAuxPhnum = 5,
  kAuxPageSize = 6,
  kAuxBase = 7,
  kAuxFlags = 8,
  kAuxEntry = 9,
  kAuxUid = 11,
  kAuxEuid = 12,
  kAuxGid = 13,
  kAuxEgid = 14,
  kAuxPlatform = 15,
  kAuxHwcap = 16,
  kAuxClockTick = 17,
  kAuxSecure = 23,
  kAuxRandom = 25,
  kAuxHwcap2 = 26,
  kAuxRseqFeatureSize = 27,
  kAuxRseqAlign = 28,
  kAuxExecFn = 31,
  kAuxSysinfoEhdr = 33,
  kAuxMinSignalStack = 51,
};

struct AuxEntry {
  u64 type = 0, value = 0;
};

struct StackContents {
  std::span<const std::string_view> argv, envp;
  std::string_view path, platform;
  u64 random[2] = {};
  /// Everything but kAuxPlatform, kAuxRandom, kAuxExecFn and kAuxNull, whose values lie on the stack.
  std::span<const AuxEntry> aux;
  u64 limit = 0; // RLIMIT_STACK: strings and pointers may take a quarter of it
};

/// Longest argument or environment string, with its NUL (MAX_ARG_STRLEN).
inline constexpr u64 kMaxArgument = 128 * 1024;

/// Writes it below `top` (a multiple of 16) and fills mm.addresses' four of arguments and environment; the
/// stack pointer. kE2BIG, kNOMEM.
Result<u64> build_stack(Mm& mm, u64 top, const StackContents& contents);

} // namespace runnel::user
