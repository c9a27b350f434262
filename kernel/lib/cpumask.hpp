// SPDX-License-Identifier: Apache-2.0
// A set of CPUs.
#pragma once

#include "kernel/lib/types.hpp"

#include <atomic>
#include <bit>

namespace runnel {

static_assert(kMaxCpus % 64 == 0);

/// Value type; iterate with `for (CpuId cpu : mask)`. One machine word for up to 64 CPUs.
class CpuMask {
 public:
  static constexpr u32 kWords = kMaxCpus / 64;

  constexpr CpuMask() = default;
  static constexpr CpuMask of(CpuId cpu) {
    CpuMask mask;
    mask.set(cpu);
    return mask;
  }
  static constexpr CpuMask first(u32 n) {
    CpuMask mask;
    for (u32 i = 0; i < kWords; ++i, n = n > 64 ? n - 64 : 0)
      mask.words_[i] = n >= 64 ? ~u64{0} : (u64{1} << n) - 1;
    return mask;
  }
  static constexpr CpuMask all() { return first(kMaxCpus); }
  /// CPUs 0..63.
  static constexpr CpuMask from_bits(u64 bits) {
    CpuMask mask;
    mask.words_[0] = bits;
    return mask;
  }

  constexpr bool test(CpuId cpu) const { return (words_[cpu.value / 64] >> cpu.value % 64 & 1) != 0; }
  constexpr void set(CpuId cpu) { words_[cpu.value / 64] |= u64{1} << cpu.value % 64; }
  constexpr void clear(CpuId cpu) { words_[cpu.value / 64] &= ~(u64{1} << cpu.value % 64); }
  constexpr bool empty() const {
    for (const u64 word : words_)
      if (word != 0) return false;
    return true;
  }
  constexpr u32 count() const {
    u32 n = 0;
    for (const u64 word : words_) n += static_cast<u32>(std::popcount(word));
    return n;
  }
  /// Lowest member above or at `from`; value kMaxCpus when there is none.
  constexpr CpuId next(u32 from) const {
    for (u32 i = from / 64; i < kWords; ++i, from = 0)
      if (const u64 rest = words_[i] & ~u64{0} << from % 64; rest != 0)
        return {i * 64 + static_cast<u32>(std::countr_zero(rest))};
    return {kMaxCpus};
  }
  constexpr CpuId lowest() const { return next(0); } // not when empty
  /// CPUs 0..63 as a word.
  constexpr u64 bits() const { return words_[0]; }
  constexpr bool contains(const CpuMask& o) const { return (o & ~*this).empty(); }
  constexpr bool intersects(const CpuMask& o) const { return !(*this & o).empty(); }
  constexpr bool operator==(const CpuMask&) const = default;
  constexpr CpuMask operator&(const CpuMask& o) const {
    CpuMask r;
    for (u32 i = 0; i < kWords; ++i) r.words_[i] = words_[i] & o.words_[i];
    return r;
  }
  constexpr CpuMask operator|(const CpuMask& o) const {
    CpuMask r;
    for (u32 i = 0; i < kWords; ++i) r.words_[i] = words_[i] | o.words_[i];
    return r;
  }
  constexpr CpuMask operator~() const {
    CpuMask r;
    for (u32 i = 0; i < kWords; ++i) r.words_[i] = ~words_[i];
    return r;
  }

  class Iterator;
  constexpr Iterator begin() const;
  constexpr Iterator end() const;

 private:
  friend class AtomicCpuMask;
  u64 words_[kWords] = {};
};

class CpuMask::Iterator {
 public:
  constexpr Iterator(const CpuMask& mask, u32 at) : mask_(mask), at_(at) {}
  constexpr CpuId operator*() const { return {at_}; }
  constexpr Iterator& operator++() {
    at_ = at_ + 1 < kMaxCpus ? mask_.next(at_ + 1).value : kMaxCpus;
    return *this;
  }
  constexpr bool operator!=(const Iterator& o) const { return at_ != o.at_; }

 private:
  const CpuMask mask_; // as it was when the loop began
  u32 at_;
};

constexpr CpuMask::Iterator CpuMask::begin() const { return {*this, next(0).value}; }
constexpr CpuMask::Iterator CpuMask::end() const { return {CpuMask{}, kMaxCpus}; }

/// A set of CPUs that several CPUs change at once.
class AtomicCpuMask {
 public:
  /// Full barrier (seq_cst read-modify-write) on both; they return whether the bit was set before.
  bool set(CpuId cpu) { return was_set(cpu, words_[cpu.value / 64].fetch_or(bit(cpu))); }
  bool clear(CpuId cpu) { return was_set(cpu, words_[cpu.value / 64].fetch_and(~bit(cpu))); }
  /// Word by word: of more than 64 CPUs not one moment's picture.
  CpuMask load(std::memory_order order = std::memory_order_acquire) const {
    CpuMask mask;
    for (u32 i = 0; i < CpuMask::kWords; ++i) mask.words_[i] = words_[i].load(order);
    return mask;
  }
  bool test(CpuId cpu) const { return was_set(cpu, words_[cpu.value / 64].load(std::memory_order_relaxed)); }

 private:
  static u64 bit(CpuId cpu) { return u64{1} << cpu.value % 64; }
  static bool was_set(CpuId cpu, u64 word) { return (word & bit(cpu)) != 0; }
  std::atomic<u64> words_[CpuMask::kWords] = {};
};

} // namespace runnel
