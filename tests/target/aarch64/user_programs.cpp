// SPDX-License-Identifier: Apache-2.0
// User mode of aarch64: what EL0 may and what it may not, and that its registers are its own.
#include "tests/target/user_programs.hpp"

#include "kernel/debug/backtrace.hpp"
#include "kernel/debug/nmi.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/preempt.hpp"
#include "kernel/time/sleep.hpp"

extern "C" {
#define PROGRAM(name) extern const std::byte arm_program_##name[], arm_program_##name##_end[];
PROGRAM(exit)
PROGRAM(spin)
PROGRAM(spin_with_forged_stack)
PROGRAM(jump_to_nowhere)
PROGRAM(jump_between)
PROGRAM(read_kernel)
PROGRAM(unaligned_exclusive)
PROGRAM(read_system_register)
PROGRAM(mask_interrupts)
PROGRAM(read_timer)
PROGRAM(write_tpidrro)
PROGRAM(sve)
PROGRAM(trap)
PROGRAM(allowed)
PROGRAM(write_kernel)
PROGRAM(unknown_call)
PROGRAM(registers)
PROGRAM(exec)
PROGRAM(argc)
#undef PROGRAM
}

namespace runnel {
namespace {

using test::Archive;
using test::finish;
using test::start;
using test::TestArch;
using user::status_exited;
using user::status_killed;

#define ADD(archive, name) (archive).add_program(#name, {arm_program_##name, arm_program_##name##_end})

constexpr std::string_view kArguments[] = {"one", "two", "three", "four", "five", "six", "seven", "eight"};

RUNNEL_TEST(user_arm, a_program_exits_with_its_status, .arch = TestArch::kAarch64)
{
  Archive archive;
  ADD(archive, exit);
  for (u32 i = 0; i < 20; ++i) CHECK(finish(start("/exit")) == status_exited(42));
}

RUNNEL_TEST(user_arm, what_the_cpu_forbids_kills, .limit = 5_s, .arch = TestArch::kAarch64)
{
  Archive archive;
  ADD(archive, jump_to_nowhere);
  ADD(archive, jump_between);
  ADD(archive, read_kernel);
  ADD(archive, unaligned_exclusive);
  ADD(archive, read_system_register);
  ADD(archive, mask_interrupts);
  ADD(archive, read_timer);
  ADD(archive, write_tpidrro);
  ADD(archive, trap);
  CHECK(finish(start("jump_to_nowhere")) == status_killed(user::kSigSegv));
  CHECK(finish(start("jump_between")) == status_killed(user::kSigBus));
  CHECK(finish(start("read_kernel")) == status_killed(user::kSigSegv));
  CHECK(finish(start("unaligned_exclusive")) == status_killed(user::kSigBus));
  CHECK(finish(start("read_system_register")) == status_killed(user::kSigIll));
  CHECK(finish(start("mask_interrupts")) == status_killed(user::kSigIll));
  CHECK(finish(start("read_timer")) == status_killed(user::kSigIll));
  CHECK(finish(start("write_tpidrro")) == status_killed(user::kSigIll));
  CHECK(finish(start("trap")) == status_killed(user::kSigTrap));
}

RUNNEL_TEST(user_arm, what_nobody_saves_is_not_offered, .arch = TestArch::kAarch64)
{
  constexpr u64 kFp = 1u << 0, kSimd = 1u << 1, kCpuid = 1u << 11, kSve = 1u << 22, kPac = 3u << 30;
  constexpr u64 kSve2 = 1u << 1, kBti = 1u << 17, kMte = 1u << 18, kSme = 1u << 23;
  CHECK((arch::hwcap() & (kFp | kSimd)) == (kFp | kSimd));
  CHECK((arch::hwcap() & (kCpuid | kSve | kPac)) == 0);
  CHECK((arch::hwcap2() & (kSve2 | kBti | kMte | kSme)) == 0);
  Archive archive;
  ADD(archive, sve);
  CHECK(finish(start("sve")) == status_killed(user::kSigIll));
}

RUNNEL_TEST(user_arm, what_is_allowed_works, .arch = TestArch::kAarch64)
{
  Archive archive;
  ADD(archive, allowed);
  CHECK(finish(start("allowed")) == status_exited(0));
}

RUNNEL_TEST(user_arm, a_bad_pointer_is_an_error_and_no_more, .arch = TestArch::kAarch64)
{
  Archive archive;
  ADD(archive, write_kernel);
  ADD(archive, unknown_call);
  CHECK(finish(start("write_kernel")) == status_exited(static_cast<i32>(Errno::kFAULT)));
  CHECK(finish(start("unknown_call")) == status_exited(static_cast<i32>(Errno::kNOSYS)));
}

RUNNEL_TEST(user_arm, registers_are_the_threads_own, .limit = 20_s, .arch = TestArch::kAarch64)
{
  Archive archive;
  ADD(archive, registers);
  user::Process* processes[std::size(kArguments)] = {};
  for (u32 i = 0; i < std::size(kArguments); ++i) processes[i] = start("registers", {kArguments, i + 1});
  for (user::Process* process : processes) CHECK(finish(process) == 0);
}

RUNNEL_TEST(user_arm, exec_starts_with_clean_registers, .arch = TestArch::kAarch64)
{
  Archive archive;
  ADD(archive, exec);
  CHECK(finish(start("exec")) == status_exited(static_cast<i32>(Errno::kNOENT)));
  ADD(archive, argc);
  CHECK(finish(start("exec")) == status_exited(2));
  CHECK(finish(start("argc")) == status_exited(1)); // an empty argv becomes one empty string
}

RUNNEL_TEST(user_arm, a_spinning_program_can_be_preempted_and_killed, .limit = 10_s,
            .arch = TestArch::kAarch64)
{
  Archive archive;
  ADD(archive, spin);
  ADD(archive, spin_with_forged_stack);
  user::Process* processes[5] = {};
  for (u32 i = 0; i < std::size(processes); ++i)
    processes[i] = start(i % 2 == 0 ? "spin" : "spin_with_forged_stack");
  sleep_for(50_ms);
  for (user::Process* process : processes) {
    REQUIRE(process != nullptr);
    CHECK(!process->exited.try_wait());
    user::kill_process(*process, status_killed(user::kSigKill));
    CHECK(finish(process) == status_killed(user::kSigKill));
  }
}

/// How many other CPUs are in user mode, asked as a hang report would; what they have in their registers
/// hurts nobody.
u32 sample_users() {
  const sync::PreemptGuard stay;
  u32 users = 0;
  for (const CpuId cpu : online_cpus()) {
    if (cpu == arch::Cpu::this_cpu()) continue;
    const debug::CpuReport* report = debug::sample_cpu(cpu);
    if (report == nullptr || !report->regs.from_user()) continue;
    ++users;
    CHECK(debug::backtrace_of(report->regs, debug::Trust::kOwnStackOnly).count == 1);
  }
  return users;
}

RUNNEL_TEST(user_arm, a_dump_is_not_misled_by_a_users_stack, .cpus = 2, .limit = 10_s,
            .arch = TestArch::kAarch64)
{
  Archive archive;
  ADD(archive, spin_with_forged_stack);
  user::Process* processes[4] = {};
  for (auto& process : processes) process = start("spin_with_forged_stack");
  u32 users = 0;
  for (u32 i = 0; i < 20 && users == 0; ++i) {
    sleep_for(5_ms);
    users += sample_users();
  }
  CHECK(users > 0);
  for (user::Process* process : processes) {
    REQUIRE(process != nullptr);
    user::kill_process(*process, status_killed(user::kSigKill));
    CHECK(finish(process) == status_killed(user::kSigKill));
  }
}

} // namespace
} // namespace runnel
