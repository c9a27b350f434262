// SPDX-License-Identifier: Apache-2.0
// Inline accesses to user memory on x86_64.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::arch {

extern bool smap_is_on;

// clang-format off
#define RUNNEL_USER_FIXUP ".pushsection .runnel.fixups, \"a\"\n\t.quad 1b, %l[fault]\n\t.popsection"
// clang-format on

/// An interrupt or fault inside puts SMAP back for its own time (entry.S).
class UserAccess {
 public:
  UserAccess() {
    if (smap_is_on) asm volatile("stac" ::: "memory", "cc");
  }
  ~UserAccess() {
    if (smap_is_on) asm volatile("clac" ::: "memory", "cc");
  }
  UserAccess(const UserAccess&) = delete;
  UserAccess& operator=(const UserAccess&) = delete;

  template <typename T> static bool load(u64 from, T& value) {
    static_assert(sizeof(T) >= 4);
    T word;
    asm goto("1: mov (%[from]), %[word]\n\t" RUNNEL_USER_FIXUP
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
    asm goto("1: mov %[value], (%[to])\n\t" RUNNEL_USER_FIXUP
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
