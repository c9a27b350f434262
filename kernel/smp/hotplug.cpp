// SPDX-License-Identifier: Apache-2.0

#include "kernel/smp/hotplug.hpp"

#include "kernel/debug/watchdog.hpp"
#include "kernel/irq/irq_work.hpp"
#include "kernel/sched_port/topology.hpp"
#include "kernel/smp/bringup.hpp"
#include "kernel/smp/call.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/mutex.hpp"
#include "kernel/sync/rcu.hpp"
#include "kernel/time/sleep.hpp"
#include "kernel/time/timer.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/vdso/vdso.hpp"

#include <arch/irqchip.hpp>
#include <arch/smp.hpp>
#include <sched/sched.hpp>

namespace runnel::smp {
namespace {

constinit Mutex changing; // one change at a time
constinit AtomicCpuMask asked_to_park;

/// In the stopper of the dying CPU, which is otherwise empty.
void leave_online(void*) {
  const IrqGuard irqs_off;
  user::leave_mm(); // it comes back with the kernel's own tables
  watchdog_cpu_down();
  set_cpu_offline(arch::Cpu::this_cpu());
}

Result<> take_down(CpuId cpu) {
  if (const Result<> ok = sched::sched_cpu_deactivate(cpu); !ok) return ok;
  rebuild_sched_domains();
  sched::sched_cpu_wait_empty(cpu);
  sched::stop_one_cpu(cpu, leave_online, nullptr);
  // Whoever still saw it online has sent it what he had to by the end of this; it still answers.
  sync::synchronize_rcu();
  asked_to_park.set(cpu);
  arch::send_ipi(cpu, arch::Ipi::kReschedule);
  while (!arch::cpu_is_parked(cpu)) sleep_for(20_us);
  time::timers_take_over(cpu);
  return {};
}

} // namespace

Result<> cpu_down(CpuId cpu) {
  const MutexGuard guard(changing);
  if (cpu.value >= nr_cpus() || !online_cpus().test(cpu)) return err(Errno::kINVAL);
  if (cpu == CpuId{0}) return err(Errno::kBUSY);
  return take_down(cpu);
}

Result<> cpu_up(CpuId cpu) {
  const MutexGuard guard(changing);
  if (cpu.value >= nr_cpus() || online_cpus().test(cpu) || !asked_to_park.test(cpu))
    return err(Errno::kINVAL);
  asked_to_park.clear(cpu);
  if (!restart_cpu(cpu)) return err(Errno::kNODEV);
  user::update_vdso(); // its counter may disagree with the others
  watchdog_cpu_up(cpu);
  sched::sched_cpu_activate(cpu);
  rebuild_sched_domains();
  return {};
}

void park_if_asked() {
  if (!asked_to_park.test(arch::Cpu::this_cpu())) return;
  // The last request to the stopper may have been found, done and answered before the wake-up for it came.
  sched::reschedule_interrupt();
  if ((arch::Cpu::current()->flags.load(std::memory_order_relaxed) & kNeedResched) != 0) return;
  call_function_interrupt(); // what came after the last interrupt was taken
  irq::irq_work_run();
  arch::cpu_park();
}

} // namespace runnel::smp
