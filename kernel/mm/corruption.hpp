// SPDX-License-Identifier: Apache-2.0
// What the allocators say when somebody damaged memory or freed what was not theirs to free.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::mm {

struct Corruption {
  const char* what = "";         // "double free", "write past the end", ...
  const void* address = nullptr; // object or page concerned
  u64 size = 0;                  // its size class or block size in bytes; 0 when not known
  u64 offset = 0;                // of the first damaged byte from `address`, where there is one
  uptr allocated_by = 0;         // code addresses, where known (debug images)
  uptr freed_by = 0;
};

/// Panics with all of it. With a hook installed calls that instead and returns; the allocator then leaves the
/// damaged object alone (it is never handed out again).
void report_corruption(const Corruption& corruption);

/// For tests that do damage on purpose: reports go to `hook`, nullptr restores the panic. Returns the one
/// before.
using CorruptionHook = void (*)(const Corruption& corruption);
CorruptionHook set_corruption_hook(CorruptionHook hook);

} // namespace runnel::mm
