// SPDX-License-Identifier: Apache-2.0
// Taking signals off their queues, and the masks that say which may be.
#include "kernel/mm/kmalloc.hpp"
#include "kernel/user/signal/signal.hpp"

namespace runnel::user {
namespace {

SigInfo info_of(QueuedSignal* entry, i32 sig, Process& process) REQUIRES(process.lock) {
  if (entry == nullptr) return SigInfo::from_user(sig, kSiUser, 0, 0); // nothing else is known of it
  if (entry->taken != nullptr) {
    entry->taken(*entry);
    return entry->info;
  }
  const SigInfo info = entry->info;
  --process.signals.nr_queued;
  kfree(entry);
  return info;
}

void flush(Pending& pending, SigSet which, Process& process) REQUIRES(process.lock) {
  while (QueuedSignal* entry = pending.take_any(which)) {
    if (entry->taken != nullptr) {
      entry->taken(*entry);
      continue;
    }
    --process.signals.nr_queued;
    kfree(entry);
  }
}

/// A signal that was shared may have had this thread in mind, which now blocks it: another one takes it.
void pass_on(Process& process, SigSet newly_blocked) REQUIRES(process.lock) {
  const SigSet orphans = process.signals.shared.set() & newly_blocked;
  if (orphans.empty()) return;
  for (Thread& thread : process.threads) {
    recalc_signals(process, thread);
    if (thread.task->signal_pending()) kick_thread(thread, kWorkSignal);
  }
}

} // namespace

std::optional<SigInfo> dequeue_signal(Process& process, Thread& self, SigSet which) {
  for (Pending* pending : {&self.signals.pending, &process.signals.shared}) {
    const i32 sig = next_signal(pending->set(), ~which);
    if (sig == 0) continue;
    const SigInfo info = info_of(pending->take(sig), sig, process);
    recalc_signals(process, self);
    return info;
  }
  recalc_signals(process, self);
  return std::nullopt;
}

void set_blocked(SigSet mask) {
  Thread& self = current_thread();
  Process& process = *self.process;
  const IrqSpinGuard guard(process.lock);
  const SigSet newly = mask & ~self.signals.blocked;
  self.signals.blocked = mask & ~kUnblockable;
  recalc_signals(process, self);
  pass_on(process, newly);
}

void set_temporary_mask(SigSet mask) {
  ThreadSignals& signals = current_thread().signals;
  signals.saved_mask = signals.blocked;
  signals.restore_mask = true;
  set_blocked(mask);
}

void restore_mask() {
  ThreadSignals& signals = current_thread().signals;
  if (!signals.restore_mask) return;
  signals.restore_mask = false;
  set_blocked(signals.saved_mask);
}

void discard_signals(Process& process, SigSet which) {
  flush(process.signals.shared, which, process);
  for (Thread& thread : process.threads) flush(thread.signals.pending, which, process);
}

void discard_signal(Process& process, i32 sig) {
  const IrqSpinGuard guard(process.lock);
  discard_signals(process, SigSet::of(sig));
}

void flush_signals(Thread& thread) {
  const IrqSpinGuard guard(thread.process->lock);
  flush(thread.signals.pending, SigSet::all(), *thread.process);
  pass_on(*thread.process, SigSet::all());
}

void flush_signals(Process& process) {
  const IrqSpinGuard guard(process.lock);
  flush(process.signals.shared, SigSet::all(), process);
}

} // namespace runnel::user
