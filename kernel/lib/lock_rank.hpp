// SPDX-License-Identifier: Apache-2.0
// The written lock order: a lock may be taken only while every lock already held has a smaller rank (is
// further out). There is no "none": a lock without a place in this list cannot be made. Debug images check it
// (lockdep.hpp).
#pragma once

#include "kernel/lib/types.hpp"

#include <string_view>

namespace runnel::sync {

enum class LockRank : u8 {
  // Sleeping locks, outermost: taken with nothing else held but each other.
  kMutexOuter, // a mutex that is held while another mutex is taken
  kMutex,
  // Spinlocks.
  kTaskList,
  kMmList,      // all address spaces
  kProcessTree, // who is whose child, numbers, groups
  kProcess,     // threads and end of a process
  kSighand,     // what a process does with each signal
  kFiles,       // a process's descriptor table; nothing is allocated under it
  kVmap,        // before the page tables it changes and the pages it takes
  kPageTable,
  kKmalloc,    // slab lists; refill takes pages
  kZone,       // buddy
  kRcu,        // callback lists; never allocates
  kWorkload,   // objects of a running workload; wake-ups are made under it, never in an interrupt
  kFileObject, // state of a small file object (eventfd, timerfd, ...); its poll queue is woken under it
  kPoll,       // who waits for a file; callbacks and wake-ups are made under it
  kEpoll,      // ready list of an epoll set, from its callback
  kFutex,      // waiters for words of user memory; two: lower address first; wake-ups are made under it
  kWaitQueue,  // wake-ups are made under it
  kCompletion,
  kCpuTime,    // processor time of a process and its timers; its threads are measured under it
  kPi,         // task.pi_lock (spec sched_core L1); nothing allocates from here inwards
  kStopper,    // per-CPU stopper work list; waking the stopper is done outside
  kRq,         // two runqueues: lower CPU number first (L2)
  kMmCid,      // limits and users of an address space's concurrency ids
  kRootDomain, // what the CPUs of a root domain share: deadline bandwidth, latest deadlines
  kMutexWait,  // mutex.wait_lock
  kBlocked,    // task.pi.blocked_lock: end of the mutex chain (L1)
  kTimerBase,
  kCallFunction,
  kIrqChip,
  kTrace,
  kConsole, // innermost: printk works everywhere
  kCount,
};

constexpr std::string_view to_string(LockRank rank) {
  constexpr std::string_view kNames[] = {
      "mutex-outer", "mutex",   "task-list",  "mm-list", "process-tree", "process",    "sighand",
      "files",       "vmap",    "page-table", "kmalloc", "zone",         "rcu",        "workload",
      "file-object", "poll",    "epoll",      "futex",   "wait-queue",   "completion", "cpu-time",
      "pi",          "stopper", "rq",         "mm-cid",  "root-domain",  "mutex-wait", "blocked",
      "timer-base",  "call-fn", "irqchip",    "trace",   "console"};
  static_assert(sizeof kNames / sizeof kNames[0] == static_cast<usize>(LockRank::kCount));
  return kNames[static_cast<usize>(rank)];
}

} // namespace runnel::sync
