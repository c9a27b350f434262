// SPDX-License-Identifier: Apache-2.0
// Numbers of processor-time clocks, and the division of what was measured into the user's and the kernel's.
#include "kernel/user/cpu_time/times.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::user;

TEST_CASE("clocks of processor time are named, or have their owner in them") {
  CHECK(cpu_clock(kClockProcessCpu) == CpuClockId{CpuClock::kRun, CpuScope::kProcess, 0});
  CHECK(cpu_clock(kClockThreadCpu) == CpuClockId{CpuClock::kRun, CpuScope::kThread, 0});
  CHECK(cpu_clock(-6) == CpuClockId{CpuClock::kRun, CpuScope::kProcess, 0});
  CHECK(cpu_clock(-2) == CpuClockId{CpuClock::kRun, CpuScope::kThread, 0});
  CHECK(cpu_clock(-8) == CpuClockId{CpuClock::kProf, CpuScope::kProcess, 0});
  CHECK(cpu_clock(-3) == CpuClockId{CpuClock::kVirtual, CpuScope::kThread, 0});
  for (const u32 id : {1u, 77u, 4194303u})
    for (const u32 which : {0u, 1u, 2u}) {
      const auto number = static_cast<i32>(~id << 3 | which);
      CHECK(cpu_clock(number) == CpuClockId{static_cast<CpuClock>(which), CpuScope::kProcess, id});
      CHECK(cpu_clock(number | 4) == CpuClockId{static_cast<CpuClock>(which), CpuScope::kThread, id});
      CHECK(is_cpu_clock(number));
      CHECK(!is_descriptor_clock(number));
    }
}

TEST_CASE("other numbers are no clocks of processor time") {
  for (const i32 clock : {0, 1, 4, 7, 11, 99, -1, -5, -13}) CHECK(cpu_clock(clock) == std::nullopt);
  CHECK(is_descriptor_clock(-5));
  CHECK(!is_descriptor_clock(-1)); // it looks like processor time, of a kind that there is not
  CHECK(is_cpu_clock(-1));
  CHECK(!is_cpu_clock(-5));
  CHECK(!is_cpu_clock(kClockMonotonic));
}

TEST_CASE("time is divided as the ticks are") {
  CHECK(CpuTimesTold().tell({.user = 0, .system = 0, .run = 900}) == CpuTimes{900, 0});
  CHECK(CpuTimesTold().tell({.user = 0, .system = 4, .run = 900}) == CpuTimes{0, 900});
  CHECK(CpuTimesTold().tell({.user = 8, .system = 4, .run = 900}) == CpuTimes{600, 300});
  // A hundred years, of four billion ticks and more.
  constexpr u64 kYears = 3'155'760'000'000'000'000;
  const CpuTimes told = CpuTimesTold().tell({.user = kYears / 4, .system = kYears / 4 * 3, .run = kYears});
  CHECK(told.sum() == kYears);
  CHECK(told.system > kYears / 4 * 3 - kYears / 1'000'000);
  CHECK(told.system <= kYears / 4 * 3);
}

TEST_CASE("what was told never shrinks, and its sum is what was measured") {
  CpuTimesTold times;
  CpuTimes last;
  u64 user = 0, system = 0, run = 0;
  u32 random = 1;
  for (u32 i = 0; i < 10'000; ++i) {
    random = random * 1'664'525 + 1'013'904'223;
    ((random >> 16) % 3 == 0 ? user : system) += 4'000'000;
    run += (random >> 8) % 8'000'000;
    const CpuTimes told = times.tell({user, system, run});
    CHECK(told.user >= last.user);
    CHECK(told.system >= last.system);
    CHECK(told.sum() == run);
    last = told;
  }
  CHECK(times.tell({user, system, run - 1}) == last); // a measurement that was overtaken
}
