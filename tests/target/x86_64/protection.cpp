// SPDX-License-Identifier: Apache-2.0
// SMEP, SMAP, NX and WP: each proved by the fault, and by the same access without the cause.
#include "arch/x86_64/instructions.hpp"
#include "kernel/irq/irq_work.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/test/test.hpp"
#include "tests/target/x86_64/probes.hpp"

#include <arch/cpu.hpp>

namespace runnel {
namespace {

using arch::Access;
using arch::Fault;
using arch::FaultKind;
using test::BentPage;
using test::TestArch;

constexpr u8 kRet = 0xc3;
constexpr u64 kWriteProtect = 1u << 16;
constexpr u64 kAlignmentCheck = 1u << 18; // with SMAP: lifts it

bool offers_smep() { return (arch::cpuid(7).ebx & 1u << 7) != 0; }
bool offers_smap() { return (arch::cpuid(7).ebx & 1u << 20) != 0; }

/// Keeps the test, and the threads it makes, on one CPU: what it does to the page tables it flushes only
/// here.
class Pinned {
 public:
  Pinned() { CHECK(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value()); }
  ~Pinned() { CHECK(set_affinity(current_task(), CpuMask::all()).has_value()); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
};

void check_refused(const std::optional<Fault>& fault, const BentPage& page, Access access) {
  REQUIRE(fault.has_value());
  CHECK(fault->kind == FaultKind::kPage);
  CHECK(fault->access == access);
  CHECK(fault->present);
  CHECK(fault->address == page.address());
}

u64 read_flags() {
  u64 flags;
  asm volatile("pushfq\n\tpopq %0" : "=r"(flags)::"memory");
  return flags;
}

RUNNEL_TEST(x86_64_protection, nx_forbids_execution, .arch = TestArch::kX86_64)
{
  const Pinned pinned;
  BentPage page;
  REQUIRE(page.valid());
  page.bytes()[0] = kRet;
  page.clear(test::kEntryWritable);
  const auto refused = test::faults([&] { page.call(); });
  page.clear(test::kEntryNoExecute);
  const auto allowed = test::faults([&] { page.call(); });
  check_refused(refused, page, Access::kExecute);
  CHECK(!allowed.has_value());
}

RUNNEL_TEST(x86_64_protection, smep_forbids_executing_pages_of_user_mode, .arch = TestArch::kX86_64)
{
  if (!offers_smep()) return test::skip("the CPU has no SMEP");
  const Pinned pinned;
  BentPage page;
  REQUIRE(page.valid());
  page.bytes()[0] = kRet;
  page.clear(test::kEntryWritable | test::kEntryNoExecute);
  page.set(test::kEntryUser);
  const auto refused = test::faults([&] { page.call(); });
  page.clear(test::kEntryUser);
  const auto allowed = test::faults([&] { page.call(); });
  check_refused(refused, page, Access::kExecute);
  CHECK(!allowed.has_value());
}

RUNNEL_TEST(x86_64_protection, smap_forbids_pages_of_user_mode, .arch = TestArch::kX86_64)
{
  if (!offers_smap()) return test::skip("the CPU has no SMAP");
  const Pinned pinned;
  BentPage page;
  REQUIRE(page.valid());
  page.bytes()[0] = 0x12;
  page.set(test::kEntryUser);
  const auto read = test::faults([&] { static_cast<void>(page.bytes()[0]); });
  const auto write = test::faults([&] { page.bytes()[0] = 0x34; });
  u8 seen = 0;
  const auto allowed = test::faults([&] {
    asm volatile("stac" ::: "memory");
    seen = page.bytes()[0];
    asm volatile("clac" ::: "memory");
  });
  check_refused(read, page, Access::kRead);
  check_refused(write, page, Access::kWrite);
  CHECK(!allowed.has_value());
  CHECK(seen == 0x12);
}

struct FlagsProbe : irq::IrqWork {
  std::atomic<u64> runs{0}, flags{0};
};

RUNNEL_TEST(x86_64_protection, smap_holds_in_interrupts_whatever_they_interrupt, .arch = TestArch::kX86_64)
{
  if (!offers_smap()) return test::skip("the CPU has no SMAP");
  FlagsProbe probe;
  probe.fn = [](irq::IrqWork& work) {
    auto& self = static_cast<FlagsProbe&>(work);
    self.flags.store(read_flags());
    self.runs.fetch_add(1);
  };
  const arch::Cpu::IrqFlags flags = arch::Cpu::irq_save();
  const bool queued = irq::irq_work_queue(probe);
  asm volatile("stac" ::: "memory");
  arch::Cpu::irq_restore(flags); // the interrupt comes here
  while (probe.runs.load() == 0) arch::Cpu::relax();
  const u64 after = read_flags();
  asm volatile("clac" ::: "memory");
  CHECK(queued);
  CHECK((probe.flags.load() & kAlignmentCheck) == 0);
  CHECK((after & kAlignmentCheck) != 0);
}

RUNNEL_TEST(x86_64_protection, wp_forbids_writing_read_only_pages, .arch = TestArch::kX86_64)
{
  const Pinned pinned;
  BentPage page;
  REQUIRE(page.valid());
  page.bytes()[0] = 0x12;
  page.clear(test::kEntryWritable);
  const auto refused = test::faults([&] { page.bytes()[0] = 0x34; });
  const u8 unchanged = page.bytes()[0];
  const auto allowed = test::faults([&] {
    const arch::Cpu::IrqFlags flags = arch::Cpu::irq_save();
    arch::write_cr0(arch::read_cr0() & ~kWriteProtect);
    page.bytes()[0] = 0x56;
    arch::write_cr0(arch::read_cr0() | kWriteProtect);
    arch::Cpu::irq_restore(flags);
  });
  const u8 changed = page.bytes()[0];
  check_refused(refused, page, Access::kWrite);
  CHECK(unchanged == 0x12);
  CHECK(!allowed.has_value());
  CHECK(changed == 0x56);
}

RUNNEL_TEST(x86_64_protection, lower_half_is_not_mapped, .arch = TestArch::kX86_64)
{
  // The identity map of the start lies there, with the code of this function.
  const auto mapping = kernel_page_table().query({reinterpret_cast<uptr>(&read_flags)});
  REQUIRE(mapping.has_value());
  const auto fault =
      test::faults([&] { static_cast<void>(*reinterpret_cast<volatile u8*>(mapping->phys.value)); });
  REQUIRE(fault.has_value());
  CHECK(fault->kind == FaultKind::kPage);
  CHECK(!fault->present);
}

RUNNEL_TEST(x86_64_protection, addresses_that_are_none, .arch = TestArch::kX86_64)
{
  const auto fault = test::faults([] { static_cast<void>(*reinterpret_cast<volatile u8*>(u64{1} << 62)); });
  REQUIRE(fault.has_value());
  CHECK(fault->kind == FaultKind::kProtection);
}

RUNNEL_TEST(x86_64_protection, floating_point_traps, .arch = TestArch::kX86_64)
{
  const auto x87 = test::faults([] { asm volatile("fninit"); });
  const auto sse = test::faults([] { asm volatile("xorps %xmm0, %xmm0"); });
  for (const auto& fault : {x87, sse}) {
    REQUIRE(fault.has_value());
    CHECK(fault->kind == FaultKind::kUndefined);
  }
}

RUNNEL_TEST(x86_64_protection, division_by_zero, .arch = TestArch::kX86_64)
{
  const auto fault = test::faults([] {
    u32 low = 1;
    u32 high = 0;
    asm volatile("divl %2" : "+a"(low), "+d"(high) : "r"(0u));
  });
  REQUIRE(fault.has_value());
  CHECK(fault->kind == FaultKind::kDivide);
}

} // namespace
} // namespace runnel
