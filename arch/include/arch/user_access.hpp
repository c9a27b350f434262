// SPDX-License-Identifier: Apache-2.0
// Several accesses to user memory with SMAP / PAN lifted once, inline: for the way out to user mode, where
// each instruction counts. Everything else uses kernel/user/uaccess.hpp.
//
// arch_impl/user_access.hpp provides runnel::arch::UserAccess, which lifts the protection while it lives:
//   load(from, value)   value = *from; false: it faulted, `value` unchanged
//   store(to, value)    false: it faulted
// T is u32 or u64. The caller has checked that the address is below kUserEnd. A fault is
// handled as one in arch/uaccess.hpp is: with interrupts off it is refused.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch_impl/user_access.hpp>
#include <concepts>

namespace runnel::arch {

template <typename T>
concept UserAccessContract = requires(u64 at, u32& word, u64& wide) {
  { T::load(at, word) } -> std::same_as<bool>;
  { T::load(at, wide) } -> std::same_as<bool>;
  { T::store(at, word) } -> std::same_as<bool>;
  { T::store(at, wide) } -> std::same_as<bool>;
};
static_assert(UserAccessContract<UserAccess>,
              "this architecture's arch_impl/user_access.hpp does not keep the contract");

} // namespace runnel::arch
