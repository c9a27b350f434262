// SPDX-License-Identifier: Apache-2.0
// Programs of tests/user about restartable sequences and concurrency ids; debug images check the numbers at
// every switch while they run (sched/mm_cid/switch.hpp).
#include "kernel/test/test.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/rseq/rseq.hpp"

namespace runnel {
namespace {

using user::rseq::Statistics;

void run_program(std::string_view path, std::string_view argument = "") {
  const std::string_view argv[] = {path, argument};
  constexpr std::string_view kEnvironment[] = {"KTAP_QUIET=1", "RSEQ_EXACT=1"};
  const Result<user::Process*> process = user::spawn(path, {argv, argument.empty() ? 1u : 2u}, kEnvironment);
  CHECK(process.has_value());
  if (!process) return;
  (*process)->exited.wait();
  CHECK((*process)->exit_status == 0);
  put_process(**process);
}

/// Spec 3.10: what holds of the counters whatever has run. A failed evaluation is neither a clear nor a
/// fixup.
void check_laws() {
  const Statistics s = user::rseq::total_statistics();
  CHECK(s.clear + s.fixup <= s.section);
  CHECK(s.ids <= s.fast + s.slow);
  CHECK(s.section <= s.fast + s.slow + s.signal);
  CHECK(s.fast <= s.exit);
  CHECK(s.slow <= s.fast);
}

// rseq.A01, rseq.A02, rseq.A04, rseq.A05, rseq.A06, rseq.A07, rseq.A08, rseq.A09, rseq.A10, rseq.A11,
// rseq.E07
RUNNEL_TEST(user_rseq, calls, .limit = 10_s)
{
  run_program("/bin/rseq_calls");
  check_laws();
}

// rseq.A03, rseq.A12, rseq.A13, rseq.C01, rseq.C04, rseq.C05, rseq.C06, rseq.C07, rseq.C08, rseq.C09,
// rseq.C11, rseq.C12, rseq.C19, rseq.E03, rseq.E07
RUNNEL_TEST(user_rseq, sections, .limit = 30_s, .time = test::GuestTime::kExact)
{
  run_program("/bin/rseq_sections");
  check_laws();
}

// rseq.D01, rseq.D03, rseq.D05, rseq.D13, rseq.D14, rseq.D15, rseq.D16, rseq.D17, rseq.D24, rseq.D26,
// rseq.D27, rseq.D28, rseq.D36
RUNNEL_TEST(user_rseq, concurrency_ids, .limit = 30_s)
{
  run_program("/bin/mm_cid");
}

// rseq.D01, rseq.D03, rseq.D13, rseq.D14, rseq.D15, rseq.D27
RUNNEL_TEST(user_rseq, threads_come_and_go, .limit = 60_s)
{
  run_program("/bin/mm_cid_storm", "40");
}

// The minute of it, for who names it. rseq.D01, rseq.D03, rseq.D13, rseq.D14, rseq.D15, rseq.D27
RUNNEL_TEST(user_soak, concurrency_ids, .limit = 240_s, .select = test::Select::kOnlyByName)
{
  run_program("/bin/mm_cid_storm", "60000");
}

// rseq.A12, rseq.C15, rseq.C18
RUNNEL_TEST(user_rseq, strict, .limit = 10_s)
{
  run_program("/bin/rseq_strict", "lax");
  user::rseq::strict.store(true, std::memory_order_relaxed);
  run_program("/bin/rseq_strict");
  user::rseq::strict.store(false, std::memory_order_relaxed);
}

// Sections interrupted at each of their instructions, by signals, preemptions and migrations.
RUNNEL_TEST(user_rseq, torture, .limit = 60_s, .time = test::GuestTime::kExact)
{
  run_program("/bin/rseq_torture");
  check_laws();
}

// rseq.T01, rseq.T02, rseq.T03, rseq.T04, rseq.T05, rseq.T10, rseq.T11, rseq.T12, rseq.T13
RUNNEL_TEST(user_rseq, slices, .limit = 20_s, .time = test::GuestTime::kExact)
{
  run_program("/bin/rseq_slice");
}

} // namespace
} // namespace runnel
