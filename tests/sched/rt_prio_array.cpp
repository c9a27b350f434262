// SPDX-License-Identifier: Apache-2.0
// The realtime class's queue against lists that are searched (spec 4 RT1, RT2).
#include "sched/rt/prio_array.hpp"

#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <random>

using namespace runnel;
using namespace runnel::sched;

TEST_CASE("an empty array has nobody and the priority nobody has", "[RT1]") {
  PrioArray array;
  CHECK(array.empty());
  CHECK(array.highest() == 99);
  CHECK(array.first() == nullptr);
}

TEST_CASE("both ends of the scale are found", "[RT1]") {
  PrioArray array;
  PrioNode best;
  PrioNode worst;
  array.enqueue(worst, 98, QueueEnd::kTail);
  CHECK(array.highest() == 98);
  array.enqueue(best, 0, QueueEnd::kTail);
  CHECK(array.highest() == 0);
  CHECK(array.first() == &best);
  array.dequeue(best);
  CHECK(array.first() == &worst);
  CHECK(!best.is_queued());
  array.dequeue(worst);
  CHECK(array.empty());
}

TEST_CASE("the tail waits for all, the head for nobody", "[RT2][R01]") {
  PrioArray array;
  PrioNode a;
  PrioNode b;
  PrioNode c;
  array.enqueue(a, 5, QueueEnd::kTail);
  CHECK(array.is_alone(a));
  array.enqueue(b, 5, QueueEnd::kTail);
  CHECK(!array.is_alone(a));
  CHECK(array.first() == &a);
  array.requeue(a, QueueEnd::kTail);
  CHECK(array.first() == &b);
  array.enqueue(c, 5, QueueEnd::kHead);
  CHECK(array.first() == &c);
  array.dequeue(c);
  array.dequeue(b);
  CHECK(array.is_alone(a));
}

TEST_CASE("random work equals deques", "[RT1][RT2]") {
  std::mt19937 random(4711);
  PrioArray array;
  std::vector<PrioNode> nodes(40);
  std::map<i32, std::deque<PrioNode*>> model;
  for (u32 round = 0; round < 50'000; ++round) {
    PrioNode& node = nodes[random() % nodes.size()];
    const QueueEnd end = random() % 2 == 0 ? QueueEnd::kHead : QueueEnd::kTail;
    const auto put = [&](std::deque<PrioNode*>& list) {
      end == QueueEnd::kHead ? list.push_front(&node) : list.push_back(&node);
    };
    const auto take = [&] {
      auto& list = model[node.prio];
      list.erase(std::find(list.begin(), list.end(), &node));
    };
    if (!node.is_queued()) {
      // Few enough priorities that lists are shared, on both sides of the bitmap's word boundary.
      array.enqueue(node, static_cast<i32>(60 + random() % 8), end);
      put(model[node.prio]);
    } else if (random() % 2 == 0) {
      take();
      array.dequeue(node);
    } else {
      take();
      put(model[node.prio]);
      array.requeue(node, end);
    }
    std::erase_if(model, [](const auto& entry) { return entry.second.empty(); });
    REQUIRE(array.empty() == model.empty());
    REQUIRE(array.highest() == (model.empty() ? 99 : model.begin()->first));
    REQUIRE(array.first() == (model.empty() ? nullptr : model.begin()->second.front()));
    if (!model.empty()) REQUIRE(array.is_alone(*array.first()) == (model.begin()->second.size() == 1));
  }
}
