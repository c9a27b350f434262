// SPDX-License-Identifier: Apache-2.0
// Lazy preemption of user mode (spec 1.9, N2, N4): nobody interrupts a program for it; its next tick does.
#include "kernel/sync/completion.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/programs.hpp"
#include "tests/target/threads.hpp"

#include <sched/features.hpp>
#include <sched/sched.hpp>
#include <sched/tick.hpp>
#include <sched/topology.hpp>

namespace runnel {
namespace {

using sync::Completion;

constexpr CpuId kHere{0}, kThere{1};
constexpr u32 kRounds = 20;

/// From a wake-up on kThere, where a program of SCHED_IDLE spins, until the woken thread runs; CHECKs with
/// `is_right(woken, ran)`.
template <typename IsRight> void for_each_wakeup(IsRight is_right) {
  Completion go, done;
  Instant ran;
  auto body = [&](u32) {
    for (u32 i = 0; i < kRounds; ++i) {
      go.wait();
      ran = time::now();
      done.complete();
    }
  };
  const std::string_view argv[] = {"/bin/spin", "1", "250"};
  user::Process* const spin = test::start("/bin/spin", argv);
  sleep_for(20_ms); // it has begun to spin
  test::Threads threads(1, body, [](u32) { return CpuMask::of(kThere); });
  sleep_for(10_ms);
  for (u32 i = 0; i < kRounds; ++i) {
    sleep_for(3_ms + Duration{i * 377'000}); // anywhere between two ticks
    const Instant woken = time::now();
    go.complete();
    done.wait();
    is_right(woken, ran);
  }
  threads.join();
  CHECK(test::finish(spin) == 0);
}

// C15
RUNNEL_TEST(user_lazy, a_request_preempts_a_user_loop_at_its_next_tick, .cpus = 2, .limit = 10_s,
            .time = test::GuestTime::kExact)
{
  if (!sched::cpus_share_cache(kHere, kThere))
    return test::skip("needs one cache: else a wake-up is an interrupt");
  REQUIRE(set_affinity(current_task(), CpuMask::of(kHere)).has_value());
  sched::features.lazy_preempt = true;
  u32 early = 0;
  for_each_wakeup([&](Instant woken, Instant ran) {
    const Instant tick = sched::next_tick(woken, kThere);
    if (ran.is_before(tick)) ++early;
    CHECK(ran - tick < 300_us);
  });
  CHECK(early <= 2); // any interrupt's way back to the program will do: the watchdog's, once a second
  sched::features.lazy_preempt = false;
  for_each_wakeup([](Instant woken, Instant ran) { CHECK(ran - woken < 300_us); });
}

} // namespace
} // namespace runnel
