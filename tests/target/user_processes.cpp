// SPDX-License-Identifier: Apache-2.0
// Programs of tests/user about signals, processes and threads; what they check they print, they end with 0.
#include "kernel/mm/address.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "tests/target/programs.hpp"

#include <utility>

namespace runnel {
namespace {

using test::run;

RUNNEL_TEST(user_processes, signals, .limit = 10_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/signals") == 0);
}

RUNNEL_TEST(user_processes, life_of_processes_and_threads, .limit = 10_s)
{
  CHECK(run("/bin/processes") == 0);
}

RUNNEL_TEST(user_processes, descriptors_of_processes, .limit = 10_s)
{
  CHECK(run("/bin/pidfd") == 0);
}

RUNNEL_TEST(user_processes, descriptors_of_threads, .limit = 10_s)
{
  CHECK(run("/bin/pidfd_threads") == 0);
}

RUNNEL_TEST(user_processes, signals_are_read_from_descriptors, .limit = 10_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/signalfd") == 0);
}

/// All of the machine's memory but a little, as long as it lives: programs come to the end of it soon.
class MemoryTaken {
 public:
  explicit MemoryTaken(u64 rest) {
    while (mm::page_stats().free > rest / kPageSize) {
      const Result<PhysAddr> block = alloc_pages(mm::kMaxOrder);
      if (!block) break;
      *mm::phys_ptr<PhysAddr>(*block) = std::exchange(last_, *block);
    }
  }
  ~MemoryTaken() {
    while (last_.value != 0) free_pages(std::exchange(last_, *mm::phys_ptr<PhysAddr>(last_)), mm::kMaxOrder);
  }
  MemoryTaken(const MemoryTaken&) = delete;
  MemoryTaken& operator=(const MemoryTaken&) = delete;

 private:
  PhysAddr last_; // each block begins with the one before it
};

RUNNEL_TEST(user_processes, who_wants_too_much_is_stopped, .limit = 20_s, .time = test::GuestTime::kExact)
{
  const MemoryTaken most(u64{20} << 20);
  CHECK(run("/bin/too_much") == 0);
}

RUNNEL_TEST(user_processes, memory_mapped_far_apart, .limit = 20_s)
{
  CHECK(run("/bin/far_maps") == 0);
}

} // namespace
} // namespace runnel
