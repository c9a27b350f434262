// SPDX-License-Identifier: Apache-2.0
// The clock against another clock of the machine: what calibration is worth.
#include "arch/x86_64/reference_clock.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/test/test.hpp"
#include "kernel/time/sleep.hpp"

#include <algorithm>
#include <arch/cpu.hpp>
#include <arch/timer.hpp>
#include <string_view>

namespace runnel {
namespace {

using test::TestArch;

struct Pair {
  u64 reference_ns = 0;
  i64 clock_ns = 0;
  i64 width = INT64_MAX;
};

/// Both clocks at one moment: the closest of some tries, as the emulator can stop between two reads.
Pair read_both(arch::ReferenceClock& reference) {
  Pair best;
  for (u32 i = 0; i < 16; ++i) {
    const IrqGuard irqs_off;
    const Instant before = arch::clock_now();
    const u64 reference_ns = reference.read_ns();
    const Instant after = arch::clock_now();
    const i64 width = (after - before).ns;
    if (width < best.width) best = {reference_ns, static_cast<i64>(before.ns) + width / 2, width};
  }
  return best;
}

RUNNEL_TEST(x86_64_clock, keeps_pace_with_the_reference, .limit = 3_s, .arch = TestArch::kX86_64)
{
  arch::ReferenceClock reference(machine_info());
  REQUIRE(reference.runs());
  if (std::string_view(reference.name()) == "PIT") return test::skip("the PIT wraps too soon on a busy host");
  const Pair from = read_both(reference);
  sleep_for(20_ms);
  const Pair to = read_both(reference);
  const i64 by_reference = static_cast<i64>(to.reference_ns - from.reference_ns);
  const i64 by_clock = to.clock_ns - from.clock_ns;
  const i64 error = by_clock - by_reference;
  // Half a percent, and what the reading itself is unsure of.
  const i64 allowed = by_reference / 200 + from.width + to.width;
  CHECK(by_reference >= 19'000'000);
  CHECK(error <= allowed);
  CHECK(error >= -allowed);
  test::note("{}: {} ns in {} ns", reference.name(), error, by_reference);
}

RUNNEL_TEST(x86_64_clock, description_names_the_sources, .arch = TestArch::kX86_64)
{
  char text[200];
  BufferSink sink(text);
  arch::clock_describe(sink);
  CHECK(sink.view().find("TSC ") == 0u);
  CHECK(sink.view().find("timer") != std::string_view::npos);
  CHECK(sink.view().find("DISAGREE") == std::string_view::npos);
  test::note("{}", sink.view());
}

} // namespace
} // namespace runnel
