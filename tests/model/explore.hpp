// SPDX-License-Identifier: Apache-2.0
// All final outcomes of a litmus program on a machine, by exhaustive search.
//
// The aarch64 machine is the multicopy-atomic operational model of C. Pulte, S. Flur, W. Deacon, J. French,
// S. Sarkar, P. Sewell, "Simplifying ARM Concurrency: Multicopy-Atomic Axiomatic and Operational Models for
// ARMv8", POPL 2018 (the "Flat" model), for accesses of one size:
//
//   - A step satisfies one load, makes one store visible, or commits a fence. A store becomes visible to all
//     other threads at once. A thread may take its steps in any order that the rules below leave.
//   - Loads run ahead of branches not yet decided and of accesses whose address is not yet known; stores do
//   not.
//     A load reads an earlier store of its own thread before that is visible to others.
//   - Where Flat restarts a load that turned out to have read too early, this search drops the run: the run
//   in
//     which that load waited is explored as well, and ends the same.
//
// What must come before what, in one thread (the paper's names):
//   dependencies   address and data before the access; condition before a later store (ctrl); address of
//   every
//                  earlier access before a store (addr;po)
//   fences         DMB ISH: all before all. ISHLD: loads before all. ISHST: stores before stores
//   acquire        before all later accesses; LDAR also after earlier store-releases ([L];po;[A])
//   release        after all earlier accesses
//   acquire and release in one instruction (LSE: LDADDAL, SWPAL, CASAL): also all before it before all after
//   it one location   coherence: as if in order, but loads of the same store may change places
//
// tests/model/axioms.hpp has the same machine as axioms; random_programs.cpp compares the two.
#pragma once

#include "tests/model/litmus.hpp"

#include <memory>

namespace runnel::model {

enum class Machine { kAarch64, kX86, kInOrder }; // in order: sequential consistency

/// A register or word that no path of this run wrote.
inline constexpr int kAbsent = -99;

/// Final value of each word and observation, by name. Throws std::out_of_range for a name nobody used.
class Outcome {
 public:
  using Names = std::map<std::string, std::size_t>;
  Outcome(std::shared_ptr<const Names> names, std::vector<int> values)
      : names_(std::move(names)), values_(std::move(values)) {}
  int operator[](const std::string& name) const { return values_[names_->at(name)]; }
  bool operator<(const Outcome& other) const { return values_ < other.values_; }
  bool operator==(const Outcome& other) const { return values_ == other.values_; }
  std::string text() const;

 private:
  std::shared_ptr<const Names> names_;
  std::vector<int> values_;
};

struct Result {
  std::set<Outcome> outcomes;
  std::size_t states = 0; // visited

  bool any(const std::function<bool(const Outcome&)>& is) const;
  std::string text() const;
};

Result explore(const Program& program, Machine machine, const Labels& weakened = {});

/// Names of an outcome: the words, then everything observed on some path.
std::shared_ptr<const Outcome::Names> outcome_names(const Program& program,
                                                    const std::vector<std::vector<Path>>& paths);
/// Calls `visit` with one path for each thread, for every combination.
void for_each_combination(const std::vector<std::vector<Path>>& paths,
                          const std::function<void(const std::vector<const Path*>&)>& visit);

/// Which events of a path have to be done before each: everything the rules say but coherence. Bits of u64 by
/// event number.
std::vector<std::uint64_t> local_order(const std::vector<Event>& events, Machine machine);

} // namespace runnel::model
