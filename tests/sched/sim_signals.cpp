// SPDX-License-Identifier: Apache-2.0
// Signals and sleeping (spec 1.3, rule B7) on the simulated machine: a sender sets the flag and wakes; nobody
// who sleeps interruptibly may go on sleeping with the flag set.
#include "sched/sim/machine.hpp"

#include <catch2/catch.hpp>

using namespace runnel;

namespace {

void send(sim::Task& target, u32 bits) {
  target.signals.fetch_or(bits, std::memory_order_relaxed);
  sched::try_to_wake_up(target, sched::kInterruptible | sched::kWakeKill, 0);
}

/// A sleep that only a signal may end. It looks at the flag before it stores its state: what comes in between
/// is for schedule() to see. Returns how often it slept or tried.
u32 sleep_for_a_signal(u32 state) {
  sim::Task& self = sim::self();
  u32 tries = 0;
  for (; !self.signal_pending(); ++tries) {
    sim::compute(Duration{static_cast<i64>(tries % 7) * 100 + 100});
    sched::set_current_state(state);
    sched::schedule();
  }
  return tries;
}

} // namespace

TEST_CASE("signals: a sender and a sleeper never miss each other", "[C05]") {
  constexpr u32 kRounds = 200;
  u32 slept = 0;
  for (u64 seed = 1; seed <= 60; ++seed) {
    sim::Config config;
    config.seed = seed;
    config.shape = *sim::parse_shape("1x4x1");
    config.interleaving = seed % 2 == 0 ? sim::Interleaving::kFine : sim::Interleaving::kCoarse;
    config.point_gap = 20;
    config.time_limit = 10_s; // a lost signal stops everything, and is told as a failure
    sim::run(config, [&] {
      std::vector<sim::TaskRef> sleepers;
      std::vector<u32> taken(4);
      for (u32 i = 0; i < 4; ++i)
        sleepers.push_back(sim::spawn({}, [&, i, rng = sim::machine->rng().fork()]() mutable {
          while (taken[i] < kRounds) {
            slept += sleep_for_a_signal(sched::kInterruptible) != 0 ? 1 : 0;
            sim::self().signals.store(0, std::memory_order_relaxed);
            ++taken[i];
            if (rng.one_in(3)) sim::compute(Duration{static_cast<i64>(rng.log_between(50, 5'000))});
          }
        }));
      std::vector<sim::TaskRef> senders;
      for (u32 i = 0; i < 4; ++i)
        senders.push_back(sim::spawn({}, [&, i, rng = sim::machine->rng().fork()]() mutable {
          for (u32 n = 0; n < kRounds; ++n) {
            send(*sleepers[i], sched::kSignalPending);
            while (taken[i] <= n) sim::compute(Duration{static_cast<i64>(rng.log_between(50, 5'000))});
          }
        }));
      for (const sim::TaskRef& task : senders) sim::join(task);
      for (const sim::TaskRef& task : sleepers) sim::join(task);
    });
  }
  CHECK(slept > 1000); // else the race was never run
}

TEST_CASE("signals: what ends which sleep", "[C05]") {
  sim::Config config;
  config.shape = *sim::parse_shape("1x2x1");
  sim::run(config, [] {
    sim::Task& self = sim::self();
    const auto falls_asleep = [&](u32 state, u32 signals) {
      self.signals.store(signals, std::memory_order_relaxed);
      const u64 before = self.stats.nvcsw;
      const sim::TaskRef waker = sim::spawn({}, [&self] {
        sim::sleep(1_ms);
        sched::try_to_wake_up(self, sched::kNormal, 0);
      });
      sched::set_current_state(state);
      sched::schedule();
      CHECK(self.state.load() == sched::kRunning);
      const bool slept = self.stats.nvcsw != before;
      self.signals.store(0, std::memory_order_relaxed);
      sim::join(waker);
      return slept;
    };
    using namespace sched;
    CHECK(falls_asleep(kInterruptible, 0));
    CHECK_FALSE(falls_asleep(kInterruptible, kSignalPending));
    CHECK_FALSE(falls_asleep(kInterruptible, kSignalPending | kFatalSignalPending));
    CHECK(falls_asleep(kUninterruptible, kSignalPending | kFatalSignalPending));
    CHECK(falls_asleep(kKillable, kSignalPending));
    CHECK_FALSE(falls_asleep(kKillable, kSignalPending | kFatalSignalPending));
  });
}
