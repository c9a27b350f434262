// SPDX-License-Identifier: Apache-2.0
// Is an instruction within a critical section (spec rseq_mm_cid 2.3, 2.4)? Sums that wrap are part of the
// question.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::user::rseq {

struct Section {
  u64 start = 0, size = 0, abort = 0;
};

constexpr bool is_in_user_space(u64 abort, u64 user_end) { return abort < user_end && abort >= sizeof(u32); }

/// [start, start + size), unsigned: what is before the start is far behind the end. A size of 0 holds
/// nothing.
constexpr bool is_within(const Section& s, u64 pc) { return pc - s.start < s.size; }

enum class StrictRange : u8 { kOutside, kInside, kStartsBeyond, kEndsBeyond };

/// rseq=strict: the section must lie in user space when the thread may be in it.
constexpr StrictRange strict_range(const Section& s, u64 pc, u64 user_end) {
  if (s.start >= user_end) return StrictRange::kStartsBeyond;
  if (pc < s.start) return StrictRange::kOutside;
  const u64 end = s.start + s.size;
  if (end < s.start || end >= user_end) return StrictRange::kEndsBeyond;
  return pc < end ? StrictRange::kInside : StrictRange::kOutside;
}

} // namespace runnel::user::rseq
