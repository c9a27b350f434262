// SPDX-License-Identifier: Apache-2.0
// What tests do to the way out to user mode and see of it, in debug images.
#pragma once

#include "kernel/lib/types.hpp"

#include <atomic>

namespace runnel::user {
struct Thread;
}

namespace runnel::user::rseq {

#ifdef RUNNEL_DEBUG
struct TestPoints {
  std::atomic<u32> fault_at{0}; // in each fast path the access of this number faults, from 1; 0: none does
  std::atomic<bool> defer_at_end{
      false}; // each thread that ends asks for the deferred work of its address space (D22)
  std::atomic<i64> grant_delay{0}; // ns from the grant of an extension to the last look at its end
};
extern TestPoints test_points;

/// Around a fast path, interrupts off: what it costs is checked against E5 of the specification.
class FastPathProbe {
 public:
  FastPathProbe();
  void done() const; // it was successful
  FastPathProbe(const FastPathProbe&) = delete;
  FastPathProbe& operator=(const FastPathProbe&) = delete;

 private:
  u64 sections_before_;
};
/// One going to user memory begins (C20).
void note_window();
/// One access in it. True: it is to fault.
bool note_access();
/// The last look, nothing left to do: user memory has the ids of this CPU (E1).
void check_leaving(const Thread& self);
void delay_grant();
inline bool defers_at_end() { return test_points.defer_at_end.load(std::memory_order_relaxed); }
#else
struct FastPathProbe {
  void done() const {}
};
inline void note_window() {}
inline bool note_access() { return false; }
inline void check_leaving(const Thread&) {}
inline void delay_grant() {}
inline bool defers_at_end() { return false; }
#endif

} // namespace runnel::user::rseq
