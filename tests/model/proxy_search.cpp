// SPDX-License-Identifier: Apache-2.0
#include "tests/model/proxy_search.hpp"

#include <algorithm>
#include <unordered_map>

namespace runnel::model::proxy {
namespace {

/// A state in 128 bits.
struct Key {
  std::uint64_t low = 0, high = 0;
  bool operator==(const Key&) const = default;
};
struct Hash {
  std::size_t operator()(const Key& k) const {
    return (k.low * 0x9e3779b97f4a7c15 ^ k.high) * 0xbf58476d1ce4e5b9;
  }
};

class Packer {
 public:
  void put(unsigned value, unsigned bits) {
    std::uint64_t& half = used_ + bits <= 64 ? key_.low : key_.high;
    if (used_ < 64 && used_ + bits > 64) used_ = 64;
    half |= std::uint64_t{value} << used_ % 64;
    used_ += bits;
  }
  Key key() const { return key_; }

 private:
  Key key_;
  unsigned used_ = 0;
};

Key pack(const State& s) {
  Packer p;
  for (const Task& t : s.tasks) {
    p.put(t.op, 3), p.put(t.step, 2), p.put(t.to_wake, 2), p.put(t.sleeping, 1);
    p.put(static_cast<unsigned>(t.on_rq), 2), p.put(t.cpu, 1), p.put(t.blocked_on, 2);
  }
  for (const Mutex& m : s.mutexes) {
    p.put(m.owner, 2);
    for (const std::uint8_t w : m.waiters) p.put(w, 2);
  }
  for (const Cpu& c : s.cpus) {
    p.put(c.curr, 2), p.put(c.donor, 2), p.put(c.need_resched, 1), p.put(static_cast<unsigned>(c.phase), 3);
    p.put(c.picked, 2), p.put(c.element, 2), p.put(c.mutex, 1), p.put(c.owner, 2), p.put(c.target, 1);
    p.put(c.curr_in_chain, 1);
  }
  return p.key();
}

/// What the walk has left behind and nobody reads again does not make states differ.
void tidy(State& s) {
  for (Cpu& c : s.cpus) {
    if (c.phase != Phase::kOwner) c.owner = kNobody;
    if (c.phase != Phase::kAttach) c.target = 0;
    if (c.phase != Phase::kLocked && c.phase != Phase::kOwner) c.mutex = 0;
    if (c.phase == Phase::kRuns || c.phase == Phase::kPick) {
      c.picked = c.element = kNobody;
      c.curr_in_chain = false;
    }
  }
}

class Search {
 public:
  explicit Search(const Setup& setup) : setup_(setup) {}

  Found run() {
    reach(first_state(setup_), 0);
    for (std::size_t i = 0; i < states_.size() && found_.wrong.empty(); ++i) {
      const State state = states_[i];
      begins_.push_back(static_cast<std::uint32_t>(to_.size()));
      steps(setup_, state, [&](Next next) {
        for (std::size_t row = 0; row < found_.rows.size(); ++row) found_.rows[row] += next.rows >> row & 1;
        if (next.finished != kNobody) finishes_[next.finished].push_back(static_cast<std::uint32_t>(i));
        tidy(next.state);
        to_.push_back(reach(next.state, static_cast<std::uint32_t>(i)));
      });
    }
    found_.states = states_.size();
    found_.steps = to_.size();
    if (found_.wrong.empty()) look_for_the_lost();
    return std::move(found_);
  }

 private:
  std::uint32_t reach(const State& state, std::uint32_t from) {
    const auto number = static_cast<std::uint32_t>(states_.size());
    const auto [at, fresh] = numbers_.emplace(pack(state), number);
    if (!fresh) return at->second;
    states_.push_back(state);
    from_.push_back(from);
    if (found_.wrong.empty())
      if (std::string wrong = bad(setup_, state); !wrong.empty()) report(std::move(wrong), number);
    return number;
  }

  void report(std::string wrong, std::uint32_t state) {
    found_.wrong = std::move(wrong);
    for (std::uint32_t s = state; s != 0; s = from_[s]) {
      std::string what = "?";
      const Key key = pack(states_[s]);
      steps(setup_, states_[from_[s]], [&](Next next) {
        tidy(next.state);
        if (pack(next.state) == key) what = next.what;
      });
      found_.way.push_back(std::move(what));
    }
    std::ranges::reverse(found_.way);
  }

  /// Backwards from where each task finishes: whoever is not met cannot get there.
  void look_for_the_lost() {
    begins_.push_back(static_cast<std::uint32_t>(to_.size()));
    std::vector<std::uint32_t> back_begins(states_.size() + 1), back(to_.size());
    for (const std::uint32_t to : to_) ++back_begins[to + 1];
    for (std::size_t i = 0; i < states_.size(); ++i) back_begins[i + 1] += back_begins[i];
    std::vector<std::uint32_t> at(back_begins.begin(), back_begins.end() - 1);
    for (std::uint32_t s = 0; s < states_.size(); ++s)
      for (std::uint32_t e = begins_[s]; e < begins_[s + 1]; ++e) back[at[to_[e]]++] = s;
    for (int t = 0; t < kTasks; ++t) {
      std::vector<bool> met(states_.size());
      std::vector<std::uint32_t> open;
      const auto meet = [&](std::uint32_t s) {
        if (!met[s]) met[s] = true, open.push_back(s);
      };
      for (const std::uint32_t s : finishes_[t]) meet(s);
      while (!open.empty()) {
        const std::uint32_t s = open.back();
        open.pop_back();
        for (std::uint32_t e = back_begins[s]; e < back_begins[s + 1]; ++e) meet(back[e]);
      }
      const auto lost = std::ranges::find(met, false);
      if (lost == met.end()) continue;
      return report("T" + std::to_string(t) + " never gets on from here",
                    static_cast<std::uint32_t>(lost - met.begin()));
    }
  }

  const Setup& setup_;
  Found found_;
  std::vector<State> states_;
  std::vector<std::uint32_t> from_;
  std::unordered_map<Key, std::uint32_t, Hash> numbers_;
  std::vector<std::uint32_t> begins_, to_; // the steps of each state
  std::vector<std::uint32_t> finishes_[kTasks];
};

} // namespace

Found search(const Setup& setup) { return Search(setup).run(); }

} // namespace runnel::model::proxy
