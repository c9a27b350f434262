// SPDX-License-Identifier: Apache-2.0
// The descriptor of one on-target test as it lies in section .runnel.tests of the image. Plain data with a
// fixed layout: the host tool reads it from the ELF file to list tests without booting, so pointers are
// addresses there.
#pragma once

#include <cstddef>
#include <cstdint>

namespace runnel::test {

/// Bits of TestCase::arch.
inline constexpr std::uint32_t kArchX86_64 = 1;
inline constexpr std::uint32_t kArchAarch64 = 2;
inline constexpr std::uint32_t kArchAny = 3;

/// Bits of TestCase::flags.
inline constexpr std::uint32_t kFlagOnlyByName = 1; // not selected by `*`: a pattern must spell out its suite
inline constexpr std::uint32_t kFlagExactTime =
    2; // judges times: only where guest time is exact (deterministic)

struct TestCase {
  const char* name; // "suite.case"
  const char* file; // path from the top of the tree
  void (*body)();
  std::uint64_t limit_ns; // guest time
  std::uint32_t line;
  std::uint32_t min_cpus;
  std::uint32_t arch;
  std::uint32_t flags;
};
static_assert(sizeof(void*) == 8 && sizeof(TestCase) == 48);
static_assert(offsetof(TestCase, name) == 0 && offsetof(TestCase, file) == 8 &&
              offsetof(TestCase, body) == 16);
static_assert(offsetof(TestCase, limit_ns) == 24 && offsetof(TestCase, line) == 32);
static_assert(offsetof(TestCase, min_cpus) == 36 && offsetof(TestCase, arch) == 40);
static_assert(offsetof(TestCase, flags) == 44);

} // namespace runnel::test
