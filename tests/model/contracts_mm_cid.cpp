// SPDX-License-Identifier: Apache-2.0
// What the change of owners of concurrency ids relies on (spec rseq_mm_cid 4.4, 7.4): switches read the mode
// without a barrier.
#include "tests/model/contract.hpp"

#include <catch2/catch.hpp>

using namespace runnel::model;

namespace {

constexpr int kCpusOwn = 1, kTransit = 2;

} // namespace

TEST_CASE("mm_cid: the mode and that it changes are one word", "[rseq.D31]") {
  // update_limits() against a switch that no lock orders to it.
  check({
      .build =
          [](Program& p) {
            const Location mode = p.word("mode"), changes = p.word("changes");
            p.thread([=](Thread& t) {
              if (t.has("A: one store for both")) {
                t.store(mode, kCpusOwn | kTransit);
              } else {
                t.store(changes, 1);
                t.store(mode, kCpusOwn);
              }
            });
            p.thread([=](Thread& t) {
              const Expr seen = t.load(mode);
              t.observe("cpus_own", (seen & kCpusOwn) != 0);
              t.observe("changes",
                        t.has("A: one store for both") ? (seen & kTransit) != 0 : t.load(changes) != 0);
            });
          },
      .works = [](const Outcome& o) { return o["cpus_own"] == 1 && o["changes"] == 1; },
      .bad = [](const Outcome& o) { return o["cpus_own"] == 1 && o["changes"] == 0; },
  });
}

TEST_CASE("mm_cid: who switches behind the walk sees the new mode", "[rseq.D31]") {
  // The walk has been at this rq when the switch gets its lock; else the walk comes and repairs.
  check({
      .build =
          [](Program& p) {
            const Location mode = p.word("mode"), rq = p.word("rq");
            p.thread([=](Thread& t) {
              t.store(mode, kCpusOwn | kTransit);
              t.fence(Fence::kFull, "A: full barrier behind the flip");
              t.store(rq, 1, Order::kRelease, "B: the walk's rq unlock releases");
            });
            p.thread([=](Thread& t) {
              t.observe("behind", t.load(rq, Order::kAcquire, "C: the switch's rq lock acquires"));
              t.observe("mode", t.load(mode));
            });
          },
      .works = [](const Outcome& o) { return o["behind"] == 1 && o["mode"] != 0; },
      .bad = [](const Outcome& o) { return o["behind"] == 1 && o["mode"] == 0; },
      .covered = {{"A: full barrier behind the flip", "B: the walk's rq unlock releases",
                   "the barrier is for switches that take no lock the walk has held"},
                  {"B: the walk's rq unlock releases", "A: full barrier behind the flip",
                   "either is enough here"}},
  });
}
