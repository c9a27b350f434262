// SPDX-License-Identifier: Apache-2.0
// Catches what the allocators report instead of letting it panic.
#pragma once

#include "kernel/mm/corruption.hpp"

#include <string_view>

namespace runnel::test {

/// One at a time. The checks that report run on the same thread, so nothing here is shared.
class CorruptionTrap {
 public:
  CorruptionTrap() : before_(mm::set_corruption_hook(record)) { count_ = 0; }
  ~CorruptionTrap() { mm::set_corruption_hook(before_); }
  CorruptionTrap(const CorruptionTrap&) = delete;
  CorruptionTrap& operator=(const CorruptionTrap&) = delete;

  /// Reports since the last call.
  u32 take_count() {
    const u32 count = count_;
    count_ = 0;
    return count;
  }
  std::string_view what() const { return last_.what; }
  const mm::Corruption& last() const { return last_; }

 private:
  static void record(const mm::Corruption& corruption) {
    last_ = corruption;
    ++count_;
  }
  inline static constinit mm::Corruption last_{};
  inline static constinit u32 count_ = 0;
  mm::CorruptionHook before_;
};

} // namespace runnel::test
