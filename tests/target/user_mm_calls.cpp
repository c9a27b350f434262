// SPDX-License-Identifier: Apache-2.0
// The mmap() family: what it refuses and with which error, what it replaces, splits, moves.
#include "tests/target/user_space.hpp"

namespace runnel::user {
namespace {

using test::Access;
using test::Space;

constexpr u64 kRw = kPROT_READ | kPROT_WRITE;
constexpr u64 kAnon = kMAP_PRIVATE | kMAP_ANONYMOUS;
constexpr u64 pages(u64 n) { return n * kPageSize; }
constexpr u64 kPlace = u64{0x7000} << 28; // free in a new space

Errno refused(const Result<u64>& result) { return result ? Errno{} : result.error(); }
Errno refused(const Result<>& result) { return result ? Errno{} : result.error(); }

RUNNEL_TEST(user_mm, mmap_refuses_as_linux_does)
{
  Space space;
  const test::Content content(pages(2), "file");
  fs::FileContent* const object = content.get();
  const auto map = [&](MapRequest request) { return refused(space->mmap(request)); };
  CHECK(map({.length = 0, .prot = kRw, .flags = kAnon}) == Errno::kINVAL);
  CHECK(map({.length = 1, .prot = kRw, .flags = kMAP_ANONYMOUS}) ==
        Errno::kINVAL); // neither private nor shared
  CHECK(map({.length = 1, .prot = kRw, .flags = kMAP_ANONYMOUS | kMAP_SHARED_VALIDATE}) == Errno::kINVAL);
  CHECK(map({.length = 1, .prot = kRw, .flags = kMAP_PRIVATE}) == Errno::kNODEV);
  CHECK(map({.length = ~u64{0}, .prot = kRw, .flags = kAnon}) == Errno::kNOMEM);
  CHECK(map({.length = kTaskSize + 1, .prot = kRw, .flags = kAnon}) == Errno::kNOMEM);
  CHECK(map({.address = kPlace + 1, .length = 1, .prot = kRw, .flags = kAnon | kMAP_FIXED}) == Errno::kINVAL);
  CHECK(map({.address = 0, .length = 1, .prot = kRw, .flags = kAnon | kMAP_FIXED}) == Errno::kPERM);
  CHECK(map({.address = kTaskSize, .length = 1, .prot = kRw, .flags = kAnon | kMAP_FIXED}) == Errno::kNOMEM);
  CHECK(map({.length = 1, .prot = kRw, .flags = kMAP_SHARED, .object = object, .offset = 5}) ==
        Errno::kINVAL);
  CHECK(map({.length = 1, .prot = kRw, .flags = kMAP_SHARED | kMAP_ANONYMOUS | kMAP_GROWSDOWN}) ==
        Errno::kINVAL);
  CHECK(map({.length = 1, .prot = kRw, .flags = kMAP_PRIVATE | kMAP_GROWSDOWN, .object = object}) ==
        Errno::kINVAL);
  CHECK(map({.length = 1, .prot = kRw, .flags = kMAP_SHARED_VALIDATE | kMAP_SYNC, .object = object}) ==
        Errno::kOPNOTSUPP);
  CHECK(map({.length = 1, .prot = kRw, .flags = kAnon | kMAP_HUGETLB}) == Errno::kINVAL);
  CHECK(map({.length = pages(1),
             .prot = kRw,
             .flags = kMAP_SHARED,
             .object = object,
             .offset = align_down(~u64{0}, kPageSize)}) == Errno::kOVERFLOW);
  // Rights of the descriptor.
  CHECK(map({.length = 1, .prot = kRw, .flags = kMAP_SHARED, .object = object, .may = kVmMayRead}) ==
        Errno::kACCES);
  CHECK(map({.length = 1, .prot = kPROT_READ, .flags = kMAP_PRIVATE, .object = object, .may = kVmMayWrite}) ==
        Errno::kACCES);
  CHECK(map({.length = 1,
             .prot = kPROT_EXEC,
             .flags = kMAP_PRIVATE,
             .object = object,
             .may = kVmMayRead | kVmMayWrite}) == Errno::kPERM);
  CHECK(space->stats().maps == 0u);
  // Taken, and without effect.
  for (const u64 flag : {kMAP_STACK, kMAP_DENYWRITE, kMAP_EXECUTABLE, kMAP_NORESERVE, kMAP_NONBLOCK})
    CHECK(space->mmap({.length = 1, .prot = kRw, .flags = kAnon | flag}).has_value());
  CHECK(space->mmap({.length = 3, .prot = kRw, .flags = kAnon | kMAP_POPULATE}).has_value());
  CHECK(space->stats().resident_pages == 1u);
}

RUNNEL_TEST(user_mm, a_wish_for_an_address_is_granted_when_it_is_free)
{
  Space space;
  const auto wish = [&](u64 address, u64 flags = 0) {
    const Result<u64> at =
        space->mmap({.address = address, .length = pages(4), .prot = kRw, .flags = kAnon | flags});
    return at ? *at : 0;
  };
  CHECK(wish(kPlace) == kPlace);
  const u64 other = wish(kPlace + pages(3));
  CHECK(other != 0);
  CHECK((other >= kPlace + pages(4) || other + pages(4) <= kPlace));
  CHECK(wish(kPlace + pages(4) + 1) == kPlace + pages(5)); // rounded up
  CHECK(wish(1) >= kMinAddress);
  const u64 first = wish(0);
  CHECK(wish(0) == first - pages(4)); // from the top down
  // Exactly there, or not at all.
  CHECK(refused(space->mmap({.address = kPlace + pages(3),
                             .length = pages(2),
                             .prot = kRw,
                             .flags = kAnon | kMAP_FIXED_NOREPLACE})) == Errno::kEXIST);
  CHECK(wish(kPlace + pages(20), kMAP_FIXED_NOREPLACE) == kPlace + pages(20));
}

RUNNEL_TEST(user_mm, fixed_replaces_what_is_there)
{
  Space space;
  const u64 at = space.map(pages(6));
  for (u64 i = 0; i < 6; ++i) space.write(at + pages(i), 1 + i);
  CHECK(space.map(pages(2), kPROT_READ, kMAP_PRIVATE, at + pages(2)) == at + pages(2));
  CHECK(space->stats().maps == 3u);
  CHECK(space->stats().resident_pages == 4u);
  CHECK(space.read(at + pages(1)) == 2u);
  CHECK(space.read(at + pages(2)) == 0u);
  CHECK(space.read(at + pages(4)) == 5u);
}

RUNNEL_TEST(user_mm, munmap_cuts_and_refuses)
{
  Space space;
  const u64 at = space.map(pages(10));
  for (u64 i = 0; i < 10; ++i) space.write(at + pages(i), i);
  CHECK(refused(space->munmap(at + 1, pages(1))) == Errno::kINVAL);
  CHECK(refused(space->munmap(at, 0)) == Errno::kINVAL);
  CHECK(refused(space->munmap(at, ~u64{0})) == Errno::kINVAL);
  CHECK(refused(space->munmap(kTaskSize, pages(1))) == Errno::kINVAL);
  CHECK(space->munmap(at + pages(3), pages(2) - 5).has_value()); // rounded up
  CHECK(space->stats().maps == 2u);
  CHECK(space->stats().resident_pages == 8u);
  CHECK(space.read(at + pages(2)) == 2u);
  CHECK(space.read(at + pages(5)) == 5u);
  CHECK(space.touch(at + pages(4), Access::kRead) == FaultVerdict::kMapError);
  CHECK(space->munmap(at - pages(50), pages(100)).has_value()); // holes and all
  CHECK(space->stats().maps == 0u);
}

RUNNEL_TEST(user_mm, mprotect_refuses_as_linux_does)
{
  Space space;
  const test::Content content(pages(1), "file");
  fs::FileContent* const object = content.get();
  const u64 at = space.map(pages(3), kRw, kMAP_PRIVATE, kPlace);
  CHECK(refused(space->mprotect(at + 1, pages(1), kRw)) == Errno::kINVAL);
  CHECK(refused(space->mprotect(at, pages(1), 0x800)) == Errno::kINVAL);
  CHECK(refused(space->mprotect(at, ~u64{0}, kRw)) == Errno::kNOMEM);
  CHECK(refused(space->mprotect(at, pages(1), kPROT_GROWSDOWN | kPROT_GROWSUP)) == Errno::kINVAL);
  CHECK(space->mprotect(at, 0, kPROT_READ).has_value());
  CHECK(refused(space->mprotect(at + pages(8), pages(1), kPROT_READ)) == Errno::kNOMEM);
  // Up to the hole it is done.
  CHECK(refused(space->mprotect(at + pages(2), pages(2), kPROT_READ)) == Errno::kNOMEM);
  CHECK(space.touch(at + pages(2), Access::kWrite) == FaultVerdict::kAccessError);
  CHECK(space.touch(at + pages(1), Access::kWrite) == FaultVerdict::kDone);
  const Result<u64> shared = space->mmap({.length = 1,
                                          .prot = kPROT_READ,
                                          .flags = kMAP_SHARED,
                                          .object = object,
                                          .may = kVmMayRead | kVmMayExec});
  REQUIRE(shared.has_value());
  CHECK(refused(space->mprotect(*shared, pages(1), kRw)) == Errno::kACCES);
  CHECK(space->mprotect(*shared, pages(1), kPROT_READ | kPROT_EXEC).has_value());
}

RUNNEL_TEST(user_mm, mremap_grows_shrinks_and_moves)
{
  Space space;
  const u64 at = space.map(pages(4), kRw, kMAP_PRIVATE, kPlace);
  for (u64 i = 0; i < 4; ++i) space.write(at + pages(i), 100 + i);
  const auto same = [&](u64 where, u64 count) {
    for (u64 i = 0; i < count; ++i) CHECK(space.read(where + pages(i)) == 100 + i);
  };
  Result<u64> result = space->mremap(at, pages(4), pages(8), 0, 0); // room behind
  CHECK(result == at);
  CHECK(space->stats().size_pages == 8u);
  same(at, 4);
  CHECK(space.read(at + pages(7)) == 0u);
  result = space->mremap(at, pages(8), pages(4), 0, 0);
  CHECK(result == at);
  CHECK(space->stats().size_pages == 4u);
  space.map(pages(1), kPROT_READ, kMAP_PRIVATE, at + pages(5)); // in the way
  CHECK(refused(space->mremap(at, pages(4), pages(8), 0, 0)) == Errno::kNOMEM);
  result = space->mremap(at, pages(4), pages(8), kMREMAP_MAYMOVE, 0);
  REQUIRE(result.has_value());
  CHECK(*result != at);
  same(*result, 4);
  CHECK(space.touch(at, Access::kRead) == FaultVerdict::kMapError);
  const u64 third = kPlace + pages(1000);
  result = space->mremap(*result + pages(1), pages(2), pages(2), kMREMAP_MAYMOVE | kMREMAP_FIXED, third);
  REQUIRE(result.has_value());
  CHECK(*result == third);
  CHECK(space.read(third) == 101u);
  CHECK(space.read(third + pages(1)) == 102u);
  space.write(third, 55);
  CHECK(space.read(third) == 55u);
  // Moved, and what was there is empty but mapped.
  result = space->mremap(third, pages(2), pages(2), kMREMAP_MAYMOVE | kMREMAP_DONTUNMAP, 0);
  REQUIRE(result.has_value());
  CHECK(space.read(*result) == 55u);
  CHECK(space.read(third) == 0u);
}

RUNNEL_TEST(user_mm, mremap_refuses_as_linux_does)
{
  Space space;
  const u64 at = space.map(pages(4), kRw, kMAP_PRIVATE, kPlace);
  const auto remap = [&](u64 from, u64 old_size, u64 size, u64 flags, u64 to = 0) {
    return refused(space->mremap(from, old_size, size, flags, to));
  };
  CHECK(remap(at, pages(4), pages(8), 8) == Errno::kINVAL);
  CHECK(remap(at + 1, pages(4), pages(8), 0) == Errno::kINVAL);
  CHECK(remap(at, pages(4), 0, 0) == Errno::kINVAL);
  CHECK(remap(at, pages(4), pages(8), kMREMAP_FIXED, at + pages(100)) == Errno::kINVAL);
  CHECK(remap(at, pages(4), pages(4), kMREMAP_FIXED | kMREMAP_MAYMOVE, at + pages(1)) ==
        Errno::kINVAL); // overlap
  CHECK(remap(at, pages(4), pages(4), kMREMAP_FIXED | kMREMAP_MAYMOVE, at + 7) == Errno::kINVAL);
  CHECK(remap(at, pages(4), pages(5), kMREMAP_MAYMOVE | kMREMAP_DONTUNMAP) == Errno::kINVAL);
  CHECK(remap(at, 0, pages(1), kMREMAP_MAYMOVE) == Errno::kINVAL); // private memory has one view
  CHECK(remap(at + pages(50), pages(1), pages(2), 0) == Errno::kFAULT);
  CHECK(remap(at, pages(5), pages(6), kMREMAP_MAYMOVE) == Errno::kFAULT); // more than is mapped
  CHECK(space->stats().size_pages == 4u);
}

RUNNEL_TEST(user_mm, msync_and_mincore_look_for_holes)
{
  Space space;
  const u64 at = space.map(pages(2), kRw, kMAP_SHARED, kPlace);
  CHECK(space->msync(at, pages(2), kMS_SYNC).has_value());
  CHECK(refused(space->msync(at, pages(3), kMS_SYNC)) == Errno::kNOMEM);
  CHECK(refused(space->msync(at, pages(2), kMS_SYNC | kMS_ASYNC)) == Errno::kINVAL);
  CHECK(refused(space->msync(at, pages(2), 8)) == Errno::kINVAL);
  CHECK(refused(space->msync(at + 1, pages(1), kMS_ASYNC)) == Errno::kINVAL);
  u8 resident[3] = {};
  CHECK(refused(space->mincore(at, resident)) == Errno::kNOMEM);
  space.write(at + pages(1), 1);
  CHECK(space->mincore(at, std::span(resident).first(2)).has_value());
  CHECK(resident[0] == 0);
  CHECK(resident[1] == 1);
}

} // namespace
} // namespace runnel::user
