// SPDX-License-Identifier: Apache-2.0
// What the way to user mode and the context switch take, for `runnel bench rseq`: the kernel's own functions,
// called by a thread of the kernel in a user's place. Nanoseconds, which in deterministic mode are
// instructions. Not run by default.
#include "kernel/log/log.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/sync/mutex.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "kernel/user/rseq/rseq.hpp"
#include "sched/mm_cid/switch.hpp"
#include "tests/target/threads.hpp"
#include "tests/target/user_space.hpp"

#include <algorithm>
#include <arch/upcalls.hpp>
#include <memory>
#include <sched/mm_cid.hpp>
#include <sched/sched.hpp>
#include <utility>

namespace runnel {
namespace {

u64 now_ns() { return time::now().ns; }
void report(std::string_view name, u64 instructions) {
  raw_print("# bench {} {} instructions", name, instructions);
}

template <typename T, typename... Args> class Own {
 public:
  explicit Own(Args... args) : it_(static_cast<T*>(kzalloc(sizeof(T)))) { std::construct_at(it_, args...); }
  ~Own() {
    std::destroy_at(it_);
    kfree(it_);
  }
  Own(const Own&) = delete;
  Own& operator=(const Own&) = delete;
  T& operator*() const { return *it_; }
  T* operator->() const { return it_; }

 private:
  T* it_;
};

/// A user's thread as far as the way out looks at it, with a struct rseq at `area`.
class Leaver {
 public:
  static constexpr u32 kSignature = 0x53053053;
  static constexpr u64 kCode = 0x10000, kCodeSize = 0x40;

  explicit Leaver(u64 area) : area_(area) {
    thread_->task = &current_task();
    thread_->rseq.area = area;
    thread_->rseq.signature = kSignature;
    regs_->start_at(kCode + 8, area);
  }

  sched::RseqEvent& event() { return current_task().rseq_event; }
  user::rseq::State& rseq() { return thread_->rseq; }

  /// One way out, after `prepare`.
  template <typename Prepare> u64 measure(Prepare prepare) {
    constexpr u32 kRounds = 1600;
    u64 took = 0, clock = 0;
    for (u32 n = 0; n < kRounds; ++n) {
      regs_->start_at(kCode + 8, area_);
      const IrqGuard irqs_off; // nobody switches to or from a thread that is only half a user's
      current_task().user = &*thread_;
      prepare();
      for (u32 i = 0; i < n % 16; ++i)
        asm volatile(""); // where the clock counts in steps: not always the same
      const u64 start = now_ns();
      upcall::exit_to_user(*regs_);
      const u64 end = now_ns();
      clock += now_ns() - end;
      took += end - start;
      current_task().user = nullptr;
      current_task().rseq_event = {};
    }
    return (took - clock + kRounds / 2) / kRounds;
  }
  u64 pc() const { return regs_->pc(); }

 private:
  Own<user::Thread> thread_;
  Own<arch::UserRegs> regs_;
  u64 area_;
};

RUNNEL_TEST(bench_rseq, exits, .limit = 10_s, .select = test::Select::kOnlyByName)
{
  if (user::rseq::classic.load(std::memory_order_relaxed)) return;
  CHECK(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value()); // what is in the area is true there
  test::Space space;
  const test::LivesIn lives(*space);
  const u64 area = space.map(kPageSize), section = area + 64, abort = area + 256;
  space.write(section, 0);
  space.write(section + user::rseq::kStart, Leaver::kCode);
  space.write(section + user::rseq::kPostCommitOffset, Leaver::kCodeSize);
  space.write(section + user::rseq::kAbort, abort);
  space.write(abort - 8, u64{Leaver::kSignature} << 32);

  Leaver leaver(area);
  sched::RseqEvent& event = leaver.event();
  const auto store = [&](u64 offset, u64 value) { CHECK(test::store_by_mmu(area + offset, value)); };
  const auto agree = [&] { // what was stored last is what is there
    leaver.rseq().ids = {.cpu = 0, .node = 0, .cid = 0};
    store(user::rseq::kCpuIdStart, 0);
    store(user::rseq::kFlags, 0); // and node_id
  };
  report("exit_unregistered", leaver.measure([&] { event = {}; }));
  report("exit_after_a_call_unchanged", leaver.measure([&] { event = {.version = 2}; }));
  report("exit_after_an_interrupt_unchanged",
         leaver.measure([&] { event = {.user_entry = 1, .version = 2}; }));
  report("exit_switched_same_ids",
         leaver.measure([&] { event = {.switched = 2, .user_entry = 1, .version = 2}; }));
  report("exit_other_ids", leaver.measure([&] {
    agree();
    event = {.switched = 1, .ids_changed = 1, .version = 2};
  }));
  report("exit_other_ids_legacy",
         leaver.measure([&] { event = {.switched = 1, .ids_changed = 1, .version = 1}; }));
  report("exit_section_aborted", leaver.measure([&] {
    store(user::rseq::kSection, section);
    event = {.switched = 2, .user_entry = 1, .version = 2};
  }));
  CHECK(leaver.pc() == abort);
  report("exit_other_ids_and_section_aborted", leaver.measure([&] {
    agree();
    store(user::rseq::kSection, section);
    event = {.switched = 1, .ids_changed = 1, .user_entry = 1, .version = 2};
  }));
  CHECK(leaver.pc() == abort);
}

/// Two threads of the kernel that yield to each other on CPU 0, as users of a space or not.
class PingPong {
 public:
  enum class Mode : u8 { kOff, kThreadsOwn, kCpusOwn, kChanging };

  explicit PingPong(Mode mode) : mode_(mode) {}

  struct Cost {
    u64 whole = 0;   // one switch
    u64 numbers = 0; // what the numbers are of it
  };

  Cost run() {
    {
      const u32 sleepers = mode_ == Mode::kCpusOwn ? nr_cpus() - 1 : 0;
      auto body = [this](u32 i) { i < 2 ? play(i) : sit(); };
      test::Threads threads(2 + sleepers, body);
      threads.join();
    }
    if (mode_ != Mode::kOff) sched::mm_cid_retire(*space_);
    return cost_;
  }

 private:
  static constexpr u32 kYields = 100, kBatches = 30;

  void join() {
    const MutexGuard guard(mutex_);
    sched::mm_cid_join(*space_, current_task());
    joined_.fetch_add(1);
  }
  void leave() {
    const MutexGuard guard(mutex_);
    sched::mm_cid_leave(*space_);
  }
  void set_mode(u32 mode) {
    const IrqGuard irqs_off;
    space_->mode.store(mode, std::memory_order_relaxed);
  }

  /// One switch; of many batches the shortest: the clock counts ticks and what the other CPUs do as well. A
  /// batch does not count when `counts` says so after it.
  template <typename Batch, typename Counts> static u64 shortest(Batch batch, Counts counts) {
    u64 least = ~u64{0} - kYields;
    for (u32 i = 0; i < kBatches; ++i) {
      const u64 start = now_ns();
      batch();
      const u64 took = now_ns() - start;
      if (counts()) least = std::min(least, took);
    }
    return (least + kYields) / (2 * kYields);
  }
  template <typename Batch> static u64 shortest(Batch batch) {
    return shortest(batch, [] { return true; });
  }

  /// The numbers' part alone.
  u64 switch_numbers_only() {
    Task& self = *players_[0];
    Task& other = *players_[1];
    const CpuId here{0};
    const IrqGuard irqs_off;
    const u64 loop = shortest([] {
      for (u32 n = 0; n < 2 * kYields; ++n) asm volatile("" ::: "memory");
    });
    return shortest([&] {
             for (u32 n = 0; n < kYields; ++n) {
               asm volatile("" ::: "memory");
               sched::mm_cid_switch(self, other, here);
               asm volatile("" ::: "memory");
               sched::mm_cid_switch(other, self, here);
             }
           }) -
           loop;
  }

  static u64 nr_switches() { return current_task().stats.nvcsw + current_task().stats.nivcsw; }

  void play(u32 i) {
    players_[i] = &current_task();
    if (mode_ != Mode::kOff) join();
    // Only now: with one CPU to run on, one number would be enough.
    CHECK(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
    ready_.fetch_add(1);
    const u32 users = mode_ == Mode::kCpusOwn ? nr_cpus() + 1 : 2;
    while (ready_.load() < 2 || (mode_ != Mode::kOff && joined_.load() < users)) sleep_for(100_us);
    // As if the walk of the change took for ever: what a switch takes is in transit.
    if (mode_ == Mode::kChanging && i == 0) set_mode(sched::kCidOnCpu | sched::kCidTransit);
    if (i == 0) cost_.numbers = switch_numbers_only();
    const auto turns = [] {
      for (u32 n = 0; n < kYields; ++n) yield();
    };
    u64 switches = nr_switches();
    const u64 whole = shortest(turns, [&] { // unless the other did not take its turns
      return nr_switches() - std::exchange(switches, nr_switches()) == kYields;
    });
    if (i == 0) cost_.whole = whole;
    turns(); // the other's last ones have company, too
    if (mode_ == Mode::kChanging && i == 0) set_mode(0);
    over_.fetch_add(1);
    while (over_.load() < 2) sleep_for(100_us);
    if (mode_ != Mode::kOff) leave();
  }
  void sit() {
    join();
    while (over_.load() < 2) sleep_for(50_ms); // seldom: it is not what is measured
    leave();
  }

  Mode mode_;
  Own<sched::MmCid, u32> space_{nr_cpus()};
  Mutex mutex_;
  std::atomic<u32> joined_{0}, ready_{0}, over_{0};
  Task* players_[2] = {};
  Cost cost_;
};

void report_switch(std::string_view name, PingPong::Mode mode) {
  const PingPong::Cost cost = PingPong(mode).run();
  raw_print("# bench switch_{} {} instructions", name, cost.whole);
  raw_print("# bench switch_{}_of_which_numbers {} instructions", name, cost.numbers);
}

RUNNEL_TEST(bench_rseq, switches, .cpus = 4, .limit = 10_s, .select = test::Select::kOnlyByName)
{
  if (user::rseq::classic.load(std::memory_order_relaxed)) return;
  using enum PingPong::Mode;
  report_switch("without_numbers", kOff);
  report_switch("threads_own", kThreadsOwn);
  report_switch("cpus_own", kCpusOwn);
  report_switch("changing_hands", kChanging);
}

} // namespace
} // namespace runnel
