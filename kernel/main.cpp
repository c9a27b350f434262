// SPDX-License-Identifier: Apache-2.0
// From the boot path's jump to the first thread: every subsystem in the order they need each other, then the
// verb of the command line.
#include "boot/boot_info.hpp"
#include "kernel/cmdline/cmdline.hpp"
#include "kernel/debug/finish.hpp"
#include "kernel/debug/panic.hpp"
#include "kernel/debug/watchdog.hpp"
#include "kernel/firmware/describe.hpp"
#include "kernel/fs/console_receive.hpp"
#include "kernel/fs/rootfs.hpp"
#include "kernel/log/log.hpp"
#include "kernel/mm/init.hpp"
#include "kernel/mm/usage.hpp"
#include "kernel/sched_port/seed.hpp"
#include "kernel/sched_port/topology.hpp"
#include "kernel/shell/shell.hpp"
#include "kernel/smp/bringup.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/idle.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/test/runner.hpp"
#include "kernel/trace/trace.hpp"
#include "kernel/user/cpu_limits.hpp"
#include "kernel/user/cpu_time/check.hpp"
#include "kernel/user/file/file_seams.hpp"
#include "kernel/user/mm/layout.hpp"
#include "kernel/user/rseq/cid.hpp"
#include "kernel/user/rseq/slice.hpp"
#include "kernel/user/run.hpp"
#include "kernel/user/strace/strace.hpp"
#include "kernel/user/vdso/vdso.hpp"
#include "kernel/workload/run.hpp"

#include <arch/console.hpp>
#include <arch/irqchip.hpp>
#include <arch/timer.hpp>
#include <arch/topology.hpp>
#include <sched/features.hpp>
#include <sched/sched.hpp>

namespace runnel {
namespace {

constinit Task boot_task; // what runs until the boot CPU's idle thread takes over
constinit boot::BootInfo boot_info;
constinit cmdline::Options options;

std::string_view source_name(boot::Source source) {
  switch (source) {
  case boot::Source::kPvh:
    return "pvh";
  case boot::Source::kArm64Image:
    return "image";
  case boot::Source::kUefi:
    return "uefi";
  }
  return "unknown";
}

void say_booted() {
#ifdef RUNNEL_DEBUG
  constexpr std::string_view kBuild = "debug";
#else
  constexpr std::string_view kBuild = "release";
#endif
  raw_print("runnel: boot {} {} cpus={} memory={} build={}", arch::kName, source_name(boot_info.source),
            online_cpus().count(), mm::memory_usage().total_bytes, kBuild);
}

std::span<const std::byte> initrd() {
  if (boot_info.initrd_size == 0) return {};
  return {static_cast<const std::byte*>(arch::phys_to_virt(PhysAddr{boot_info.initrd_base})),
          boot_info.initrd_size};
}

/// The tree of files. A workload brings its archive for itself.
void init_files() {
  char why[256];
  BufferSink sink(why);
  if (fs::init_root(options.verb == cmdline::Verb::kRun ? std::span<const std::byte>() : initrd(), sink))
    return;
  raw_print("runnel: error {}", sink.view());
  debug::finish(boot::ExitCode::kBootFailed);
}

/// Standard input of the program, if it is to have one.
bool start_input() {
  if (options.input == cmdline::Input::kNone) return true;
  const auto mode =
      options.input == cmdline::Input::kPipe ? fs::ConsoleMode::kPipe : fs::ConsoleMode::kTerminal;
  const auto started = fs::start_console_input(mode);
  if (!started) raw_print("runnel: error stdin: the console cannot receive (errno {})", started.error());
  return started.has_value();
}

boot::ExitCode run_verb() {
  switch (options.verb) {
  case cmdline::Verb::kTest:
    return test::run_tests(options.test_globs(), options.patience);
  case cmdline::Verb::kRun:
    return workload::run_workload(initrd(), options.seed);
  case cmdline::Verb::kExec:
    if (!start_input()) return boot::ExitCode::kBootFailed;
    return user::run_program(options.program);
  case cmdline::Verb::kShell:
    return shell::run_shell();
  }
  return boot::ExitCode::kInternal;
}

/// The first thread: everything that needs threads, then the verb.
void main_thread(void*) {
  sync::rcu_init();
  smp::create_stopper(CpuId{0});
  smp::start_secondary_cpus();
  build_sched_domains();
  log_sched_domains();
  if (options.trace && !trace::trace_start())
    panic("trace: no memory for the event rings; give the machine more");
  if (options.trace)
    for_each_task([](Task& task) { trace::record_name(task.pid, task.comm); }); // those made before it began
  watchdog_set_run_limit(options.limit);
  watchdog_start();
  user::connect_files();
  user::connect_cpu_limits();
  user::connect_cpu_time();
  user::init_vdso();
  user::rseq::start_worker();
  init_files();
  say_booted();
  const boot::ExitCode code = run_verb();
  watchdog_stop();
  trace::trace_finish();
  debug::finish(code);
}

void read_command_line() {
  char why[512];
  BufferSink sink(why);
  if (cmdline::parse(boot_info.command_line, options, sink)) {
    log::set_level(options.log_level);
    scheduler_seed = options.seed;
    sched::features.lazy_preempt = options.lazy_preempt;
    sched::features.proxy_exec = options.proxy_exec;
    user::rseq::slices_offered.store(options.rseq_slices, std::memory_order_relaxed);
    user::rseq::classic.store(options.rseq_classic, std::memory_order_relaxed);
    user::rseq::strict.store(options.rseq_strict, std::memory_order_relaxed);
    smp::set_idle_mode(options.poll_idle ? smp::IdleMode::kPoll : smp::IdleMode::kHalt);
    user::set_aslr(options.aslr ? user::Aslr::kOn : user::Aslr::kOff);
    user::set_strace(options.strace ? user::Strace::kOn : user::Strace::kOff);
    debug::set_after_end(options.linger ? debug::AfterEnd::kLinger : debug::AfterEnd::kExit);
    return;
  }
  raw_print("runnel: error {}", sink.view());
  debug::finish(boot::ExitCode::kBadCommandLine);
}

/// Before the kernel's own page tables: everything below the early direct map's end can be read.
firmware::Bytes read_physical(PhysAddr phys, u64 size) {
  constexpr u64 kMapped = u64{512} << 30;
  if (phys.value == 0 || phys.value >= kMapped || size > kMapped - phys.value) return {};
  return {static_cast<const std::byte*>(arch::phys_to_virt(phys)), size};
}

void read_firmware_tables() {
  char why[160];
  BufferSink sink(why);
  arch::MachineInfo& machine = smp::machine_info_storage();
  if (firmware::describe_machine(boot_info, read_physical, arch::this_hw_id(), machine, sink))
    return arch::refine_topology(machine);
  raw_print("runnel: error {}", sink.view());
  debug::finish(boot::ExitCode::kBootFailed);
}

} // namespace
} // namespace runnel

extern "C" [[noreturn]] void kernel_main(const runnel::boot::BootInfo& info) {
  using namespace runnel;
  constexpr CpuId kBoot{0};
  arch::cpu_init(kBoot, &boot_task.thread);
  arch::console_init_early();
  boot_task.thread.preempt_count = kPreemptOne; // nothing to switch to yet
  boot_info = info;
  read_command_line();
  read_firmware_tables();
  const arch::MachineInfo& machine = machine_info();

  mm::mm_init(boot_info, machine);
  arch::console_init(machine);
  arch::clock_init(machine);
  arch::irqchip_init(machine);
  sched::sched_init_cpu(kBoot, idle_task(kBoot));
  smp::init_boot_cpu();

  const Result<Task*> first = kthread_run("main", main_thread, nullptr);
  if (!first) panic("no memory for the first thread");
  // The boot stack has no guard; it is left for good here.
  smp::enter_idle(boot_task);
}
