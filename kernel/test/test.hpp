// SPDX-License-Identifier: Apache-2.0
// On-target tests. docs/tests.md shows how to write one:
//   RUNNEL_TEST(timer, fires_once, .cpus = 2, .limit = 500_ms) { CHECK(fired == 1); }
#pragma once

#include "kernel/lib/types.hpp"
#include "kernel/test/check.hpp"
#include "kernel/test/test_case.hpp"

#include <arch/exception.hpp>
#include <optional>

namespace runnel::test {

enum class TestArch : u32 { kX86_64 = kArchX86_64, kAarch64 = kArchAarch64, kAny = kArchAny };
/// kOnlyByName: for tests made to fail; no wildcard selects their suite.
enum class Select : u32 { kByDefault = 0, kOnlyByName = kFlagOnlyByName };

/// kExact: the test judges lengths of time, which mean something only while guest time passes by instructions
/// and not by the host's clock. The host tool runs it on deterministic machines only.
enum class GuestTime : u32 { kAny = 0, kExact = kFlagExactTime };

/// What a test asks for; missing CPUs make it a SKIP, another architecture leaves it out of the list.
struct TestOptions {
  u32 cpus = 1;
  Duration limit = 1_s; // guest time, before the test counts as hung
  TestArch arch = TestArch::kAny;
  Select select = Select::kByDefault;
  GuestTime time = GuestTime::kAny;
};

constexpr TestCase make_test_case(const char* name, const char* file, u32 line, void (*body)(),
                                  const TestOptions& options) {
  return {name,
          file,
          body,
          static_cast<u64>(options.limit.ns),
          line,
          options.cpus,
          static_cast<u32>(options.arch),
          static_cast<u32>(options.select) | static_cast<u32>(options.time)};
}

/// Where a check stands.
struct Location {
  const char* macro;
  const char* expression;
  const char* file;
  u32 line;
};

/// Records a failed check of the running test, on whatever thread and CPU it happened, and prints it.
void report_failure(const Outcome& outcome, const Location& location);

[[gnu::always_inline]] inline bool check(const Outcome& outcome, const Location& location) {
  if (!outcome.passed) [[unlikely]]
    report_failure(outcome, location);
  return outcome.passed;
}

/// A `# text` line under the running test, shown whether it passes or not.
void vnote(std::string_view fmt, std::span<const FormatArg> args);
template <typename... Args> void note(std::string_view fmt, const Args&... args) {
  const FormatArg list[] = {FormatArg(args)..., FormatArg(false)};
  vnote(fmt, std::span(list, sizeof...(Args)));
}

/// Ends the running test as skipped, with this reason, once its body returns (which it should do at once).
/// For what a test finds out about the machine only by looking.
void skip(const char* reason);

std::optional<arch::Fault> faults_in_thread(void (*fn)(void*), void* arg);

/// Runs `fn` in a thread of its own, with the caller's affinity; the fault it took, or nothing if it
/// returned. The thread ends where it faulted: what its stack owns is not destroyed, locks it holds stay
/// held.
template <typename F> std::optional<arch::Fault> faults(F&& fn) {
  using Fn = std::remove_reference_t<F>;
  return faults_in_thread([](void* f) { (*static_cast<Fn*>(f))(); },
                          const_cast<void*>(static_cast<const void*>(&fn)));
}

/// Diverts the failures of this thread while it lives: how the framework tests itself.
class Capture {
 public:
  Capture();
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  u32 failures() const { return failures_; }
  std::string_view text() const { return sink_.view(); }

 private:
  friend void report_failure(const Outcome& outcome, const Location& location);
  char buffer_[2048];
  BufferSink sink_{buffer_};
  u32 failures_ = 0;
};

} // namespace runnel::test

#define RUNNEL_TEST(suite, case_name, ...)                                                                   \
  static void test_##suite##_##case_name();                                                                  \
  [[gnu::section(".runnel.tests"),                                                                           \
    gnu::used]] static constinit const ::runnel::test::TestCase test_case_##suite##_##case_name =            \
      ::runnel::test::make_test_case(#suite "." #case_name, __FILE__, __LINE__, test_##suite##_##case_name,  \
                                     ::runnel::test::TestOptions{__VA_ARGS__});                              \
  static void test_##suite##_##case_name()

#define RUNNEL_CHECK_AS(macro, ...)                                                                          \
  ::runnel::test::check(::runnel::test::outcome_of(::runnel::test::Decompose{} <= __VA_ARGS__),              \
                        {macro, #__VA_ARGS__, __FILE__, __LINE__})

/// Records a failure when the expression does not hold, and goes on.
#define CHECK(...) static_cast<void>(RUNNEL_CHECK_AS("CHECK", __VA_ARGS__))

/// Records a failure when the expression does not hold, and returns from the enclosing function (which
/// returns void: the test's body, or a helper or lambda whose caller does not mind).
#define REQUIRE(...)                                                                                         \
  do {                                                                                                       \
    if (!RUNNEL_CHECK_AS("REQUIRE", __VA_ARGS__)) return;                                                    \
  } while (false)
