// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/signal/pending.hpp"

namespace runnel::user {

bool Pending::has_entry(i32 sig) {
  for (const QueuedSignal& entry : entries_)
    if (entry.info.signo == sig) return true;
  return false;
}

QueuedSignal* Pending::take(i32 sig) {
  QueuedSignal* found = nullptr;
  for (QueuedSignal& entry : entries_) {
    if (entry.info.signo != sig) continue;
    found = &entry;
    break;
  }
  if (found != nullptr) entries_.erase(*found);
  if (!has_entry(sig)) set_.remove(sig);
  return found;
}

QueuedSignal* Pending::take_any(SigSet which) {
  for (QueuedSignal& entry : entries_) {
    if (!which.has(entry.info.signo)) continue;
    entries_.erase(entry);
    if (!has_entry(entry.info.signo)) set_.remove(entry.info.signo);
    return &entry;
  }
  set_ = set_ & ~which;
  return nullptr;
}

bool Pending::withdraw(QueuedSignal& entry) {
  for (const QueuedSignal& queued : entries_) {
    if (&queued != &entry) continue; // it may be in another thread's queue
    entries_.erase(entry);
    if (!has_entry(entry.info.signo)) set_.remove(entry.info.signo);
    return true;
  }
  return false;
}

} // namespace runnel::user
