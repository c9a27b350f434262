// SPDX-License-Identifier: Apache-2.0
#include "sched/sim/hotplug.hpp"

#include "sched/sim/machine.hpp"

#include <sched/topology.hpp>

namespace runnel::sim {
namespace {

/// In the stopper of the dying CPU, which is otherwise empty.
void leave_online(void*) { machine->online().clear(cpu()); }

/// The timers of a CPU that is down run on this one.
void take_over_timers(VirtualCpu& from) {
  const sched::port::IrqGuard irqs_off;
  VirtualCpu& to = *executing;
  while (Timer* timer = from.timers.top()) {
    from.timers.erase(*timer);
    timer->cpu = to.id.value;
    timer->sequence = to.timer_sequence++;
    to.timers.insert(*timer);
  }
  machine->interrupts_changed(from);
  machine->interrupts_changed(to);
}

void rebuild() {
  if (!sched::sched_rebuild_domains()) machine->fail("domains", "no domains after a change of CPUs");
}

} // namespace

Result<> cpu_down(CpuId cpu) {
  if (!machine->online().test(cpu)) return err(Errno::kINVAL);
  if (cpu == CpuId{0}) return err(Errno::kBUSY);
  if (const Result<> ok = sched::sched_cpu_deactivate(cpu); !ok) return ok;
  rebuild();
  sched::sched_cpu_wait_empty(cpu);
  sched::stop_one_cpu(cpu, leave_online, nullptr);
  sched::port::synchronize();
  // It has interrupts to take and its idle loop to reach. The last request to its stopper may have been
  // found, done and answered before the wake-up for it came: that is still under way then.
  const VirtualCpu& leaving = machine->cpu(cpu.value);
  while (leaving.at != At::kHalt || leaving.ipi_at != kNoTime) sleep(1_us);
  machine->cpu(cpu.value).parked = true;
  take_over_timers(machine->cpu(cpu.value));
  return {};
}

Result<> cpu_up(CpuId cpu) {
  if (machine->online().test(cpu)) return err(Errno::kINVAL);
  machine->cpu(cpu.value).parked = false;
  machine->online().set(cpu);
  sched::sched_cpu_activate(cpu);
  rebuild();
  return {};
}

} // namespace runnel::sim
