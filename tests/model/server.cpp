// SPDX-License-Identifier: Apache-2.0
// R12: the rules of a deferred server (sched/deadline/server_rules) against the table of spec 5.8, over every
// sequence of up to eight events: not only that each state is one of the table, but that each step is, that
// its times are right, and that a class which is starved from then on gets its runtime. Then errors are put
// into the rules; each has to be noticed.
#include "sched/deadline/server_rules.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>

// An entity names the functions of its timers. No timer is started here.
void runnel::sched::dl_replenish_fired(port::Timer&) { std::abort(); }
void runnel::sched::dl_inactive_fired(port::Timer&) { std::abort(); }

using namespace runnel;
using namespace runnel::sched;
using server_rules::ChargedBy;
using Rules = server_rules::Step;

namespace {

// Powers of two, so that the 1024 ns granularity of the wake rule and the 20-bit density are exact.
constexpr u64 kUnit = u64{1} << 20;
constexpr u64 kRuntime = 64 * kUnit, kPeriod = 1024 * kUnit;
constexpr u64 kBegin = 1'000'000 * kUnit;
constexpr int kLongest = 8;

enum class At { kInit, kZeroLaxity, kIdle, kRunning, kReplenish }; // A, B, C, D, E
constexpr const char* kLetters = "ABCDE";

/// The four entry points, so that mutants can stand in for them.
struct Server {
  std::function<Rules(DlEntity&, u64)> start = server_rules::start;
  std::function<Rules(DlEntity&)> stop = server_rules::stop;
  std::function<Rules(DlEntity&, u64, ChargedBy, u64)> charge = server_rules::charge;
  std::function<Rules(DlEntity&, u64)> fire = server_rules::fire;
};

/// One moment: all times relative to now, so that moments that differ in nothing else are one.
struct Moment {
  bool active = false, throttled = false, armed = false, running = false, idle = false; // flags of the table
  bool queued = false, timer = false;
  i64 runtime = 0, deadline = 0, due = 0;
  auto operator<=>(const Moment&) const = default;

  /// Spec 5.8, first table.
  std::optional<At> at() const {
    const auto flags = [&](int a, int t, int r, int g, int i) {
      return active == a && throttled == t && armed == r && running == g && idle == i;
    };
    if (flags(0, 0, 0, running, 0)) return At::kInit;
    if (flags(1, 1, 1, 0, 0)) return At::kZeroLaxity;
    if (flags(1, 1, 1, 0, 1)) return At::kIdle;
    if (flags(1, 0, 0, 1, 0)) return At::kRunning;
    if (flags(1, 1, 0, 1, 0)) return At::kReplenish;
    return {};
  }
};

enum class Cause { kStart, kStop, kClassRan, kIdled, kTimer, kTimePassed };
struct Event {
  Cause cause;
  u64 length = 0;
};
constexpr Event kEvents[] = {
    {Cause::kStart},
    {Cause::kStop},
    {Cause::kClassRan, 24 * kUnit},
    {Cause::kClassRan, 72 * kUnit},
    {Cause::kIdled, 24 * kUnit},
    {Cause::kIdled, 72 * kUnit},
    {Cause::kTimer},
    {Cause::kTimePassed, 300 * kUnit},
    {Cause::kTimePassed, 1700 * kUnit},
};

class Machine {
 public:
  explicit Machine(const Server& server) : server_(server) {}

  /// What the event leads to; nothing when it cannot happen.
  std::optional<Moment> after(const Moment& m, const Event& event) {
    load(m);
    switch (event.cause) {
    case Cause::kStart:
      apply(server_.start(*se_, now_));
      break;
    case Cause::kStop:
      apply(server_.stop(*se_));
      break;
    case Cause::kClassRan:
      ran(event.length, ChargedBy::kClass);
      break;
    case Cause::kIdled:
      ran(event.length, ChargedBy::kIdle);
      break;
    case Cause::kTimer:
      if (!m.timer) return {};
      if (m.due > 0) now_ += static_cast<u64>(m.due);
      timer_ = false;
      apply(server_.fire(*se_, now_));
      break;
    case Cause::kTimePassed:
      now_ += event.length;
      break;
    }
    return save();
  }

 private:
  void ran(u64 length, ChargedBy by) {
    now_ += length;
    apply(server_.charge(*se_, length, by, now_));
  }
  void apply(const Rules& step) {
    if (step.queue != Rules::Queue::kKeep) queued_ = step.queue == Rules::Queue::kEnqueue;
    if (step.timer != Rules::Timer::kKeep) timer_ = step.timer == Rules::Timer::kArm;
    if (step.timer == Rules::Timer::kArm) due_ = step.due;
  }
  void load(const Moment& m) {
    se_ = std::make_unique<DlEntity>();
    se_->server.rq = reinterpret_cast<Rq*>(64); // it is a server; nobody follows it
    cbs::set_params(*se_, {.runtime = kRuntime, .deadline = kPeriod, .period = kPeriod, .flags = 0});
    now_ = kBegin;
    se_->active = m.active, se_->throttled = m.throttled, se_->defer_armed = m.armed;
    se_->defer_running = m.running, se_->defer_idle = m.idle;
    se_->runtime = m.runtime;
    se_->deadline = now_ + static_cast<u64>(m.deadline);
    queued_ = m.queued, timer_ = m.timer;
    due_ = now_ + static_cast<u64>(m.due);
  }
  Moment save() const {
    return {se_->active,
            se_->throttled,
            se_->defer_armed,
            se_->defer_running,
            se_->defer_idle,
            queued_,
            timer_,
            se_->runtime,
            static_cast<i64>(se_->deadline - now_),
            timer_ ? static_cast<i64>(due_ - now_) : 0};
  }

  const Server& server_;
  std::unique_ptr<DlEntity> se_;
  u64 now_ = 0, due_ = 0;
  bool queued_ = false, timer_ = false;
};

constexpr i64 kR = static_cast<i64>(kRuntime), kP = static_cast<i64>(kPeriod);
constexpr i64 kLeast = static_cast<i64>(server_rules::kLeastDelay);

/// Spec 5.8, second table: is there such a step? E to C is B to C without the rest of the period.
bool in_table(Cause cause, At from, At to) {
  static const std::map<Cause, std::string> kSteps = {
      {Cause::kStart, "AB AD CB BB DD EE"},    {Cause::kStop, "AA BA CA DA EA"},
      {Cause::kClassRan, "AA BB CB DD DE EB"}, {Cause::kIdled, "AA BB BC CC DD DE EC"},
      {Cause::kTimer, "BB BD CA ED"},          {Cause::kTimePassed, "AA BB CC DD EE"},
  };
  const std::string step = {kLetters[static_cast<int>(from)], kLetters[static_cast<int>(to)]};
  return kSteps.at(cause).find(step) != std::string::npos;
}

/// K1 to K3 on relative times, as rationals.
void wake(i64& runtime, i64& deadline, bool& new_period) {
  const bool passed = deadline<0, too_much = runtime * (kP / kR)> deadline;
  new_period = passed;
  if (passed)
    runtime = kR, deadline = kP;
  else if (too_much)
    runtime = deadline / (kP / kR);
}

/// What is wrong with a step; empty if nothing.
std::string fault(const Moment& from, const Event& event, const Moment& to) {
  const std::optional<At> was = from.at(), is = to.at();
  if (!is) return "flags that no state has";
  if (!in_table(event.cause, *was, *is))
    return std::string("no such step: ") + kLetters[static_cast<int>(*was)] + kLetters[static_cast<int>(*is)];
  if (to.queued != (*is == At::kRunning)) return "queued and not running, or the other way round";
  if (to.timer != (*is == At::kZeroLaxity || *is == At::kIdle || *is == At::kReplenish)) return "timer";
  if (to.runtime > kR) return "more than its runtime";
  if (*is == At::kRunning && to.runtime <= 0) return "runs without runtime";
  if (*is == At::kRunning && *was != At::kRunning && to.deadline < 0)
    return "runs with a deadline that passed";
  if (*is == At::kReplenish && to.due != to.deadline)
    return "replenished at another time than the next period";
  if (*is == At::kZeroLaxity && to.due > to.deadline - to.runtime) return "the zero-laxity point is missed";
  const bool fresh = to.runtime == kR && to.deadline == kP && to.due == kP - kR;
  const i64 passed = static_cast<i64>(event.length);

  switch (event.cause) {
  case Cause::kStart: {
    if (*was != At::kInit) {
      const bool same = to.runtime == from.runtime && to.deadline == from.deadline && to.due == from.due;
      return same ? "" : "a second start changes more than the idle flag";
    }
    i64 runtime = from.runtime, deadline = from.deadline;
    bool new_period = false;
    wake(runtime, deadline, new_period);
    if (to.runtime != runtime || to.deadline != deadline) return "not the wake rule K1-K3";
    const bool goes_on = (from.running && !new_period && runtime > 0) || deadline - runtime < 0;
    if ((*is == At::kRunning) != goes_on) return "starts to run, or to wait, without reason";
    return "";
  }
  case Cause::kStop:
    return to.runtime == from.runtime && to.deadline == from.deadline ? "" : "stopping charges";
  case Cause::kClassRan:
  case Cause::kIdled: {
    if (*was == At::kInit) return to.runtime == from.runtime ? "" : "charged though not started";
    const i64 left = from.runtime - passed;
    if (left > 0 && to.runtime != left) return "charged something else than what ran";
    if (left > 0 || *was == At::kRunning)
      return *is == At::kReplenish && to.runtime != left ? "overrun forgotten" : "";
    if (*was == At::kIdle && event.cause == Cause::kIdled) {
      if (to.runtime != 0) return "runtime below 0 while idle";
      return to.deadline + passed == from.deadline ? "" : "pushed out a second time";
    }
    return fresh ? "" : "no new period after the runtime was used in the background";
  }
  case Cause::kTimer: {
    const i64 late = from.due > 0 ? from.due : 0; // how far the clock went on to the timer
    const i64 laxity = from.deadline - from.runtime - late;
    if (*was == At::kZeroLaxity && (*is == At::kZeroLaxity) != (laxity > kLeast))
      return "runs before zero laxity, or waits after it";
    if (*is == At::kZeroLaxity && to.due != laxity) return "waits for something else than zero laxity";
    return "";
  }
  case Cause::kTimePassed:
    return "";
  }
  return "";
}

/// From here on its class wants to run and gets nothing but what the server gives: a runtime within two
/// periods.
std::string starved_for_ever(Machine& machine, Moment m) {
  i64 elapsed = 0, served = 0;
  const i64 limit = (m.runtime < 0 ? 3 - m.runtime / kR : 2) * kP;
  m = *machine.after(m, {Cause::kStart});
  for (int steps = 0; served < kR; ++steps) {
    const std::optional<At> at = m.at();
    if (!at || steps > 20) return "stuck";
    if (*at == At::kRunning) {
      const u64 length = std::min(static_cast<u64>(m.runtime), static_cast<u64>(kR - served));
      m = *machine.after(m, {Cause::kClassRan, length});
      served += static_cast<i64>(length);
      elapsed += static_cast<i64>(length);
    } else if (m.timer) {
      elapsed += std::max<i64>(m.due, 0);
      m = *machine.after(m, {Cause::kTimer});
    } else {
      return "started, and neither queued nor waiting";
    }
    if (elapsed > limit) return "starved";
  }
  return "";
}

struct Found {
  std::string wrong; // and the events that lead there
  std::size_t moments = 0;
  std::array<std::size_t, 5> seen{};
};

Found search(const Server& server) {
  Found found;
  Machine machine(server);
  std::map<Moment, std::string> reached = {{Moment{}, ""}}, fresh = reached;
  for (int length = 1; length <= kLongest; ++length) {
    std::map<Moment, std::string> next;
    for (const auto& [from, way] : fresh) {
      for (std::size_t e = 0; e < std::size(kEvents); ++e) {
        const std::optional<Moment> to = machine.after(from, kEvents[e]);
        if (!to) continue;
        const std::string so_far = way + " " + std::to_string(e);
        found.wrong = fault(from, kEvents[e], *to);
        if (found.wrong.empty() && !reached.contains(*to)) found.wrong = starved_for_ever(machine, *to);
        if (!found.wrong.empty()) {
          found.wrong += " after events" + so_far;
          return found;
        }
        ++found.seen[static_cast<std::size_t>(*to->at())];
        if (reached.emplace(*to, so_far).second) next.emplace(*to, so_far);
      }
    }
    fresh = std::move(next);
  }
  found.moments = reached.size();
  return found;
}

struct Mutant {
  const char* name;
  std::function<void(Server&)> put;
};

/// After the real rule, something is changed.
const Mutant kMutants[] = {
    {"start leaves the idle flag",
     [](Server& s) {
       s.start = [](DlEntity& se, u64 now) {
         const bool idle = se.defer_idle;
         const Rules step = server_rules::start(se, now);
         se.defer_idle = idle;
         return step;
       };
     }},
    {"start always gives a new period",
     [](Server& s) {
       s.start = [](DlEntity& se, u64 now) {
         if (!se.active) cbs::new_period(se, now);
         return server_rules::start(se, now);
       };
     }},
    {"start forgets to arm the timer",
     [](Server& s) {
       s.start = [](DlEntity& se, u64 now) {
         Rules step = server_rules::start(se, now);
         step.timer = Rules::Timer::kKeep;
         return step;
       };
     }},
    {"start waits for the deadline",
     [](Server& s) {
       s.start = [](DlEntity& se, u64 now) {
         Rules step = server_rules::start(se, now);
         if (step.timer == Rules::Timer::kArm) step.due = se.deadline;
         return step;
       };
     }},
    {"start runs at once",
     [](Server& s) {
       s.start = [](DlEntity& se, u64 now) {
         if (!se.active) se.defer_running = true;
         return server_rules::start(se, now);
       };
     }},
    {"stop leaves the timer",
     [](Server& s) {
       s.stop = [](DlEntity& se) {
         Rules step = server_rules::stop(se);
         step.timer = Rules::Timer::kKeep;
         return step;
       };
     }},
    {"stop leaves it throttled",
     [](Server& s) {
       s.stop = [](DlEntity& se) {
         const bool throttled = se.throttled;
         const Rules step = server_rules::stop(se);
         se.throttled = throttled;
         return step;
       };
     }},
    {"a used up server stays queued",
     [](Server& s) {
       s.charge = [](DlEntity& se, u64 delta, ChargedBy by, u64 now) {
         Rules step = server_rules::charge(se, delta, by, now);
         if (step.queue == Rules::Queue::kDequeue) step.queue = Rules::Queue::kKeep;
         return step;
       };
     }},
    {"the overrun is forgotten",
     [](Server& s) {
       s.charge = [](DlEntity& se, u64 delta, ChargedBy by, u64 now) {
         const Rules step = server_rules::charge(se, delta, by, now);
         if (se.runtime < 0) se.runtime = 0;
         return step;
       };
     }},
    {"background use is not charged",
     [](Server& s) {
       s.charge = [](DlEntity& se, u64 delta, ChargedBy by, u64 now) {
         return se.throttled ? Rules{} : server_rules::charge(se, delta, by, now);
       };
     }},
    {"idle time pushes out again and again",
     [](Server& s) {
       s.charge = [](DlEntity& se, u64 delta, ChargedBy by, u64 now) {
         if (by == ChargedBy::kIdle) se.defer_idle = false;
         return server_rules::charge(se, delta, by, now);
       };
     }},
    {"idle time is taken for the class",
     [](Server& s) {
       s.charge = [](DlEntity& se, u64 delta, ChargedBy, u64 now) {
         return server_rules::charge(se, delta, ChargedBy::kClass, now);
       };
     }},
    {"the replenishment is a period late",
     [](Server& s) {
       s.charge = [](DlEntity& se, u64 delta, ChargedBy by, u64 now) {
         Rules step = server_rules::charge(se, delta, by, now);
         if (step.queue == Rules::Queue::kDequeue) step.due += kPeriod;
         return step;
       };
     }},
    {"the timer runs it before zero laxity",
     [](Server& s) {
       s.fire = [](DlEntity& se, u64 now) {
         if (!se.defer_idle) se.defer_armed = false;
         return server_rules::fire(se, now);
       };
     }},
    {"the timer runs an idle server",
     [](Server& s) {
       s.fire = [](DlEntity& se, u64 now) {
         se.defer_idle = false;
         return server_rules::fire(se, now);
       };
     }},
    {"the timer does not replenish",
     [](Server& s) {
       s.fire = [](DlEntity& se, u64 now) {
         const i64 runtime = se.runtime;
         const Rules step = server_rules::fire(se, now);
         se.runtime = runtime;
         return step;
       };
     }},
    {"the timer does not mark it running",
     [](Server& s) {
       s.fire = [](DlEntity& se, u64 now) {
         const Rules step = server_rules::fire(se, now);
         se.defer_running = false;
         return step;
       };
     }},
    {"the timer does nothing", [](Server& s) { s.fire = [](DlEntity&, u64) { return Rules{}; }; }},
};

} // namespace

TEST_CASE("server: every step of every sequence of events is one of the table", "[R12]") {
  const Found found = search({});
  INFO(found.wrong << ", " << found.moments << " moments");
  CHECK(found.wrong.empty());
  CHECK(found.moments > 3000);
  for (const std::size_t count : found.seen) CHECK(count > 500);
}

TEST_CASE("server: every error put into the rules is noticed", "[R12]") {
  for (const Mutant& mutant : kMutants) {
    DYNAMIC_SECTION(mutant.name) {
      Server server;
      mutant.put(server);
      CHECK_FALSE(search(server).wrong.empty());
    }
  }
}
