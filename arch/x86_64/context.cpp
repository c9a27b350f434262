// SPDX-License-Identifier: Apache-2.0
// The frame a new thread is switched to.
#include <arch/context.hpp>

extern "C" void runnel_thread_entry();

namespace runnel::arch {
namespace {

/// As runnel_context_switch pops it, then what lies above its return address.
struct SwitchFrame {
  u64 saved[6]; // r15, r14, r13, r12, rbx, rbp
  u64 return_address;
  u64 end_of_backtrace[2]; // and keep the stack aligned for the call in runnel_thread_entry
};

} // namespace

void context_init(Context& context, VirtAddr stack_top) {
  context.sp = align_down(stack_top.value, 16) - sizeof(SwitchFrame);
  auto* frame = reinterpret_cast<SwitchFrame*>(context.sp);
  *frame = {};
  frame->return_address = reinterpret_cast<u64>(&runnel_thread_entry);
}

} // namespace runnel::arch
