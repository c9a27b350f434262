// SPDX-License-Identifier: Apache-2.0
// Address spaces on several CPUs: what the MMUs see after changes, who has which tables loaded, faults at
// once.
#include "kernel/sync/rcu.hpp"
#include "tests/target/threads.hpp"
#include "tests/target/user_space.hpp"

namespace runnel::user {
namespace {

using test::LivesIn;
using test::Space;

constexpr u64 kRw = kPROT_READ | kPROT_WRITE;
constexpr u64 pages(u64 n) { return n * kPageSize; }

RUNNEL_TEST(user_mm, the_mmu_sees_what_was_faulted_in)
{
  Space space;
  const u64 at = space.map(pages(3));
  LivesIn here(*space);
  u64 value = 9;
  CHECK(test::user_load(*space, at, value));
  CHECK(value == 0u);
  CHECK(test::user_store(*space, at, 1));
  CHECK(test::user_load(*space, at, value));
  CHECK(value == 1u);
  CHECK(space.read(at) == 1u);
  space.write(at + pages(1), 2);
  CHECK(test::user_load(*space, at + pages(1), value));
  CHECK(value == 2u);
  REQUIRE(space->mprotect(at, pages(3), kPROT_READ).has_value());
  CHECK(test::user_load(*space, at, value));
  CHECK(!test::user_store(*space, at, 3));
  REQUIRE(space->mprotect(at, pages(3), kPROT_NONE).has_value());
  CHECK(!test::user_load(*space, at, value));
  REQUIRE(space->mprotect(at, pages(3), kRw).has_value());
  CHECK(test::user_store(*space, at, 4));
  REQUIRE(space->munmap(at, pages(1)).has_value());
  CHECK(!test::user_load(*space, at, value));
  CHECK(test::user_load(*space, at + pages(1), value));
  CHECK(value == 2u);
}

// The same address in two spaces, threads of both taking turns on every CPU, kernel threads between them.
RUNNEL_TEST(user_mm, every_thread_sees_its_own_space, .limit = 20_s)
{
  constexpr u64 kAt = u64{1} << 33;
  Space spaces[2];
  for (Space& space : spaces) space.map(pages(1), kRw, kMAP_PRIVATE, kAt);
  std::atomic<u32> wrong{0};
  test::run_threads(4 * online_cpus().count() + 2, [&](u32 i) {
    if (i % 3 == 2) {
      for (u32 n = 0; n < 40; ++n) yield();
      return;
    }
    Mm& mine = *spaces[i % 3];
    LivesIn here(mine);
    for (u32 n = 0; n < 40; ++n) {
      u64 value = 0;
      if (!test::user_store(mine, kAt, 100 + i % 3)) wrong.fetch_add(1);
      yield();
      if (!test::user_load(mine, kAt, value) || value != 100 + i % 3) wrong.fetch_add(1);
    }
  });
  CHECK(wrong.load() == 0u);
}

// Every CPU has the translation; after the change none uses it any more.
RUNNEL_TEST(user_mm, changes_reach_every_cpu, .limit = 20_s)
{
  Space space;
  const u32 cpus = online_cpus().count();
  const u64 at = space.map(pages(100));
  test::Barrier meet(cpus);
  std::atomic<u32> refused[3] = {};
  test::run_on_each_cpu([&](u32 i) {
    LivesIn here(*space);
    u64 value = 0;
    for (u64 page = 0; page < 100; ++page)
      if (!test::user_store(*space, at + pages(page), i)) return;
    meet.wait();
    if (i == cpus - 1) CHECK(space->mprotect(at, pages(1), kPROT_READ).has_value());
    meet.wait();
    if (!test::store_by_mmu(at, 1) && test::load_by_mmu(at, value)) refused[0].fetch_add(1);
    meet.wait();
    if (i == 0) CHECK(space->munmap(at, pages(2)).has_value());
    meet.wait();
    if (!test::load_by_mmu(at, value) && !test::load_by_mmu(at + pages(1), value)) refused[1].fetch_add(1);
    meet.wait();
    if (i == cpus / 2) CHECK(space->munmap(at, pages(100)).has_value()); // more than is flushed page by page
    meet.wait();
    bool none = true;
    for (u64 page = 0; page < 100; ++page) none = none && !test::load_by_mmu(at + pages(page), value);
    if (none) refused[2].fetch_add(1);
  });
  for (const auto& count : refused) CHECK(count.load() == cpus);
}

// Writers go on while the space is forked: each child must see a moment of it. A writer stores to its second
// page only after its first one.
RUNNEL_TEST(user_mm, a_child_sees_one_moment, .limit = 30_s)
{
  Space space;
  const u32 writers = online_cpus().count();
  const u64 at = space.map(pages(2 * writers));
  std::atomic<u32> stop{0};
  std::atomic<u32> torn{0};
  test::run_threads(writers + 1, [&](u32 i) {
    if (i < writers) {
      LivesIn here(*space);
      const u64 first = at + pages(2 * i);
      for (u64 n = 1; stop.load() == 0; ++n) {
        if (!test::user_store(*space, first, n) || !test::user_store(*space, first + pages(1), n)) {
          torn.fetch_add(1000);
          return;
        }
        if (n % 16 == 0) yield();
      }
      return;
    }
    for (u32 n = 0; n < 8; ++n) {
      const Result<Mm*> forked = space->fork();
      if (!forked) {
        torn.fetch_add(100);
        break;
      }
      Space child(*forked);
      for (u32 w = 0; w < writers; ++w) {
        const u64 one = child.read(at + pages(2 * w));
        const u64 two = child.read(at + pages(2 * w + 1));
        if (one != two && one != two + 1) torn.fetch_add(1);
        child.write(at + pages(2 * w), ~u64{0}); // the parent's writers must not see it
      }
      yield();
      for (u32 w = 0; w < writers; ++w)
        if (space.read(at + pages(2 * w)) == ~u64{0} || child.read(at + pages(2 * w)) != ~u64{0})
          torn.fetch_add(1);
    }
    stop.store(1);
  });
  CHECK(torn.load() == 0u);
}

RUNNEL_TEST(user_mm, faults_on_one_page_make_one_page, .limit = 20_s)
{
  Space space;
  constexpr u64 kPages = 60;
  const u64 at = space.map(pages(kPages));
  const u32 cpus = online_cpus().count();
  test::Barrier meet(cpus);
  std::atomic<u32> lost{0};
  test::run_on_each_cpu([&](u32 i) {
    LivesIn here(*space);
    meet.wait();
    for (u64 page = 0; page < kPages; ++page) test::user_store(*space, at + pages(page) + 8 * i, 1 + i);
    meet.wait();
    for (u64 page = 0; page < kPages; ++page) {
      for (u32 k = 0; k < cpus; ++k) {
        u64 value = 0;
        if (!test::user_load(*space, at + pages(page) + u64{8} * k, value) || value != 1 + k)
          lost.fetch_add(1);
      }
    }
  });
  CHECK(lost.load() == 0u);
  CHECK(space->stats().resident_pages == kPages);
}

// The threads are gone, but their CPUs may still have the tables loaded.
RUNNEL_TEST(user_mm, tables_that_idle_cpus_have_loaded_can_go, .limit = 20_s)
{
  const MemoryUsage before = memory_usage();
  for (u32 round = 0; round < 5; ++round) {
    Space space;
    const u64 at = space.map(pages(2));
    test::run_on_each_cpu([&](u32) {
      LivesIn here(*space);
      CHECK(test::user_store(*space, at, 1));
    });
    Mm* mm = space.get();
    mm->grab();
    space.end();
    CHECK(!mm->try_get());
    mm->drop();
    {
      const IrqGuard irqs_off;
      CHECK(loaded_mm() == nullptr);
    }
  }
  test::run_on_each_cpu([](u32) {
    const IrqGuard irqs_off;
    CHECK(loaded_mm() == nullptr);
  });
  sync::rcu_barrier(); // the threads
  const MemoryUsage after = memory_usage();
  CHECK(after.user_pages == before.user_pages);
  CHECK(after.user_tables == before.user_tables);
}

RUNNEL_TEST(user_mm, more_spaces_than_tags_for_them, .limit = 20_s)
{
  constexpr u32 kMany = 270; // an address space number of 8 bits does not tell them apart
  constexpr u64 kAt = u64{1} << 33;
  static constinit Mm* spaces[kMany];
  u32 wrong = 0;
  for (u32 i = 0; i < kMany; ++i) {
    const Result<Mm*> made = Mm::create();
    REQUIRE(made.has_value());
    spaces[i] = *made;
    const MapRequest request{.address = kAt,
                             .length = kPageSize,
                             .prot = kRw,
                             .flags = kMAP_PRIVATE | kMAP_ANONYMOUS | kMAP_FIXED};
    REQUIRE(spaces[i]->mmap(request).has_value());
    LivesIn here(*spaces[i]);
    if (!test::user_store(*spaces[i], kAt, i)) ++wrong;
  }
  for (u32 k = 0; k < 2 * kMany; ++k) {
    const u32 i = k * 7 % kMany;
    LivesIn here(*spaces[i]);
    u64 value = 0;
    if (!test::user_load(*spaces[i], kAt, value) || value != i) ++wrong;
  }
  CHECK(wrong == 0u);
  for (Mm* mm : spaces) mm->put();
}

} // namespace
} // namespace runnel::user
