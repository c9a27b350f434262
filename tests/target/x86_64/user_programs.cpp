// SPDX-License-Identifier: Apache-2.0
// User mode of x86_64: programs come and go, what they own is theirs, what they must not do ends them.
#include "tests/target/user_programs.hpp"

#include "kernel/debug/nmi.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/time/sleep.hpp"

#include <arch/uaccess.hpp>

extern "C" {
#define PROGRAM(name) extern const std::byte program_##name[], program_##name##_end[];
PROGRAM(exit)
PROGRAM(store_to_nowhere)
PROGRAM(read_kernel)
PROGRAM(spin)
PROGRAM(jump_to_nowhere)
PROGRAM(privileged)
PROGRAM(divide)
PROGRAM(breakpoint)
PROGRAM(write_kernel)
PROGRAM(registers)
PROGRAM(sse)
PROGRAM(thread_pointer)
PROGRAM(exec)
PROGRAM(argc)
PROGRAM(unknown_call)
#undef PROGRAM
}

namespace runnel {
namespace {

using test::Archive;
using test::finish;
using test::start;
using user::status_exited;
using user::status_killed;

#define ADD(archive, name) (archive).add_program(#name, {program_##name, program_##name##_end})

constexpr std::string_view kArguments[] = {"one", "two", "three", "four", "five", "six", "seven", "eight"};

/// Several of one program at once, told apart by argc, all on the CPUs of `cpus`; each must exit with 0.
void run_together(std::string_view path, u32 count) {
  user::Process* processes[std::size(kArguments)] = {};
  for (u32 i = 0; i < count; ++i) processes[i] = start(path, {kArguments, i + 1});
  for (u32 i = 0; i < count; ++i) CHECK(finish(processes[i]) == 0);
}

RUNNEL_TEST(user_x86, a_program_exits_with_its_status, .arch = test::TestArch::kX86_64)
{
  Archive archive;
  ADD(archive, exit);
  for (u32 i = 0; i < 20; ++i) CHECK(finish(start("/exit")) == status_exited(42));
}

RUNNEL_TEST(user_x86, what_the_cpu_forbids_kills, .arch = test::TestArch::kX86_64)
{
  Archive archive;
  ADD(archive, store_to_nowhere);
  ADD(archive, read_kernel);
  ADD(archive, jump_to_nowhere);
  ADD(archive, privileged);
  ADD(archive, divide);
  ADD(archive, breakpoint);
  CHECK(finish(start("store_to_nowhere")) == status_killed(user::kSigSegv));
  CHECK(finish(start("read_kernel")) == status_killed(user::kSigSegv));
  CHECK(finish(start("jump_to_nowhere")) == status_killed(user::kSigSegv));
  CHECK(finish(start("privileged")) == status_killed(user::kSigSegv));
  CHECK(finish(start("divide")) == status_killed(user::kSigFpe));
  CHECK(finish(start("breakpoint")) == status_killed(user::kSigTrap));
}

RUNNEL_TEST(user_x86, a_bad_pointer_is_an_error_and_no_more, .arch = test::TestArch::kX86_64)
{
  Archive archive;
  ADD(archive, write_kernel);
  ADD(archive, unknown_call);
  CHECK(finish(start("write_kernel")) == status_exited(static_cast<i32>(Errno::kFAULT)));
  CHECK(finish(start("unknown_call")) == status_exited(static_cast<i32>(Errno::kNOSYS)));
}

RUNNEL_TEST(user_x86, registers_are_the_threads_own, .limit = 20_s, .arch = test::TestArch::kX86_64)
{
  Archive archive;
  ADD(archive, registers);
  run_together("registers", 8);
}

RUNNEL_TEST(user_x86, sse_state_starts_fresh_and_is_the_threads_own, .limit = 20_s,
            .arch = test::TestArch::kX86_64)
{
  Archive archive;
  ADD(archive, sse);
  run_together("sse", 8);
  run_together("sse", 8); // after threads that left garbage in the registers
}

RUNNEL_TEST(user_x86, segment_bases_are_the_threads_own, .limit = 20_s, .arch = test::TestArch::kX86_64)
{
  Archive archive;
  ADD(archive, thread_pointer);
  run_together("thread_pointer", 8);
}

/// Nothing happens to one that has ended.
void pin_to(user::Process& process, CpuId cpu) {
  Task* task = nullptr;
  {
    const IrqSpinGuard guard(process.lock);
    if (user::Thread* thread = process.threads.front()) task = thread->task;
    if (task != nullptr) get_task(*task);
  }
  if (task == nullptr) return;
  CHECK(set_affinity(*task, CpuMask::of(cpu)).has_value());
  put_task(*task);
}

// NMIs find the kernel's GS base wherever they come: in user mode, and between it and the entry's swapgs.
RUNNEL_TEST(user_x86, nmis_reach_user_mode_and_its_entries, .cpus = 2, .limit = 20_s,
            .arch = test::TestArch::kX86_64)
{
  Archive archive;
  ADD(archive, registers);
  ADD(archive, spin);
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  u32 in_user = 0;
  u32 in_kernel = 0;
  for (u32 round = 0; round < 5; ++round) {
    user::Process* process = start("registers", {kArguments, 1});
    REQUIRE(process != nullptr);
    pin_to(*process, CpuId{1});
    while (!process->exited.try_wait()) {
      const debug::CpuReport* report = debug::sample_cpu(CpuId{1});
      if (report == nullptr) break;
      ++(report->regs.from_user() ? in_user : in_kernel);
    }
    CHECK(finish(process) == 0);
  }
  CHECK(in_kernel > 0);
  // Where CPUs take turns no NMI may have met that one in user mode; this one is nowhere else.
  user::Process* const spinning = start("spin");
  REQUIRE(spinning != nullptr);
  pin_to(*spinning, CpuId{1});
  for (u32 i = 0; i < 1000 && in_user == 0; ++i) {
    const debug::CpuReport* report = debug::sample_cpu(CpuId{1});
    if (report != nullptr && report->regs.from_user()) ++in_user;
    sleep_for(100_us);
  }
  CHECK(in_user > 0);
  kill_process(*spinning, user::status_killed(user::kSigKill));
  CHECK(finish(spinning) == user::status_killed(user::kSigKill));
  CHECK(set_affinity(current_task(), CpuMask::all()).has_value());
}

RUNNEL_TEST(user_x86, exec_replaces_the_program, .arch = test::TestArch::kX86_64)
{
  Archive archive;
  ADD(archive, exec);
  CHECK(finish(start("exec")) == status_exited(static_cast<i32>(Errno::kNOENT)));
  ADD(archive, argc);
  CHECK(finish(start("exec")) == status_exited(2));
  CHECK(finish(start("argc")) == status_exited(1)); // an empty argv becomes one empty string
}

RUNNEL_TEST(user_x86, what_cannot_be_started_says_why, .arch = test::TestArch::kX86_64)
{
  Archive archive;
  constexpr std::string_view kScript = "#!/bin/sh\n";
  archive.add("script", 0100755, std::as_bytes(std::span(kScript)));
  archive.add("text", 0100644, std::as_bytes(std::span(kScript)));
  archive.add("folder", 040755, {});
  const auto error = [](std::string_view path) {
    const auto process = user::spawn(path, {}, {});
    return process ? Errno{} : process.error();
  };
  CHECK(error("/none") == Errno::kNOENT);
  CHECK(error("") == Errno::kNOENT);
  CHECK(error("/script") == Errno::kNOENT); // its interpreter is not there
  CHECK(error("/text") == Errno::kACCES);
  CHECK(error("/folder") == Errno::kACCES);
  ADD(archive, exit);
  static constexpr char kLong[128 * 1024] = {};
  const std::string_view argv[] = {{kLong, sizeof kLong}};
  const auto process = user::spawn("/exit", argv, {});
  REQUIRE(!process.has_value());
  CHECK(process.error() == Errno::kE2BIG);
}

RUNNEL_TEST(user_x86, a_spinning_program_can_be_preempted_and_killed, .limit = 10_s,
            .arch = test::TestArch::kX86_64)
{
  Archive archive;
  ADD(archive, spin);
  user::Process* processes[8] = {};
  for (auto& process : processes) process = start("spin");
  sleep_for(50_ms);
  for (user::Process* process : processes) {
    REQUIRE(process != nullptr);
    CHECK(!process->exited.try_wait());
    user::kill_process(*process, status_killed(user::kSigKill));
    CHECK(finish(process) == status_killed(user::kSigKill));
  }
}

} // namespace
} // namespace runnel
