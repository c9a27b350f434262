// SPDX-License-Identifier: Apache-2.0
// Events of different CPUs that carry the same time may have happened in either order: nothing is concluded
// from the order the merged trace has them in.
#include "qemu/trace/check.hpp"

#include "qemu/sort.hpp"
#include "qemu/trace/names.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <span>

namespace runnel::qemu {
namespace {

using trace::Event;
using trace::EventType;

std::string at(u64 ns) { return fmt::format("{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000); }

constexpr u64 kNever = ~u64{0};

/// A stay of one task on one CPU.
struct Stay {
  u32 cpu = 0;
  u64 start_ns = 0; // of the part that is judged, when it ran there already
  u64 end_ns = kNever;
};

class Checker {
 public:
  explicit Checker(const TraceLog& log) : log_(log) {}

  std::vector<Violation> check() {
    for (const std::string& text : log_.damage) add(Rule::kRing, 0, text);
    for (const Event& e : log_.events)
      if (e.time_ns >= log_.complete_from_ns) take(e);
    for (auto& [cpu, last] : last_switch_)
      if (last.next != 0) stays_[last.next].push_back({cpu, last.time_ns, kNever});
    check_stays();
    for (const auto& [pid, history] : histories_) check_history(pid, history);
    sort_by(found_, [](const Violation& v) { return v.time_ns; });
    return std::move(found_);
  }

 private:
  struct LastSwitch {
    u64 time_ns = 0;
    u32 next = 0;
  };
  enum class Step : u8 { kLeaves, kWaking, kWakeup, kRuns }; // the order among steps of the same time
  struct Moment {
    u64 time_ns;
    Step step;
    u32 state; // for kLeaves
    u32 cpu;
  };

  void add(Rule rule, u64 time_ns, std::string text) { found_.push_back({rule, time_ns, std::move(text)}); }
  std::string who(u32 pid, u32 cpu) const { return fmt::format("{}/{}", log_.name_of(pid, cpu), pid); }

  void take(const Event& e) {
    switch (e.type) {
    case EventType::kSchedSwitch:
      return switched(e);
    case EventType::kSchedWaking:
    case EventType::kSchedWakeupNew: // its own waking
      histories_[e.pid].push_back({e.time_ns, Step::kWaking, 0, e.cpu});
      if (e.type == EventType::kSchedWaking) return;
      [[fallthrough]];
    case EventType::kSchedWakeup:
      histories_[e.pid].push_back({e.time_ns, Step::kWakeup, 0, e.cpu});
      return;
    default:
      return;
    }
  }

  void switched(const Event& e) {
    const u32 next = trace::packed_low(e.a);
    const auto last = last_switch_.find(e.cpu);
    u64 since = log_.complete_from_ns;
    if (last != last_switch_.end()) {
      since = last->second.time_ns;
      if (last->second.next != e.pid) {
        add(Rule::kChain, e.time_ns,
            fmt::format("cpu {}: the switch at {} leaves {}, but the one before it, at {}, went to {}", e.cpu,
                        at(e.time_ns), who(e.pid, e.cpu), at(since), who(last->second.next, e.cpu)));
        since = e.time_ns; // when it came is not known
      }
    }
    last_switch_[e.cpu] = {e.time_ns, next};
    if (e.pid != 0) {
      stays_[e.pid].push_back({e.cpu, since, e.time_ns});
      histories_[e.pid].push_back({e.time_ns, Step::kLeaves, static_cast<u32>(e.b), e.cpu});
    }
    if (next != 0) histories_[next].push_back({e.time_ns, Step::kRuns, 0, e.cpu});
  }

  void check_stays() {
    for (auto& [pid, stays] : stays_) {
      sort_by(stays, [](const Stay& s) { return std::pair(s.start_ns, s.end_ns); });
      Stay reach = stays.front(); // of those so far the one that lasts longest
      for (const Stay& stay : std::span(stays).subspan(1)) {
        if (stay.start_ns < reach.end_ns && stay.cpu != reach.cpu)
          add(Rule::kOneCpu, stay.start_ns,
              fmt::format(
                  "{} runs on cpu {} {}, although cpu {} {}", who(pid, stay.cpu), stay.cpu,
                  stay.start_ns == log_.complete_from_ns ? "from the beginning" : "from " + at(stay.start_ns),
                  reach.cpu,
                  reach.end_ns == kNever ? "never leaves it" : "leaves it only at " + at(reach.end_ns)));
        if (stay.end_ns > reach.end_ns) reach = stay;
      }
    }
  }

  /// What one task did, in order of time.
  void check_history(u32 pid, std::vector<Moment> history) {
    sort_by(history, [](const Moment& m) { return std::pair(m.time_ns, m.step); });
    enum class Where : u8 { kUnknown, kRunning, kQueued, kAbsent };
    Where where = Where::kUnknown;
    std::optional<Moment> left;        // the last time it left a CPU, not running since
    bool waking_known = false;         // since a wakeup or a waking was seen
    std::optional<Moment> open_waking; // not yet followed by its wakeup
    bool woken = false;                // since it left
    for (const Moment& m : history) {
      switch (m.step) {
      case Step::kWaking:
        // A waking recorded after a task left in state R found it asleep.
        if (where == Where::kQueued && left && left->state == 0 && !woken && m.time_ns > left->time_ns)
          add(Rule::kStaysQueued, m.time_ns,
              fmt::format("{} left cpu {} at {} in state R, but is woken at {} before it ran again",
                          who(pid, m.cpu), left->cpu, at(left->time_ns), at(m.time_ns)));
        open_waking = m;
        waking_known = true;
        break;
      case Step::kWakeup:
        if (!open_waking && waking_known)
          add(Rule::kWakingFirst, m.time_ns,
              fmt::format("{} has a wakeup at {} (cpu {}) without a waking before it", who(pid, m.cpu),
                          at(m.time_ns), m.cpu));
        open_waking.reset();
        waking_known = true;
        woken = true;
        if (where == Where::kAbsent) where = Where::kQueued;
        break;
      case Step::kLeaves:
        left = m;
        woken = false;
        where = stays_queued(m.state) ? Where::kQueued : Where::kAbsent;
        break;
      case Step::kRuns:
        if (where == Where::kAbsent)
          add(Rule::kSleepsUntilWoken, m.time_ns,
              fmt::format(
                  "{} runs on cpu {} at {}, but left cpu {} at {} in state {} and was not woken since",
                  who(pid, m.cpu), m.cpu, at(m.time_ns), left->cpu, at(left->time_ns),
                  state_letters(left->state)));
        where = Where::kRunning;
        left.reset();
        break;
      }
    }
  }

  const TraceLog& log_;
  std::vector<Violation> found_;
  std::map<u32, LastSwitch> last_switch_;        // by CPU
  std::map<u32, std::vector<Stay>> stays_;       // by pid, without idle threads
  std::map<u32, std::vector<Moment>> histories_; // by pid, without idle threads
};

} // namespace

std::string_view to_string(Rule rule) {
  static constexpr std::array<std::string_view, 6> kNames = {
      "ring", "chain", "one-cpu", "waking-first", "stays-queued", "sleeps-until-woken"};
  return kNames[static_cast<std::size_t>(rule)];
}

std::vector<Violation> check_trace(const TraceLog& log) { return Checker(log).check(); }

} // namespace runnel::qemu
