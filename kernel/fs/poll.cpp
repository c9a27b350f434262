// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/poll.hpp"

#include "kernel/sync/rcu.hpp"

namespace runnel::fs {

namespace {

constexpr u32 kAlways = kPollErr | kPollHup;
/// Sets that watch sets that watch ... (EP_MAX_NESTS and one).
constexpr u32 kMaxDepth = 6;

} // namespace

PollQueue::Waiter::Waiter(u32 events) {
  callback = wake_waiter;
  filter = events;
  kind = Kind::kExclusive;
}

PollEntry::Heard PollQueue::wake_waiter(PollEntry& self, u32, PollQueue*&) {
  auto& waiter = static_cast<Waiter&>(self);
  if (waiter.told) return PollEntry::Heard::kNo; // the event before this one is its own
  waiter.told = true;
  sched::wake_up_process(*waiter.task); // B1, side B: orders the caller's stores before it reads the state
  return PollEntry::Heard::kYes;
}

void PollQueue::link(PollEntry& entry) {
  entry.queue = this;
  if (entry.kind == PollEntry::Kind::kShared)
    entries_.push_front(entry); // before every exclusive one, which may end the round
  else
    entries_.push_back(entry);
  nr_entries_.fetch_add(1, std::memory_order_relaxed);
}

void PollQueue::unlink(PollEntry& entry) {
  entries_.erase(entry);
  nr_entries_.fetch_sub(1, std::memory_order_relaxed);
}

void PollQueue::add(PollEntry& entry) {
  {
    const IrqSpinGuard guard(lock_);
    link(entry);
  }
  arch::Cpu::full_barrier(); // the count is up before the caller looks at the object: wake()
}

void PollQueue::remove(PollEntry& entry) {
  PollQueue* const queue = entry.queue;
  if (queue == nullptr) return;
  const IrqSpinGuard guard(queue->lock_);
  if (entry.node.is_linked()) queue->unlink(entry);
  entry.queue = nullptr;
}

bool PollQueue::has_entries() {
  const IrqSpinGuard guard(lock_);
  return !entries_.empty();
}

void PollQueue::wake(u32 events) {
  // B1 in brief: who comes too late to be counted here sees what the caller stored when it looks itself.
  // Partners: the full barriers in add() and prepare().
  arch::Cpu::full_barrier();
  if (nr_entries_.load(std::memory_order_relaxed) != 0) wake_from(events, 0);
}

void PollQueue::wake_from(u32 events, u32 depth) {
  if (depth == kMaxDepth) return;
  // A queue to wake next belongs to an object that may be going away: its memory stays until this section
  // ends.
  const RcuReadGuard rcu;
  u64 round = 0;
  for (;;) {
    PollQueue* next = nullptr;
    bool enough = false;
    {
      const IrqSpinGuard guard(lock_);
      if (round == 0) round = ++wakes_;
      for (PollEntry& entry : entries_) {
        if (entry.seen >= round) continue; // told by us, or by a wake() that began after us
        entry.seen = round;
        if ((events & (entry.filter | kAlways)) == 0) continue;
        const PollEntry::Heard heard = entry.callback(entry, events, next);
        // Errors and the end concern everyone.
        if (entry.kind == PollEntry::Kind::kExclusive && heard == PollEntry::Heard::kYes &&
            (events & kAlways) == 0) {
          enough = true;
          break;
        }
        if (next != nullptr) break;
      }
    }
    // Not under our lock: the other queue's has the same rank.
    if (next != nullptr) next->wake_from(kPollReadable, depth + 1);
    if (next == nullptr || enough) return;
  }
}

void PollQueue::prepare(Waiter& waiter) {
  const IrqSpinGuard guard(lock_);
  if (!waiter.node.is_linked()) {
    waiter.seen = wakes_;
    link(waiter);
  }
  waiter.told = false;
  sched::set_current_state(sched::kInterruptible); // full barrier inside: B1, side A
}

void PollQueue::finish(Waiter& waiter, WaitResult result) {
  sched::current().state.store(sched::kRunning, std::memory_order_relaxed);
  bool unused = false;
  {
    const IrqSpinGuard guard(lock_);
    unlink(waiter);
    unused = result != WaitResult::kMet && waiter.told;
  }
  if (unused) wake(waiter.filter);
}

} // namespace runnel::fs
