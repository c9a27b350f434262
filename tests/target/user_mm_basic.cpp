// SPDX-License-Identifier: Apache-2.0
// Address spaces: memory that appears when it is touched, rights, holes, the stack, the break; and that
// everything is given back (the runner compares the memory in use before and after each test).
#include "tests/target/user_space.hpp"

#include <arch/mmu.hpp>

namespace runnel::user {
namespace {

using test::Access;
using test::Space;

constexpr u64 kRw = kPROT_READ | kPROT_WRITE;
constexpr u64 pages(u64 n) { return n * kPageSize; }

RUNNEL_TEST(user_mm, an_empty_space_comes_and_goes)
{
  const MemoryUsage before = memory_usage();
  {
    Space space;
    CHECK(space->users() == 1u);
    CHECK(space->stats().maps == 0u);
    CHECK(memory_usage().user_tables == before.user_tables + 1); // the root
    CHECK(space.touch(0, Access::kRead) == FaultVerdict::kMapError);
    CHECK(space.touch(kTaskSize - 1, Access::kWrite) == FaultVerdict::kMapError);
    CHECK(space.touch(kTaskSize, Access::kRead) == FaultVerdict::kMapError);
    CHECK(space.touch(~u64{0}, Access::kRead) == FaultVerdict::kMapError);
  }
  CHECK(memory_usage().same_as(before));
}

RUNNEL_TEST(user_mm, memory_appears_when_touched)
{
  Space space;
  const MemoryUsage before = memory_usage();
  const u64 at = space.map(pages(1000));
  CHECK(memory_usage().user_pages == before.user_pages);
  CHECK(space->stats().size_pages == 1000u);
  CHECK(space->stats().resident_pages == 0u);
  // A read sees the zero page, which is nobody's.
  CHECK(space.touch(at + 5, Access::kRead) == FaultVerdict::kDone);
  CHECK(space.read(at) == 0u);
  CHECK(space->stats().resident_pages == 0u);
  CHECK(memory_usage().user_pages == before.user_pages);
  // A write gets a page of its own, also where the zero page was.
  space.write(at, 1);
  space.write(at + pages(999), 2);
  CHECK(space->stats().resident_pages == 2u);
  CHECK(memory_usage().user_pages == before.user_pages + 2);
  CHECK(space.read(at) == 1u);
  CHECK(space.read(at + 8) == 0u);
  CHECK(space.read(at + pages(999)) == 2u);
  CHECK(space.read(at + pages(500)) == 0u);
  CHECK(space->munmap(at, pages(1000)).has_value());
  CHECK(space->stats().resident_pages == 0u);
  CHECK(space->stats().peak_resident_pages == 2u);
  CHECK(memory_usage().user_pages == before.user_pages);
  CHECK(space.touch(at, Access::kRead) == FaultVerdict::kMapError);
}

RUNNEL_TEST(user_mm, faults_say_what_is_wrong)
{
  Space space;
  const u64 at = space.map(pages(4));
  REQUIRE(space->mprotect(at, pages(1), kPROT_NONE).has_value());
  REQUIRE(space->mprotect(at + pages(1), pages(1), kPROT_READ).has_value());
  REQUIRE(space->munmap(at + pages(3), pages(1)).has_value());
  const FaultResult none = space->handle_fault(at + 3, Access::kRead);
  CHECK(none.verdict == FaultVerdict::kAccessError);
  CHECK(none.address == at + 3);
  CHECK(none.signal() == 11);
  CHECK(none.code() == 2);
  CHECK(space.touch(at + pages(1), Access::kRead) == FaultVerdict::kDone);
  CHECK(space.touch(at + pages(1), Access::kWrite) == FaultVerdict::kAccessError);
  CHECK(space.touch(at + pages(1), Access::kExecute) == FaultVerdict::kAccessError);
  CHECK(space.touch(at + pages(2), Access::kWrite) == FaultVerdict::kDone);
  const FaultResult hole = space->handle_fault(at + pages(3) + 1, Access::kWrite);
  CHECK(hole.verdict == FaultVerdict::kMapError);
  CHECK(hole.signal() == 11);
  CHECK(hole.code() == 1);
  // The kernel's way in obeys the same rights.
  const u64 word = 1;
  CHECK(space->copy_in(at + pages(1), std::as_bytes(std::span(&word, 1))).error() == Errno::kFAULT);
  CHECK(space->copy_in(at + pages(2), std::as_bytes(std::span(&word, 1))).has_value());
  CHECK(space->fill_zero(at + pages(2), pages(2)).error() == Errno::kFAULT);
}

RUNNEL_TEST(user_mm, rights_go_and_come_back_with_the_contents)
{
  Space space;
  const u64 at = space.map(pages(3));
  for (u64 i = 0; i < 3; ++i) space.write(at + pages(i), 10 + i);
  CHECK(space->mprotect(at, pages(3), kPROT_NONE).has_value());
  CHECK(space.touch(at, Access::kRead) == FaultVerdict::kAccessError);
  CHECK(space->stats().resident_pages == 3u);
  CHECK(space->mprotect(at + pages(1), pages(1), kPROT_READ).has_value());
  CHECK(space->stats().maps == 3u);
  CHECK(space.read(at + pages(1)) == 11u);
  CHECK(space->mprotect(at, pages(3), kRw).has_value());
  CHECK(space->stats().maps == 1u); // merged again
  for (u64 i = 0; i < 3; ++i) CHECK(space.read(at + pages(i)) == 10 + i);
  space.write(at, 20);
  CHECK(space.read(at) == 20u);
  CHECK(space->stats().resident_pages == 3u);
}

RUNNEL_TEST(user_mm, no_page_is_writable_and_executable)
{
  Space space;
  const u64 at = space.map(pages(1), kRw | kPROT_EXEC);
  test::LivesIn here(*space);
  u64 value = 0;
  CHECK(test::user_store(*space, at, 7));
  // The last access decides: what may be fetched cannot be written, and the other way round.
  CHECK(space.touch(at, Access::kExecute) == FaultVerdict::kDone);
  CHECK(test::user_load(*space, at, value));
  CHECK(value == 7u);
  CHECK(test::user_store(*space, at, 8));
  CHECK(space.touch(at, Access::kExecute) == FaultVerdict::kDone);
  CHECK(space.read(at) == 8u);
  CHECK(space->stats().resident_pages == 1u);
}

RUNNEL_TEST(user_mm, the_stack_grows_down_to_its_limit)
{
  Space space(MmLimits{.stack = pages(100)});
  const Result<u64> top = space->map_stack(kRw);
  REQUIRE(top.has_value());
  CHECK(*top % 16 == 0);
  CHECK(*top <= kStackTop);
  CHECK(space->stats().stack_pages < 100u);
  space.write(*top - 8, 5);
  space.write(*top - pages(60), 6); // far below what is mapped
  CHECK(space->stats().stack_pages == 60u);
  CHECK(space->stats().maps == 1u);
  CHECK(space.touch(*top - pages(100), Access::kWrite) == FaultVerdict::kDone);
  CHECK(space.touch(*top - pages(101), Access::kWrite) == FaultVerdict::kMapError);
  CHECK(space.read(*top - 8) == 5u);
  space->for_each_vma([&](const VmaInfo& info) {
    CHECK(info.name == "[stack]");
    CHECK(info.end == *top);
  });
}

RUNNEL_TEST(user_mm, the_stack_keeps_away_from_what_is_below)
{
  Space space;
  const Result<u64> top = space->map_stack(kRw);
  REQUIRE(top.has_value());
  const u64 below = space.map(pages(1), kRw, kMAP_PRIVATE, *top - pages(600));
  const u64 lowest = below + pages(1) + kStackGuardGap;
  CHECK(space.touch(lowest, Access::kWrite) == FaultVerdict::kDone);
  CHECK(space.touch(lowest - 1, Access::kWrite) == FaultVerdict::kMapError);
  // Nothing is placed in the guard unless asked for.
  const u64 high = space.map(pages(1));
  CHECK((high + pages(1) <= lowest - kStackGuardGap));
  // What cannot be touched does no harm.
  REQUIRE(space->mprotect(below, pages(1), kPROT_NONE).has_value());
  CHECK(space.touch(lowest - 1, Access::kWrite) == FaultVerdict::kDone);
}

RUNNEL_TEST(user_mm, the_break_moves)
{
  Space space;
  space->set_brk_start(0x50'0123);
  const u64 start = space->brk(0);
  CHECK(start % kPageSize == 0);
  CHECK(start >= 0x50'1000);
  CHECK(space->brk(start + 0xd00) == start + 0xd00); // kept exactly
  space.write(start + 8, 1);
  CHECK(space->brk(start + pages(5)) == start + pages(5));
  space.write(start + pages(5) - 8, 2);
  CHECK(space->stats().maps == 1u);
  bool named = false;
  space->for_each_vma([&](const VmaInfo& info) { named = named || info.name == "[heap]"; });
  CHECK(named);
  CHECK(space->brk(start - 1) == start + pages(5)); // refused: the old one
  CHECK(space->brk(kTaskSize) == start + pages(5));
  CHECK(space->brk(start + 0x10) == start + 0x10);
  CHECK(space.touch(start + pages(1), Access::kRead) == FaultVerdict::kMapError);
  CHECK(space->brk(start + pages(5)) == start + pages(5));
  CHECK(space.read(start + pages(5) - 8) == 0u); // new memory
  CHECK(space.read(start + 8) == 1u);
  // A neighbour is in the way, with a page between.
  space.map(pages(1), kRw, kMAP_PRIVATE, start + pages(8));
  CHECK(space->brk(start + pages(8)) == start + pages(5));
  CHECK(space->brk(start + pages(7)) == start + pages(7));
  CHECK(space->brk(start) == start);
  CHECK(space->stats().maps == 1u);
}

RUNNEL_TEST(user_mm, discarded_memory_is_zero_again)
{
  Space space;
  const u64 at = space.map(pages(4));
  for (u64 i = 0; i < 4; ++i) space.write(at + pages(i), 1);
  CHECK(space->madvise(at + pages(1), pages(2), kMADV_DONTNEED).has_value());
  CHECK(space->stats().resident_pages == 2u);
  CHECK(space.read(at) == 1u);
  CHECK(space.read(at + pages(1)) == 0u);
  CHECK(space.read(at + pages(2)) == 0u);
  CHECK(space.read(at + pages(3)) == 1u);
  CHECK(space->madvise(at, pages(5), kMADV_DONTNEED).error() ==
        Errno::kNOMEM); // the rest is done all the same
  CHECK(space->stats().resident_pages == 0u);
  CHECK(space->madvise(at, pages(4), kMADV_POPULATE_WRITE).has_value());
  CHECK(space->stats().resident_pages == 4u);
  CHECK(space->madvise(at, pages(1), 99).error() == Errno::kINVAL);
  CHECK(space->madvise(at + 1, pages(1), kMADV_DONTNEED).error() == Errno::kINVAL);
  CHECK(space->madvise(at, pages(4), kMADV_WILLNEED).has_value());
  u8 resident[4] = {9, 9, 9, 9};
  CHECK(space->madvise(at, pages(1), kMADV_FREE).has_value());
  CHECK(space->mincore(at, resident).has_value());
  CHECK(resident[0] == 0);
  CHECK(resident[1] == 1);
  CHECK(space->mincore(at + 1, resident).error() == Errno::kINVAL);
}

RUNNEL_TEST(user_mm, nothing_is_left_when_memory_is_out, .limit = 30_s)
{
  const MemoryUsage before = memory_usage();
  Space space;
  const u64 size = before.total_bytes * 2;
  CHECK(space->mmap({.length = size, .prot = kRw, .flags = kMAP_PRIVATE | kMAP_ANONYMOUS}).error() ==
        Errno::kNOMEM);
  const u64 at = space.map(size, kRw, kMAP_PRIVATE | kMAP_NORESERVE);
  FaultVerdict last = FaultVerdict::kDone;
  u64 touched = 0;
  for (; last == FaultVerdict::kDone && touched < size; touched += pages(1))
    last = space.touch(at + touched, Access::kWrite);
  CHECK(last == FaultVerdict::kNoMemory);
  CHECK(space->handle_fault(at + touched, Access::kWrite).signal() == 9);
  const u64 word = 1;
  CHECK(space->copy_in(at + touched, std::as_bytes(std::span(&word, 1))).error() == Errno::kNOMEM);
  CHECK(!space->fork().has_value());
  space.end();
  CHECK(memory_usage().same_as(before));
}

RUNNEL_TEST(user_mm, limits_are_obeyed)
{
  Space space(MmLimits{.address_space = pages(100), .stack = pages(50), .data = pages(40)});
  const auto map = [&](u64 n, u64 prot) {
    return space->mmap({.length = pages(n), .prot = prot, .flags = kMAP_PRIVATE | kMAP_ANONYMOUS});
  };
  CHECK(map(101, kPROT_READ).error() == Errno::kNOMEM);
  CHECK(map(41, kRw).error() == Errno::kNOMEM);
  const Result<u64> data = map(40, kRw);
  REQUIRE(data.has_value());
  const Result<u64> text = map(60, kPROT_READ);
  REQUIRE(text.has_value());
  CHECK(map(1, kPROT_READ).error() == Errno::kNOMEM);
  CHECK(space->mprotect(*text, pages(1), kRw).error() == Errno::kNOMEM);
  // Replacing what is there takes no more.
  CHECK(space
            ->mmap({.address = *text,
                    .length = pages(60),
                    .prot = kPROT_READ,
                    .flags = kMAP_PRIVATE | kMAP_ANONYMOUS | kMAP_FIXED})
            .has_value());
  space->set_limits(MmLimits{});
  CHECK(space->mprotect(*text, pages(1), kRw).has_value());
}

RUNNEL_TEST(user_mm, chance_moves_things_only_when_on)
{
  const Aslr before = aslr();
  const auto place = [] {
    Space space;
    const Result<u64> top = space->map_stack(kRw);
    return (top ? *top : 0) ^ space.map(pages(1)) << 1;
  };
  set_aslr(Aslr::kOff);
  CHECK(place() == place());
  set_aslr(Aslr::kOn);
  CHECK(place() != place());
  set_aslr(before);
}

} // namespace
} // namespace runnel::user
