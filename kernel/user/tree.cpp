// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/tree.hpp"

#include "kernel/user/signal/signal.hpp"
#include "kernel/user/wait.hpp"

namespace runnel::user {

constinit SpinLock tree_lock{LockRank::kProcessTree};

namespace {

constexpr u32 kBuckets = 256;
using ProcessList = List<Process, &Process::by_pid>;
using ThreadList = List<Thread, &Thread::by_tid>;

struct Tables {
  ProcessList processes[kBuckets];
  ThreadList threads[kBuckets];
  u32 nr_processes = 0;
};
constinit Tables tables;

ProcessList& processes_of(u32 pid) { return tables.processes[pid % kBuckets]; }
ThreadList& threads_of(u32 tid) { return tables.threads[tid % kBuckets]; }

constinit Process init;

/// Who adopts the children of `process`: the nearest ancestor that asked for it, else init.
Process& adopter_of(Process& process) REQUIRES(tree_lock) {
  for (Process* p = process.parent; p != nullptr && p != &init; p = p->parent)
    if (p->is_subreaper && p->state == ProcessState::kAlive) return *p;
  return init_process();
}

/// Whether a child that ends is reaped without being waited for, and whether its parent hears of it.
struct Farewell {
  bool reap = false;
  i32 signal = 0; // 0: none
};
Farewell farewell_of(const Process& process) REQUIRES(tree_lock) {
  Process& parent = *process.parent;
  if (&parent == &init || process.autoreap) return {.reap = true};
  if (process.exit_signal != kSigChld) return {.signal = process.exit_signal};
  const SigAction action = parent.sighand->action(kSigChld);
  if (action.is_ignore()) return {.reap = true};
  return {.reap = (action.flags & kSaNoChildWait) != 0, .signal = kSigChld};
}

SigInfo death_info(Process& process, i32 sig) {
  constexpr u64 kClockTick = 10'000'000;
  const i32 by = process.exit_status & 0x7f;
  SigInfo info = SigInfo::from_child(by == 0 ? kCldExited : kCldKilled, process.pid, process.credentials.uid,
                                     by == 0 ? process.exit_status >> 8 & 0xff : by);
  info.signo = sig;
  const CpuTimes used = process.cpu.times();
  info.child.utime = static_cast<i64>(used.user / kClockTick);
  info.child.stime = static_cast<i64>(used.system / kClockTick);
  return info;
}

/// PR_SET_PDEATHSIG of a child whose parent ends.
void send_death_signals(Process& child) REQUIRES(tree_lock) {
  u64 wanted = 0;
  {
    const IrqSpinGuard guard(child.lock);
    for (const Thread& thread : child.threads)
      if (const u32 sig = thread.controls.death_signal; sig != 0) wanted |= u64{1} << (sig - 1);
  }
  for (; wanted != 0; wanted &= wanted - 1)
    static_cast<void>(send_signal(child, SigInfo::from_kernel(std::countr_zero(wanted) + 1)));
}

/// A zombie tells its parent, old or new. True: nobody will wait for it; it is out of the tree.
bool tell_parent(Process& process) REQUIRES(tree_lock) {
  const Farewell farewell = farewell_of(process);
  if (farewell.signal != 0) (void)send_signal(*process.parent, death_info(process, farewell.signal));
  process.parent->child_events.wake_all();
  if (farewell.reap) remove_process(process);
  return farewell.reap;
}

} // namespace

Process& init_process() {
  init.pid = 1; // it has no constructor that could say so, and this is the only way to it
  return init;
}

void add_process(Process& process, Process& parent) {
  get_process(process);
  process.parent = &parent;
  parent.children.push_back(process);
  processes_of(process.pid).push_back(process);
  ++tables.nr_processes;
}

void remove_process(Process& process) {
  process.state = ProcessState::kReaped;
  process.parent->children.erase(process);
  process.parent = nullptr;
  processes_of(process.pid).erase(process);
  --tables.nr_processes;
  process.death_watchers.wake(fs::kPollReadable | fs::kPollHup);
}

void add_thread(Thread& thread) { threads_of(thread.tid()).push_back(thread); }
void remove_thread(Thread& thread) {
  if (thread.by_tid.is_linked()) ThreadList::erase(thread);
}

Process* find_process_locked(u32 pid) {
  for (Process& process : processes_of(pid))
    if (process.pid == pid) return &process;
  return nullptr;
}

Thread* find_thread_locked(u32 tid) {
  for (Thread& thread : threads_of(tid))
    if (thread.tid() == tid) return &thread;
  return nullptr;
}

ProcessRef find_process(u32 pid) {
  const SpinGuard guard(tree_lock);
  Process* const found = find_process_locked(pid);
  if (found != nullptr) get_process(*found);
  return ProcessRef(found);
}

void for_each_process(void (*visit)(void*, Process&), void* context) {
  for (ProcessList& bucket : tables.processes)
    for (Process& process : bucket) visit(context, process);
}

u32 nr_processes() { return tables.nr_processes; }

void bury(Process& process) {
  ProcessList reaped; // their references are dropped without the lock
  {
    const SpinGuard guard(tree_lock);
    Process& adopter = adopter_of(process);
    while (Process* child = process.children.pop_front()) {
      send_death_signals(*child);
      child->parent = &adopter;
      child->exit_signal = kSigChld;
      adopter.children.push_back(*child);
      if (child->state == ProcessState::kZombie && tell_parent(*child)) reaped.push_back(*child);
    }
    process.state = ProcessState::kZombie;
    // What a pidfd can be asked about an autoreaped process is there before anyone is woken (AR7).
    process.exited.complete_all();
    if (process.parent != nullptr && tell_parent(process)) reaped.push_back(process);
    process.death_watchers.wake(fs::kPollReadable);
  }
  while (Process* gone = reaped.pop_front()) put_process(*gone);
}

} // namespace runnel::user
