// SPDX-License-Identifier: Apache-2.0
// Many threads in one address space, each with a region of its own that it changes in every way, while others
// fork the whole and throw the copies away: every access through the MMU must see what its region should
// hold.
#include "tests/target/fork_storm.hpp"

namespace runnel::user {
namespace {

using test::LivesIn;
using test::Space;

constexpr u64 kRw = kPROT_READ | kPROT_WRITE;
constexpr u64 kBase = u64{1} << 37;

class Region {
 public:
  static constexpr u64 kPages = 12;

  Region(Mm& mm, u32 index)
      : mm_(mm), start_(kBase + u64{index} * (kPages + 3) * kPageSize), state_(index + 1) {}

  /// One change or access. False: something was not as it should be.
  bool step(u64 number) {
    const u64 page = random(kPages);
    const u64 count = 1 + random(kPages - page);
    switch (random(8)) {
    case 0: {
      const MapRequest request{.address = at(page),
                               .length = count * kPageSize,
                               .prot = kRw,
                               .flags = kMAP_ANONYMOUS | kMAP_FIXED | kMAP_PRIVATE};
      if (mm_.mmap(request) != at(page)) return false;
      for (u64 i = page; i < page + count; ++i) cells_[i] = {0, true, true};
      return true;
    }
    case 1:
      if (!mm_.munmap(at(page), count * kPageSize)) return false;
      for (u64 i = page; i < page + count; ++i) cells_[i] = {};
      return true;
    case 2: {
      const bool writable = random(2) != 0;
      if (!cells_[page].mapped) return true;
      if (!mm_.mprotect(at(page), kPageSize, writable ? kRw : u64{kPROT_READ})) return false;
      cells_[page].writable = writable;
      return true;
    }
    case 3:
      if (!cells_[page].mapped) return true;
      if (!mm_.madvise(at(page), kPageSize, kMADV_DONTNEED)) return false;
      cells_[page].value = 0;
      return true;
    case 4:
    case 5: {
      u64 seen = 0;
      if (test::user_load(mm_, at(page), seen) != cells_[page].mapped) return false;
      return !cells_[page].mapped || seen == cells_[page].value;
    }
    default: {
      const bool may = cells_[page].mapped && cells_[page].writable;
      if (test::user_store(mm_, at(page), number) != may) return false;
      if (may) cells_[page].value = number;
      return true;
    }
    }
  }

 private:
  struct Cell {
    u64 value = 0;
    bool mapped = false;
    bool writable = false;
  };
  u64 at(u64 page) const { return start_ + page * kPageSize; }
  u64 random(u64 below) {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return (state_ >> 33) % below;
  }

  Mm& mm_;
  u64 start_;
  u64 state_;
  Cell cells_[kPages];
};

RUNNEL_TEST(user_mm, regions_of_threads_stay_their_own, .limit = 60_s)
{
  const MemoryUsage before = memory_usage();
  Space space;
  const u32 cpus = online_cpus().count();
  const u32 workers = cpus + 2;
  // Each fork interrupts all CPUs: where these are threads of a busy host, that takes long.
  const u32 wrong = test::run_beside_forks(space, workers, 300_us, [&](u32 i) {
    u32 bad = 0;
    Region region(*space, i);
    for (u64 number = 1; number <= 120; ++number) {
      if (!region.step(number)) ++bad;
      if (number % 32 == 0) yield();
    }
    return bad;
  });
  CHECK(wrong == 0u);
  test::end_without_rest(space, before);
}

} // namespace
} // namespace runnel::user
