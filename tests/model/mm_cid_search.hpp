// SPDX-License-Identifier: Apache-2.0
// Breadth first through all states of the model.
#pragma once

#include "tests/model/mm_cid_steps.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::model::cid {

/// One of the states that differ in nothing but which CPU and which task is which. What a number is has a
/// meaning: the lowest one is taken.
template <typename Rules> State Model<Rules>::canonical(const State& s) const {
  const bool walks_cpus = s.walker != Walker::kNobody && (s.mode & pack(sched::kCidOnCpu)) == 0;
  const auto bit = [](unsigned mask, unsigned i) { return mask >> i & 1; };
  std::array<unsigned, kCpus> cpu_at{};
  for (unsigned c = 0; c < kCpus; ++c) cpu_at[c] = c;
  State best;
  bool first = true;
  do {
    // Tasks in the order of all that there is of one; equal ones are equal.
    std::array<std::uint8_t, kCpus> new_cpu{};
    for (unsigned c = 0; c < config_.cpus; ++c) new_cpu[cpu_at[c]] = static_cast<std::uint8_t>(c);
    std::array<std::pair<std::uint32_t, std::uint8_t>, kTasks> tasks{};
    for (unsigned t = 0; t < config_.tasks; ++t) {
      const unsigned on = cpu_of(s, t);
      const std::uint32_t where = on == kNone ? 7 : new_cpu[on];
      const std::uint32_t walked = walks_cpus ? 0 : bit(s.walked, t);
      tasks[t] = {static_cast<std::uint32_t>(s.life[t]) << 24 | std::uint32_t{s.word[t]} << 16 | where << 8 |
                      walked << 2 | (s.initiator == t ? 2u : 0u) | (s.child == t ? 1u : 0u),
                  static_cast<std::uint8_t>(t)};
    }
    std::sort(tasks.begin(), tasks.begin() + config_.tasks,
              [](const auto& a, const auto& b) { return a.first < b.first; });
    State to = s;
    to.walked = 0;
    to.initiator = to.child = kNone;
    to.running.fill(kNone);
    for (unsigned c = 0; c < config_.cpus; ++c) {
      to.slot[c] = s.slot[cpu_at[c]];
      if (walks_cpus) to.walked |= static_cast<std::uint8_t>(bit(s.walked, cpu_at[c]) << c);
    }
    for (unsigned i = 0; i < config_.tasks; ++i) {
      const unsigned t = tasks[i].second, on = cpu_of(s, t);
      const auto here = static_cast<std::uint8_t>(i);
      to.life[i] = s.life[t];
      to.word[i] = s.word[t];
      if (on != kNone) to.running[new_cpu[on]] = here;
      if (s.initiator == t) to.initiator = here;
      if (s.child == t) to.child = here;
      if (!walks_cpus) to.walked |= static_cast<std::uint8_t>(bit(s.walked, t) << i);
    }
    if (first || std::memcmp(&to, &best, sizeof to) < 0) best = to;
    first = false;
  } while (std::next_permutation(cpu_at.begin(), cpu_at.begin() + config_.cpus));
  return best;
}

template <typename Rules>
template <typename Step>
void Model<Rules>::attempt(const State& from, const char* name, unsigned a, unsigned b, Step step) {
  if (!result_.violation.empty()) return;
  State to = from;
  load(from);
  try {
    step(to);
    save(to);
    check(to);
  } catch (const Violation& v) {
    result_.violation = v.what + path(at_) + "; " + name + " " + std::to_string(a) + " " + std::to_string(b);
    return;
  }
  to = canonical(to);
  if (known_.insert(to).second) order_.push_back({to, at_, {name, a, b}});
}

template <typename Rules> void Model<Rules>::expand(const State& s) {
  for (unsigned cpu = 0; cpu < config_.cpus; ++cpu) {
    const unsigned self = s.running[cpu];
    if (self != kNone) attempt(s, "switch away on", cpu, self, [&](State& to) { switch_to(to, cpu, kNone); });
    for (unsigned next = 0; next < config_.tasks; ++next) {
      const bool runnable = s.life[next] == Life::kAlive || s.initiator == next;
      if (runnable && cpu_of(s, next) == kNone)
        attempt(s, "switch", cpu, next, [&](State& to) { switch_to(to, cpu, next); });
    }
    if (self == kNone || s.walker != Walker::kNobody || s.life[self] != Life::kAlive) continue;
    attempt(s, "exit on", cpu, self, [&](State& to) { exit(to, cpu); });
    for (unsigned child = 0; child < config_.tasks; ++child)
      if (s.life[child] == Life::kUnborn) {
        attempt(s, "fork on", cpu, child, [&](State& to) { fork(to, cpu, child); });
        break; // one unborn task is like another
      }
  }
  if (can_walk(s)) {
    const unsigned left = to_walk(s) & ~unsigned{s.walked};
    for (unsigned i = 0; i < kTasks; ++i)
      if ((left >> i & 1) != 0) attempt(s, "walk", i, 0, [&](State& to) { walk_step(to, i); });
    if (left == 0) attempt(s, "complete", 0, 0, [&](State& to) { complete(to); });
  }
  if (s.allowed < config_.cpus) attempt(s, "widen", s.allowed, 0, [&](State& to) { widen(to); });
  if (s.queued != 0 && s.walker == Walker::kNobody) attempt(s, "work", 0, 0, [&](State& to) { work(to); });
}

template <typename Rules> std::string Model<Rules>::path(std::size_t to) const {
  std::string text;
  for (; to != 0; to = order_[to].from) {
    const auto& step = order_[to].step;
    text = "; " + std::string(step.name) + " " + std::to_string(step.a) + " " + std::to_string(step.b) + text;
  }
  return text;
}

template <typename Rules> Result Model<Rules>::run() {
  order_.push_back({canonical(first()), 0, {"", 0, 0}});
  known_.insert(order_.front().state);
  for (at_ = 0; at_ < order_.size() && result_.violation.empty(); ++at_) {
    if (order_.size() > config_.most_states) {
      result_.exhausted = false;
      break;
    }
    expand(State(order_[at_].state)); // a copy: the vector grows
  }
  result_.states = order_.size();
  return result_;
}

} // namespace runnel::model::cid
