// SPDX-License-Identifier: Apache-2.0
// A CPU's own state: GDT, TSS, IDT, the per-CPU pointer, protection bits.
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/user_mode.hpp"
#include "arch/x86_64/vectors.hpp"

#include <arch/cpu.hpp>
#include <arch/user.hpp>

extern "C" const char runnel_interrupt_stubs[]; // entry.S: 256 stubs of 16 bytes

namespace runnel::arch {
namespace {

struct [[gnu::packed]] TaskState {
  u32 reserved0 = 0;
  u64 rsp[3] = {};
  u64 reserved1 = 0;
  u64 ist[7] = {};
  u64 reserved2 = 0;
  u16 reserved3 = 0;
  u16 io_map = sizeof(TaskState);
};
static_assert(sizeof(TaskState) == 104);

struct [[gnu::packed]] TablePointer {
  u16 limit;
  u64 base;
};

struct Gate {
  u64 low = 0;
  u64 high = 0;
};

constexpr u64 kCodeSegment = 0x00af'9b00'0000'ffff; // 64-bit, present, ring 0, executable, accessed
constexpr u64 kDataSegment = 0x00cf'9300'0000'ffff;
constexpr u64 kUserDataSegment = 0x00cf'f300'0000'ffff; // ring 3
constexpr u64 kUserCodeSegment = 0x00af'fb00'0000'ffff;
constexpr u16 kCodeSelector = 0x08;
constexpr u16 kTssSelector = 0x40;

struct alignas(kCacheLine) Tables {
  // User segments where kUserData and kUserCode say; the data segment first, as sysret would have it.
  u64 gdt[10] = {0, kCodeSegment, kDataSegment, 0, 0, kUserDataSegment, kUserCodeSegment, 0, 0, 0};
  TaskState tss;
  CpuLocal local;
};

constinit Tables tables[kMaxCpus];
constinit Gate idt[256];
// NMI, double fault and machine check of a CPU that has no stacks of its own yet. CPUs start one after the
// other.
alignas(16) constinit u8 boot_emergency_stack[8192];

constexpr u64 kCr0TaskSwitched = 1u << 3; // floating point traps: the kernel has none
constexpr u64 kCr0Emulation = 1u << 2;
constexpr u64 kCr0MonitorCoprocessor = 1u << 1;
constexpr u64 kCr0NumericError = 1u << 5;
constexpr u64 kCr0WriteProtect = 1u << 16;
constexpr u64 kCr4MachineCheck = 1u << 6;
constexpr u64 kCr4Umip = 1u << 11;
constexpr u64 kCr4Smep = 1u << 20;
constexpr u64 kCr4Smap = 1u << 21;

void fill_idt() {
  for (u32 vector = 0; vector < 256; ++vector) {
    const u64 handler = reinterpret_cast<u64>(runnel_interrupt_stubs) + u64{16} * vector;
    u64 ist = 0;
    if (vector == kVectorNmi) ist = 1;
    if (vector == kVectorDoubleFault) ist = 2;
    if (vector == kVectorMachineCheck) ist = 3;
    // Present, interrupt gate: interrupts off inside. User mode may raise breakpoint and overflow itself.
    const u64 type = vector == kVectorBreakpoint || vector == kVectorOverflow ? 0xee : 0x8e;
    idt[vector].low = (handler & 0xffff) | u64{kCodeSelector} << 16 | ist << 32 | type << 40 |
                      (handler >> 16 & 0xffff) << 48;
    idt[vector].high = handler >> 32;
  }
}

void load_tables(Tables& t) {
  const u64 base = reinterpret_cast<u64>(&t.tss);
  t.gdt[kTssSelector / 8] =
      (sizeof(TaskState) - 1) | (base & 0xff'ffff) << 16 | u64{0x89} << 40 | (base >> 24 & 0xff) << 56;
  t.gdt[kTssSelector / 8 + 1] = base >> 32;
  const TablePointer gdt{sizeof t.gdt - 1, reinterpret_cast<u64>(t.gdt)};
  asm volatile("lgdt %0\n\t"
               "pushq $0x08\n\t"
               "leaq 1f(%%rip), %%rax\n\t"
               "pushq %%rax\n\t"
               "lretq\n"
               "1:\n\t"
               "movl $0x10, %%eax\n\t"
               "movl %%eax, %%ds\n\tmovl %%eax, %%es\n\tmovl %%eax, %%ss\n\t"
               "xorl %%eax, %%eax\n\t"
               "movl %%eax, %%fs\n\tmovl %%eax, %%gs" ::"m"(gdt)
               : "rax", "memory");
  const TablePointer idtr{sizeof idt - 1, reinterpret_cast<u64>(idt)};
  asm volatile("lidt %0\n\tltr %w1" ::"m"(idtr), "r"(kTssSelector) : "memory");
}

void enable_protection() {
  write_cr0((read_cr0() & ~kCr0Emulation) | kCr0WriteProtect | kCr0TaskSwitched | kCr0MonitorCoprocessor |
            kCr0NumericError);
  u64 cr4 = read_cr4();
  if ((cpuid(1).edx & 1u << 7) != 0) cr4 |= kCr4MachineCheck; // without it a machine check is a reset
  if (cpuid(0).eax >= 7) {
    const CpuidResult features = cpuid(7);
    if ((features.ebx & 1u << 7) != 0) cr4 |= kCr4Smep;
    if ((features.ebx & 1u << 20) != 0) {
      cr4 |= kCr4Smap;
      smap_is_on = true;
    }
    if ((features.ecx & 1u << 2) != 0) cr4 |= kCr4Umip;
  }
  write_cr4(cr4);
}

} // namespace

constinit bool smap_is_on = false;

CpuLocal& cpu_local(CpuId cpu) { return tables[cpu.value].local; }

void cpu_init(CpuId cpu, ThreadInfo* idle) {
  Tables& t = tables[cpu.value];
  t.local.self = &t.local;
  t.local.current = idle;
  t.local.cpu = cpu.value;
  for (u32 i = 0; i < kEmergencyStacks; ++i)
    t.tss.ist[i] = reinterpret_cast<u64>(boot_emergency_stack + sizeof boot_emergency_stack);
  if (cpu == CpuId{0}) fill_idt();
  load_tables(t);
  write_msr(kMsrGsBase, reinterpret_cast<u64>(&t.local));
  enable_protection();
  user_init_cpu();
}

void set_kernel_stack(VirtAddr top) {
  Tables& t = tables[Cpu::this_cpu().value];
  t.tss.rsp[0] = top.value;      // for interrupts and exceptions
  t.local.kernel_sp = top.value; // for system calls
}

void cpu_init_stacks(CpuId cpu, const VirtAddr* stack_tops) {
  for (u32 i = 0; i < kEmergencyStacks; ++i) tables[cpu.value].tss.ist[i] = stack_tops[i].value;
}

void cpu_describe(Sink& sink) {
  char brand[49] = {};
  if (cpuid(0x80000000).eax >= 0x80000004) {
    for (u32 i = 0; i < 3; ++i) {
      const CpuidResult r = cpuid(0x80000002 + i);
      const u32 words[4] = {r.eax, r.ebx, r.ecx, r.edx};
      for (u32 b = 0; b < 16; ++b) brand[i * 16 + b] = static_cast<char>(words[b / 4] >> (b % 4 * 8));
    }
  }
  format_to(sink, "{}, on: W^X NX WP", static_cast<const char*>(brand));
  const u64 cr4 = read_cr4();
  if ((cr4 & kCr4Smep) != 0) sink.write(" SMEP");
  if ((cr4 & kCr4Smap) != 0) sink.write(" SMAP");
  if ((cr4 & kCr4Umip) != 0) sink.write(" UMIP");
}

} // namespace runnel::arch
