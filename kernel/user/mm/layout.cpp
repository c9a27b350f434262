// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/mm/layout.hpp"

#include "kernel/sched_port/seed.hpp"

#include <atomic>

namespace runnel::user {
namespace {

constinit std::atomic<Aslr> mode{Aslr::kOn};
constinit std::atomic<u64> draws{0};

} // namespace

void set_aslr(Aslr aslr) { mode.store(aslr, std::memory_order_relaxed); }
Aslr aslr() { return mode.load(std::memory_order_relaxed); }

// SplitMix64 (Steele, Lea, Flood 2014): one step of a counter, so that threads need no lock.
u64 random_word() {
  constexpr u64 kStep = 0x9e37'79b9'7f4a'7c15;
  u64 z = scheduler_seed + kStep * (draws.fetch_add(1, std::memory_order_relaxed) + 1);
  z = (z ^ z >> 30) * 0xbf58'476d'1ce4'e5b9;
  z = (z ^ z >> 27) * 0x94d0'49bb'1331'11eb;
  return z ^ z >> 31;
}

u64 random_pages(u32 bits) {
  if (aslr() == Aslr::kOff) return 0;
  return (random_word() & ((u64{1} << bits) - 1)) << kPageShift;
}

} // namespace runnel::user
