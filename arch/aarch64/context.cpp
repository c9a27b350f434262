// SPDX-License-Identifier: Apache-2.0
// The frame a new thread is switched to.
#include <arch/context.hpp>

extern "C" void runnel_thread_entry();

namespace runnel::arch {
namespace {

/// As runnel_context_switch pops it.
struct SwitchFrame {
  u64 x29, x30;
  u64 x19_to_x28[10];
};
static_assert(sizeof(SwitchFrame) == 96);

} // namespace

void context_init(Context& context, VirtAddr stack_top) {
  context.sp = align_down(stack_top.value, 16) - sizeof(SwitchFrame);
  auto* frame = reinterpret_cast<SwitchFrame*>(context.sp);
  *frame = {};
  frame->x30 = reinterpret_cast<u64>(&runnel_thread_entry);
}

} // namespace runnel::arch
