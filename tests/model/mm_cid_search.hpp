// SPDX-License-Identifier: Apache-2.0
// Breadth first through all states of the model.
#pragma once

#include "tests/model/mm_cid_steps.hpp"

namespace runnel::model::cid {

template <typename Rules>
template <typename Step>
void Model<Rules>::attempt(const State& from, const char* name, unsigned a, unsigned b, Step step) {
  if (!result_.violation.empty()) return;
  State to = from;
  load(from);
  const std::string what = std::string(name) + " " + std::to_string(a) + " " + std::to_string(b);
  try {
    step(to);
    save(to);
    check(to);
  } catch (const Violation& v) {
    result_.violation = v.what + path(at_) + "; " + what;
    return;
  }
  if (known_.insert(to).second) order_.push_back({to, at_, what});
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
  if (can_walk(s)) attempt(s, "walk", s.position, 0, [&](State& to) { walk_step(to); });
  if (s.allowed < config_.cpus) attempt(s, "widen", s.allowed, 0, [&](State& to) { widen(to); });
  if (s.deferred != 0 && s.walker == Walker::kNobody) {
    const bool users = s.life != decltype(s.life){} && space_.users != 0;
    if (users) attempt(s, "work", 0, 0, [&](State& to) { work(to); });
  }
}

template <typename Rules> std::string Model<Rules>::path(std::size_t to) const {
  std::string text;
  for (; to != 0; to = order_[to].from) text = "; " + order_[to].step + text;
  return text;
}

template <typename Rules> Result Model<Rules>::run() {
  order_.push_back({first(), 0, ""});
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
