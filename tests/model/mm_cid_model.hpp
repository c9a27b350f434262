// SPDX-License-Identifier: Apache-2.0
// Concurrency ids as a state machine (spec rseq_mm_cid 4.13): every order of switches, forks, exits, widened
// affinities and steps of the walks, for a few CPUs and tasks. Each action is one atomic step, as under the
// rq lock or MmCid::lock; what it does is done by sched/mm_cid/algorithm.hpp itself.
#pragma once

#include "sched/mm_cid/algorithm.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

namespace runnel::model::cid {

inline constexpr unsigned kCpus = 3, kTasks = 4;
inline constexpr std::uint8_t kNone = 0xff;

enum class Life : std::uint8_t { kUnborn, kJoined, kAlive, kLeft, kDead };
enum class Walker : std::uint8_t { kNobody, kTask, kWorker };

/// A whole state. Words are packed: number, 0x20 transit, 0x40 of a CPU, 0x80 unset.
struct State {
  std::array<Life, kTasks> life{};
  std::array<std::uint8_t, kTasks> word{};
  std::array<std::uint8_t, kCpus> slot{}, running{};
  std::uint8_t mode = 0, max = 0, pool = 0, threshold = 0, allowed = 0, deferred = 0;
  std::uint8_t queued = 0;         // the deferred work, whether somebody has done it meanwhile or not
  Walker walker = Walker::kNobody; // who holds the mutex while a walk is under way
  std::uint8_t initiator = kNone, child = kNone;
  std::uint8_t walked = 0; // the tasks, or the CPUs, where the walk has been: in any order

  bool operator==(const State&) const = default;
};
struct StateHash {
  std::size_t operator()(const State& s) const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&s);
    std::uint64_t h = 14695981039346656037u;
    for (std::size_t i = 0; i < sizeof s; ++i) h = (h ^ bytes[i]) * 1099511628211u;
    return h ^ h >> 29;
  }
};

struct Config {
  unsigned cpus = 2, tasks = 3;
  unsigned allowed = 2; // CPUs the first task may run on; grows up to `cpus` when smaller
  unsigned least_threshold = 0;
  std::size_t most_states = 3'000'000;
};

enum Seen : unsigned {
  kToCpus = 1,
  kToTasks = 2,
  kByWork = 4,      // to the tasks, by the deferred work
  kWorkForNone = 8, // it found nothing to do: somebody was faster, or nobody is left
};

struct Result {
  std::size_t states = 0;
  bool exhausted = true;
  unsigned flips_seen = 0; // kToCpus, ...
  std::string violation;   // empty: none; with the steps that lead there
};

/// What the checks and an empty pool throw.
struct Violation {
  std::string what;
};

template <typename Rules> class Model {
 public:
  explicit Model(const Config& config) : config_(config), space_(config.cpus) {}
  Result run();

 private:
  using Algorithm = sched::CidAlgorithm<Rules>;

  State first();
  void expand(const State& s);
  template <typename Step>
  void attempt(const State& from, const char* name, unsigned a, unsigned b, Step step);
  void switch_to(State& s, unsigned cpu, unsigned next);
  void fork(State& s, unsigned cpu, unsigned child);
  void exit(State& s, unsigned cpu);
  void widen(State& s);
  void work(State& s);
  void walk_step(State& s, unsigned at);
  void complete(State& s);
  State canonical(const State& s) const;
  void force_threshold(State& s);
  void load(const State& s);
  void save(State& s);
  void check(const State& s) const;
  bool can_walk(const State& s) const;
  unsigned to_walk(const State& s) const;
  unsigned cpu_of(const State& s, unsigned task) const;
  std::string path(std::size_t to) const;

  struct Step {
    const char* name;
    unsigned a, b;
  };
  struct Found {
    State state;
    std::size_t from;
    Step step;
  };
  Config config_;
  sched::MmCid space_;
  std::array<sched::TaskCid, kTasks> tasks_;
  std::unordered_set<State, StateHash> known_;
  std::vector<Found> order_;
  std::size_t at_ = 0;
  Result result_;
};

} // namespace runnel::model::cid
