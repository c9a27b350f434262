// SPDX-License-Identifier: Apache-2.0
#include "kernel/task/kthread.hpp"

#include "kernel/mm/kmalloc.hpp"
#include "kernel/mm/vmap.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/percpu.hpp"
#include "kernel/trace/trace.hpp"

#include <algorithm>
#include <arch/user.hpp>
#include <sched/sched.hpp>

namespace runnel {
namespace {

constinit PerCpu<Task> idle_tasks;

constinit SpinLock list_lock{LockRank::kTaskList}; // interrupts off: a timer may drop the last reference
constinit List<Task, &Task::all_tasks> tasks GUARDED_BY(list_lock);
constinit u32 task_count GUARDED_BY(list_lock) = 0;
constinit std::atomic<u32> next_pid{1};

void free_task(sync::RcuHead& head) {
  Task* task = static_cast<Task::Reclaim&>(head).task;
  stack_free(task->stack_top);
  kdelete(task);
}

void link_task(Task& task) {
  const IrqSpinGuard guard(list_lock);
  tasks.push_back(task);
  ++task_count;
}

void unlink_task(Task& task) {
  const IrqSpinGuard guard(list_lock);
  List<Task, &Task::all_tasks>::erase(task);
  --task_count;
}

void bury(Task& task) {
  unlink_task(task);
  task.reclaim.task = &task;
  sync::call_rcu(task.reclaim, free_task);
}

/// Tasks without references that could not be buried at once, through Task::next_dead.
constinit std::atomic<Task*> dead{nullptr};

} // namespace

Task& idle_task(CpuId cpu) { return idle_tasks.on(cpu); }

void put_task(Task& task) {
  if (task.refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (arch::Cpu::irqs_enabled()) return bury(task);
  // Perhaps under a runqueue's lock, which the list's and RCU's may not be taken in.
  task.next_dead = dead.load(std::memory_order_relaxed);
  while (!dead.compare_exchange_weak(task.next_dead, &task, std::memory_order_release,
                                     std::memory_order_relaxed)) // pairs with bury_dead_tasks
    arch::Cpu::relax();
}

void bury_dead_tasks() {
  if (dead.load(std::memory_order_relaxed) == nullptr) return;
  Task* task = dead.exchange(nullptr, std::memory_order_acquire);
  while (task != nullptr) bury(*std::exchange(task, task->next_dead));
}

void for_each_task(void (*visit)(void* context, Task& task), void* context) {
  const IrqSpinGuard guard(list_lock);
  for (Task& task : tasks) visit(context, task);
}

u32 nr_tasks() {
  bury_dead_tasks();
  const IrqSpinGuard guard(list_lock);
  return task_count;
}

Result<Task*> kthread_create(std::string_view name, void (*body)(void*), void* arg, KthreadOptions options) {
  if ((options.cpus & online_cpus()).empty()) return err(Errno::kINVAL);
  Task* task = knew<Task>();
  if (task == nullptr) return err(Errno::kNOMEM);
  const Result<VirtAddr> stack = stack_alloc();
  if (!stack) {
    kdelete(task);
    return err(stack.error());
  }
  task->stack_top = *stack;
  task->refs.store(2, std::memory_order_relaxed); // the thread's own and the caller's
  task->body = body;
  task->arg = arg;
  task->pid = next_pid.fetch_add(1, std::memory_order_relaxed);
  std::copy_n(name.data(), std::min(name.size(), sizeof task->comm - 1), task->comm);
  sched::sched_init_task(*task, options.cpus);
  task->user = options.user;
  task->is_kthread = options.user == nullptr;
  const u64 reserved = options.user == nullptr ? 0 : sizeof(arch::UserRegs);
  arch::context_init(task->context, {task->stack_top.value - reserved});
  link_task(*task);
  if (trace::enabled()) trace::record_name(task->pid, task->comm);
  return task;
}

void kthread_start(Task& task) { sched::wake_up_new_task(task); }

Result<Task*> kthread_run(std::string_view name, void (*body)(void*), void* arg, KthreadOptions options) {
  Result<Task*> task = kthread_create(name, body, arg, options);
  if (task) kthread_start(**task);
  return task;
}

i32 kthread_join(Task* task) {
  task->exited.wait();
  const i32 code = task->exit_code;
  put_task(*task);
  return code;
}

Result<i32> kthread_join_for(Task* task, Duration limit) {
  if (!task->exited.wait_for(limit)) return err(Errno::kTIMEDOUT);
  const i32 code = task->exit_code;
  put_task(*task);
  return code;
}

void kthread_exit(i32 code) {
  Task& self = current_task();
  self.exit_code = code;
  if (trace::enabled())
    trace::record(trace::EventType::kProcessExit, self.pid, trace::pack_prio(0, self.prio), 0);
  self.exited.complete_all();
  sched::do_task_dead(); // the scheduler drops the thread's own reference once it has left the CPU
}

void run_task_body() {
  Task& self = current_task();
  self.body(self.arg);
  kthread_exit(0);
}

void yield() {
  arch::Cpu::relax(); // who yields in a loop waits for another, perhaps on a CPU that needs the emulator's
                      // turn
  sched::yield();
}
Result<> set_affinity(Task& task, const CpuMask& mask) { return sched::set_cpus_allowed(task, mask); }

} // namespace runnel
