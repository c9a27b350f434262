// SPDX-License-Identifier: Apache-2.0
// A storm: threads on all CPUs allocate things and swap them through shared slots, so that most are freed on
// another CPU than the one that made them. Everything carries a mark that is checked before it is freed.
#pragma once

#include "tests/target/threads.hpp"

#include <array>
#include <atomic>

namespace runnel::test {

/// Small, seeded, the same on every machine (Marsaglia 2003, xorshift64).
class Random {
 public:
  explicit Random(u64 seed) : state_(seed * 0x9e37'79b9'7f4a'7c15 + 1) {}
  u64 next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  u64 below(u64 n) { return next() % n; }

 private:
  u64 state_;
};

/// `make(random)` returns a Thing* or nullptr, `destroy(thing)` returns whether its mark was intact. Runs one
/// thread on each CPU for `rounds` rounds and returns how many things were damaged.
template <typename Thing, typename Make, typename Destroy> u32 storm(u32 rounds, Make make, Destroy destroy) {
  static constexpr u32 kSlots = 64;
  std::array<std::atomic<Thing*>, kSlots> slots{};
  std::atomic<u32> damaged{0};
  const auto give_back = [&](Thing* thing) {
    if (thing != nullptr && !destroy(thing)) damaged.fetch_add(1, std::memory_order_relaxed);
  };
  run_on_each_cpu([&](u32 index) {
    Random random(index + 1);
    for (u32 i = 0; i < rounds; ++i) {
      Thing* mine = random.below(4) == 0 ? nullptr : make(random);
      // Full order: what the maker wrote is visible to whoever gets the thing out of the slot.
      give_back(slots[random.below(kSlots)].exchange(mine));
    }
  });
  for (auto& slot : slots) give_back(slot.load());
  return damaged.load();
}

} // namespace runnel::test
