// SPDX-License-Identifier: Apache-2.0
#include "kernel/test/runner.hpp"

#include "kernel/debug/watchdog.hpp"
#include "kernel/log/log.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/test/ktap.hpp"
#include "kernel/test/leak.hpp"
#include "kernel/test/state.hpp"
#include "kernel/time/clock.hpp"

#include <algorithm>
#include <arch/cpu.hpp>

extern "C" const runnel::test::TestCase __tests_start[], __tests_end[];

namespace runnel::test {
namespace {

constexpr u32 kThisArch = arch::kName == "x86_64" ? kArchX86_64 : kArchAarch64;

using Selection = std::span<const TestCase*>;

std::string_view suite_of(const TestCase& test) { return ktap::suite_of(test.name); }

/// By suite, then by case: the order is the same whatever order the linker put them in.
bool is_before(const TestCase* a, const TestCase* b) {
  const std::string_view suite_a = suite_of(*a), suite_b = suite_of(*b);
  return suite_a != suite_b ? suite_a < suite_b : ktap::case_of(a->name) < ktap::case_of(b->name);
}

/// How many tests at the front of `tests` share one suite.
usize suite_length(Selection tests) {
  usize n = 1;
  while (n < tests.size() && suite_of(*tests[n]) == suite_of(*tests[0])) ++n;
  return n;
}

void thread_body(void* arg) {
  const ThreadInfo& self = *arch::Cpu::current();
  static_cast<const TestCase*>(arg)->body();
  if (self.preempt_count != 0 || !arch::Cpu::irqs_enabled()) {
    raw_print("{}# FAILED the test returned with preemption (count {:#x}) or interrupts off",
              ktap::kCaseIndent, self.preempt_count);
    state().failures.fetch_add(1, std::memory_order_relaxed);
    arch::Cpu::current()->preempt_count = 0;
    arch::Cpu::irq_enable();
  }
}

class Runner {
 public:
  explicit Runner(u32 patience) : patience_(patience) { leaks_.rebase(); }

  ktap::Counts run_suite(u32 number, Selection tests) {
    const std::string_view suite = suite_of(*tests[0]);
    ktap::Counts counts;
    {
      log::RawBlock block;
      ktap::begin_suite(suite, static_cast<u32>(tests.size()), block);
    }
    u32 index = 0;
    for (const TestCase* test : tests) counts.add(run_case(++index, *test));
    log::RawBlock block;
    ktap::suite_point(number, suite, counts, block);
    return counts;
  }

 private:
  ktap::Verdict run_case(u32 index, const TestCase& test) {
    char reason[64] = {};
    BufferSink why{reason};
    u64 time_us = 0;
    ktap::Verdict verdict = ktap::Verdict::kSkipped;
    if (online_cpus().count() < test.min_cpus) {
      format_to(why, "needs {} CPUs", test.min_cpus);
    } else {
      const Instant start = time::now();
      verdict = run_body(test);
      time_us = static_cast<u64>((time::now() - start).ns) / 1000;
      if (verdict == ktap::Verdict::kSkipped) why.write(state().skip_reason.load(std::memory_order_relaxed));
      if (!check_leaks()) verdict = ktap::Verdict::kFailed;
    }
    log::RawBlock block;
    ktap::case_point(verdict, index, ktap::case_of(test.name), why.view(), time_us, block);
    return verdict;
  }

  ktap::Verdict run_body(const TestCase& test) {
    state().failures.store(0, std::memory_order_relaxed);
    state().skip_reason.store(nullptr, std::memory_order_relaxed);
    watchdog_begin_item(test.name, Duration{static_cast<i64>(test.limit_ns)} * patience_);
    const Result<Task*> thread =
        kthread_run(ktap::case_of(test.name), thread_body, const_cast<TestCase*>(&test));
    if (thread) {
      kthread_join(*thread);
    } else {
      raw_print("{}# FAILED no thread for the test, error {}", ktap::kCaseIndent, thread.error());
      state().failures.fetch_add(1, std::memory_order_relaxed);
    }
    watchdog_end_item();
    if (state().failures.load(std::memory_order_relaxed) != 0) return ktap::Verdict::kFailed;
    const bool skipped = state().skip_reason.load(std::memory_order_relaxed) != nullptr;
    return skipped ? ktap::Verdict::kSkipped : ktap::Verdict::kPassed;
  }

  bool check_leaks() {
    char text[1024];
    BufferSink sink{text};
    if (leaks_.is_clean(sink, "  #     ")) return true;
    log::RawBlock block;
    format_to(block, "{}# FAILED the test left behind:\n", ktap::kCaseIndent);
    block.write(sink.view());
    if (sink.truncated()) block.write("\n");
    return false;
  }

  u32 patience_;
  LeakCheck leaks_;
};

ktap::Counts run_selection(Selection tests, u32 patience) {
  std::sort(tests.begin(), tests.end(), is_before);
  u32 suites = 0;
  for (Selection rest = tests; !rest.empty(); rest = rest.subspan(suite_length(rest))) ++suites;
  {
    log::RawBlock block;
    ktap::begin(suites, block);
  }
  Runner runner{patience};
  ktap::Counts total;
  u32 number = 0;
  for (Selection rest = tests; !rest.empty();) {
    const usize n = suite_length(rest);
    const ktap::Counts counts = runner.run_suite(++number, rest.first(n));
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    rest = rest.subspan(n);
  }
  log::RawBlock block;
  ktap::totals(total, block);
  return total;
}

} // namespace

std::span<const TestCase> all_tests() { return {__tests_start, __tests_end}; }

bool is_selected(const TestCase& test, std::string_view globs) {
  const auto by_name = (test.flags & kFlagOnlyByName) != 0 ? ktap::ByName::kYes : ktap::ByName::kNo;
  return (test.arch & kThisArch) != 0 && ktap::selects(globs, test.name, by_name);
}

boot::ExitCode run_tests(std::string_view globs, u32 patience) {
  const auto list = static_cast<const TestCase**>(kmalloc((all_tests().size() + 1) * sizeof(TestCase*)));
  if (list == nullptr) {
    raw_print("runnel: error no memory for the list of tests");
    return boot::ExitCode::kInternal;
  }
  usize count = 0;
  for (const TestCase& test : all_tests())
    if (is_selected(test, globs)) list[count++] = &test;
  boot::ExitCode result = boot::ExitCode::kBadCommandLine;
  if (count == 0)
    raw_print("runnel: error no test matches '{}'; this image has {} tests (runnel list shows them)", globs,
              all_tests().size());
  else
    result = run_selection({list, count}, patience).failed == 0 ? boot::ExitCode::kPassed
                                                                : boot::ExitCode::kFailed;
  kfree(list);
  return result;
}

} // namespace runnel::test
