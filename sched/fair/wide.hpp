// SPDX-License-Identifier: Apache-2.0
// 128-bit arithmetic for sums of weight * virtual time. The kernel has no compiler runtime, so nothing here
// may become a call of __divti3 or __muloti4: products are formed unsigned, the division is our own.
#pragma once

#include "kernel/lib/types.hpp"

#include <sched/fair_entity.hpp>

namespace runnel::sched::wide {

/// a * b exactly; b is a weight or a sum of weights, which signed 64 bits hold by far, so that it is one
/// multiplication. (Unsigned inside: the overflow check of a signed 128-bit product is a library call.)
constexpr i128 mul(i64 a, u64 b) {
  const auto extended = [](i64 value) { return static_cast<u128>(static_cast<i128>(value)); };
  return static_cast<i128>(extended(a) * extended(static_cast<i64>(b)));
}

/// n / d for a quotient that fits 64 bits, that is n >> 64 < d: one bit at a time, because it is rare.
constexpr u64 div(u128 n, u64 d) {
  if (n >> 64 == 0) return static_cast<u64>(n) / d;
  u64 high = static_cast<u64>(n >> 64);
  u64 low = static_cast<u64>(n);
  for (u32 bit = 0; bit < 64; ++bit) {
    const bool carry = high >> 63 != 0;
    high = high << 1 | low >> 63;
    low <<= 1;
    if (carry || high >= d) {
      high -= d; // wraps into place when there was a carry
      low |= 1;
    }
  }
  return low;
}

/// Quotient rounded down; it fits 64 signed bits.
constexpr i64 div_floor(i128 n, u64 d) {
  if (n >= 0) return static_cast<i64>(div(static_cast<u128>(n), d));
  const u128 magnitude = u128{0} - static_cast<u128>(n);
  return -static_cast<i64>(div(magnitude + (d - 1), d));
}

/// a * b / d rounded towards zero; the quotient fits 64 signed bits.
constexpr i64 mul_div(i64 a, u64 b, u64 d) {
  const i128 product = mul(a, b);
  if (product >= 0) return static_cast<i64>(div(static_cast<u128>(product), d));
  return -static_cast<i64>(div(u128{0} - static_cast<u128>(product), d));
}

} // namespace runnel::sched::wide
