// SPDX-License-Identifier: Apache-2.0
// The realtime class's queue: one first-in-first-out list for each priority and a bitmap of those that are
// not empty (spec 4 RT1). Pure: no lock, no clock, knows nothing of tasks.
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/lib/types.hpp"

#include <sched/prio.hpp>

namespace runnel::sched {

/// What is queued. `prio` is where it lies, which outlives a change of its owner's priority.
struct PrioNode {
  ListNode link;
  i32 prio = kMaxRtPrio;
  bool is_queued() const { return link.is_linked(); }
};

enum class QueueEnd { kHead, kTail };

class PrioArray {
 public:
  static constexpr i32 kLists = kMaxRtPrio;
  /// What highest() answers when nothing is queued: no task has this priority (spec 0).
  static constexpr i32 kEmpty = kMaxRtPrio - 1;

  /// `prio` 0 (highest) .. 98; `node` is in no list.
  void enqueue(PrioNode& node, i32 prio, QueueEnd end);
  void dequeue(PrioNode& node);
  /// To an end of the list it is in.
  void requeue(PrioNode& node, QueueEnd end);

  bool empty() const { return (bits_[0] | bits_[1]) == 0; }
  /// The best priority that has a list with somebody in it; kEmpty when none has.
  i32 highest() const;
  /// Head of the highest list; nullptr when empty.
  PrioNode* first() { return empty() ? nullptr : list(highest()).front(); }
  /// Nobody else is queued at its priority.
  bool is_alone(PrioNode& node) { return list(node.prio).front() == list(node.prio).back(); }

 private:
  using Queue = List<PrioNode, &PrioNode::link>;
  Queue& list(i32 prio) { return lists_[static_cast<u32>(prio)]; }
  void insert(PrioNode& node, QueueEnd end);

  u64 bits_[2] = {}; // bit n of word n / 64: list n has members
  Queue lists_[kLists];
};

} // namespace runnel::sched
