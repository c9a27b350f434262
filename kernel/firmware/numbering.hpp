// SPDX-License-Identifier: Apache-2.0
// Turns what firmware names things by (table offsets, phandles) into numbers from 0.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::firmware {

/// Numbers in the order the keys are met. Holds one key per CPU at most: what is numbered has a CPU in it.
class Numbering {
 public:
  u32 number_of(u64 key) {
    for (u32 i = 0; i < count_; ++i)
      if (keys_[i] == key) return i;
    if (count_ == kMaxCpus) return kMaxCpus - 1;
    keys_[count_] = key;
    return count_++;
  }

 private:
  u64 keys_[kMaxCpus] = {};
  u32 count_ = 0;
};

} // namespace runnel::firmware
