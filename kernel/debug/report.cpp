// SPDX-License-Identifier: Apache-2.0
#include "kernel/debug/report.hpp"

#include "kernel/debug/backtrace.hpp"
#include "kernel/debug/finish.hpp"
#include "kernel/debug/nmi.hpp"
#include "kernel/debug/panic.hpp"
#include "kernel/debug/watchdog.hpp"
#include "kernel/log/log.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/lockdep.hpp"
#include "kernel/task/task.hpp"
#include "kernel/user/report.hpp"

#include <arch/cpu.hpp>
#include <arch/layout.hpp>
#include <arch/power.hpp>
#include <atomic>
#include <sched/task.hpp>

namespace runnel::debug {
namespace {

constexpr u32 kNobody = ~u32{0};
constinit std::atomic<u32> reporter{kNobody};

/// Parts of the report, in order. A fault inside one continues with the next: each is begun at most once.
enum Part : u32 {
  kHeadline,
  kItem,
  kRegisters,
  kOwnCpu,
  kAskOthers,
  kFirstOther,
  kPrograms = kFirstOther + kMaxCpus,
  kEnd
};

// Of the reporting CPU only.
struct Progress {
  u32 next_part = kHeadline;
  Ending ending = Ending::kPanic;
  const arch::Registers* regs = nullptr;
  CpuMask asked, answered;
};
constinit Progress progress;

class LineSink final : public Sink {
 public:
  void write(std::string_view text) override { log::raw_write(text); }
};

boot::ExitCode exit_code(Ending ending) {
  return ending == Ending::kHang ? boot::ExitCode::kHang : boot::ExitCode::kPanic;
}

/// The name of a thread, read with suspicion: only printable characters of a field of known size.
void print_thread(CpuId cpu, const ThreadInfo* thread, Sink& sink) {
  if (thread == &idle_task(cpu).thread) return sink.write("idle");
  if (reinterpret_cast<uptr>(thread) < arch::kDirectMap ||
      reinterpret_cast<uptr>(thread) % alignof(ThreadInfo))
    return sink.write("no task");
  const auto* task = reinterpret_cast<const sched::Task*>(thread);
  sink.write("task ");
  for (const char c : task->comm) {
    if (c < ' ' || c > '~') break;
    sink.write({&c, 1});
  }
  format_to(sink, " (pid {})", task->pid);
}

void run_part(u32 part) {
  LineSink sink;
  const CpuId self = arch::Cpu::this_cpu();
  switch (part) {
  case kHeadline:
    return; // printed by die(), which has the text
  case kItem:
    if (const char* item = watchdog_item()) raw_print("  while running {}", item);
    return;
  case kRegisters:
    return arch::dump_registers(*progress.regs, sink);
  case kOwnCpu:
    return print_cpu(self, arch::Cpu::current(), *progress.regs, "");
  case kAskOthers:
    progress.asked = online_cpus();
    progress.asked.clear(self);
    progress.answered = stop_cpus(progress.asked);
    return;
  case kPrograms: // those that wait are on no CPU
    return progress.ending == Ending::kHang ? user::report_threads(sink) : void();
  default:
    break;
  }
  const CpuId cpu{part - kFirstOther};
  if (!progress.asked.test(cpu)) return;
  if (!progress.answered.test(cpu)) return raw_print("  cpu {}: does not answer an NMI", cpu);
  const CpuReport& other = report_of(cpu);
  print_cpu(cpu, other.thread, other.regs, other.text);
}

[[noreturn]] void continue_report() {
  while (progress.next_part < kEnd) run_part(progress.next_part++);
  finish(exit_code(progress.ending));
}

/// A panic or fault inside the report: one line, then the rest of it.
[[noreturn]] void die_again(std::string_view fmt, std::span<const FormatArg> args) {
  static constinit u32 depth = 0;
  if (++depth > 16) arch::exit(static_cast<u32>(exit_code(progress.ending)));
  LineSink sink;
  log::raw_write("\n  (while reporting: ");
  vformat(sink, fmt, args);
  log::raw_write(")\n");
  continue_report();
}

} // namespace

void print_cpu(CpuId cpu, const ThreadInfo* thread, const arch::Registers& regs, std::string_view text) {
  LineSink sink;
  format_to(sink, "  cpu {}: ", cpu);
  print_thread(cpu, thread, sink);
  format_to(sink, ", interrupts {}", regs.irqs_were_enabled() ? "on" : "off");
  if (!text.empty()) format_to(sink, ": {}", text);
  sink.write("\n");
  print_backtrace(backtrace_of(regs, Trust::kReport), "    ", sink);
}

void die(Ending ending, const arch::Registers& regs, std::string_view fmt, std::span<const FormatArg> args) {
  arch::Cpu::irq_disable();
  sync::lockdep_off();
  const u32 self = arch::Cpu::this_cpu().value;
  u32 owner = kNobody;
  if (!reporter.compare_exchange_strong(owner, self, std::memory_order_acq_rel)) {
    if (owner == self) die_again(fmt, args);
    char text[sizeof CpuReport{}.text];
    BufferSink sink{text};
    vformat(sink, fmt, args);
    stop_with_report(regs, sink.view());
  }
  progress.ending = ending;
  progress.regs = &regs;
  progress.next_part = kItem;
  log::enter_emergency();
  LineSink sink;
  log::raw_write(ending == Ending::kHang ? "runnel: hang " : "runnel: panic ");
  vformat(sink, fmt, args);
  sink.write("\n");
  continue_report();
}

[[gnu::noinline]] void vpanic(std::string_view fmt, std::span<const FormatArg> args) {
  die(Ending::kPanic, arch::capture_registers(), fmt, args);
}

[[gnu::noinline]] void assertion_failed(const char* what, const char* expression, const char* file,
                                        u32 line) {
  const FormatArg args[] = {what, expression, file, line};
  die(Ending::kPanic, arch::capture_registers(), "{}: {} ({}:{})", args);
}

} // namespace runnel::debug
