// SPDX-License-Identifier: Apache-2.0
// Signals: sending, and what happens to them on the way to user mode (spec linux_abi 5).
#pragma once

#include "kernel/user/process.hpp"
#include "kernel/user/signal/siginfo.hpp"
#include "kernel/user/signal/state.hpp"

#include <optional>

namespace runnel::user {

/// Sends info.signo to a process: one of its threads that does not block it takes it. Success also when it is
/// ignored, merged with one that is pending, or the process is a zombie. kAGAIN: a real-time signal with a
/// user's own information, and no room for it. Any context.
Result<> send_signal(Process& process, const SigInfo& info);
/// The same to one thread. The caller keeps it from going away.
Result<> send_signal(Thread& thread, const SigInfo& info);
/// From a timer, to the thread `tid` of the process or, 0, to whichever takes it: `entry` is queued itself,
/// and entry.taken is called when it is off the queue again. Nothing happens while it is still queued
/// (false). Any context.
bool send_signal_entry(Process& process, u32 tid, QueuedSignal& entry);
/// Off its queue; its `taken` is not called.
void withdraw_signal(Process& process, QueuedSignal& entry);

/// A signal that the current thread's last instruction caused: it cannot be blocked or ignored away, the
/// process ends instead.
void force_signal(const SigInfo& info);
/// A fault's signal would run a handler of the current thread: there is one, and it is not blocked.
bool has_handler(i32 sig);
/// A signal of the kernel's to the current thread: SIGPIPE.
void send_signal_to_self(i32 sig);

inline bool signal_pending() { return current_task().signal_pending(); }

/// Process::lock held: brings the flag that ends sleeps up to date after `blocked` or a queue changed.
void recalc_signals(Process& process, Thread& thread) REQUIRES(process.lock);

/// On the way to user mode: stops, ends the process, builds frames of handlers, restarts the system call.
/// Interrupts on. Does not return when the process ends.
void deliver_signals(arch::UserRegs& regs);

/// Takes the next pending signal of `which` off, if there is one. Process::lock held.
std::optional<SigInfo> dequeue_signal(Process& process, Thread& self, SigSet which) REQUIRES(process.lock);

/// The thread's mask becomes `mask` now.
void set_blocked(SigSet mask);
/// For a call that waits under another mask (sigsuspend, ppoll, pselect, epoll_pwait): `mask` holds until the
/// call is over, also for the signal that ends it, which is delivered before the old one comes back.
void set_temporary_mask(SigSet mask);
/// The call ended without a signal.
void restore_mask();

/// What is pending of these is thrown away, of the process and of all its threads. Its lock held.
void discard_signals(Process& process, SigSet which) REQUIRES(process.lock);
/// `sig` became ignored: as above. No lock.
void discard_signal(Process& process, i32 sig);
/// Whether `sender` may send `sig` to `target`: root, the same user, or SIGCONT within a session.
bool may_signal(const Process& sender, const Process& target, i32 sig);

/// Throws away everything pending (a thread or process that ends, is freed). No lock.
void flush_signals(Thread& thread);
void flush_signals(Process& process);

/// Of stop.cpp. While a stop is under way the current thread sleeps until it is over.
void take_part_in_stop(Thread& self) EXCLUDES(self.process->lock);
void begin_stop(Process& process, i32 sig) REQUIRES(process.lock);
/// SIGCONT or SIGKILL was sent. True: the parent is to be told.
bool end_stop(Process& process) REQUIRES(process.lock);
/// A thread leaves the process for ever: a stop must not wait for it. True: the stop is complete by that.
bool leave_stop(Process& process, Thread& thread) REQUIRES(process.lock);

} // namespace runnel::user
