// SPDX-License-Identifier: Apache-2.0
// Inline accesses to user memory on aarch64: unprivileged loads and stores, so that PAN stays on.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::arch {

// clang-format off
#define RUNNEL_USER_FIXUP ".pushsection .runnel.fixups, \"a\"\n\t.quad 1b, %l[fault]\n\t.popsection"
// clang-format on

class UserAccess {
 public:
  UserAccess() {}
  UserAccess(const UserAccess&) = delete;
  UserAccess& operator=(const UserAccess&) = delete;

  template <typename T> static bool load(u64 from, T& value) {
    static_assert(sizeof(T) >= 4);
    T word;
    if constexpr (sizeof(T) == 4)
      asm goto("1: ldtr %w[word], [%[from]]\n\t" RUNNEL_USER_FIXUP
               : [word] "=r"(word)
               : [from] "r"(from)
               : "memory"
               : fault);
    else
      asm goto("1: ldtr %[word], [%[from]]\n\t" RUNNEL_USER_FIXUP
               : [word] "=r"(word)
               : [from] "r"(from)
               : "memory"
               : fault);
    value = word;
    return true;
  fault:
    return false;
  }
  template <typename T> static bool store(u64 to, T value) {
    static_assert(sizeof(T) >= 4);
    if constexpr (sizeof(T) == 4)
      asm goto("1: sttr %w[value], [%[to]]\n\t" RUNNEL_USER_FIXUP
               :
               : [value] "r"(value), [to] "r"(to)
               : "memory"
               : fault);
    else
      asm goto("1: sttr %[value], [%[to]]\n\t" RUNNEL_USER_FIXUP
               :
               : [value] "r"(value), [to] "r"(to)
               : "memory"
               : fault);
    return true;
  fault:
    return false;
  }
};

#undef RUNNEL_USER_FIXUP

} // namespace runnel::arch
