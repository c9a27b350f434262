// SPDX-License-Identifier: Apache-2.0
// The deferred server: every sequence of events ends in a state of the table (spec 5.8).
#include "sched/deadline/server_rules.hpp"

#include <catch2/catch.hpp>
#include <compare>
#include <memory>
#include <set>

using namespace runnel;
using namespace runnel::sched;
using server_rules::ChargedBy;
using server_rules::State;
using Step = server_rules::Step;

namespace {

constexpr u64 kMs = 1'000'000;
constexpr u64 kRuntime = 50 * kMs;
constexpr u64 kPeriod = 1000 * kMs;

/// A server with the queue and timer its steps ask for.
struct Machine {
  Machine() { reset(); }

  void reset() {
    se = std::make_unique<DlEntity>();
    se->server.rq = reinterpret_cast<Rq*>(64);
    cbs::set_params(*se, {.runtime = kRuntime, .deadline = kPeriod, .period = kPeriod, .flags = 0});
    now = 10'000 * kMs;
    queued = armed = false;
  }

  State state() const {
    const auto found = server_rules::state_of(*se);
    REQUIRE(found.has_value()); // the flags are exactly those of a state
    return *found;
  }

  void apply(const Step& step) {
    if (step.queue == Step::Queue::kEnqueue) queued = true;
    if (step.queue == Step::Queue::kDequeue) queued = false;
    if (step.timer == Step::Timer::kDisarm) armed = false;
    if (step.timer == Step::Timer::kArm) {
      armed = true;
      due = step.due;
    }
    const State s = state();
    // What the table says of queue and timer.
    REQUIRE(queued == (s == State::kRunning));
    REQUIRE(armed == (s == State::kZeroLaxityWait || s == State::kIdleWait || s == State::kReplenishWait));
    // Background use makes zero laxity later; the timer finds out when it fires. It is never late.
    if (s == State::kZeroLaxityWait)
      REQUIRE_FALSE(dl_before(se->deadline - static_cast<u64>(se->runtime), due));
    if (s == State::kReplenishWait) REQUIRE(due == cbs::next_period(*se));
    REQUIRE(se->runtime <= static_cast<i64>(kRuntime));
    if (s == State::kRunning) REQUIRE(se->runtime > 0);
  }

  void start() { apply(server_rules::start(*se, now)); }
  void stop() { apply(server_rules::stop(*se)); }
  void charge(u64 delta, ChargedBy by) {
    const i64 before = se->runtime;
    now += delta;
    const bool was_active = se->active;
    apply(server_rules::charge(*se, delta, by, now));
    if (!was_active) REQUIRE(se->runtime == before);
  }
  void fire() {
    if (!armed) return;
    if (dl_before(now, due)) now = due;
    armed = false;
    apply(server_rules::fire(*se, now));
  }

  std::unique_ptr<DlEntity> se;
  u64 now = 0;
  bool queued = false;
  bool armed = false;
  u64 due = 0;
};

constexpr u32 kEvents = 9;

void event(Machine& m, u32 which) {
  switch (which) {
  case 0:
    return m.start();
  case 1:
    return m.stop();
  case 2:
    return m.charge(20 * kMs, ChargedBy::kClass);
  case 3:
    return m.charge(60 * kMs, ChargedBy::kClass);
  case 4:
    return m.charge(20 * kMs, ChargedBy::kIdle);
  case 5:
    return m.charge(60 * kMs, ChargedBy::kIdle);
  case 6:
    return m.fire();
  case 7:
    m.now += 300 * kMs;
    return; // others run
  default:
    m.now += 1700 * kMs;
    return; // and for longer than a period
  }
}

/// What the rest of a sequence depends on: times relative to now.
struct Snapshot {
  i64 runtime = 0;
  u64 deadline = 0;
  u64 due = 0;
  u32 flags = 0;
  auto operator<=>(const Snapshot&) const = default;
};

Snapshot save(const Machine& m) {
  const DlEntity& se = *m.se;
  const bool flags[] = {se.active,     se.throttled, se.defer_armed, se.defer_running,
                        se.defer_idle, m.queued,     m.armed};
  Snapshot snapshot{se.runtime, se.deadline - m.now, m.armed ? m.due - m.now : 0, 0};
  for (const bool flag : flags) snapshot.flags = snapshot.flags << 1 | (flag ? 1u : 0u);
  return snapshot;
}

void restore(Machine& m, const Snapshot& snapshot) {
  m.reset();
  DlEntity& se = *m.se;
  se.runtime = snapshot.runtime;
  se.deadline = m.now + snapshot.deadline;
  m.due = m.now + snapshot.due;
  bool* const flags[] = {&m.armed,        &m.queued,     &se.defer_idle, &se.defer_running,
                         &se.defer_armed, &se.throttled, &se.active};
  u32 rest = snapshot.flags;
  for (bool* flag : flags) {
    *flag = (rest & 1) != 0;
    rest >>= 1;
  }
}

} // namespace

TEST_CASE("all sequences of up to 8 events stay in the table", "[R12]") {
  Machine m;
  std::set<Snapshot> now = {save(m)};
  u32 reached[5] = {};
  for (u32 length = 1; length <= 8; ++length) {
    std::set<Snapshot> next;
    for (const Snapshot& before : now)
      for (u32 which = 0; which < kEvents; ++which) {
        restore(m, before);
        event(m, which); // checks
        ++reached[static_cast<u32>(m.state())];
        next.insert(save(m));
      }
    now = std::move(next);
  }
  CHECK(now.size() > 1000);
  for (const u32 count : reached) CHECK(count > 100);
}

TEST_CASE("starved: waits for zero laxity, runs, is used up, comes back each period", "[R12]") {
  Machine m;
  const u64 begin = m.now;
  m.start();
  CHECK(m.state() == State::kZeroLaxityWait);
  CHECK(m.due == begin + kPeriod - kRuntime);
  m.fire();
  CHECK(m.state() == State::kRunning);
  CHECK(m.se->runtime == static_cast<i64>(kRuntime));
  CHECK(m.se->deadline ==
        m.now + kPeriod); // at zero laxity the old deadline would be over-subscribed: a new period
  m.charge(kRuntime, ChargedBy::kClass);
  CHECK(m.state() == State::kReplenishWait);
  CHECK(m.due == m.se->deadline);
  m.fire();
  CHECK(m.state() == State::kRunning); // without a zero-laxity wait: its class is starving
  CHECK(m.se->runtime == static_cast<i64>(kRuntime));
  m.stop();
  CHECK(m.state() == State::kInit);
  CHECK(m.se->defer_running);
  m.start();
  CHECK(m.state() == State::kRunning); // goes on where it was
}

TEST_CASE("not starved: background use puts the zero-laxity point off for ever", "[R12]") {
  Machine m;
  m.start();
  for (u32 round = 0; round < 30; ++round) {
    m.now += 70 * kMs;
    m.charge(30 * kMs, ChargedBy::kClass);
    CHECK(m.state() == State::kZeroLaxityWait);
    if (m.armed && !dl_before(m.now + 70 * kMs, m.due)) m.fire();
    CHECK(m.state() == State::kZeroLaxityWait);
  }
}

TEST_CASE("a timer that fires early by background use is set anew, unless little is left", "[R12]") {
  Machine m;
  m.start();
  const u64 first_due = m.due;
  m.now = first_due - 20 * kMs;
  m.charge(20 * kMs, ChargedBy::kClass);
  m.fire();
  CHECK(m.state() == State::kZeroLaxityWait);
  CHECK(m.due == first_due + 20 * kMs);
  m.now = m.due - kMs / 2;
  m.charge(kMs / 2, ChargedBy::kClass);
  m.fire();
  CHECK(m.state() == State::kRunning);
}

TEST_CASE("idle: pushed out once, then stopped by the timer", "[R12]") {
  Machine m;
  m.start();
  m.charge(60 * kMs, ChargedBy::kIdle);
  CHECK(m.state() == State::kIdleWait);
  const u64 due = m.due;
  m.charge(200 * kMs, ChargedBy::kIdle);
  CHECK(m.state() == State::kIdleWait);
  CHECK(m.due == due); // not pushed out a second time
  CHECK(m.se->runtime == 0);
  m.fire();
  CHECK(m.state() == State::kInit);
  CHECK_FALSE(m.se->defer_running);

  m.start();
  m.charge(60 * kMs, ChargedBy::kIdle);
  CHECK(m.state() == State::kIdleWait);
  m.start(); // a task came: C to B, nothing else changes
  CHECK(m.state() == State::kZeroLaxityWait);
}

TEST_CASE("used up, then the class gets time in the background: a fresh wait", "[R12]") {
  Machine m;
  m.start();
  m.fire();
  m.charge(60 * kMs, ChargedBy::kClass);
  CHECK(m.state() == State::kReplenishWait);
  CHECK(m.se->runtime == -10'000'000);
  m.charge(5 * kMs, ChargedBy::kClass);
  CHECK(m.state() == State::kZeroLaxityWait);
  CHECK_FALSE(m.se->defer_running);
  CHECK(m.se->runtime == static_cast<i64>(kRuntime));
}

TEST_CASE("a server without runtime does not start", "[R12]") {
  Machine m;
  cbs::set_params(*m.se, {.runtime = 0, .deadline = kPeriod, .period = kPeriod, .flags = 0});
  m.start();
  CHECK(m.state() == State::kInit);
}
