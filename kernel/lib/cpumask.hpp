// SPDX-License-Identifier: Apache-2.0
// A set of CPUs.
#pragma once

#include "kernel/lib/types.hpp"

#include <atomic>
#include <bit>

namespace runnel {

static_assert(kMaxCpus == 64, "CpuMask is one machine word; widen it together with kMaxCpus");

/// Value type; iterate with `for (CpuId cpu : mask)`.
class CpuMask {
 public:
  constexpr CpuMask() = default;
  static constexpr CpuMask of(CpuId cpu) { return CpuMask{u64{1} << cpu.value}; }
  static constexpr CpuMask first(u32 n) { return CpuMask{n >= 64 ? ~u64{0} : (u64{1} << n) - 1}; }
  static constexpr CpuMask all() { return CpuMask{~u64{0}}; }
  static constexpr CpuMask from_bits(u64 bits) { return CpuMask{bits}; }

  constexpr bool test(CpuId cpu) const { return (bits_ >> cpu.value & 1) != 0; }
  constexpr void set(CpuId cpu) { bits_ |= u64{1} << cpu.value; }
  constexpr void clear(CpuId cpu) { bits_ &= ~(u64{1} << cpu.value); }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr u32 count() const { return static_cast<u32>(std::popcount(bits_)); }
  constexpr CpuId lowest() const { return {static_cast<u32>(std::countr_zero(bits_))}; } // not when empty
  constexpr u64 bits() const { return bits_; }
  constexpr bool operator==(const CpuMask&) const = default;
  constexpr CpuMask operator&(CpuMask o) const { return CpuMask{bits_ & o.bits_}; }
  constexpr CpuMask operator|(CpuMask o) const { return CpuMask{bits_ | o.bits_}; }
  constexpr CpuMask operator~() const { return CpuMask{~bits_}; }

  class Iterator {
   public:
    constexpr explicit Iterator(u64 rest) : rest_(rest) {}
    constexpr CpuId operator*() const { return {static_cast<u32>(std::countr_zero(rest_))}; }
    constexpr Iterator& operator++() { return rest_ &= rest_ - 1, *this; }
    constexpr bool operator!=(const Iterator& o) const { return rest_ != o.rest_; }

   private:
    u64 rest_;
  };
  constexpr Iterator begin() const { return Iterator{bits_}; }
  constexpr Iterator end() const { return Iterator{0}; }

 private:
  constexpr explicit CpuMask(u64 bits) : bits_(bits) {}
  u64 bits_ = 0;
};

/// A set of CPUs that several CPUs change at once.
class AtomicCpuMask {
 public:
  /// Full barrier (seq_cst read-modify-write) on both; `set` returns whether the bit was set before.
  bool set(CpuId cpu) { return (bits_.fetch_or(u64{1} << cpu.value) >> cpu.value & 1) != 0; }
  bool clear(CpuId cpu) { return (bits_.fetch_and(~(u64{1} << cpu.value)) >> cpu.value & 1) != 0; }
  CpuMask load(std::memory_order order = std::memory_order_acquire) const {
    return CpuMask::from_bits(bits_.load(order));
  }
  bool test(CpuId cpu) const { return load(std::memory_order_relaxed).test(cpu); }

 private:
  std::atomic<u64> bits_{0};
};

} // namespace runnel
