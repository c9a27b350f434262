// SPDX-License-Identifier: Apache-2.0
// Seeded pseudo-random numbers (splitmix64, Steele, Lea & Flood 2014): the only source of chance in a
// simulation.
#pragma once

#include "kernel/lib/types.hpp"

#include <bit>

namespace runnel::sim {

class Rng {
 public:
  constexpr explicit Rng(u64 seed) : state_(seed) {}

  constexpr u64 next() {
    u64 z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  /// 0 .. n-1; n > 0.
  constexpr u64 below(u64 n) { return static_cast<u64>(static_cast<unsigned __int128>(next()) * n >> 64); }
  /// low .. high, both included.
  constexpr u64 between(u64 low, u64 high) { return low + below(high - low + 1); }
  /// True once in n draws.
  constexpr bool one_in(u64 n) { return below(n) == 0; }
  /// Spread evenly over orders of magnitude: as many small values as large ones. low > 0.
  constexpr u64 log_between(u64 low, u64 high) {
    const u32 width = static_cast<u32>(std::bit_width(high / low));
    const u64 top = low << below(width + 1);
    const u64 value = between(low, top > low ? top : low);
    return value < high ? value : high;
  }
  /// An independent sequence.
  constexpr Rng fork() { return Rng{next()}; }

 private:
  u64 state_;
};

} // namespace runnel::sim
