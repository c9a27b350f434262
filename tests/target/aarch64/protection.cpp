// SPDX-License-Identifier: Apache-2.0
// PAN, WXN, the missing lower half, alignment: each proved by the fault, and by the same access without the
// cause.
#include "kernel/irq/irq_work.hpp"
#include "kernel/test/test.hpp"
#include "tests/target/aarch64/probes.hpp"

#include <arch/cpu.hpp>

namespace runnel {
namespace {

using arch::Access;
using arch::FaultKind;
using test::BentPage;
using test::TestArch;

constexpr u32 kRet = 0xd65f03c0; // RET

/// Makes what was written at `code` visible to instruction fetches of this and every other CPU.
void sync_instructions(const volatile void* code) {
  asm volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(code) : "memory");
}

void call(const volatile void* code) { reinterpret_cast<void (*)()>(reinterpret_cast<uptr>(code))(); }

RUNNEL_TEST(aarch64_protection, pan_forbids_memory_of_user_mode, .arch = TestArch::kAarch64)
{
  BentPage page;
  REQUIRE(page.valid());
  page.words()[0] = 0x1234;
  page.set(test::kEntryUser);
  const auto read = test::faults([&] { static_cast<void>(page.words()[0]); });
  const auto write = test::faults([&] { page.words()[0] = 0x5678; });
  u32 seen = 0;
  // Without PAN the same read is allowed: nothing else was in the way. (New threads start with PAN as this
  // one has.)
  const auto allowed = test::faults([&] {
    asm volatile("msr pan, #0" ::: "memory");
    seen = page.words()[0];
    asm volatile("msr pan, #1" ::: "memory");
  });
  REQUIRE(read.has_value());
  CHECK(read->kind == FaultKind::kPage);
  CHECK(read->access == Access::kRead);
  CHECK(read->present);
  CHECK(read->address == reinterpret_cast<uptr>(page.words()));
  REQUIRE(write.has_value());
  CHECK(write->kind == FaultKind::kPage);
  CHECK(write->access == Access::kWrite);
  CHECK(!allowed.has_value());
  CHECK(seen == 0x1234);
}

struct PanProbe : irq::IrqWork {
  std::atomic<u64> runs{0}, pan{0};
};

RUNNEL_TEST(aarch64_protection, pan_is_set_in_exceptions_and_given_back, .arch = TestArch::kAarch64)
{
  PanProbe probe;
  probe.fn = [](irq::IrqWork& work) {
    auto& self = static_cast<PanProbe&>(work);
    self.pan.store(test::read_pan());
    self.runs.fetch_add(1);
  };
  CHECK(test::read_pan() != 0);
  const arch::Cpu::IrqFlags flags = arch::Cpu::irq_save();
  const bool queued = irq::irq_work_queue(probe);
  asm volatile("msr pan, #0" ::: "memory");
  arch::Cpu::irq_restore(flags); // the interrupt comes here
  while (probe.runs.load() == 0) arch::Cpu::relax();
  const u64 after = test::read_pan();
  asm volatile("msr pan, #1" ::: "memory");
  CHECK(queued);
  CHECK(probe.pan.load() != 0);
  CHECK(after == 0);
}

RUNNEL_TEST(aarch64_protection, wxn_makes_writable_memory_unexecutable, .arch = TestArch::kAarch64)
{
  BentPage page;
  REQUIRE(page.valid());
  page.words()[0] = kRet;
  sync_instructions(page.words());
  const auto pxn = test::faults([&] { call(page.words()); });
  page.clear(test::kEntryNoExecute); // writable, and nothing in the entry against executing
  const auto wxn = test::faults([&] { call(page.words()); });
  page.set(test::kEntryReadOnly);
  const auto allowed = test::faults([&] { call(page.words()); });
  for (const auto& fault : {pxn, wxn}) {
    REQUIRE(fault.has_value());
    CHECK(fault->kind == FaultKind::kPage);
    CHECK(fault->access == Access::kExecute);
    CHECK(fault->present);
    CHECK(fault->address == reinterpret_cast<uptr>(page.words()));
  }
  CHECK(!allowed.has_value());
}

RUNNEL_TEST(aarch64_protection, lower_half_is_not_translated, .arch = TestArch::kAarch64)
{
  // The identity map of the start lies there.
  const auto mapping = kernel_page_table().query({reinterpret_cast<uptr>(&call)});
  REQUIRE(mapping.has_value());
  const auto fault =
      test::faults([&] { static_cast<void>(*reinterpret_cast<volatile u32*>(mapping->phys.value)); });
  REQUIRE(fault.has_value());
  CHECK(fault->kind == FaultKind::kPage);
  CHECK(!fault->present);
}

RUNNEL_TEST(aarch64_protection, alignment, .arch = TestArch::kAarch64)
{
  alignas(16) volatile u8 buffer[32] = {};
  for (u32 i = 0; i < sizeof buffer; ++i) buffer[i] = static_cast<u8>(i);
  // Ordinary accesses need none; exclusive ones do.
  u64 plain = 0;
  asm volatile("ldr %0, [%1, #1]" : "=r"(plain) : "r"(buffer) : "memory");
  CHECK(plain == 0x0807060504030201);
  const auto exclusive = test::faults([&] {
    u64 value;
    asm volatile("ldxr %0, [%1]\n\tclrex" : "=r"(value) : "r"(&buffer[1]) : "memory");
  });
  REQUIRE(exclusive.has_value());
  CHECK(exclusive->kind == FaultKind::kAlignment);
  CHECK(exclusive->address == reinterpret_cast<uptr>(&buffer[1]));
  const auto crooked_pc = test::faults([] { call(reinterpret_cast<const u8*>(&sync_instructions) + 2); });
  REQUIRE(crooked_pc.has_value());
  CHECK(crooked_pc->kind == FaultKind::kAlignment);
}

} // namespace
} // namespace runnel
