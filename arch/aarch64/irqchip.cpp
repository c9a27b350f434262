// SPDX-License-Identifier: Apache-2.0
// GICv3. Everything is group 1 (IRQ) but one SGI of group 0: that arrives as FIQ, which the kernel masks only
// while it handles one, and is the non-maskable request. Group 0 belongs to EL1 where the GIC has one
// security state (GICD_CTLR.DS), as in a machine without EL3; elsewhere the request is an ordinary SGI.
#include "arch/aarch64/gic.hpp"
#include "arch/aarch64/interrupts.hpp"

#include <arch/cpu.hpp>
#include <arch/irqchip.hpp>
#include <arch/timer.hpp>
#include <arch/upcalls.hpp>

namespace runnel::arch {
namespace {

using gic::Block;

constexpr u32 kNmiSgi = 8;
constexpr u8 kPriorityNmi = 0x00, kPriorityNormal = 0xa0, kPriorityMaskNothing = 0xf0;

/// Written by irqchip_init, read-only afterwards.
constinit Block distributor;
constinit Block redistributors[kMaxCpus];
constinit u64 hw_ids[kMaxCpus];
constinit u32 cpu_count = 0, timer_intid = 0, nr_spis = 0;
constinit bool has_group0 = false;

void wait_for_writes() {
  while ((distributor.read(gic::kCtlr) & gic::kCtlrWritePending) != 0) Cpu::relax();
}

/// MPIDR's affinity fields as GICR_TYPER has them in its upper word.
u32 packed_affinity(u64 hw_id) { return static_cast<u32>((hw_id & 0xff'ffff) | (hw_id >> 32 & 0xff) << 24); }

/// ICC_SGInR_EL1 for interrupt `sgi` to the CPU `hw_id`: 16 CPUs of one Aff1 group in a list, RS picks the
/// sixteen.
u64 sgi_value(u64 hw_id, u32 sgi) {
  const u64 aff0 = hw_id & 0xff, aff1 = hw_id >> 8 & 0xff, aff2 = hw_id >> 16 & 0xff,
            aff3 = hw_id >> 32 & 0xff;
  return aff3 << 48 | (aff0 >> 4) << 44 | aff2 << 32 | u64{sgi} << 24 | aff1 << 16 | u64{1} << (aff0 & 0xf);
}

void adopt(Block frame) {
  const u32 affinity = static_cast<u32>(frame.read64(gic::kRedistTyper) >> 32);
  for (u32 cpu = 0; cpu < cpu_count; ++cpu)
    if (packed_affinity(hw_ids[cpu]) == affinity) redistributors[cpu] = frame;
}

void find_redistributors(const MachineInfo& machine) {
  for (u32 cpu = 0; cpu < cpu_count; ++cpu)
    if (machine.cpus[cpu].gicr_base != 0)
      adopt(Block(upcall::map_device({machine.cpus[cpu].gicr_base}, gic::kRedistSize)));
  const u64 most = u64{machine.nr_cpus + machine.nr_cpus_ignored} * gic::kRedistSizeGicV4;
  for (u32 region = 0; region < machine.nr_gicr_regions; ++region) {
    const auto& range = machine.gicr_regions[region];
    const u64 size =
        range.size < most ? range.size : most; // one region may have room for 123, or for 511 CPUs
    auto* const base = static_cast<u8*>(upcall::map_device({range.base}, size));
    for (u64 offset = 0; offset + gic::kRedistSize <= size;) {
      const Block frame(base + offset);
      adopt(frame);
      const u64 typer = frame.read64(gic::kRedistTyper);
      if ((typer & gic::kTyperLast) != 0) break;
      offset += (typer & gic::kTyperVirtualLpis) != 0 ? gic::kRedistSizeGicV4 : gic::kRedistSize;
    }
  }
}

void dispatch(u32 intid, Registers& regs) {
  CpuLocal& local = Cpu::local();
  if (intid == timer_intid) {
    timer_stop(); // the line falls, so that the interrupt is over when it is ended
    gic::write_eoir1(intid);
    ++local.interrupts_timer;
    upcall::interrupt(upcall::Interrupt::kTimer, 0, regs);
  } else if (intid < kNrIpis) {
    gic::write_eoir1(intid);
    ++local.interrupts_ipi;
    upcall::interrupt(upcall::Interrupt::kIpi, intid, regs);
  } else if (intid >= gic::kFirstSpi && intid < gic::kFirstSpecial) {
    gic::write_eoir1(intid);
    ++local.interrupts_device;
    upcall::interrupt(upcall::Interrupt::kDevice, intid - gic::kFirstSpi, regs);
  } else {
    if (intid < gic::kFirstSpecial) gic::write_eoir1(intid);
    ++local.interrupts_spurious;
  }
}

} // namespace

void irqchip_init(const MachineInfo& machine) {
  cpu_count = machine.nr_cpus;
  timer_intid = machine.virtual_timer_intid;
  for (u32 cpu = 0; cpu < cpu_count; ++cpu) hw_ids[cpu] = machine.cpus[cpu].hw_id;
  find_redistributors(machine);

  distributor = Block(upcall::map_device({machine.gicd_base}, gic::kDistributorSize));
  distributor.write(gic::kCtlr, 0);
  wait_for_writes();
  const u32 control = distributor.read(gic::kCtlr);
  has_group0 = (control & gic::kCtlrOneSecurityState) != 0;
  nr_spis = ((distributor.read(gic::kTyper) & 0x1f) + 1) * 32 - gic::kFirstSpi;
  if (nr_spis > gic::kFirstSpecial - gic::kFirstSpi) nr_spis = gic::kFirstSpecial - gic::kFirstSpi;
  for (u32 word = 1; word <= (nr_spis + 31) / 32; ++word) {
    distributor.write(gic::kClearEnable + 4 * word, ~0u);
    distributor.write(gic::kGroup + 4 * word, ~0u);
  }
  // Affinity routing before the groups: it must not change while one is enabled.
  distributor.write(gic::kCtlr, gic::kCtlrAffinityRouting);
  wait_for_writes();
  distributor.write(gic::kCtlr, gic::kCtlrAffinityRouting | gic::kCtlrGroup1 | gic::kCtlrGroup0);
  wait_for_writes();
}

void irqchip_init_cpu(CpuId cpu) {
  const Block redist = redistributors[cpu.value];
  if (!redist) __builtin_trap(); // the tables name this CPU but no redistributor of its affinity
  redist.write(gic::kRedistWaker, redist.read(gic::kRedistWaker) & ~gic::kWakerProcessorSleep);
  while ((redist.read(gic::kRedistWaker) & gic::kWakerChildrenAsleep) != 0) Cpu::relax();

  constexpr u32 kFrame = gic::kRedistSgiFrame;
  const u32 ipis = (1u << kNrIpis) - 1;
  redist.write(kFrame + gic::kClearEnable, ~0u);
  redist.write(kFrame + gic::kGroup, has_group0 ? ~(1u << kNmiSgi) : ~0u);
  for (u32 sgi = 0; sgi < kNrIpis; ++sgi) redist.write8(kFrame + gic::kPriority + sgi, kPriorityNormal);
  redist.write8(kFrame + gic::kPriority + kNmiSgi, kPriorityNmi);
  redist.write8(kFrame + gic::kPriority + timer_intid, kPriorityNormal);
  redist.write(kFrame + gic::kSetEnable, ipis | 1u << kNmiSgi | 1u << timer_intid);

  gic::write_sre(gic::read_sre() | 1);
  asm volatile("isb" ::: "memory");
  gic::write_ctlr(0); // ending an interrupt also deactivates it
  gic::write_bpr0(0);
  gic::write_bpr1(0);
  gic::write_pmr(kPriorityMaskNothing);
  gic::write_igrpen0(has_group0 ? 1 : 0);
  gic::write_igrpen1(1);
  asm volatile("isb" ::: "memory");
}

void send_ipi(CpuId to, Ipi ipi) {
  // Partner: the acknowledge (read of IAR1, dsb) on the other CPU; stores are visible before the interrupt.
  asm volatile("dsb ishst" ::: "memory");
  gic::write_sgi1r(sgi_value(hw_ids[to.value], static_cast<u32>(ipi)));
  asm volatile("isb" ::: "memory");
}

void send_nmi(CpuId to) {
  const u64 value = sgi_value(hw_ids[to.value], kNmiSgi);
  // Partner: the acknowledge (read of IAR0, dsb) on the other CPU.
  asm volatile("dsb ishst" ::: "memory");
  if (has_group0)
    gic::write_sgi0r(value);
  else
    gic::write_sgi1r(value);
  asm volatile("isb" ::: "memory");
}

Result<> irq_enable_line(u32 irq, CpuId cpu) {
  if (irq >= nr_spis || cpu.value >= cpu_count) return err(Errno::kINVAL);
  const u32 intid = gic::kFirstSpi + irq;
  distributor.write8(gic::kPriority + intid, kPriorityNormal);
  distributor.write64(gic::kRouter + 8 * intid, hw_ids[cpu.value] & 0xff'00ff'ffff);
  distributor.write(gic::kSetEnable + intid / 32 * 4, 1u << intid % 32);
  return {};
}

void irq_disable_line(u32 irq) {
  if (irq >= nr_spis) return;
  const u32 intid = gic::kFirstSpi + irq;
  distributor.write(gic::kClearEnable + intid / 32 * 4, 1u << intid % 32);
  wait_for_writes();
}

IrqCounts irq_counts(CpuId cpu) {
  const CpuLocal& local = cpu_local(cpu);
  return {local.interrupts_timer, local.interrupts_ipi, local.interrupts_device, local.interrupts_spurious,
          local.interrupts_nmi};
}

bool nmi_is_unmaskable() { return has_group0; }

void handle_interrupt(Registers& regs) {
  const u32 intid = static_cast<u32>(gic::read_iar1());
  asm volatile("dsb sy" ::
                   : "memory"); // Partner: send_ipi; acknowledged before what the sender stored is read
  if (intid == kNmiSgi) {       // one of two security states: not above interrupts, but still taken
    gic::write_eoir1(intid);
    ++Cpu::local().interrupts_nmi;
    upcall::nmi(regs);
    return;
  }
  dispatch(intid, regs);
}

void handle_nmi(Registers& regs) {
  const u32 intid = static_cast<u32>(gic::read_iar0());
  asm volatile("dsb sy" ::: "memory"); // Partner: send_nmi
  if (intid >= gic::kFirstSpecial) {
    ++Cpu::local().interrupts_spurious;
    return;
  }
  gic::write_eoir0(intid);
  ++Cpu::local().interrupts_nmi;
  upcall::nmi(regs);
}

} // namespace runnel::arch
