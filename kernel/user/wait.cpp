// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/wait.hpp"

#include "kernel/user/signal/signal.hpp"
#include "kernel/user/tree.hpp"

namespace runnel::user {
namespace {

bool is_meant(const Process& child, const WaitRequest& request) REQUIRES(tree_lock) {
  switch (request.what) {
  case WaitFor::kAny:
    break;
  case WaitFor::kPid:
    if (child.pid != request.id) return false;
    break;
  case WaitFor::kGroup:
    if (child.pgid != request.id) return false;
    break;
  case WaitFor::kProcess:
    if (&child != request.process) return false;
    break;
  }
  // A "clone" child is one whose end is not told by SIGCHLD.
  if ((request.options & kWAll) != 0) return true;
  return ((request.options & kWClone) != 0) == (child.exit_signal != kSigChld);
}

void describe_end(const Process& child, WaitOutcome& outcome) {
  const i32 by = child.exit_status & 0x7f;
  outcome.code = by == 0 ? kCldExited : kCldKilled;
  outcome.status = by == 0 ? child.exit_status >> 8 & 0xff : by;
  outcome.word = child.exit_status;
}

/// A stop or continuation that was not reported yet.
bool take_stop_event(Process& child, u32 options, WaitOutcome& outcome) REQUIRES(tree_lock) {
  const IrqSpinGuard guard(child.lock);
  ProcessSignals& signals = child.signals;
  if (signals.event == StopEvent::kStopped && (options & kWStopped) != 0) {
    outcome.code = kCldStopped;
    outcome.status = signals.stop_signal;
    outcome.word = signals.stop_signal << 8 | 0x7f;
  } else if (signals.event == StopEvent::kContinued && (options & kWContinued) != 0) {
    outcome.code = kCldContinued;
    outcome.status = kSigCont;
    outcome.word = 0xffff;
  } else {
    return false;
  }
  if ((options & kWNoWait) == 0) signals.event = StopEvent::kNone;
  return true;
}

enum class Look : u8 { kFound, kNothingYet, kNoChild };

/// One look at the children. `reaped` is out of the tree then, its reference the caller's.
Look look(Process& self, const WaitRequest& request, WaitOutcome& outcome, Process*& reaped) {
  const SpinGuard guard(tree_lock);
  bool any = false;
  for (Process& child : self.children) {
    if (!is_meant(child, request)) continue;
    any = true;
    const bool ended = child.state == ProcessState::kZombie && (request.options & kWExited) != 0;
    if (!ended && !take_stop_event(child, request.options, outcome)) continue;
    outcome.pid = child.pid;
    outcome.uid = child.credentials.uid;
    outcome.usage = usage_of(child);
    if (!ended) return Look::kFound;
    describe_end(child, outcome);
    if ((request.options & kWNoWait) != 0) return Look::kFound;
    self.children_times += outcome.usage.own;
    self.children_times += outcome.usage.children;
    remove_process(child);
    reaped = &child;
    return Look::kFound;
  }
  return any ? Look::kNothingYet : Look::kNoChild;
}

} // namespace

Usage usage_of(Process& process) { return {process.cpu.times(), process.children_times}; }

Result<WaitOutcome> wait_for_child(const WaitRequest& request) {
  Process& self = current_process();
  WaitOutcome outcome;
  Process* reaped = nullptr;
  Look seen = Look::kNothingYet;
  const auto settled = [&] {
    seen = look(self, request, outcome, reaped);
    return seen != Look::kNothingYet || (request.options & kWNoHang) != 0;
  };
  if (self.child_events.wait_interruptible(settled) == WaitResult::kInterrupted) return err(Errno::kINTR);
  if (reaped != nullptr) put_process(*reaped);
  if (seen == Look::kNoChild) return err(Errno::kCHILD);
  return outcome;
}

void notify_parent_of_stop(Process& process) {
  const SpinGuard guard(tree_lock);
  Process* const parent = process.parent;
  if (parent == nullptr || parent == &init_process()) return;
  i32 code = kCldContinued;
  i32 status = kSigCont;
  {
    const IrqSpinGuard state(process.lock);
    if (process.signals.is_stopped) {
      code = kCldStopped;
      status = process.signals.stop_signal;
    }
  }
  const SigAction action = parent->sighand->action(kSigChld);
  if (!action.is_ignore() && (action.flags & kSaNoChildStop) == 0)
    (void)send_signal(*parent, SigInfo::from_child(code, process.pid, process.credentials.uid, status));
  parent->child_events.wake_all();
}

} // namespace runnel::user
