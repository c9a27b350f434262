// SPDX-License-Identifier: Apache-2.0
// The tree of processes, and finding threads and processes by number. tree_lock guards who is whose child,
// the numbers, groups and sessions; it is taken before any Process::lock.
#pragma once

#include "kernel/user/process.hpp"

namespace runnel::user {

extern constinit SpinLock tree_lock;

/// A reference to a process.
class ProcessRef {
 public:
  ProcessRef() = default;
  explicit ProcessRef(Process* adopted) : process_(adopted) {}
  ProcessRef(ProcessRef&& o) noexcept : process_(o.process_) { o.process_ = nullptr; }
  ProcessRef& operator=(ProcessRef&&) = delete;
  ~ProcessRef() {
    if (process_ != nullptr) put_process(*process_);
  }
  /// Of an empty one: takes a reference over.
  void adopt(Process* process) { process_ = process; }
  explicit operator bool() const { return process_ != nullptr; }
  Process& operator*() const { return *process_; }
  Process* operator->() const { return process_; }
  Process* release() {
    Process* const p = process_;
    process_ = nullptr;
    return p;
  }

 private:
  Process* process_ = nullptr;
};

/// The process whose parent nobody is: it adopts orphans, and what ends as its child is reaped at once.
/// Number 1, no threads.
Process& init_process();

/// Makes `process` and its first thread known: a child of `parent`, findable by number, member of its
/// parent's group and session. Takes a reference of the tree, which reaping drops.
void add_process(Process& process, Process& parent) REQUIRES(tree_lock);
/// A zombie that was waited for, or that nobody will: out of the tree, its number is free.
void remove_process(Process& process) REQUIRES(tree_lock);
void add_thread(Thread& thread) REQUIRES(tree_lock);
void remove_thread(Thread& thread) REQUIRES(tree_lock);

Process* find_process_locked(u32 pid) REQUIRES(tree_lock);
Thread* find_thread_locked(u32 tid) REQUIRES(tree_lock);
/// Also zombies; an empty one: no such process.
ProcessRef find_process(u32 pid) EXCLUDES(tree_lock);

/// Calls visit(Process&) for every process but init, zombies too, with the tree locked.
void for_each_process(void (*visit)(void*, Process&), void* context) REQUIRES(tree_lock);
template <typename Visit> void for_each_process(Visit visit) REQUIRES(tree_lock) {
  for_each_process([](void* context, Process& p) { (*static_cast<Visit*>(context))(p); }, &visit);
}
u32 nr_processes() REQUIRES(tree_lock);

/// All threads of `process` are gone: its children find a new parent, it becomes a zombie and its parent is
/// told, or it is reaped at once (spec clone_ns 8.1, 8.3).
void bury(Process& process) EXCLUDES(tree_lock);

} // namespace runnel::user
