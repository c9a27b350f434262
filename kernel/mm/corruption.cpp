// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/corruption.hpp"

#include "kernel/debug/panic.hpp"

#include <atomic>

namespace runnel::mm {
namespace {
constinit std::atomic<CorruptionHook> test_hook{nullptr};
} // namespace

void report_corruption(const Corruption& c) {
  if (const CorruptionHook hook = test_hook.load(std::memory_order_acquire)) return hook(c);
  panic("memory: {}: {} (block of {} bytes), offset {}, allocated by {}, freed by {}", c.what, c.address,
        c.size, c.offset, reinterpret_cast<const void*>(c.allocated_by),
        reinterpret_cast<const void*>(c.freed_by));
}

CorruptionHook set_corruption_hook(CorruptionHook hook) {
  return test_hook.exchange(hook, std::memory_order_acq_rel);
}

} // namespace runnel::mm
