// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/futex/exit.hpp"

#include "kernel/user/futex/queue.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/uaccess.hpp"

#include <utility>

namespace runnel::user {
namespace {

constexpr u32 kMostEntries = 2048;

/// struct robust_list_head
struct RobustHead {
  u64 next;
  i64 offset; // from an entry to its word
  u64 pending;
};

/// A pointer in the list; its lowest bit: the lock has priority inheritance.
struct Entry {
  u64 address = 0;
  bool is_pi = false;

  Entry() = default;
  explicit Entry(u64 pointer) : address(pointer & ~u64{1}), is_pi((pointer & 1) != 0) {}
};

enum class Place : u8 { kListed, kPending };

void wake_one(u64 address) {
  static_cast<void>(futex_wake(address, FutexScope::kShared, 1, kFutexAnyBit)); // nobody is there to be told
}

/// The owner of the word is dead, if it was this thread. False: the list is broken.
bool bury_lock(u64 address, u32 tid, bool is_pi, Place place) {
  if (address % sizeof(u32) != 0) return false;
  const auto first = load_user<u32>(address);
  if (!first) return false;
  u32 value = *first;
  // Unlocked, but the waiter perhaps not yet woken: it died in between.
  if (place == Place::kPending && !is_pi && value == 0) {
    wake_one(address);
    return true;
  }
  while ((value & kFutexTidMask) == tid) {
    const auto seen = compare_exchange_user<u32>(address, value, (value & kFutexWaiters) | kFutexOwnerDied);
    if (!seen) return false;
    if (*seen == value) {
      if (!is_pi && (value & kFutexWaiters) != 0) wake_one(address);
      break;
    }
    value = *seen;
    arch::Cpu::relax();
  }
  return true;
}

void bury_locks(u64 head_at, u32 tid) {
  const auto head = read_user<RobustHead>(head_at);
  if (!head) return;
  const auto word_of = [&](const Entry& entry) { return entry.address + static_cast<u64>(head->offset); };
  const Entry pending(head->pending);
  Entry entry(head->next);
  for (u32 n = 0; entry.address != head_at && n < kMostEntries; ++n) {
    const auto next = read_user<u64>(entry.address); // before its owner hears of it and may free it
    if (entry.address != pending.address && !bury_lock(word_of(entry), tid, entry.is_pi, Place::kListed))
      return;
    if (!next) return;
    entry = Entry(*next);
  }
  if (pending.address != 0)
    static_cast<void>(bury_lock(word_of(pending), tid, pending.is_pi, Place::kPending));
}

} // namespace

void futex_exit(Thread& self) {
  if (const u64 head = std::exchange(self.robust_list, 0); head != 0) bury_locks(head, self.tid());
  futex_pi_exit();
  const u64 word = std::exchange(self.clear_child_tid, 0);
  // Alone in its memory (with its process's own use of it) nobody is there to look.
  constexpr u32 kAlone = 2;
  if (word == 0 || current_mm()->users() <= kAlone) return;
  if (store_user<u32>(word, 0)) wake_one(word);
}

void futex_exec(Thread& self) {
  futex_exit(self);
  self.task->futex_gone.store(false, std::memory_order_relaxed); // it may own locks in its new memory
}

} // namespace runnel::user
