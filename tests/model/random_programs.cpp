// SPDX-License-Identifier: Apache-2.0
// The explorer against the axioms, on programs nobody thought of: both have to find the same outcomes.
#include "tests/model/axioms.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

using namespace runnel::model;

namespace {

constexpr int kPrograms = 2000;

/// A program of this seed: two threads of up to four accesses, or three of up to two, to two words.
class RandomProgram {
 public:
  explicit RandomProgram(unsigned seed) : random_(seed) {
    const int threads = 2 + below(3) / 2, most = threads == 2 ? 4 : 2;
    words_.push_back(program.word("x"));
    words_.push_back(program.word("y"));
    for (int t = 0; t < threads; ++t) {
      // The body is run once a path: what it does is drawn before.
      std::vector<std::vector<int>> steps;
      for (int i = 0, n = 1 + below(most); i < n; ++i) {
        std::vector<int>& draws = steps.emplace_back();
        for (int k = 0; k < 8; ++k) draws.push_back(below(1 << 16));
      }
      program.thread([this, t, steps](Thread& thread) { body(thread, t, steps); });
    }
  }
  RandomProgram(const RandomProgram&) = delete;

  Program program;

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

  void body(Thread& t, int number, const std::vector<std::vector<int>>& steps) {
    std::vector<Expr> read;
    int written = 10 * (number + 1);
    for (const std::vector<int>& d : steps) {
      if (d[0] % 3 == 0) t.fence(static_cast<Fence>(d[1] % 3));
      if (!read.empty() && d[2] % 4 == 0) t.branch(read.back() == 0);
      const Expr zero = !read.empty() && d[3] % 3 == 0
                            ? dependency(read[static_cast<std::size_t>(d[4]) % read.size()])
                            : Expr(0);
      const Location to = words_[static_cast<std::size_t>(d[5] % 2)].at(d[3] % 2 == 0 ? zero : Expr(0));
      const Expr value = Expr(++written) + (d[3] % 2 != 0 ? zero : Expr(0));
      switch (d[6] % 5) {
      case 0:
      case 1:
        read.push_back(t.load(to, pick(d[7], {Order::kPlain, Order::kAcquirePc, Order::kAcquire})));
        break;
      case 2:
      case 3:
        t.store(to, value, pick(d[7], {Order::kPlain, Order::kRelease}));
        break;
      default:
        read.push_back(t.exchange(
            to, value, pick(d[7], {Order::kPlain, Order::kAcquire, Order::kRelease, Order::kFull})));
      }
    }
    for (std::size_t i = 0; i < read.size(); ++i)
      t.observe("T" + std::to_string(number) + "r" + std::to_string(i), read[i]);
  }
  static Order pick(int draw, const std::vector<Order>& from) { // the plain ones are what is interesting
    return draw % 2 == 0 ? from[0] : from[static_cast<std::size_t>(draw / 2) % from.size()];
  }

  std::mt19937 random_;
  std::vector<Location> words_;
};

} // namespace

TEST_CASE("model: explorer and axioms find the same outcomes of random programs", "[model][litmus]") {
  std::size_t outcomes = 0, weak = 0;
  for (unsigned seed = 1; seed <= kPrograms; ++seed) {
    RandomProgram random(seed);
    const Result explored = explore(random.program, Machine::kAarch64);
    const Result in_order = explore(random.program, Machine::kInOrder);
    const Result allowed{allowed_by_axioms(random.program), 0};
    INFO("seed " << seed << "\nexplorer:\n" << explored.text() << "axioms:\n" << allowed.text());
    REQUIRE(explored.outcomes == allowed.outcomes);
    REQUIRE(std::includes(explored.outcomes.begin(), explored.outcomes.end(), in_order.outcomes.begin(),
                          in_order.outcomes.end()));
    outcomes += explored.outcomes.size();
    weak += explored.outcomes.size() - in_order.outcomes.size();
  }
  // Programs that can show nothing would agree as well.
  CHECK(weak > outcomes / 20);
}
