// SPDX-License-Identifier: Apache-2.0
// Tests that end badly, each in its own way, to show (and let the end-to-end tests check) what becomes of it.
// None is run unless its name is given.
#include "kernel/debug/panic.hpp"
#include "kernel/log/log.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/smp/call.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/completion.hpp"
#include "kernel/test/test.hpp"

namespace runnel {
namespace {

using test::Select;

[[noreturn]] void spin() {
  for (;;) arch::Cpu::relax();
}

[[noreturn]] void spin_irqs_off(void* = nullptr) {
  arch::Cpu::irq_disable();
  spin();
}

constinit std::atomic<u32> waiting{0};

u32 recurse(volatile u32* outer) {
  volatile u32 here[64] = {};
  here[0] = *outer + 1;
  if (here[0] == 0) return 0; // after four billion frames
  return recurse(here) + here[0];
}

} // namespace

RUNNEL_TEST(demo, fail, .select = Select::kOnlyByName)
{
  const u32 apples = 3, pears = 4;
  CHECK(apples == pears);
  REQUIRE(apples > pears);
}

RUNNEL_TEST(demo, panic, .select = Select::kOnlyByName)
{
  panic("demo: {} is not {}", 1, 2);
}

RUNNEL_TEST(demo, bug, .select = Select::kOnlyByName)
{
  const u32 nobody = 0;
  RUNNEL_BUG_ON(nobody == 0);
}

RUNNEL_TEST(demo, hang_irqs_on, .limit = 200_ms, .select = Select::kOnlyByName)
{
  spin();
}

RUNNEL_TEST(demo, hang_irqs_off, .cpus = 2, .limit = 60_s, .select = Select::kOnlyByName)
{
  spin_irqs_off();
}

RUNNEL_TEST(demo, hang_asleep, .limit = 200_ms, .select = Select::kOnlyByName)
{
  Completion never;
  never.wait();
}

RUNNEL_TEST(demo, leak, .select = Select::kOnlyByName)
{
  void* lost = kmalloc(100);
  CHECK(lost != nullptr);
}

RUNNEL_TEST(demo, fault, .select = Select::kOnlyByName)
{
  *reinterpret_cast<volatile u64*>(u64{0x10}) = 1;
}

RUNNEL_TEST(demo, call_to_nowhere, .select = Select::kOnlyByName)
{
  void (*volatile nowhere)() = nullptr;
  nowhere();
}

RUNNEL_TEST(demo, stack_overflow, .select = Select::kOnlyByName)
{
  volatile u32 start = 0;
  CHECK(recurse(&start) != 0);
}

RUNNEL_TEST(demo, panic_with_console_locked, .select = Select::kOnlyByName)
{
  log::RawBlock block;
  block.write("this line is cut by the pan");
  panic("demo: the console's lock is held");
}

RUNNEL_TEST(demo, panic_in_panic, .select = Select::kOnlyByName)
{
  // The text of the panic is itself a trap: reading it faults in the middle of the report.
  panic("demo: unreadable text follows: {}", std::string_view(reinterpret_cast<const char*>(u64{0x1000}), 8));
}

RUNNEL_TEST(demo, panic_everywhere, .cpus = 2, .select = Select::kOnlyByName)
{
  waiting.store(online_cpus().count());
  call_function(
      online_cpus(),
      [](void*) {
        waiting.fetch_sub(1);
        while (waiting.load() != 0) arch::Cpu::relax();
        panic("demo: every CPU panics, this is cpu {}", arch::Cpu::this_cpu());
      },
      nullptr, Wait::kYes);
}

RUNNEL_TEST(demo, silent, .select = Select::kOnlyByName)
{
  // Every CPU with interrupts off: nobody is left to notice in here.
  call_function(~CpuMask::of(arch::Cpu::this_cpu()), spin_irqs_off, nullptr, Wait::kNo);
  spin_irqs_off();
}

} // namespace runnel
