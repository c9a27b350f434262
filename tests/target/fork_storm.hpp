// SPDX-License-Identifier: Apache-2.0
// Threads that change an address space while it is forked.
#pragma once

#include "kernel/sync/rcu.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"
#include "tests/target/user_space.hpp"

namespace runnel::test {

/// Runs work(i) in `workers` threads that live in `space`; meanwhile another one forks it at this interval
/// and lets the copy go. What went wrong in all: forks that failed, and what `work` returns.
template <typename Work> u32 run_beside_forks(Space& space, u32 workers, Duration interval, Work&& work) {
  std::atomic<u32> wrong{0};
  std::atomic<u32> working{workers};
  run_threads(workers + 1, [&](u32 i) {
    if (i < workers) {
      const LivesIn here(*space);
      wrong.fetch_add(work(i));
      working.fetch_sub(1);
      return;
    }
    while (working.load() != 0) {
      const Result<user::Mm*> child = space->fork();
      if (!child)
        wrong.fetch_add(1);
      else
        (*child)->put();
      sleep_for(interval);
    }
  });
  return wrong.load();
}

/// Ends `space`: pages and tables are as many as before it.
inline void end_without_rest(Space& space, const MemoryUsage& before) {
  space.end();
  sync::rcu_barrier();
  CHECK(memory_usage().user_pages == before.user_pages);
  CHECK(memory_usage().user_tables == before.user_tables);
}

} // namespace runnel::test
