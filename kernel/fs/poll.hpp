// SPDX-License-Identifier: Apache-2.0
// Who waits for a file: threads blocked in it, poll() and epoll sets, all in one queue per object with a
// callback each, so that an epoll set hears of the ready ones only.
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/sync/interruptible.hpp"
#include "kernel/sync/spinlock.hpp"

#include <atomic>

namespace runnel::fs {

/// Linux's POLL* and EPOLL* bits.
enum PollBits : u32 {
  kPollIn = 0x1,
  kPollPri = 0x2,
  kPollOut = 0x4,
  kPollErr = 0x8,
  kPollHup = 0x10,
  kPollNval = 0x20,
  kPollRdNorm = 0x40,
  kPollRdBand = 0x80,
  kPollWrNorm = 0x100,
  kPollWrBand = 0x200,
  kPollRdHup = 0x2000,
};
inline constexpr u32 kPollReadable = kPollIn | kPollRdNorm;
inline constexpr u32 kPollWritable = kPollOut | kPollWrNorm;

class PollQueue;

/// One that waits. Lies in memory of its owner, who takes it off before the memory goes.
struct PollEntry {
  enum class Kind : u8 { kShared, kExclusive }; // every one is called / one of these is enough
  enum class Heard : u8 { kNo, kYes };          // kYes: an exclusive one takes the event for itself

  /// With the queue locked, in any context. `next`: a queue to wake for the same reason (a set that watches
  /// this object is itself watched), or left alone.
  using Callback = Heard (*)(PollEntry& self, u32 events, PollQueue*& next);

  ListNode node;
  Callback callback = nullptr;
  PollQueue* queue = nullptr; // set while it is on one
  u32 filter = ~u32{0};       // events worth a call; errors and hang-up always are
  Kind kind = Kind::kShared;
  u64 seen = 0; // the newest wake() that reached it
};

class PollQueue {
 public:
  constexpr PollQueue() = default;

  /// Something changed: `events` of the object may be true now. What the caller stored before is visible to
  /// those who are told (B1). Any context; locks up to kFileObject may be held.
  void wake(u32 events);

  void add(PollEntry& entry);
  /// After it no callback runs and none is running. The entry may be on no queue.
  static void remove(PollEntry& entry);
  bool has_entries();

  /// Blocks until `condition()`, evaluated without locks in this thread, at most until `until`, or until a
  /// signal comes. `events`: what makes the condition true. One such waiter is woken per wake() (all by
  /// kPollErr or kPollHup); a waiter whose condition stays true after it has taken its part wakes the next
  /// itself.
  template <typename Condition>
  [[nodiscard]] WaitResult wait(u32 events, Condition condition, Instant until) {
    Waiter self(events);
    const WaitResult result = sync::wait_interruptible([&] { prepare(self); }, condition, until);
    finish(self, result);
    return result;
  }

 private:
  struct Waiter : PollEntry {
    explicit Waiter(u32 events);
    sched::Task* task = &sched::current();
    bool told = false; // under lock_
  };
  static PollEntry::Heard wake_waiter(PollEntry& self, u32 events, PollQueue*& next);
  /// Queues and sets the state to sleep in, in this order before the condition is read: B1.
  void prepare(Waiter& waiter);
  /// Leaves the queue; passes on a wake-up it has no use for.
  void finish(Waiter& waiter, WaitResult result);
  void wake_from(u32 events, u32 depth);
  void link(PollEntry& entry) REQUIRES(lock_);
  void unlink(PollEntry& entry) REQUIRES(lock_);

  SpinLock lock_{LockRank::kPoll};
  List<PollEntry, &PollEntry::node> entries_ GUARDED_BY(lock_);
  u64 wakes_ GUARDED_BY(lock_) = 0;
  std::atomic<u32> nr_entries_{0}; // changes under lock_; read without it by wake()
};

/// A poll() in progress: an object tells it which queues announce its changes.
class PollTable {
 public:
  virtual void watch(PollQueue& queue) = 0;

 protected:
  ~PollTable() = default;
};

} // namespace runnel::fs
