// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/report.hpp"

#include "kernel/user/syscall.hpp"
#include "kernel/user/tree.hpp"

#include <sched/sched.hpp>

namespace runnel::user {
namespace {

constexpr u32 kMost = 64; // threads: more are not read by anybody, and a broken list may have no end

std::string_view doing(const Task& task) {
  const u32 state = task.state.load(std::memory_order_relaxed);
  if ((state & sched::kStopped) != 0) return "stopped";
  return state == sched::kRunning ? "running" : "waiting";
}

void report_thread(Thread& thread, const Process& process, Sink& sink) {
  const Task& task = *thread.task;
  const arch::UserRegs& regs = thread.regs();
  format_to(sink, "  program {} (pid {}, thread {}): {}", std::string_view(task.comm), process.pid, task.pid,
            doing(task));
  if (regs.in_syscall())
    format_to(sink, " in {}({:#x}, {:#x}, {:#x})", syscall_name(regs.syscall_number()), regs.syscall_arg(0),
              regs.syscall_arg(1), regs.syscall_arg(2));
  format_to(sink, ", at {:#x} of the program, stack {:#x}\n", regs.pc(), regs.sp());
}

} // namespace

void report_threads(Sink& sink) NO_THREAD_SAFETY_ANALYSIS {
  u32 seen = 0;
  for_each_process([&](Process& process) NO_THREAD_SAFETY_ANALYSIS {
    for (Thread& thread : process.threads) {
      if (++seen <= kMost) report_thread(thread, process, sink);
      if (seen == 4 * kMost) break;
    }
  });
  if (seen > kMost) format_to(sink, "  and {} threads of programs more\n", seen - kMost);
}

} // namespace runnel::user
