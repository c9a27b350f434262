// SPDX-License-Identifier: Apache-2.0
// B8 and B9: idle CPUs, wake lists and the interrupt that may be left out (spec 1.6, 1.11, 1.14).
#include "tests/model/contract.hpp"

#include <catch2/catch.hpp>

using namespace runnel::model;

namespace {

constexpr int kNeedResched = 1, kPolling = 2;

} // namespace

TEST_CASE("B8: an idle CPU that halts gets an interrupt, or has seen the flag", "[C02][B8]") {
  // resched_curr() against halt_until_interrupt(): both bits are in one word.
  check({
      .build =
          [](Program& p) {
            const Location flags = p.word("flags", kPolling);
            p.thread([=](Thread& t) {
              t.fetch_and(flags, ~kPolling, Order::kPlain);
              t.fence(Fence::kFull, "A: full barrier between polling and the test");
              t.observe("halts", (t.load(flags) & kNeedResched) == 0);
            });
            p.thread([=](Thread& t) {
              if (t.has("B: one read-modify-write sets the flag and reads polling")) {
                t.observe("ipi", (t.fetch_or(flags, kNeedResched, Order::kFull, "B: full order of fetch_or") &
                                  kPolling) == 0);
              } else {
                t.observe("ipi", (t.load(flags) & kPolling) == 0);
                t.fetch_or(flags, kNeedResched, Order::kFull);
              }
            });
          },
      .works = [](const Outcome& o) { return o["halts"] == 0 && o["ipi"] == 0; },
      .bad = [](const Outcome& o) { return o["halts"] == 1 && o["ipi"] == 0; },
      .covered = {{"A: full barrier between polling and the test", "",
                   "both bits are in one word: coherence orders the two. The next test is what needs it"},
                  {"B: full order of fetch_or", "", "the same"}},
      .x86_needs = {"B: one read-modify-write sets the flag and reads polling"},
  });
}

TEST_CASE("B8: were they two words, the barriers would be all there is", "[C02][B8]") {
  check({
      .build =
          [](Program& p) {
            const Location polling = p.word("polling", 1), need_resched = p.word("need_resched");
            p.thread([=](Thread& t) {
              t.store(polling, 0);
              t.fence(Fence::kFull, "A: full barrier between polling and the test");
              t.observe("halts", t.load(need_resched) == 0);
            });
            p.thread([=](Thread& t) {
              t.store(need_resched, 1);
              t.fence(Fence::kFull, "B: full barrier between the flag and polling");
              t.observe("ipi", t.load(polling) == 0);
            });
          },
      .works = [](const Outcome& o) { return o["halts"] == 0 && o["ipi"] == 0; },
      .bad = [](const Outcome& o) { return o["halts"] == 1 && o["ipi"] == 0; },
      .x86_needs = {"A: full barrier between polling and the test",
                    "B: full barrier between the flag and polling"},
  });
}

namespace {

/// ttwu_queue_wakelist() with set_need_resched_if_polling() against the end of idle_loop(). `flags_before`:
/// has somebody else already asked for a reschedule? Then the waker only looks.
Contract push_to_polling_cpu(int flags_before, const std::string& exchange_label,
                             std::vector<Covered> covered) {
  return {
      .build =
          [=](Program& p) {
            const Location flags = p.word("flags", flags_before), list = p.word("list");
            p.thread([=](Thread& t) { // reschedule_interrupt() looks before it takes
              t.fetch_and(flags, ~kPolling, Order::kPlain);
              t.fence(Fence::kFull, "A: full barrier between polling and the wake list");
              t.observe("drains", t.load(list));
            });
            p.thread([=](Thread& t) {
              t.exchange(list, 1, Order::kFull, "B: full order of the push");
              const Expr old = t.load(flags);
              const bool polls = t.branch((old & kPolling) != 0);
              if (polls && !t.branch((old & kNeedResched) != 0))
                t.require(
                    t.compare_exchange(flags, old, old | kNeedResched, Order::kFull, exchange_label) ? 1 : 0);
              t.observe("ipi", polls ? 0 : 1);
            });
          },
      .works = [](const Outcome& o) { return o["drains"] == 1 && o["ipi"] == 0; },
      .bad = [](const Outcome& o) { return o["drains"] == 0 && o["ipi"] == 0; },
      .covered = std::move(covered),
  };
}

} // namespace

TEST_CASE("B8: what was pushed to a polling CPU is found when it stops to poll", "[C02][B8]") {
  check(push_to_polling_cpu(
      kPolling, "B: full order of the exchange of flags",
      {{"B: full order of the push", "B: full order of the exchange of flags",
        "two read-modify-writes in a row, and either orders them; the next test needs this one"},
       {"B: full order of the exchange of flags", "B: full order of the push", "the same"}}));
}

TEST_CASE("B8: also when another CPU had told it", "[C02][B8]") {
  check(push_to_polling_cpu(kPolling | kNeedResched, "", {}));
}

TEST_CASE("B9: no task is stranded on a wake list, and who takes it sees what its waker stored",
          "[C02][B9]") {
  check({
      .build =
          [](Program& p) {
            const Location list = p.word("list"), ipi = p.word("ipi"),
                           conditions = p.word("conditions", 0, 3);
            for (int task = 1; task <= 2; ++task)
              p.thread([=](Thread& t) { // ttwu_queue_wakelist(), after the waker's own store
                t.store(conditions.at(task), 1);
                const Expr head = t.load(list);
                if (t.has("A: one compare-exchange pushes and reads the head"))
                  t.require(Expr(
                      t.compare_exchange(list, head, task, Order::kFull, "A: full order of the push") ? 1
                                                                                                      : 0));
                else
                  t.store(list, task, Order::kRelease);
                if (t.branch(head == 0)) {
                  t.fence(Fence::kFull, "A: barrier before the interrupt is sent");
                  t.store(ipi, 1);
                }
              });
            p.thread([=](Thread& t) { // the interrupt: acknowledge, take all, run the first one taken
              t.require(t.exchange(ipi, 0, Order::kPlain) == 1);
              t.fence(Fence::kFull, "B: barrier after the interrupt is acknowledged");
              if (!t.branch(t.load(list) != 0)) return;
              const Expr taken = t.exchange(list, 0, Order::kFull, "B: full order of the exchange");
              if (!t.branch(taken == 1)) return;
              t.observe("condition seen", t.load(conditions.at(1)));
            });
          },
      .works = [](const Outcome& o) { return o["condition seen"] == 1 && o["list"] == 0; },
      .bad = [](const Outcome& o) { return o["condition seen"] == 0 || (o["list"] != 0 && o["ipi"] == 0); },
      .covered =
          {{"A: barrier before the interrupt is sent", "",
            "to memory the push's own store comes first (CASAL); that the interrupt is no memory is what the "
            "DSB of send_ipi() is for"}},
      .x86_needs = {"A: one compare-exchange pushes and reads the head"},
  });
}
