// SPDX-License-Identifier: Apache-2.0
#include "sched/sim/fiber.hpp"

#include <algorithm>
#include <boost/context/detail/fcontext.hpp>
#include <memory>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RUNNEL_SIM_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#endif

namespace runnel::sim {
namespace {

namespace bc = boost::context::detail;

#ifdef RUNNEL_SIM_ASAN
constexpr usize kStackSize = usize{256} << 10; // frames grow several times under the sanitizers
#else
constexpr usize kStackSize = usize{64} << 10;
#endif
constexpr usize kStacksASlab = 64;
constexpr u64 kGuardWord = 0x5afe'57ac'5afe'57ac;
constexpr usize kGuardWords = 8;

/// Stacks are made in slabs and kept for the next simulation; untouched pages cost nothing.
struct StackPool {
  std::vector<std::unique_ptr<std::byte[]>> slabs;
  std::vector<std::byte*> free;

  std::byte* take() {
    if (free.empty()) {
      slabs.emplace_back(new std::byte[kStackSize * kStacksASlab]);
      for (usize i = kStacksASlab; i-- != 0;) free.push_back(slabs.back().get() + i * kStackSize);
    }
    std::byte* stack = free.back();
    free.pop_back();
    return stack;
  }
};

StackPool& pool() {
  static StackPool instance;
  return instance;
}

/// First code after a switch, on the stack that was switched to.
void arrived(Fiber& self, bc::transfer_t transfer) {
  Fiber& from = *static_cast<Fiber*>(transfer.data);
#ifdef RUNNEL_SIM_ASAN
  const void* bottom = nullptr;
  usize size = 0;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &size);
  if (from.stack == nullptr) { // the host's own stack: now its bounds are known
    from.stack = static_cast<std::byte*>(const_cast<void*>(bottom));
    from.stack_size = size;
  }
#endif
  from.context = transfer.fctx;
  self.context = nullptr;
}

Fiber* starting; // handed to the first code of a new fiber

void first_code(bc::transfer_t transfer) {
  Fiber& self = *starting;
  arrived(self, transfer);
  self.entry(self);
  __builtin_trap();
}

} // namespace

void fiber_create(Fiber& fiber, void (*entry)(Fiber&)) {
  fiber.stack = pool().take();
  fiber.stack_size = kStackSize;
#ifdef RUNNEL_SIM_ASAN
  __asan_unpoison_memory_region(fiber.stack, kStackSize); // its last user may have been abandoned in mid-call
#endif
  std::fill_n(reinterpret_cast<u64*>(fiber.stack), kGuardWords, kGuardWord);
  fiber.entry = entry;
  fiber.context = bc::make_fcontext(fiber.stack + kStackSize, kStackSize, first_code);
}

void fiber_destroy(Fiber& fiber) {
  if (fiber.stack == nullptr) return;
  pool().free.push_back(fiber.stack);
  fiber.stack = nullptr;
  fiber.context = nullptr;
}

void fiber_switch(Fiber& from, Fiber& to) {
  starting = &to;
#ifdef RUNNEL_SIM_ASAN
  __sanitizer_start_switch_fiber(nullptr, to.stack, to.stack_size);
#endif
  arrived(from, bc::jump_fcontext(to.context, &from));
}

bool fiber_stack_intact(const Fiber& fiber) {
  return fiber.stack_size != kStackSize ||
         std::all_of(reinterpret_cast<const u64*>(fiber.stack),
                     reinterpret_cast<const u64*>(fiber.stack) + kGuardWords,
                     [](u64 word) { return word == kGuardWord; });
}

} // namespace runnel::sim
