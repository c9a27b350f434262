// SPDX-License-Identifier: Apache-2.0
// Words in an address space, waited for and woken by threads of the kernel, for the tests of futexes.
#pragma once

#include "kernel/user/calls.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/futex/exit.hpp"
#include "kernel/user/futex/queue.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/thread.hpp"
#include "kernel/user/uaccess.hpp"
#include "tests/target/rt_tasks.hpp"
#include "tests/target/threads.hpp"
#include "tests/target/user_space.hpp"

namespace runnel::user {

using test::LivesIn;
using test::Space;
using test::Threads;

inline constexpr u32 kPrivateWait = kFutexWait | kFutexPrivate;
inline constexpr u32 kPrivateWake = kFutexWake | kFutexPrivate;

inline void set_word(u64 at, u32 value) { CHECK(store_user<u32>(at, value).has_value()); }
inline u32 word(u64 at) {
  const auto value = load_user<u32>(at);
  CHECK(value.has_value());
  return value ? *value : 0;
}
inline i64 wake(u64 at, i32 most, u32 flags = kFutexPrivate) {
  return sys_futex(at, kFutexWake | flags, static_cast<u32>(most), 0, 0, 0);
}
/// A struct timespec at `at`.
inline void set_time(u64 at, u64 ns) { CHECK(write_user(at, to_timespec(ns)).has_value()); }

/// Until the thread sleeps where a signal would reach it: it is queued at its word.
inline void wait_until_asleep(const Task& task) {
  while (task.state.load() != sched::kInterruptible) yield();
}

/// Wakes until `n` were woken: those who are to wait may not yet be there.
inline void wake_when_there(u64 at, u32 n, u32 flags = kFutexPrivate) {
  for (u32 woken = 0; woken < n;) {
    const i64 now = wake(at, 1, flags);
    REQUIRE(now >= 0);
    woken += static_cast<u32>(now);
    yield();
  }
}

/// A list of entries of 16 bytes {next, word} from head + 24 on.
inline void make_robust_list(u64 head, u32 count, u64 pending) {
  for (u32 i = 0; i < count; ++i) {
    const u64 next = i + 1 == count ? head : head + 24 + u64{16} * (i + 1);
    CHECK(write_user(head + 24 + u64{16} * i, next).has_value());
  }
  const u64 fields[3] = {count == 0 ? head : head + 24, 8, pending};
  CHECK(copy_to_user(head, fields, sizeof fields).has_value());
}

} // namespace runnel::user
