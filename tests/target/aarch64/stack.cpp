// SPDX-License-Identifier: Apache-2.0
// A stack overflow is seen at exception entry and handled on the emergency stack.
#include "tests/target/threads.hpp"

#include <arch/cpu.hpp>
#include <arch/layout.hpp>

extern "C" runnel::u64 test_overflow_stack(); // overflow_probe.S
extern "C" const char test_overflow_store[];

namespace runnel {
namespace {

using test::TestArch;

struct Overflow {
  u64 stack_bottom = 0;
  u64 sp = 0;
  arch::Registers handled; // the frame left on the emergency stack
};

Overflow overflow_once() {
  const arch::Cpu::IrqFlags flags = arch::Cpu::irq_save();
  Overflow result;
  result.stack_bottom = align_down(arch::Cpu::frame_pointer(), arch::kStackSize);
  result.sp = test_overflow_stack();
  result.handled = reinterpret_cast<const arch::Registers*>(arch::Cpu::local().emergency_stack_top)[-1];
  arch::Cpu::irq_restore(flags);
  return result;
}

RUNNEL_TEST(aarch64_stack, overflow_is_handled_on_the_emergency_stack, .arch = TestArch::kAarch64)
{
  // Twice on each CPU: the first leaves nothing behind that breaks the second.
  test::run_on_each_cpu([](u32) {
    for (u32 i = 0; i < 2; ++i) {
      const Overflow overflow = overflow_once();
      CHECK(overflow.sp == overflow.stack_bottom - 16);
      CHECK(overflow.handled.sp() == overflow.stack_bottom - 16);
      // The fixup moved its pc past the faulting store.
      CHECK(overflow.handled.pc() > reinterpret_cast<uptr>(test_overflow_store));
      CHECK(overflow.handled.pc() < reinterpret_cast<uptr>(test_overflow_store) + 64);
    }
  });
}

RUNNEL_TEST(aarch64_stack, emergency_stacks_are_separate, .cpus = 2, .arch = TestArch::kAarch64)
{
  std::atomic<u64> tops[kMaxCpus] = {};
  test::run_on_each_cpu([&](u32 cpu) { tops[cpu].store(arch::Cpu::local().emergency_stack_top); });
  for (u32 i = 0; i < online_cpus().count(); ++i) {
    CHECK(tops[i].load() % arch::kStackSlot == 0);
    for (u32 j = 0; j < i; ++j) CHECK(tops[i].load() != tops[j].load());
  }
}

} // namespace
} // namespace runnel
