// SPDX-License-Identifier: Apache-2.0
// Lists by priority (spec 4 RT1).
#include "sched/rt/prio_array.hpp"

#include <bit>

namespace runnel::sched {
namespace {

constexpr u64 bit_of(i32 prio) { return u64{1} << static_cast<u32>(prio) % 64; }
constexpr u32 word_of(i32 prio) { return static_cast<u32>(prio) / 64; }

} // namespace

void PrioArray::insert(PrioNode& node, QueueEnd end) {
  if (end == QueueEnd::kHead)
    list(node.prio).push_front(node);
  else
    list(node.prio).push_back(node);
}

void PrioArray::enqueue(PrioNode& node, i32 prio, QueueEnd end) {
  node.prio = prio;
  insert(node, end);
  bits_[word_of(prio)] |= bit_of(prio);
}

void PrioArray::dequeue(PrioNode& node) {
  Queue::erase(node);
  if (list(node.prio).empty()) bits_[word_of(node.prio)] &= ~bit_of(node.prio);
}

void PrioArray::requeue(PrioNode& node, QueueEnd end) {
  Queue::erase(node);
  insert(node, end);
}

i32 PrioArray::highest() const {
  if (bits_[0] != 0) return std::countr_zero(bits_[0]);
  if (bits_[1] != 0) return 64 + std::countr_zero(bits_[1]);
  return kEmpty;
}

} // namespace runnel::sched
