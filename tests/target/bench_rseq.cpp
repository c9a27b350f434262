// SPDX-License-Identifier: Apache-2.0
// What restartable sequences cost: counters of fixed workloads, for `runnel bench rseq`, which boots once
// more with rseq=classic. Not run by default.
#include "kernel/log/log.hpp"
#include "kernel/user/rseq/rseq.hpp"
#include "tests/target/programs.hpp"

namespace runnel {
namespace {

using user::rseq::Statistics;

void run(std::string_view workload, std::string_view how) {
  CHECK(test::run("/bin/rseq_bench", {workload, how}) == 0);
}

void count(std::string_view workload, std::string_view how) {
  const Statistics a = user::rseq::total_statistics();
  run(workload, how);
  const Statistics b = user::rseq::total_statistics();
  const bool classic = user::rseq::classic.load(std::memory_order_relaxed);
  const u64 fast = b.fast - a.fast, slow = b.slow - a.slow, ids = b.ids - a.ids, clear = b.clear - a.clear,
            fixup = b.fixup - a.fixup, section = b.section - a.section, signal = b.signal - a.signal,
            exit = b.exit - a.exit;
  raw_print("# rseq {} {} exit {} signal {} slowpath {} fastpath {} ids {} cs {} clear {} fixup {}", workload,
            classic ? std::string_view("classic") : how, exit, signal, slow, fast, ids, section, clear,
            fixup);
  CHECK(clear + fixup == section); // rseq.E07
  CHECK(ids <= fast + slow);
  CHECK(section <= fast + slow + signal);
  CHECK(fast <= exit);
}

void count_all(std::string_view workload) {
  count(workload, "legacy");
  if (!user::rseq::classic.load(std::memory_order_relaxed)) count(workload, "optimised");
}

RUNNEL_TEST(bench_rseq, churn, .limit = 60_s, .select = test::Select::kOnlyByName)
{
  count_all("churn");
}
RUNNEL_TEST(bench_rseq, sections, .limit = 60_s, .select = test::Select::kOnlyByName)
{
  count_all("sections");
}
RUNNEL_TEST(bench_rseq, calls, .limit = 60_s, .select = test::Select::kOnlyByName)
{
  count_all("calls");
}
RUNNEL_TEST(bench_rseq, costs, .limit = 60_s, .select = test::Select::kOnlyByName)
{
  if (user::rseq::classic.load(std::memory_order_relaxed)) return run("costs", "legacy");
  for (const std::string_view how : {"unregistered", "legacy", "optimised"}) run("costs", how);
}

} // namespace
} // namespace runnel
