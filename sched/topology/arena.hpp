// SPDX-License-Identifier: Apache-2.0
// Memory that is only handed out, and taken back all at once. For plain objects that need no destructor.
#pragma once

#include "kernel/lib/types.hpp"

#include <new>
#include <span>
#include <type_traits>

namespace runnel::sched {

class Arena {
 public:
  explicit constexpr Arena(std::span<std::byte> memory) : memory_(memory) {}

  /// nullptr when it is full.
  template <typename T> T* make() {
    static_assert(std::is_trivially_destructible_v<T>);
    const u64 at = align_up(used_, alignof(T));
    if (at > memory_.size() || sizeof(T) > memory_.size() - at) return nullptr;
    used_ = at + sizeof(T);
    return new (memory_.data() + at) T();
  }
  void reset() { used_ = 0; }
  u64 used() const { return used_; }

 private:
  std::span<std::byte> memory_; // aligned for every T that is made in it
  u64 used_ = 0;
};

} // namespace runnel::sched
