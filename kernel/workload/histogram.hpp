// SPDX-License-Identifier: Apache-2.0
// Times in bounded memory: a log-linear histogram, 32 buckets to each power of two. A percentile is the upper
// bound of its bucket: never below the true value, at most 1/32 (3.1 %) above it; minimum and maximum are
// exact. Values below 64 ns have buckets of their own. Adding is a few instructions; the same values give the
// same result in whatever order they come.
#pragma once

#include "kernel/lib/types.hpp"

#include <algorithm>
#include <bit>

namespace runnel::workload {

class Histogram {
 public:
  void add(u64 ns) {
    ++counts_[bucket_of(ns)];
    min_ = count_ == 0 ? ns : std::min(min_, ns);
    max_ = std::max(max_, ns);
    ++count_;
  }

  void merge(const Histogram& other) {
    if (other.count_ == 0) return;
    for (u32 i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
    count_ += other.count_;
  }

  u64 count() const { return count_; }
  u64 min() const { return min_; }
  u64 max() const { return max_; }

  /// The smallest recorded value that at least `percent` % of all values do not exceed, rounded up to its
  /// bucket's bound. 0 when nothing was added.
  u64 percentile(u32 percent) const {
    const u64 wanted = (count_ * percent + 99) / 100;
    u64 seen = 0;
    for (u32 i = 0; i < kBuckets; ++i) {
      seen += counts_[i];
      if (seen >= wanted && seen != 0) return std::clamp(upper_bound_of(i), min_, max_);
    }
    return max_;
  }

  static constexpr u32 kSubBits = 5;
  static constexpr u32 kSub = 1u << kSubBits;
  static constexpr u32 kTopBit = 42; // values from 2^42 ns (73 minutes) share the last bucket
  static constexpr u32 kBuckets = (kTopBit - kSubBits + 1) * kSub;

  static constexpr u32 bucket_of(u64 ns) {
    if (ns < 2 * kSub) return static_cast<u32>(ns);
    if (ns >= u64{1} << kTopBit) return kBuckets - 1;
    const u32 shift = static_cast<u32>(std::bit_width(ns)) - kSubBits - 1;
    return (shift << kSubBits) + static_cast<u32>(ns >> shift);
  }
  /// Largest value of the bucket.
  static constexpr u64 upper_bound_of(u32 bucket) {
    if (bucket < 2 * kSub) return bucket;
    const u32 shift = (bucket >> kSubBits) - 1;
    return ((u64{bucket & (kSub - 1)} + kSub + 1) << shift) - 1;
  }

 private:
  u32 counts_[kBuckets] = {};
  u64 count_ = 0;
  u64 min_ = 0, max_ = 0;
};

} // namespace runnel::workload
