// SPDX-License-Identifier: Apache-2.0
// Memory that several address spaces have: copied on write after a fork, shared on purpose, from a file.
#include "kernel/user/mm/user_page.hpp"
#include "tests/target/user_space.hpp"

namespace runnel::user {
namespace {

using test::Access;
using test::Space;

constexpr u64 kRw = kPROT_READ | kPROT_WRITE;
constexpr u64 pages(u64 n) { return n * kPageSize; }

Mm* fork_of(Space& space) {
  const Result<Mm*> child = space->fork();
  CHECK(child.has_value());
  return child ? *child : nullptr;
}

RUNNEL_TEST(user_mm, fork_copies_only_what_is_written)
{
  Space parent;
  const MemoryUsage before = memory_usage();
  const u64 at = parent.map(pages(8));
  for (u64 i = 0; i < 4; ++i) parent.write(at + pages(i), 1 + i);
  CHECK(memory_usage().user_pages == before.user_pages + 4);
  {
    Space child(fork_of(parent));
    REQUIRE(child.get() != nullptr);
    CHECK(memory_usage().user_pages == before.user_pages + 4);
    CHECK(child->stats().resident_pages == 4u);
    child.write(at, 11);
    parent.write(at + pages(1), 12);
    child.write(at + pages(6), 13); // nobody's so far
    CHECK(memory_usage().user_pages == before.user_pages + 7);
    CHECK(parent.read(at) == 1u);
    CHECK(child.read(at) == 11u);
    CHECK(parent.read(at + pages(1)) == 12u);
    CHECK(child.read(at + pages(1)) == 2u);
    CHECK(parent.read(at + pages(6)) == 0u);
    CHECK(child.read(at + pages(2)) == 3u);
  }
  CHECK(memory_usage().user_pages == before.user_pages + 4);
  // The last one who has a page writes to it in place.
  parent.write(at + pages(2), 20);
  CHECK(memory_usage().user_pages == before.user_pages + 4);
  CHECK(parent.read(at + pages(2)) == 20u);
  CHECK(parent.read(at + pages(3)) == 4u);
}

RUNNEL_TEST(user_mm, fork_takes_along_what_it_should)
{
  Space parent;
  parent->set_brk_start(0x60'0000);
  const u64 brk = parent->brk(parent->brk(0) + 0x1234);
  const u64 kept = parent.map(pages(1));
  const u64 wiped = parent.map(pages(2));
  const u64 left = parent.map(pages(2));
  parent.write(kept, 1);
  parent.write(wiped, 2);
  parent.write(wiped + pages(1), 3);
  parent.write(left, 4);
  REQUIRE(parent->madvise(wiped, pages(1), kMADV_WIPEONFORK).has_value());
  REQUIRE(parent->madvise(left, pages(1), kMADV_DONTFORK).has_value());
  REQUIRE(parent->mprotect(left + pages(1), pages(1), kPROT_NONE).has_value());
  Space child(fork_of(parent));
  REQUIRE(child.get() != nullptr);
  CHECK(child->brk(0) == brk);
  CHECK(child.read(kept) == 1u);
  CHECK(child.read(wiped) == 0u);
  CHECK(child.read(wiped + pages(1)) == 3u);
  CHECK(child.touch(left, Access::kRead) == FaultVerdict::kMapError);
  CHECK(child.touch(left + pages(1), Access::kRead) == FaultVerdict::kAccessError);
  CHECK(parent.read(wiped) == 2u);
  CHECK(parent.read(left) == 4u);
}

RUNNEL_TEST(user_mm, shared_memory_is_one)
{
  Space parent;
  const MemoryUsage before = memory_usage();
  const u64 at = parent.map(pages(4), kRw, kMAP_SHARED);
  parent.write(at, 1);
  Space child(fork_of(parent));
  REQUIRE(child.get() != nullptr);
  child.write(at, 2);
  child.write(at + pages(3), 3); // touched after the fork for the first time
  CHECK(parent.read(at) == 2u);
  CHECK(parent.read(at + pages(3)) == 3u);
  CHECK(memory_usage().user_pages == before.user_pages + 2);
  const Result<SharedKey> one = parent->shared_key(at + pages(3) + 8);
  const Result<SharedKey> other = child->shared_key(at + pages(3));
  REQUIRE(one.has_value());
  REQUIRE(other.has_value());
  CHECK(one->owner == other->owner);
  CHECK(one->page == other->page);
  CHECK(parent->shared_key(at - pages(100)).error() == Errno::kFAULT);
  // Another view of the same (an old length of 0).
  const Result<u64> view = parent->mremap(at + pages(3), 0, pages(1), kMREMAP_MAYMOVE, 0);
  REQUIRE(view.has_value());
  CHECK(*view != at + pages(3));
  CHECK(parent.read(*view) == 3u);
  // It outlives its maker's mapping.
  REQUIRE(parent->munmap(at, pages(4)).has_value());
  CHECK(child.read(at) == 2u);
  // Discarding takes it out of the tables, not away.
  REQUIRE(child->madvise(at, pages(4), kMADV_DONTNEED).has_value());
  CHECK(child->stats().resident_pages == 0u);
  CHECK(child.read(at) == 2u);
}

RUNNEL_TEST(user_mm, files_are_mapped_private_and_shared)
{
  const test::Content file(pages(3) - 100, "/bin/demo");
  Space space;
  const auto map = [&](u64 type, u64 offset) {
    const Result<u64> at =
        space->mmap({.length = pages(4), .prot = kRw, .flags = type, .object = file.get(), .offset = offset});
    CHECK(at.has_value());
    return at ? *at : 0;
  };
  const u64 shared = map(kMAP_SHARED, 0);
  for (u64 i = 0; i < 3; ++i) space.write(shared + pages(i), 100 + i);
  CHECK(file->nr_pages() == 3u);
  const u64 mine = map(kMAP_PRIVATE, 0);
  const u64 late = map(kMAP_PRIVATE, pages(1));
  CHECK(space.read(mine) == 100u);
  CHECK(space.read(mine + pages(2)) == 102u);
  // The rest of the last page is zero, a page beyond the end is a bus error.
  CHECK(space.read(mine + pages(3) - 64) == 0u);
  const FaultResult beyond = space->handle_fault(mine + pages(3), Access::kRead);
  CHECK(beyond.verdict == FaultVerdict::kBusError);
  CHECK(beyond.signal() == 7);
  CHECK(beyond.code() == 2);
  // Private writes stay private, whether the page had been read before or not.
  space.write(mine, 77);
  space.write(late, 78);
  CHECK(space.read(mine) == 77u);
  CHECK(space.read(mine + pages(1)) == 101u);
  CHECK(space.read(shared) == 100u);
  space.write(shared, 99);
  CHECK(space.read(mine) == 77u);
  const u64 again = map(kMAP_PRIVATE, 0);
  CHECK(space.read(again) == 99u);
  CHECK(space.read(again + pages(1)) == 101u);
  bool named = false;
  space->for_each_vma([&](const VmaInfo& info) {
    named = named || (info.name == "/bin/demo" && info.start == late && info.offset == pages(1));
  });
  CHECK(named);
}

RUNNEL_TEST(user_mm, a_file_that_shrinks_takes_its_pages_out_of_mappings)
{
  const test::Content file(pages(6), "memfd:test");
  Space space;
  const auto map = [&](u64 type, u64 offset) {
    const Result<u64> at =
        space->mmap({.length = pages(4), .prot = kRw, .flags = type, .object = file.get(), .offset = offset});
    CHECK(at.has_value());
    return at ? *at : 0;
  };
  const u64 shared = map(kMAP_SHARED, 0);
  const u64 copied = map(kMAP_PRIVATE, pages(2));
  for (u64 i = 0; i < 4; ++i) {
    space.write(shared + pages(i), 1 + i);
    space.write(copied + pages(i), 10 + i);
  }
  Space child(fork_of(space));
  REQUIRE(child.get() != nullptr);
  CHECK(child.read(shared + pages(3)) == 4u);
  CHECK(file->resize(pages(3) - 8).has_value());
  for (Space* each : {&space, &child}) {
    CHECK(each->touch(shared + pages(3), Access::kRead) == FaultVerdict::kBusError);
    CHECK(each->touch(copied + pages(1), Access::kRead) == FaultVerdict::kBusError); // a copy goes too
    CHECK(each->read(shared + pages(2)) == 3u);
    CHECK(each->read(copied) == 10u);
  }
  CHECK(file->resize(pages(6)).has_value());
  CHECK(space.read(shared + pages(3)) == 0u);
  CHECK(child.read(copied + pages(1)) == 0u);
}

RUNNEL_TEST(user_mm, counted_pages_go_with_the_last)
{
  const MemoryUsage before = memory_usage();
  const Result<PhysAddr> page = page_alloc_zeroed();
  REQUIRE(page.has_value());
  CHECK(page_refs(*page) == 1u);
  page_get(*page);
  CHECK(page_refs(*page) == 2u);
  page_put(*page);
  CHECK(memory_usage().user_pages == before.user_pages + 1);
  page_put(*page);
  CHECK(memory_usage().user_pages == before.user_pages);
  page_put(zero_page());
  page_put(zero_page());
  for (const std::byte b : page_bytes(zero_page())) REQUIRE(b == std::byte{});
}

/// What a family of address spaces should contain: one word a page, each side its own after a fork.
struct Family {
  static constexpr u32 kMost = 5;
  static constexpr u64 kPages = 24;
  static constexpr u64 kBase = u64{1} << 36;

  struct Member {
    Mm* mm = nullptr;
    u64 words[kPages] = {};
    bool mapped[kPages] = {};
  } members[kMost];
  u64 state = 1;

  u64 random(u64 below) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return (state >> 33) % below;
  }
  static u64 at(u64 page) { return kBase + page * kPageSize; }

  void check(Member& m, u64 page) {
    u64 seen = 0;
    const bool there = m.mm->copy_out(std::as_writable_bytes(std::span(&seen, 1)), at(page)).has_value();
    CHECK(there == m.mapped[page]);
    if (there) CHECK(seen == m.words[page]);
  }
  void step(u64 number) {
    Member& m = members[random(kMost)];
    if (m.mm == nullptr) return;
    const u64 page = random(kPages);
    const u64 count = 1 + random(std::min<u64>(4, kPages - page));
    switch (random(12)) {
    case 0: { // a child in a place that is free, or whose owner goes
      Member& child = members[random(kMost)];
      if (&child == &m) return;
      if (child.mm != nullptr) child.mm->put();
      const Result<Mm*> made = m.mm->fork();
      REQUIRE(made.has_value());
      child = m;
      child.mm = *made;
      return;
    }
    case 1:
      REQUIRE(m.mm->munmap(at(page), count * kPageSize).has_value());
      for (u64 i = page; i < page + count; ++i) m.mapped[i] = false;
      return;
    case 2:
      REQUIRE(m.mm->mmap({.address = at(page),
                          .length = count * kPageSize,
                          .prot = kRw,
                          .flags = kMAP_PRIVATE | kMAP_ANONYMOUS | kMAP_FIXED})
                  .has_value());
      for (u64 i = page; i < page + count; ++i) {
        m.mapped[i] = true;
        m.words[i] = 0;
      }
      return;
    case 3: { // to another place and back: what is there stays the same
      if (!m.mapped[page]) return;
      const u64 away = kBase + (u64{1} << 32);
      constexpr u64 kMove = kMREMAP_MAYMOVE | kMREMAP_FIXED;
      REQUIRE(m.mm->mremap(at(page), kPageSize, kPageSize, kMove, away).has_value());
      REQUIRE(m.mm->mremap(away, kPageSize, kPageSize, kMove, at(page)).has_value());
      return;
    }
    case 4:
      if (!m.mapped[page]) return;
      REQUIRE(m.mm->mprotect(at(page), kPageSize, kPROT_READ).has_value());
      CHECK(m.mm->copy_in(at(page), std::as_bytes(std::span(&number, 1))).error() == Errno::kFAULT);
      REQUIRE(m.mm->mprotect(at(page), kPageSize, kRw).has_value());
      return;
    case 5:
    case 6:
    case 7:
      check(m, page);
      return;
    default:
      if (!m.mapped[page]) return;
      REQUIRE(m.mm->copy_in(at(page), std::as_bytes(std::span(&number, 1))).has_value());
      m.words[page] = number;
      return;
    }
  }
};

RUNNEL_TEST(user_mm, families_of_forks_keep_their_own, .limit = 20_s)
{
  const MemoryUsage before = memory_usage();
  static constinit Family family;
  family = {};
  const Result<Mm*> first = Mm::create();
  REQUIRE(first.has_value());
  family.members[0].mm = *first;
  for (u64 number = 1; number < 6000; ++number) family.step(number);
  for (Family::Member& m : family.members) {
    if (m.mm == nullptr) continue;
    for (u64 page = 0; page < Family::kPages; ++page) family.check(m, page);
    m.mm->put();
  }
  CHECK(memory_usage().same_as(before));
}

} // namespace
} // namespace runnel::user
