// SPDX-License-Identifier: Apache-2.0
// Which address space a CPU has loaded. A kernel thread leaves what its predecessor had: no reference is
// needed for that, as the last user's put() makes every CPU leave before it takes the tables away.
#include "kernel/user/mm/mm.hpp"

#include "kernel/smp/percpu.hpp"
#include "kernel/task/task.hpp"

namespace runnel::user {
namespace {

constinit PerCpu<Mm*> loaded; // changed with interrupts off

} // namespace

Mm* current_mm() { return current_task().mm; }
const Mm* loaded_mm() { return loaded.local(); }

void switch_mm(Mm* next) {
  Mm*& here = loaded.local();
  if (next == nullptr || next == here) return;
  Mm* before = here;
  // Before the tables are looked at. Partner: the fence in flush_user_range().
  next->cpus_.set(arch::Cpu::this_cpu());
  next->table_to_load().load();
  here = next;
  if (before != nullptr) before->cpus_.clear(arch::Cpu::this_cpu());
}

void leave_mm() {
  Mm*& here = loaded.local();
  if (here == nullptr) return;
  arch::UserTable::unload();
  here->cpus_.clear(arch::Cpu::this_cpu());
  here = nullptr;
}

Mm* replace_current_mm(Mm* mm) {
  const IrqGuard irqs_off;
  Mm* before = std::exchange(current_task().mm, mm);
  switch_mm(mm);
  return before;
}

} // namespace runnel::user
