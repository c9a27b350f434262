// SPDX-License-Identifier: Apache-2.0
// eventfd, timerfd, poll and epoll.
#include "kernel/fs/epoll.hpp"
#include "kernel/fs/eventfd.hpp"
#include "kernel/fs/pipe.hpp"
#include "kernel/fs/poll_call.hpp"
#include "kernel/fs/timerfd.hpp"
#include "kernel/time/clock.hpp"
#include "tests/target/fs_tree.hpp"
#include "tests/target/threads.hpp"

namespace runnel {
namespace {

using namespace fs;

Result<u64> read_count(File& file) {
  u64 value = 0;
  IoBuffer to(&value, sizeof value);
  const auto n = file.read(to);
  return n ? Result<u64>(value) : err(n.error());
}
Errno add_count(File& file, u64 value) {
  IoBuffer from(static_cast<const void*>(&value), sizeof value);
  const auto n = file.write(from);
  return n ? Errno{} : n.error();
}
/// How many events are there now, and the first one's data.
usize ready(File& set, u64* data = nullptr, usize most = 8, Instant until = Instant{}) {
  EpollEvent events[8];
  const auto n = EpollFile::from(set)->wait({events, most}, until);
  if (data != nullptr) *data = events[0].data;
  return n.value_or(99);
}
Errno ctl_add(File& set, File& file, i32 fd, u32 events) {
  const auto added = EpollFile::from(set)->add(file, fd, {events, static_cast<u64>(fd)});
  return added ? Errno{} : added.error();
}

RUNNEL_TEST(fs, eventfd_counts, .limit = 5_s)
{
  auto file = create_eventfd(0, EventMode::kCounter, kNonBlock);
  REQUIRE(file.has_value());
  CHECK(read_count(**file).error() == Errno::kAGAIN);
  CHECK(add_count(**file, 3) == Errno{});
  CHECK(add_count(**file, 4) == Errno{});
  CHECK(*read_count(**file) == 7u);
  CHECK(add_count(**file, ~u64{0}) == Errno::kINVAL);
  CHECK(add_count(**file, ~u64{0} - 1) == Errno{});
  CHECK((*file)->poll(nullptr) == kPollReadable);
  CHECK(add_count(**file, 1) == Errno::kAGAIN);
  u32 small = 0;
  IoBuffer to(&small, sizeof small);
  CHECK((*file)->read(to).error() == Errno::kINVAL);
  auto semaphore = create_eventfd(2, EventMode::kSemaphore, kNonBlock);
  REQUIRE(semaphore.has_value());
  CHECK(*read_count(**semaphore) == 1u);
  CHECK(*read_count(**semaphore) == 1u);
  CHECK(read_count(**semaphore).error() == Errno::kAGAIN);
}

RUNNEL_TEST(fs, eventfd_wakes_readers_and_writers, .limit = 10_s)
{
  auto file = create_eventfd(0, EventMode::kSemaphore, 0);
  REQUIRE(file.has_value());
  std::atomic<u32> taken{0};
  test::run_threads(6, [&](u32 i) {
    if (i < 3) {
      for (u32 n = 0; n < 200; ++n) taken.fetch_add(read_count(**file) ? 1 : 1000);
      return;
    }
    for (u32 n = 0; n < 200; ++n) {
      static_cast<void>(add_count(**file, 1));
      if (n % 16 == 0) yield();
    }
  });
  CHECK(taken.load() == 600u);
}

RUNNEL_TEST(fs, timerfd_relative_absolute_and_interval, .limit = 5_s, .time = test::GuestTime::kExact)
{
  auto file = TimerFile::create(TimerClock::kMonotonic, 0);
  REQUIRE(file.has_value());
  TimerFile& timer = *TimerFile::from(**file);
  CHECK(timer.get().value == 0u);
  const Instant start = time::now();
  timer.set(TimerKind::kRelative, {0, 2'000'000});
  CHECK((*file)->poll(nullptr) == 0u);
  CHECK(*read_count(**file) == 1u);
  CHECK((time::now() - start).ns >= 2'000'000);
  CHECK(timer.get().value == 0u);
  // An absolute time in the past expires at once; with an interval, once for each that has passed.
  const u64 ago = time::now().ns > 1'000'000 ? time::now().ns - 1'000'000 : 0;
  timer.set(TimerKind::kAbsolute, {100'000, ago});
  CHECK(*read_count(**file) >= 10u);
  CHECK(*read_count(**file) >= 1u);
  const TimerSetting old = timer.set(TimerKind::kRelative, {0, 0});
  CHECK(old.interval == 100'000u);
  CHECK(old.value <= 100'000u);
  (*file)->set_flags(kNonBlock);
  CHECK(read_count(**file).error() == Errno::kAGAIN);
}

RUNNEL_TEST(fs, poll_waits_for_any_and_times_out, .limit = 5_s)
{
  auto a = create_eventfd(0, EventMode::kCounter, 0);
  auto b = create_eventfd(0, EventMode::kCounter, 0);
  REQUIRE(a.has_value());
  REQUIRE(b.has_value());
  PollRequest requests[] = {{*a, kPollIn, 0}, {*b, kPollIn, 0}};
  CHECK(*poll_files(requests, Instant{}) == 0u);
  const Instant start = time::now();
  CHECK(*poll_files(requests, start + 1_ms) == 0u);
  CHECK((time::now() - start).ns >= 1'000'000);
  auto body = [&](u32) {
    sleep_for(1_ms);
    static_cast<void>(add_count(**b, 1));
  };
  test::Threads threads(1, body);
  CHECK(*poll_files(requests, kNever) == 1u);
  CHECK(requests[0].result == 0u);
  CHECK(requests[1].result == kPollIn);
}

RUNNEL_TEST(fs, epoll_level_edge_and_oneshot, .limit = 5_s)
{
  auto set = EpollFile::create();
  auto file = create_eventfd(0, EventMode::kCounter, kNonBlock);
  REQUIRE(set.has_value());
  REQUIRE(file.has_value());
  EpollFile& epoll = *EpollFile::from(**set);
  CHECK(ctl_add(**set, **file, 7, kPollIn) == Errno{});
  CHECK(ready(**set) == 0u);
  static_cast<void>(add_count(**file, 1));
  u64 data = 0;
  CHECK(ready(**set, &data) == 1u);
  CHECK(data == 7u);
  CHECK(ready(**set) == 1u); // level: until it is read
  CHECK(epoll.modify(**file, 7, {kPollIn | kEpollEdge, 8}).has_value());
  CHECK(ready(**set, &data) == 1u); // modified: looked at anew
  CHECK(data == 8u);
  CHECK(ready(**set) == 0u); // edge: not again
  static_cast<void>(add_count(**file, 1));
  CHECK(ready(**set) == 1u);
  CHECK(epoll.modify(**file, 7, {kPollIn | kEpollOneShot, 9}).has_value());
  CHECK(ready(**set) == 1u);
  static_cast<void>(add_count(**file, 1));
  CHECK(ready(**set) == 0u); // one shot: off
  CHECK(epoll.modify(**file, 7, {kPollIn | kEpollOneShot, 9}).has_value());
  CHECK(ready(**set) == 1u);
  CHECK(*read_count(**file) == 3u);
  CHECK(epoll.remove(**file, 7).has_value());
  CHECK(epoll.remove(**file, 7).error() == Errno::kNOENT);
}

RUNNEL_TEST(fs, epoll_errors, .limit = 5_s)
{
  test::Tree tree;
  REQUIRE(tree.ok());
  REQUIRE(tree.put("f", "x"));
  auto set = EpollFile::create();
  auto file = create_eventfd(0, EventMode::kCounter, 0);
  auto regular = tree.open("f", kReadOnly);
  REQUIRE(set.has_value());
  REQUIRE(file.has_value());
  REQUIRE(regular.has_value());
  EpollFile& epoll = *EpollFile::from(**set);
  CHECK(ctl_add(**set, **regular, 3, kPollIn) == Errno::kPERM);
  CHECK(ctl_add(**set, **set, 4, kPollIn) == Errno::kINVAL);
  CHECK(ctl_add(**set, **file, 5, kPollIn) == Errno{});
  CHECK(ctl_add(**set, **file, 5, kPollIn) == Errno::kEXIST);
  CHECK(ctl_add(**set, **file, 6, kPollIn) == Errno{}); // the same file under another number
  CHECK(epoll.modify(**file, 8, {kPollIn, 0}).error() == Errno::kNOENT);
  CHECK(epoll.modify(**file, 5, {kPollIn | kEpollExclusive, 0}).error() == Errno::kINVAL);
  CHECK(ctl_add(**set, **file, 9, kPollIn | kEpollExclusive | kEpollOneShot) == Errno::kINVAL);
  static_cast<void>(add_count(**file, 1));
  CHECK(ready(**set) == 2u);
  CHECK(ready(**set, nullptr, 1) == 1u); // the array is full
  file->reset();                         // the last reference: not watched any more
  CHECK(ready(**set) == 0u);
}

RUNNEL_TEST(fs, epoll_nests_but_not_in_circles, .limit = 5_s)
{
  FilePtr sets[6];
  for (FilePtr& set : sets) {
    auto made = EpollFile::create();
    REQUIRE(made.has_value());
    set = *made;
  }
  auto file = create_eventfd(0, EventMode::kCounter, 0);
  REQUIRE(file.has_value());
  CHECK(ctl_add(*sets[0], **file, 9, kPollIn) == Errno{});
  for (i32 i = 1; i < 5; ++i) CHECK(ctl_add(*sets[i], *sets[i - 1], i - 1, kPollIn) == Errno{});
  CHECK(ctl_add(*sets[0], *sets[4], 4, kPollIn) == Errno::kLOOP);
  CHECK(ctl_add(*sets[5], *sets[4], 4, kPollIn) == Errno::kLOOP); // six in a row
  CHECK(ready(*sets[4]) == 0u);
  auto body = [&](u32) {
    sleep_for(1_ms);
    static_cast<void>(add_count(**file, 1));
  };
  {
    test::Threads threads(1, body);
    u64 data = 0;
    CHECK(ready(*sets[4], &data, 8, kNever) == 1u); // through all of them
    CHECK(data == 3u);
  }
  CHECK(sets[2]->poll(nullptr) == kPollReadable);
  CHECK(*read_count(**file) == 1u);
  CHECK(ready(*sets[4]) == 0u);
}

RUNNEL_TEST(fs, epoll_edge_wakes_one_level_wakes_all, .limit = 10_s)
{
  for (const u32 mode : {u32{0}, u32{kEpollEdge}}) {
    auto set = EpollFile::create();
    auto file = create_eventfd(0, EventMode::kCounter, 0);
    REQUIRE(set.has_value());
    REQUIRE(file.has_value());
    CHECK(ctl_add(**set, **file, 1, kPollIn | mode) == Errno{});
    std::atomic<u32> woken{0};
    auto body = [&](u32) {
      woken.fetch_add(static_cast<u32>(ready(**set, nullptr, 1, time::now() + 20_ms)));
    };
    {
      test::Threads threads(2, body);
      sleep_for(2_ms);
      static_cast<void>(add_count(**file, 1));
    }
    CHECK(woken.load() == (mode == 0 ? 2u : 1u));
  }
}

RUNNEL_TEST(fs, epoll_storm, .cpus = 2, .limit = 30_s)
{
  auto set = EpollFile::create();
  REQUIRE(set.has_value());
  FilePtr files[8];
  for (FilePtr& file : files) {
    auto made = create_eventfd(0, EventMode::kSemaphore, kNonBlock);
    REQUIRE(made.has_value());
    file = *made;
  }
  for (i32 i = 0; i < 8; ++i) CHECK(ctl_add(**set, *files[i], i, kPollIn) == Errno{});
  constexpr u32 kTotal = 1600;
  std::atomic<u32> taken{0};
  test::run_threads(4, [&](u32 i) {
    if (i < 2) {
      for (u32 n = 0; n < kTotal / 2; ++n) {
        static_cast<void>(add_count(*files[(n + i) % 8], 1));
        if (n % 32 == 0) yield();
      }
      return;
    }
    while (taken.load() < kTotal) {
      EpollEvent events[3];
      const auto n = EpollFile::from(**set)->wait(events, time::now() + 5_ms);
      for (usize k = 0; n && k < *n; ++k)
        if (read_count(*files[events[k].data])) taken.fetch_add(1);
    }
  });
  CHECK(taken.load() == kTotal);
  // Files that go while they are watched and ready.
  static_cast<void>(add_count(*files[0], 1));
  for (FilePtr& file : files) file.reset();
  CHECK(ready(**set) == 0u);
}

} // namespace
} // namespace runnel
