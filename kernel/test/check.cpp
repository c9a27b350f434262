// SPDX-License-Identifier: Apache-2.0
#include "kernel/test/check.hpp"

#include "kernel/debug/backtrace.hpp"
#include "kernel/log/log.hpp"
#include "kernel/test/ktap.hpp"
#include "kernel/test/state.hpp"
#include "kernel/test/test.hpp"

#include <arch/cpu.hpp>

namespace runnel::test {
namespace {

// A check in a loop fails as often as the loop runs; the first failures tell it all.
constexpr u32 kMostShown = 8;

constinit State current;

/// Whose failures are diverted; threads come and go, so a slot is only compared, never followed.
struct Diversion {
  std::atomic<const ThreadInfo*> thread{nullptr};
  Capture* capture = nullptr;
};
constinit Diversion diversion;

void describe(const Outcome& outcome, const Location& location, Sink& sink) {
  format_to(sink, "{}# FAILED {}({}) at {}:{} on cpu {}\n", ktap::kCaseIndent, location.macro,
            location.expression, location.file, location.line, arch::Cpu::this_cpu());
  format_to(sink, "{}#   with ", ktap::kCaseIndent);
  outcome.left.print(outcome.left.object, sink);
  if (outcome.right.print != nullptr) {
    sink.write(outcome.relation);
    outcome.right.print(outcome.right.object, sink);
  }
  sink.write("\n");
}

} // namespace

State& state() { return current; }

void print_unsigned(u64 value, Sink& sink) {
  format_to(sink, "{}", value);
  if (value > 0xffff) format_to(sink, " ({:#x})", value);
}

void print_text(std::string_view text, Sink& sink) { format_to(sink, "\"{}\"", text); }

[[gnu::noinline]] void report_failure(const Outcome& outcome, const Location& location) {
  if (diversion.thread.load(std::memory_order_relaxed) == arch::Cpu::current()) {
    ++diversion.capture->failures_;
    return describe(outcome, location, diversion.capture->sink_);
  }
  const u32 earlier = current.failures.fetch_add(1, std::memory_order_relaxed);
  if (earlier >= kMostShown) return;
  debug::Backtrace trace = debug::backtrace_of(arch::capture_registers(), debug::Trust::kOwnStackOnly);
  for (usize i = 1; i < trace.count; ++i)
    trace.frames[i - 1] = trace.frames[i]; // begin with the test, not with us
  if (trace.count > 1) --trace.count;
  log::RawBlock block;
  describe(outcome, location, block);
  debug::print_backtrace(trace, "  #     ", block);
  if (earlier + 1 == kMostShown)
    format_to(block, "{}# further failures of this test are only counted\n", ktap::kCaseIndent);
}

void vnote(std::string_view fmt, std::span<const FormatArg> args) {
  log::RawBlock block;
  format_to(block, "{}# ", ktap::kCaseIndent);
  vformat(block, fmt, args);
  block.write("\n");
}

void skip(const char* reason) { current.skip_reason.store(reason, std::memory_order_relaxed); }

Capture::Capture() {
  diversion.capture = this;
  diversion.thread.store(arch::Cpu::current(), std::memory_order_relaxed);
}

Capture::~Capture() { diversion.thread.store(nullptr, std::memory_order_relaxed); }

} // namespace runnel::test
