// SPDX-License-Identifier: Apache-2.0
// The kernel's only way to user memory. Every function gives kFAULT for an address that is not the user's,
// not mapped, or mapped but not for this; a caller never dies of a bad pointer.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/sync/lockdep.hpp"

#include <arch/uaccess.hpp>
#include <arch/user.hpp>
#include <span>
#include <type_traits>

namespace runnel::user {

/// [address, address + size) lies below the end of user space (nothing is said about mappings).
constexpr bool is_user_range(u64 address, u64 size) {
  return size <= arch::kUserEnd && address <= arch::kUserEnd - size;
}

/// Debug images: nobody reaches for user memory, which may fault, with a lock of the scheduler's held.
inline void check_may_access() {
  sync::lockdep_assert_outside(sync::LockRank::kPi, "user memory under a lock of the scheduler");
}

/// All or kFAULT; a part may have been copied.
Result<> copy_from_user(void* to, u64 from, usize size);
Result<> copy_to_user(u64 to, const void* from, usize size);
Result<> clear_user(u64 to, usize size);
/// How many of the bytes could be copied, from the start; for read() and write(), which give short counts.
usize copy_from_user_some(void* to, u64 from, usize size);
usize copy_to_user_some(u64 to, const void* from, usize size);

template <typename T>
  requires std::is_trivially_copyable_v<T>
Result<T> read_user(u64 from) {
  T value;
  RUNNEL_TRY(copy_from_user(&value, from, sizeof value));
  return value;
}
template <typename T>
  requires std::is_trivially_copyable_v<T>
Result<> write_user(u64 to, const T& value) {
  return copy_to_user(to, &value, sizeof value);
}

/// One access, atomic when aligned. T is an unsigned integer.
template <typename T>
  requires std::is_unsigned_v<T>
Result<T> load_user(u64 from) {
  check_may_access();
  u64 value = 0;
  if (!is_user_range(from, sizeof(T)) || !arch::uaccess_load(from, sizeof(T), value))
    return err(Errno::kFAULT);
  return static_cast<T>(value);
}
template <typename T>
  requires std::is_unsigned_v<T>
Result<> store_user(u64 to, T value) {
  check_may_access();
  if (!is_user_range(to, sizeof(T)) || !arch::uaccess_store(to, sizeof(T), value)) return err(Errno::kFAULT);
  return {};
}
/// Gives back what was there: the exchange took place when that is `expected`. Full barrier.
template <typename T>
  requires(std::is_same_v<T, u32> || std::is_same_v<T, u64>)
Result<T> compare_exchange_user(u64 at, T expected, T desired) {
  check_may_access();
  u64 seen = expected;
  if (!is_user_range(at, sizeof(T)) || !arch::uaccess_compare_exchange(at, sizeof(T), seen, desired))
    return err(Errno::kFAULT);
  return static_cast<T>(seen);
}

/// A string with its NUL into `buffer`; its length without the NUL. kRANGE: none within the buffer (callers
/// make it kNAMETOOLONG or kE2BIG).
Result<usize> read_user_string(std::span<char> buffer, u64 from);

} // namespace runnel::user
