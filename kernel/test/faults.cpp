// SPDX-License-Identifier: Apache-2.0
// test::faults: a thread that is expected to fault. On a fault it continues in `land`, on its stack below the
// faulting frame, and ends; so nothing has to unwind, and no register needs to be restored.
#include "kernel/debug/fault.hpp"
#include "kernel/debug/panic.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/test/test.hpp"

#include <arch/cpu.hpp>

namespace runnel::test {
namespace {

struct Attempt {
  void (*fn)(void*);
  void* arg;
  debug::FaultProbe probe;
};

[[noreturn]] void land() {
  // Whatever the faulting code had disabled is over with it.
  arch::Cpu::current()->preempt_count = 0;
  arch::Cpu::irq_enable();
  kthread_exit(0);
}

void attempt_body(void* arg) {
  auto& attempt = *static_cast<Attempt*>(arg);
  attempt.probe.thread = arch::Cpu::current();
  attempt.probe.landing = land;
  if (!debug::fault_probe_begin(attempt.probe)) panic("test::faults: too many at once");
  attempt.fn(attempt.arg);
}

} // namespace

std::optional<arch::Fault> faults_in_thread(void (*fn)(void*), void* arg) {
  Attempt attempt{fn, arg, {}};
  const Result<Task*> thread =
      kthread_run("faults", attempt_body, &attempt, {.cpus = current_task().cpus_mask});
  if (!thread) panic("test::faults: no thread, error {}", thread.error());
  kthread_join(*thread);
  debug::fault_probe_end(attempt.probe);
  return attempt.probe.fault;
}

} // namespace runnel::test
