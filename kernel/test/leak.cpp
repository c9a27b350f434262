// SPDX-License-Identifier: Apache-2.0
#include "kernel/test/leak.hpp"

#include "kernel/sync/rcu.hpp"
#include "kernel/task/task.hpp"
#include "kernel/time/sleep.hpp"

namespace runnel::test {
namespace {

constexpr u32 kMostNamed = 4;
// A thread that was detached rather than joined may still be on its way out, and a dead deadline task is kept
// until its share of the CPU is free again, which a timer says. CPUs that the host runs as it likes come to
// either late; what is really left behind stays for good.
constexpr u32 kRetries = 250;
constexpr Duration kRetryAfter = 2_ms;

} // namespace

void LeakCheck::rebase() {
  bury_dead_tasks();
  sync::rcu_barrier();
  memory_ = mm::memory_usage();
  threads_ = nr_tasks();
}

bool LeakCheck::is_clean(Sink& sink, std::string_view prefix) {
  mm::MemoryUsage now = mm::memory_usage();
  for (u32 i = 0; i < kRetries && !(now.same_as(memory_) && nr_tasks() == threads_); ++i) {
    if (i != 0) sleep_for(kRetryAfter);
    bury_dead_tasks();
    sync::rcu_barrier();
    now = mm::memory_usage();
  }
  const u32 threads = nr_tasks();
  if (now.same_as(memory_) && threads == threads_) return true;
  if (threads != threads_) format_to(sink, "{}{} threads, before it {}\n", prefix, threads, threads_);
  mm::describe_difference(sink, memory_, now, prefix);
  mm::describe_leaks(sink, memory_, prefix, kMostNamed);
  memory_ = now;
  threads_ = threads;
  return false;
}

} // namespace runnel::test
