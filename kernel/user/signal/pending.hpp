// SPDX-License-Identifier: Apache-2.0
// Signals that were sent and not yet taken: of a thread, or of a process for whichever thread takes them.
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/user/signal/siginfo.hpp"

namespace runnel::user {

struct QueuedSignal;

/// Told when an entry that is not from the heap was taken from its queue or thrown away: a POSIX timer's,
/// which goes on from there. With Process::lock held; may change `info` (the overrun count).
using SignalTaken = void (*)(QueuedSignal&);

struct QueuedSignal {
  ListNode node;
  SigInfo info;
  SignalTaken taken = nullptr; // nullptr: from the heap
};

class Pending {
 public:
  SigSet set() const { return set_; }
  /// Of the signals that are not real-time one only is kept; false: it was there already, `entry` is not
  /// used.
  bool can_queue(i32 sig) const { return is_realtime_signal(sig) || !set_.has(sig); }
  void queue(QueuedSignal& entry) {
    set_.add(entry.info.signo);
    entries_.push_back(entry);
  }
  /// Without an entry: no memory, or over the limit.
  void mark(i32 sig) { set_.add(sig); }
  /// Takes the next of `sig` off: its entry, or nullptr when it has none. The bit stays while another entry
  /// of the same number waits.
  QueuedSignal* take(i32 sig);
  /// Takes the entries of all signals in `which` off, one after the other; nullptr: no more.
  QueuedSignal* take_any(SigSet which);
  /// Not the queue's any more, wherever it is: false when it was not in it.
  bool withdraw(QueuedSignal& entry);

 private:
  bool has_entry(i32 sig);

  SigSet set_;
  List<QueuedSignal, &QueuedSignal::node> entries_;
};

} // namespace runnel::user
