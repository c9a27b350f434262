// SPDX-License-Identifier: Apache-2.0
// The steps of the model, and what must hold after each.
#pragma once

#include "tests/model/mm_cid_model.hpp"

namespace runnel::model::cid {

constexpr std::uint8_t pack(std::uint32_t word) {
  return static_cast<std::uint8_t>((word & 0x1f) | (word & sched::kCidTransit) >> 24 |
                                   (word & sched::kCidOnCpu) >> 24 | (word & sched::kCidUnset) >> 24);
}
constexpr std::uint32_t unpack(std::uint8_t word) { return (word & 0x1fu) | (word & 0xe0u) << 24; }
constexpr bool is_active(Life life) { return life == Life::kJoined || life == Life::kAlive; }

template <typename Rules> void Model<Rules>::load(const State& s) {
  space_.mode = unpack(s.mode);
  space_.max_cids = s.max;
  space_.threshold = s.threshold;
  space_.nr_allowed = s.allowed;
  space_.update_deferred = s.deferred != 0;
  space_.users = 0;
  for (unsigned n = 0; n < 32; ++n) space_.pool.clear({n});
  for (unsigned n = 0; n < 8; ++n)
    if ((s.pool >> n & 1) != 0) space_.pool.set({n});
  for (unsigned c = 0; c < config_.cpus; ++c) space_.slots[c].word = unpack(s.slot[c]);
  while (space_.members.pop_front() != nullptr) {
  }
  for (unsigned t = 0; t < config_.tasks; ++t) {
    tasks_[t].word = unpack(s.word[t]);
    tasks_[t].space = is_active(s.life[t]) ? &space_ : nullptr;
    if (!is_active(s.life[t])) continue;
    space_.members.push_back(tasks_[t]);
    ++space_.users;
  }
}

template <typename Rules> void Model<Rules>::save(State& s) {
  s.mode = pack(space_.mode);
  s.max = static_cast<std::uint8_t>(space_.max_cids);
  s.threshold = static_cast<std::uint8_t>(space_.threshold);
  s.allowed = static_cast<std::uint8_t>(space_.nr_allowed);
  s.deferred = space_.update_deferred;
  s.pool = 0;
  for (unsigned n = 0; n < 8; ++n)
    if (space_.pool.test({n})) s.pool |= static_cast<std::uint8_t>(1u << n);
  for (unsigned c = 0; c < config_.cpus; ++c) s.slot[c] = pack(space_.slots[c].word);
  for (unsigned t = 0; t < config_.tasks; ++t) s.word[t] = pack(tasks_[t].word);
}

template <typename Rules> unsigned Model<Rules>::cpu_of(const State& s, unsigned task) const {
  for (unsigned c = 0; c < config_.cpus; ++c)
    if (s.running[c] == task) return c;
  return kNone;
}

template <typename Rules> State Model<Rules>::first() {
  State s;
  s.word.fill(pack(sched::kCidUnset));
  s.slot.fill(pack(sched::kCidUnset));
  s.running.fill(kNone);
  s.allowed = static_cast<std::uint8_t>(config_.allowed);
  load(s);
  Algorithm::join(space_, tasks_[0], {0});
  save(s);
  s.life[0] = Life::kAlive;
  s.running[0] = 0;
  return s;
}

template <typename Rules> void Model<Rules>::switch_to(State& s, unsigned cpu, unsigned next) {
  if (const unsigned prev = s.running[cpu]; prev != kNone) {
    if ((tasks_[prev].word & sched::kCidTransit) != 0) Algorithm::switch_out(tasks_[prev], {cpu});
    if (s.life[prev] == Life::kLeft && s.initiator != prev) s.life[prev] = Life::kDead;
  }
  s.running[cpu] = static_cast<std::uint8_t>(next);
  if (next != kNone && tasks_[next].space != nullptr) Algorithm::switch_in(tasks_[next], {cpu});
}

/// A smaller test machine flips back as a larger one does.
template <typename Rules> void Model<Rules>::force_threshold(State&) {
  if (space_.threshold != 0 && space_.threshold < config_.least_threshold)
    space_.threshold = config_.least_threshold;
}

template <typename Rules> void Model<Rules>::fork(State& s, unsigned cpu, unsigned child) {
  const unsigned self = s.running[cpu];
  const bool flip = Algorithm::join(space_, tasks_[child], {cpu});
  force_threshold(s);
  s.life[child] = flip ? Life::kJoined : Life::kAlive;
  if (!flip) return;
  Algorithm::convert_initiator(space_, tasks_[self], {cpu});
  s.walker = Walker::kTask;
  s.initiator = static_cast<std::uint8_t>(self);
  s.child = static_cast<std::uint8_t>(child);
  s.walked = 0;
}

template <typename Rules> void Model<Rules>::exit(State& s, unsigned cpu) {
  const unsigned self = s.running[cpu];
  const bool flip = Algorithm::leave(space_, tasks_[self], {cpu});
  force_threshold(s);
  s.life[self] = Life::kLeft;
  if (!flip) return;
  s.walker = Walker::kTask;
  s.initiator = static_cast<std::uint8_t>(self);
  s.walked = 0;
}

template <typename Rules> void Model<Rules>::widen(State& s) {
  ++space_.nr_allowed;
  if (space_.users != 0 && Algorithm::widened(space_)) s.queued = 1;
  force_threshold(s);
}

/// As mm_cid_update does it.
template <typename Rules> void Model<Rules>::work(State& s) {
  s.queued = 0;
  const bool flip = space_.users != 0 && space_.update_deferred && Algorithm::update_limits(space_);
  force_threshold(s);
  if (!flip) {
    result_.flips_seen |= kWorkForNone;
    return;
  }
  s.walker = Walker::kWorker;
  s.walked = 0;
}

template <typename Rules> bool Model<Rules>::can_walk(const State& s) const {
  return s.walker == Walker::kWorker || (s.walker == Walker::kTask && cpu_of(s, s.initiator) != kNone);
}
/// Where the walk has to go: to the users, who stay the same as long as it holds the mutex, or to the CPUs.
template <typename Rules> unsigned Model<Rules>::to_walk(const State& s) const {
  if ((s.mode & pack(sched::kCidOnCpu)) == 0) return (1u << config_.cpus) - 1;
  unsigned users = 0;
  for (unsigned t = 0; t < config_.tasks; ++t) users |= static_cast<unsigned>(is_active(s.life[t])) << t;
  return users;
}

template <typename Rules> void Model<Rules>::walk_step(State& s, unsigned at) {
  s.walked |= static_cast<std::uint8_t>(1u << at);
  if ((space_.mode & sched::kCidOnCpu) != 0) {
    const CpuId cpu{cpu_of(s, at)};
    Algorithm::walk_task(space_, tasks_[at], cpu.value == kNone ? nullptr : &cpu);
    return;
  }
  const unsigned there = s.running[at];
  const bool user = there != kNone && tasks_[there].space != nullptr;
  Algorithm::walk_cpu(space_, {at}, user ? &tasks_[there] : nullptr);
}

template <typename Rules> void Model<Rules>::complete(State& s) {
  const bool to_cpus = (space_.mode & sched::kCidOnCpu) != 0;
  Algorithm::complete(space_);
  result_.flips_seen |= to_cpus ? kToCpus : kToTasks;
  if (s.walker == Walker::kWorker) result_.flips_seen |= kByWork;
  if (s.child != kNone) {
    if (!to_cpus) tasks_[s.child].word = Algorithm::get(space_);
    s.life[s.child] = Life::kAlive;
  }
  s.walker = Walker::kNobody;
  s.initiator = s.child = kNone;
  s.walked = 0;
}

/// I1 to I3, I5 to I11 of spec 4.13; I4 and I9 are checks of the algorithm's own.
template <typename Rules> void Model<Rules>::check(const State& s) const {
  unsigned held = 0;
  const auto hold = [&](std::uint8_t word) {
    const unsigned bit = 1u << (word & 0x1f);
    if ((held & bit) != 0) throw Violation{"I2: two hold one number"};
    held |= bit;
  };
  unsigned in_use = 0, users = 0;
  for (unsigned t = 0; t < config_.tasks; ++t) {
    const std::uint8_t word = s.word[t];
    const bool runs = cpu_of(s, t) != kNone;
    if (!is_active(s.life[t])) {
      if (word != pack(sched::kCidUnset)) throw Violation{"a task that is no user has a number"};
      continue;
    }
    ++users;
    if ((word & 0xe0) == 0 || (word & 0x20) != 0) hold(word);
    if ((word & 0x20) != 0 && !runs) throw Violation{"I10: in transit, and does not run"};
    if ((word & 0x80) == 0 && (word & 0x1f) >= config_.cpus) throw Violation{"I8: a number beyond the CPUs"};
    if (pack(sched::kCidOnCpu) == s.mode && (word & 0xe0) == 0) throw Violation{"I6: a task owns a number"};
    if (!runs) continue;
    if ((word & 0x80) != 0) throw Violation{"I7: runs without a number"};
    if ((in_use >> (word & 0x1f) & 1) != 0) throw Violation{"I3: two run with one number"};
    in_use |= 1u << (word & 0x1f);
  }
  for (unsigned c = 0; c < config_.cpus; ++c) {
    if ((s.slot[c] & 0x40) == 0) continue;
    if ((s.slot[c] & 0xa0) != 0) throw Violation{"a slot is of two kinds"};
    hold(s.slot[c]);
    if (s.mode == 0 && users != 0) throw Violation{"I5: a CPU owns a number"};
  }
  if (held != s.pool) throw Violation{"I1: the pool is not what is held"};
}

} // namespace runnel::model::cid
