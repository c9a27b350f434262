// SPDX-License-Identifier: Apache-2.0
// Sending signals. Process::lock makes each sending one step; who takes the signal is woken at its end.
#include "kernel/mm/kmalloc.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/signal/signalfd.hpp"
#include "kernel/user/wait.hpp"

namespace runnel::user {
namespace {

/// Of SIGCONT and the stop signals each throws the others away (before it is looked at whether it is blocked
/// or ignored itself).
void drop_contraries(Process& process, i32 sig) REQUIRES(process.lock) {
  const SigSet away = sig == kSigCont         ? kStopSignals
                      : kStopSignals.has(sig) ? SigSet::of(kSigCont)
                                              : SigSet{};
  if (!away.empty()) discard_signals(process, away);
}

bool is_ignored(Process& process, Thread* thread, i32 sig) REQUIRES(process.lock) {
  if (thread == nullptr) thread = process.threads.front();
  if (thread == nullptr) return true; // a zombie
  // One that is blocked is kept whatever its action is: that may change before it is unblocked.
  if ((thread->signals.blocked | thread->signals.waited).has(sig)) return false;
  return process.sighand->action(sig).ignores(sig);
}

bool wants(Process& process, Thread& thread, i32 sig) REQUIRES(process.lock) {
  return sig == kSigKill || !thread.signals.blocked.has(sig);
}

/// Who is to take it: `thread` if it is for that one only, else the first that does not block it.
Thread* find_taker(Process& process, Thread* thread, i32 sig) REQUIRES(process.lock) {
  if (thread != nullptr) return wants(process, *thread, sig) ? thread : nullptr;
  for (Thread& t : process.threads)
    if (wants(process, t, sig)) return &t;
  return nullptr;
}

enum class Queueing : u8 { kEntry, kAlready, kMark };

/// The queue, the flags and the wake-up. `entry` may be nullptr: then the number alone is kept.
/// True: `entry` is the queue's now. `tell_parent`: the process goes on after a stop.
bool put(Process& process, Thread* thread, i32 sig, QueuedSignal* entry, bool& tell_parent)
    REQUIRES(process.lock) {
  drop_contraries(process, sig);
  if (sig == kSigCont || sig == kSigKill) tell_parent = end_stop(process) && sig == kSigCont;
  if (is_ignored(process, thread, sig)) return false;
  Pending& pending = thread != nullptr ? thread->signals.pending : process.signals.shared;
  if (!pending.can_queue(sig)) return false;
  if (entry != nullptr)
    pending.queue(*entry);
  else
    pending.mark(sig);
  tell_signal_files(process);
  if (Thread* taker = find_taker(process, thread, sig)) {
    recalc_signals(process, *taker);
    kick_thread(*taker, kWorkSignal);
  }
  return entry != nullptr;
}

Result<> send(Process& process, Thread* thread, const SigInfo& info) {
  const i32 sig = info.signo;
  QueuedSignal* entry = mm::knew<QueuedSignal>();
  if (entry != nullptr) entry->info = info;
  bool tell_parent = false;
  {
    const IrqSpinGuard guard(process.lock);
    if (entry != nullptr && process.signals.nr_queued >= process.limits[kLimitSignals].soft &&
        is_realtime_signal(sig)) {
      kfree(entry);
      entry = nullptr;
    }
    // Information of the sender's own making must not get lost silently; kill()'s may.
    if (entry == nullptr && is_realtime_signal(sig) && info.code != kSiUser) return err(Errno::kAGAIN);
    if (put(process, thread, sig, entry, tell_parent))
      ++process.signals.nr_queued;
    else
      kfree(entry);
  }
  if (tell_parent) notify_parent_of_stop(process);
  return {};
}

} // namespace

Result<> send_signal(Process& process, const SigInfo& info) { return send(process, nullptr, info); }
Result<> send_signal(Thread& thread, const SigInfo& info) { return send(*thread.process, &thread, info); }

bool send_signal_entry(Process& process, u32 tid, QueuedSignal& entry) {
  const IrqSpinGuard guard(process.lock);
  if (entry.node.is_linked()) return false;
  Thread* thread = nullptr;
  if (tid != 0) {
    for (Thread& t : process.threads)
      if (t.tid() == tid) thread = &t;
    if (thread == nullptr) {
      entry.taken(entry);
      return true;
    }
  }
  bool tell_parent = false; // the parent hears of a SIGCONT when the stop's own report is fetched
  if (!put(process, thread, entry.info.signo, &entry, tell_parent)) entry.taken(entry);
  return true;
}

void withdraw_signal(Process& process, QueuedSignal& entry) {
  const IrqSpinGuard guard(process.lock);
  if (process.signals.shared.withdraw(entry)) return;
  for (Thread& thread : process.threads)
    if (thread.signals.pending.withdraw(entry)) return;
}

void recalc_signals(Process& process, Thread& thread) {
  const SigSet pending = thread.signals.pending.set() | process.signals.shared.set();
  const bool ends = process.exiting || thread.signals.pending.set().has(kSigKill) ||
                    process.signals.shared.set().has(kSigKill);
  const bool stops = process.signals.stop_signal != 0 && !thread.signals.stopped;
  u32 bits = 0;
  if (ends || stops || next_signal(pending, thread.signals.blocked) != 0) bits |= sched::kSignalPending;
  if (ends) bits |= sched::kFatalSignalPending;
  thread.task->signals.store(bits, std::memory_order_relaxed);
  if (bits != 0) thread.work.fetch_or(kWorkSignal, std::memory_order_relaxed);
}

void force_signal(const SigInfo& info) {
  Thread& self = current_thread();
  Process& process = *self.process;
  const i32 sig = info.signo;
  {
    const IrqSpinGuard guard(process.lock);
    SigAction action = process.sighand->action(sig);
    if (self.signals.blocked.has(sig) || action.is_ignore()) {
      action.handler = kHandlerDefault;
      process.sighand->set_action(sig, action);
      self.signals.blocked.remove(sig);
    }
  }
  // Without memory for the entry the number alone is kept; it is fatal or handled all the same.
  (void)send(process, &self, info);
}

bool has_handler(i32 sig) {
  Thread& self = current_thread();
  const IrqSpinGuard guard(self.process->lock);
  return !self.signals.blocked.has(sig) && self.process->sighand->action(sig).is_handler();
}

bool may_signal(const Process& sender, const Process& target, i32 sig) {
  const Credentials& from = sender.credentials;
  const Credentials& to = target.credentials;
  if (from.euid == 0 || &sender == &target || (sig == kSigCont && sender.sid == target.sid)) return true;
  return from.euid == to.suid || from.euid == to.uid || from.uid == to.suid || from.uid == to.uid;
}

void send_signal_to_self(i32 sig) { (void)send_signal(current_thread(), SigInfo::from_kernel(sig)); }

} // namespace runnel::user
