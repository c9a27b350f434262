// SPDX-License-Identifier: Apache-2.0
// The fair server: fair tasks get their five percent when realtime tasks starve them, and only then
// (catalogue 9.3). Its period is a tenth of the default here, its share the same.
#include "tests/target/dl_tasks.hpp"

namespace runnel {
namespace {

constexpr CpuMask kCpu0 = CpuMask::of(CpuId{0});
constexpr sched::DlServerParams kShort{.runtime = 2'000'000, .period = 40'000'000};
constexpr sched::DlServerParams kDefault{.runtime = 50'000'000, .period = 1'000'000'000};

void set_server(const sched::DlServerParams& params) {
  CHECK(sched::dl_server_set_params(CpuId{0}, sched::DlServerKind::kFair, params).has_value());
}

u32 activations() {
  sched::Rq& rq = sched::cpu_rq(CpuId{0});
  const sched::RqLock guard(rq);
  return rq.dl.fair_server.nr_activations;
}

struct Shares {
  Duration fair;
  Duration rt;
};

/// A fair hog beside a FIFO 99 task on CPU 0 that works `busy` of each `period`; what they got in `window`,
/// from `after` on.
Shares compete(Duration busy, Duration period, Duration after, Duration window) {
  std::atomic<bool> stop{false};
  auto body = [&](u32 i) {
    if (i == 0) {
      while (!stop.load(std::memory_order_relaxed)) test::burn();
      return;
    }
    test::set_fifo(current_task(), 99);
    Instant next = time::now();
    while (!stop.load(std::memory_order_relaxed)) {
      if (busy == period) {
        test::burn();
        continue;
      }
      test::work_for(busy);
      next = next + period;
      sleep_until(next);
    }
  };
  // The director is above them or, with one CPU, must wait for a turn: it is a deadline task of almost
  // nothing.
  const test::AdmissionOff may_be_bound;
  Shares shares;
  const CpuMask before = current_task().cpus_mask;
  CHECK(set_affinity(current_task(), kCpu0).has_value());
  {
    test::Threads threads(2, body, [](u32) { return kCpu0; });
    CHECK(test::set_deadline(current_task(), 200_us, 4_ms, 4_ms).has_value());
    sleep_for(after);
    const Duration fair = sched::task_runtime(threads[0]);
    const Duration rt = sched::task_runtime(threads[1]);
    sleep_for(window);
    shares = {sched::task_runtime(threads[0]) - fair, sched::task_runtime(threads[1]) - rt};
    stop.store(true);
    CHECK(test::set_normal(current_task()).has_value());
  }
  CHECK(set_affinity(current_task(), before).has_value());
  test::note("fair {} us, rt {} us of {} us", shares.fair.ns / 1000, shares.rt.ns / 1000, window.ns / 1000);
  return shares;
}

// R09
RUNNEL_TEST(sched_server, starved_fair_tasks_get_five_percent, .limit = 5_s, .time = test::GuestTime::kExact)
{
  set_server(kShort);
  const u32 before = activations();
  const Shares shares = compete(1_ms, 1_ms, 40_ms, 240_ms);
  CHECK(shares.fair >= 240_ms * 4 / 100);
  CHECK(shares.fair <= 240_ms * 6 / 100); // the window may hold parts of seven periods
  CHECK(activations() - before >= 5u);
  set_server(kDefault);
}

// R10
RUNNEL_TEST(sched_server, fair_tasks_with_enough_do_not_need_it, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  set_server(kShort);
  const u32 before = activations();
  const Shares shares = compete(5_ms, 10_ms, 20_ms, 200_ms);
  CHECK(shares.fair >= 200_ms * 45 / 100);
  CHECK(shares.rt >= 200_ms * 45 / 100);
  CHECK(activations() == before); // never queued, so it never preempted the realtime task
  set_server(kDefault);
}

// R11
RUNNEL_TEST(sched_server, its_runtime_can_be_changed, .limit = 5_s, .time = test::GuestTime::kExact)
{
  set_server({.runtime = 0, .period = 40'000'000});
  CHECK(compete(1_ms, 1_ms, 20_ms, 120_ms).fair == 0_ms);
  set_server({.runtime = 4'000'000, .period = 40'000'000});
  const Duration fair = compete(1_ms, 1_ms, 40_ms, 200_ms).fair; // five periods
  CHECK(fair >= 200_ms * 9 / 100);
  CHECK(fair <= 200_ms * 13 / 100); // the window may hold parts of six

  using sched::DlServerKind;
  const auto set = [](u64 runtime, u64 period) {
    return sched::dl_server_set_params(CpuId{0}, DlServerKind::kFair, {.runtime = runtime, .period = period});
  };
  const u64 total = sched::dl_limit().total_bw;
  CHECK(set(100'000'001, 100'000'000).error() == Errno::kINVAL);
  CHECK(set(1'000, 99'999).error() == Errno::kINVAL);
  CHECK(set(1'000'000, 4'194'304'001).error() == Errno::kINVAL);
  if (online_cpus().count() == 1) CHECK(set(96'000'000, 100'000'000).error() == Errno::kBUSY);
  CHECK(sched::dl_limit().total_bw == total);
  CHECK(sched::dl_server_params(CpuId{0}, DlServerKind::kFair).runtime == 4'000'000u);
  set_server(kDefault);
}

} // namespace
} // namespace runnel
