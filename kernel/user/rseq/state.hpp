// SPDX-License-Identifier: Apache-2.0
// What a thread has of rseq besides its event word (sched/rseq_event.hpp).
#pragma once

#include "kernel/user/rseq/abi.hpp"

namespace runnel::user::rseq {

/// What was last stored to user memory; cpu_id_start is cpu again.
struct Ids {
  u32 cpu = kCpuUninitialised;
  u32 node = 0;
  u32 cid = 0;
};

/// Time slice extension (spec rseq_mm_cid 5).
struct Slice {
  bool enabled = false;
  bool granted = false;
  bool yielded = false;
  Instant expires;
};

/// Only the thread itself touches it.
struct State {
  u64 area = 0; // user address of its struct rseq; 0: none is registered
  u32 length = 0;
  u32 signature = 0;
  Ids ids;
  bool torn = false;   // some were stored, then an access faulted: they are not what was stored last
  bool behind = false; // they could not be stored: it has a SIGSEGV for that
  Slice slice;
};

} // namespace runnel::user::rseq
