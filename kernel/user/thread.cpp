// SPDX-License-Identifier: Apache-2.0
// Threads of user programs: made, ended, called to order.
#include "kernel/user/thread.hpp"

#include "kernel/fs/walk.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/sync/preempt.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/user/exec.hpp"
#include "kernel/user/file/file_table.hpp"
#include "kernel/user/futex/exit.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/pidfd.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/rseq/cid.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/strace/strace.hpp"
#include "kernel/user/timers/process_timers.hpp"
#include "kernel/user/tree.hpp"
#include "kernel/user/uaccess.hpp"

#include <arch/irqchip.hpp>
#include <sched/sched.hpp>
#include <utility>

namespace runnel::user {
namespace {

/// First code of a user thread in the kernel: its registers and state were prepared by whoever made it.
void thread_main(void* arg) {
  auto& self = *static_cast<Thread*>(arg);
  if (self.set_child_tid != 0) static_cast<void>(store_user<u32>(self.set_child_tid, self.tid()));
  arch::enter_user(self.regs());
}

void* new_fpu_area() { return kmalloc(align_up(arch::fpu_size(), 64)); } // multiples of 64 are aligned to it

void free_thread(Thread& thread) {
  kfree(thread.arch.fpu);
  Process& process = *thread.process;
  kdelete(&thread);
  put_process(process);
}

Result<> link(Process& process, Thread& thread) {
  const IrqSpinGuard guard(process.lock);
  if (process.exiting || process.exec_thread != nullptr) return err(Errno::kAGAIN);
  process.threads.push_back(thread);
  ++process.nr_threads;
  process.cpu.add(thread.cpu, *thread.task);
  return {};
}

/// True: it was the last one, and the process has its exit status.
bool unlink(Process& process, Thread& thread, i32 status) {
  const IrqSpinGuard guard(process.lock);
  List<Thread, &Thread::in_process>::erase(thread);
  leave_stop(process, thread);
  process.cpu.remove(thread.cpu);
  if (--process.nr_threads != 0) return false;
  if (!process.exiting) process.exit_status = status;
  process.exiting = true;
  return true;
}

/// The last thread is gone but for its kernel part.
void end_process(Process& process) {
  if (strace_is_on()) trace_end(process.exit_status);
  free_timers(process);
  std::exchange(process.files, nullptr)->put();
  std::exchange(process.paths, nullptr)->put_ref();
  forget_program(process);
  std::exchange(process.mm, nullptr)->put();
  flush_signals(process);
  bury(process);
}

} // namespace

Result<Thread*> create_thread(Process& process, std::string_view comm) {
  void* fpu = new_fpu_area();
  Thread* thread = fpu == nullptr ? nullptr : knew<Thread>();
  if (thread == nullptr) {
    kfree(fpu);
    return err(Errno::kNOMEM);
  }
  arch::user_state_init(thread->arch, fpu);
  thread->process = &process;
  get_process(process);
  // A thread may run where its creator may.
  const CpuMask cpus = current_thread_or_null() != nullptr ? current_task().cpus_mask : CpuMask::all();
  const Result<Task*> task = kthread_create(comm, thread_main, thread, {.cpus = cpus, .user = thread});
  if (!task) {
    free_thread(*thread);
    return err(task.error());
  }
  thread->task = *task;
  if (const auto linked = link(process, *thread); !linked) {
    thread->task->user = nullptr;
    put_task(**task); // the caller's and its own, which it never used
    put_task(**task);
    free_thread(*thread);
    return err(linked.error());
  }
  return thread;
}

void start_thread(Thread& thread) {
  thread.process->mm->get();
  thread.task->mm = thread.process->mm; // it does not run yet
  rseq::join(*thread.task->mm, *thread.task);
  kthread_start(*thread.task);
}

void release_vfork_parent(Process& process) {
  const IrqSpinGuard guard(process.lock);
  process.vfork_done.store(true, std::memory_order_release);
  if (Task* const parent = std::exchange(process.vfork_parent, nullptr))
    sched::try_to_wake_up(*parent, sched::kUninterruptible | sched::kWakeKill, 0);
}

void discard_thread(Thread& thread) {
  {
    const SpinGuard guard(tree_lock);
    tell_thread_files(thread, 0);
  }
  unlink(*thread.process, thread, 0);
  flush_signals(thread);
  Task& task = *thread.task;
  task.user = nullptr;
  free_thread(thread);
  put_task(task);
  put_task(task);
}

void exit_thread(i32 status) {
  Thread& self = current_thread();
  Process& process = *self.process;
  rseq::leave();
  futex_exit(self);
  if (Mm* mm = replace_current_mm(nullptr)) mm->put();
  release_vfork_parent(process);
  {
    const SpinGuard guard(tree_lock);
    remove_thread(self);
    tell_thread_files(self, status);
  }
  const bool last = unlink(process, self, status);
  flush_signals(self); // nobody finds it any more: what was sent until now is all there is
  if (last)
    end_process(process);
  else
    process.thread_ended.wake_all();
  Task& task = *self.task;
  {
    const PreemptGuard stays; // or a switch would save into what is freed here
    task.user = nullptr;
    const IrqGuard irqs_off;
    arch::user_state_unload();
  }
  free_thread(self);
  put_task(task); // create_thread's; the task's own is dropped when it has left the CPU
  kthread_exit(0);
}

void kill_process(Process& process, i32 status) {
  const IrqSpinGuard guard(process.lock);
  if (process.exiting) return;
  process.exiting = true;
  process.exit_status = status;
  for (Thread& thread : process.threads)
    if (&thread != current_thread_or_null()) kick_thread(thread, kWorkExit); // the caller leaves by itself
}

void exit_process(i32 status) {
  Process& process = current_process();
  kill_process(process, status);
  exit_thread(status); // the status that counts is the process's
}

void kick_thread(Thread& thread, ThreadWork work) {
  Task& task = *thread.task;
  thread.work.fetch_or(work, std::memory_order_relaxed);
  // Full barrier in the wake-up: a thread that goes to sleep sees the bits, or is seen sleeping (B1, B7).
  const bool fatal = (work & kWorkExit) != 0 ||
                     (task.signals.load(std::memory_order_relaxed) & sched::kFatalSignalPending) != 0;
  if (fatal)
    task.signals.fetch_or(sched::kSignalPending | sched::kFatalSignalPending, std::memory_order_relaxed);
  const u32 asleep = sched::kInterruptible | (fatal ? u32{sched::kWakeKill | sched::kStopped} : 0u);
  if (sched::try_to_wake_up(task, asleep, 0)) return;
  const PreemptGuard stays;
  const CpuId cpu = task.task_cpu();
  // The way back to user mode looks at `work` with interrupts off, so the interrupt cannot come between.
  if (task.is_on_cpu() && cpu != arch::Cpu::this_cpu()) arch::send_ipi(cpu, arch::Ipi::kReschedule);
}

} // namespace runnel::user
