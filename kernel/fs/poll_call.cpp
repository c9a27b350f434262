// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/poll_call.hpp"

namespace runnel::fs {
namespace {

/// The thread that polls and its entries in all the queues.
class Poller final : public PollTable {
 public:
  ~Poller() {
    while (Entry* const entry = entries_) {
      entries_ = entry->next;
      PollQueue::remove(*entry);
      if (!entry->is_inline) mm::kdelete(entry);
    }
  }

  void watch(PollQueue& queue) override {
    Entry* entry;
    if (nr_inline_ < kInline) {
      entry = &inline_[nr_inline_++];
      entry->is_inline = true;
    } else {
      entry = mm::knew<Entry>();
      if (entry == nullptr) {
        out_of_memory_ = true;
        return;
      }
    }
    entry->poller = this;
    entry->filter = events_;
    entry->callback = [](PollEntry& self, u32, PollQueue*&) {
      Poller& poller = *static_cast<Entry&>(self).poller;
      poller.changed_.store(true, std::memory_order_relaxed);
      sched::wake_up_process(*poller.task_); // B1, side B
      return PollEntry::Heard::kYes;
    };
    entry->next = entries_;
    entries_ = entry;
    queue.add(*entry);
  }

  void set_events(u32 events) { events_ = events; }
  bool out_of_memory() const { return out_of_memory_; }

  /// Until something changed since the last call.
  WaitResult wait(Instant until) {
    return sync::wait_interruptible([] { sched::set_current_state(sched::kInterruptible); }, // B1, side A
                                    [this] { return changed_.exchange(false, std::memory_order_relaxed); },
                                    until);
  }

 private:
  static constexpr u32 kInline = 8;
  struct Entry : PollEntry {
    Poller* poller = nullptr;
    Entry* next = nullptr;
    bool is_inline = false;
  };
  sched::Task* task_ = &sched::current();
  std::atomic<bool> changed_{false};
  bool out_of_memory_ = false;
  u32 events_ = 0;
  u32 nr_inline_ = 0;
  Entry* entries_ = nullptr;
  Entry inline_[kInline];
};

usize look(std::span<PollRequest> requests, Poller* poller) {
  usize ready = 0;
  for (PollRequest& request : requests) {
    if (!request.file) {
      ready += request.result != 0 ? 1 : 0; // kPollNval, put there by the caller
      continue;
    }
    if (poller != nullptr) poller->set_events(request.events);
    request.result =
        request.file->poll(ready == 0 ? poller : nullptr) & (request.events | kPollErr | kPollHup);
    ready += request.result != 0 ? 1 : 0;
  }
  return ready;
}

} // namespace

Result<usize> poll_files(std::span<PollRequest> requests, Instant until) {
  Poller poller;
  bool first = true;
  for (;;) {
    const usize ready = look(requests, first && until != Instant{} ? &poller : nullptr);
    first = false;
    if (ready != 0 || until == Instant{}) return ready;
    if (poller.out_of_memory()) return err(Errno::kNOMEM);
    switch (poller.wait(until)) {
    case WaitResult::kInterrupted:
      return err(Errno::kINTR);
    case WaitResult::kTimedOut:
      return look(requests, nullptr);
    case WaitResult::kMet:
      break;
    }
  }
}

} // namespace runnel::fs
