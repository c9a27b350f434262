// SPDX-License-Identifier: Apache-2.0
// One excursion into the kernel, and all that can happen to a thread on its way back: switches, moves,
// another CID, signals, membarrier, accesses that fault. What the event word says is done by
// kernel/user/rseq/leave_rules.hpp itself; the loop around it is exit_to_user's. In user mode the ids are
// those of the CPU, and the section the thread was in was aborted exactly when something has come in between.
#include "kernel/user/rseq/leave_rules.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::user;

namespace {

/// One way through a tree of choices after the other.
class Choices {
 public:
  unsigned operator()(unsigned count) {
    if (at_ == path_.size()) path_.push_back({0, count});
    return path_[at_++].first;
  }
  /// False: that was the last one.
  bool next() {
    at_ = 0;
    while (!path_.empty() && path_.back().first + 1 == path_.back().second) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().first;
    return true;
  }

 private:
  std::vector<std::pair<unsigned, unsigned>> path_;
  std::size_t at_ = 0;
};

struct Ids {
  unsigned cpu = 0, cid = 0;
  bool operator==(const Ids&) const = default;
};

/// Each rule, to be taken away.
struct Rules {
  bool moves_are_noted = true;   // a switch to another CPU or CID
  bool entry_is_noted = true;    // that it came by an interrupt
  bool slow_looks_again = true;  // the loop comes back to the fast path after the slow one
  bool fast_loop_is_last = true; // the fast path comes after all work that lets others run
  bool signals_look = true;      // at the section before a frame
};

class Excursion {
 public:
  using IrqsOff = struct {};

  Excursion(Choices& choices, const Rules& rules, u8 version, bool by_interrupt)
      : choose_(choices), rules_(rules), by_interrupt_(by_interrupt) {
    event_.version = version;
  }

  /// What is wrong in user mode; nullptr: nothing.
  const char* run() {
    if (by_interrupt_ && rules_.entry_is_noted) event_.user_entry = 1;
    let_others();
    for (;;) {
      if (signal_) {
        signal_ = false;
        deliver();
        let_others();
      } else if (asked_for_slow_) {
        asked_for_slow_ = false;
        if (!user::rseq::leave_slow(event_, *this)) return "good data are found bad";
        if (!rules_.slow_looks_again) break;
      } else if (event_.switched != 0 && !user::rseq::leave_fast(event_, *this)) {
        continue;
      } else {
        break;
      }
    }
    if (!rules_.fast_loop_is_last) let_others();
    event_.clear();
    return judge();
  }

  // The ground of leave_rules.hpp.
  user::rseq::Outcome update(bool ids) {
    if (faults()) return user::rseq::Outcome::kFault;
    if (ids) in_user_memory_ = now_;
    if (event_.user_entry != 0) look();
    return user::rseq::Outcome::kDone;
  }
  void ask_for_slow() { asked_for_slow_ = true; }
  void sample() { sampled_ = now_; }
  user::rseq::Outcome update_sampled() {
    let_others(); // interrupts are on, and it may sleep for a page
    in_user_memory_ = sampled_;
    let_others();
    if (event_.user_entry != 0) look();
    return user::rseq::Outcome::kDone;
  }
  user::rseq::Outcome look_before_signal() {
    if (rules_.signals_look) look();
    return user::rseq::Outcome::kDone;
  }

 private:
  enum What { kNothing, kSwitch, kMove, kOtherCid, kSignal, kBarrier, kNrWhats };

  void let_others() {
    while (nr_events_ < kMostEvents) {
      const unsigned what = choose_(kNrWhats);
      if (what == kNothing) return;
      ++nr_events_;
      if (what == kSignal) {
        signal_ = true;
        continue;
      }
      if (what == kBarrier) {
        user::rseq::note_switch_in(event_);
        disturbed_ = disturbed_ || by_interrupt_;
        continue;
      }
      if (what == kMove) now_.cpu ^= 1;
      if (what == kOtherCid) now_.cid ^= 1;
      if (what != kSwitch && rules_.moves_are_noted) event_.ids_changed = 1;
      user::rseq::note_switch_in(event_);
      disturbed_ = disturbed_ || by_interrupt_;
    }
  }
  bool faults() {
    if (nr_events_ >= kMostEvents || choose_(2) == 0) return false;
    ++nr_events_;
    return true;
  }
  void deliver() {
    const bool looks = event_.version == 1 || by_interrupt_;
    disturbed_ = disturbed_ || looks;
    if (!user::rseq::before_signal(event_, *this)) std::abort();
  }
  /// At the section: a thread in one is moved to its abort handler, and the pointer is cleared.
  void look() {
    if (armed_) ++aborts_;
    armed_ = false;
  }
  const char* judge() const {
    if (in_user_memory_ != now_) return "the ids in user memory are others";
    if (aborts_ > 1) return "aborted twice";
    if (disturbed_ && aborts_ == 0) return "a section goes on after somebody else has run";
    if (!disturbed_ && aborts_ != 0) return "a section is aborted and nobody has run";
    return nullptr;
  }

  static constexpr unsigned kMostEvents = 6;
  Choices& choose_;
  const Rules rules_;
  const bool by_interrupt_;
  sched::RseqEvent event_;
  Ids now_, in_user_memory_, sampled_;
  bool armed_ = true, signal_ = false, asked_for_slow_ = false;
  bool disturbed_ = false; // it must be aborted
  unsigned aborts_ = 0, nr_events_ = 0;
};

struct Result {
  unsigned ways = 0;
  const char* wrong = nullptr;
};
Result explore(const Rules& rules) {
  Result result;
  for (const u8 version : {u8{1}, u8{2}})
    for (const bool by_interrupt : {false, true}) {
      Choices choices;
      do {
        ++result.ways;
        if (const char* wrong = Excursion(choices, rules, version, by_interrupt).run()) {
          result.wrong = wrong;
          return result;
        }
      } while (choices.next());
    }
  return result;
}

} // namespace

TEST_CASE("rseq: whatever comes on the way to user mode, the ids and the section are right",
          "[rseq.E02][rseq.E09]") {
  const Result result = explore({});
  INFO((result.wrong != nullptr ? result.wrong : "") << " after " << result.ways << " ways");
  CHECK(result.wrong == nullptr);
  CHECK(result.ways > 100'000);
}

TEST_CASE("rseq: each rule of the way to user mode that is taken away is missed", "[rseq.E02][rseq.E09]") {
  CHECK(explore({.moves_are_noted = false}).wrong != nullptr);
  CHECK(explore({.entry_is_noted = false}).wrong != nullptr);
  CHECK(explore({.slow_looks_again = false}).wrong != nullptr);
  CHECK(explore({.fast_loop_is_last = false}).wrong != nullptr);
  CHECK(explore({.signals_look = false}).wrong != nullptr);
}
