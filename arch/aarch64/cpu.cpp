// SPDX-License-Identifier: Apache-2.0
// A CPU's own state: vectors, PAN, the per-CPU pointer, the emergency stack.
#include "arch/aarch64/interrupts.hpp"

#include <arch/cpu.hpp>
#include <arch/user.hpp>

extern "C" {
extern const char runnel_vectors[];
extern const char runnel_boot_emergency_stack_top[];
}

namespace runnel::arch {
namespace {

constinit CpuLocal locals[kMaxCpus];

u64 midr() {
  u64 value;
  asm("mrs %0, midr_el1" : "=r"(value));
  return value;
}

u64 system_control() {
  u64 value;
  asm volatile("mrs %0, sctlr_el1" : "=r"(value));
  return value;
}

} // namespace

CpuLocal& cpu_local(CpuId cpu) { return locals[cpu.value]; }

void cpu_init(CpuId cpu, ThreadInfo* idle) {
  CpuLocal& local = locals[cpu.value];
  local.cpu = cpu.value;
  // Until cpu_init_stacks: one stack for all, as starting CPUs come one by one.
  local.emergency_stack_top = reinterpret_cast<u64>(runnel_boot_emergency_stack_top);
  asm volatile("msr tpidr_el1, %0" ::"r"(&local) : "memory");
  Cpu::set_current(idle);
  asm volatile("msr vbar_el1, %0\n\t"
               "msr pan, #1\n\t"
               "isb" ::"r"(runnel_vectors)
               : "memory");
  user_init_cpu();
  // SError and the non-maskable request may come from here; interrupts stay off.
  asm volatile("msr daifset, #2\n\tmsr daifclr, #5" ::: "memory");
}

void cpu_init_stacks(CpuId cpu, const VirtAddr* stack_tops) {
  locals[cpu.value].emergency_stack_top = stack_tops[0].value;
}

void cpu_describe(Sink& sink) {
  const u64 sctlr = system_control();
  u64 pan;
  asm volatile("mrs %0, pan" : "=r"(pan));
  format_to(sink, "Arm implementer {:#x} part {:#x} revision {}, EL1, on: W^X", midr() >> 24 & 0xff,
            midr() >> 4 & 0xfff, midr() & 0xf);
  if (pan != 0) format_to(sink, " PAN");
  if ((sctlr & 1u << 19) != 0) format_to(sink, " WXN");
  if ((sctlr & 1u << 3) != 0) format_to(sink, " SP-alignment");
  sink.write(nmi_is_unmaskable() ? ", requests by FIQ" : ", NO unmaskable requests (two security states)");
}

} // namespace runnel::arch
