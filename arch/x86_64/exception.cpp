// SPDX-License-Identifier: Apache-2.0
// From the interrupt stubs to the kernel's upcalls.
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/interrupts.hpp"
#include "arch/x86_64/vectors.hpp"

#include <algorithm>
#include <arch/cpu.hpp>
#include <arch/exception.hpp>
#include <arch/layout.hpp>
#include <arch/upcalls.hpp>

namespace runnel::arch {
namespace {

constexpr const char* kNames[32] = {"divide error",
                                    "debug",
                                    "non-maskable interrupt",
                                    "breakpoint",
                                    "overflow",
                                    "bound range",
                                    "invalid opcode",
                                    "device not available",
                                    "double fault",
                                    "coprocessor overrun",
                                    "invalid TSS",
                                    "segment not present",
                                    "stack segment fault",
                                    "general protection",
                                    "page fault",
                                    "reserved",
                                    "x87 error",
                                    "alignment check",
                                    "machine check",
                                    "SIMD error",
                                    "virtualization",
                                    "control protection",
                                    "reserved",
                                    "reserved",
                                    "reserved",
                                    "reserved",
                                    "reserved",
                                    "reserved",
                                    "hypervisor injection",
                                    "VMM communication",
                                    "security",
                                    "reserved"};

bool in_stack_guard(u64 address) {
  return address >= kVmapStart && address < kVmapStart + kVmapSize && (address & kStackSize) == 0;
}

Fault decode_page_fault(u64 code, u64 sp) {
  Fault fault{.kind = FaultKind::kPage, .address = read_cr2(), .code = code, .name = "page fault"};
  fault.present = (code & 1) != 0;
  fault.access = (code & 0x10) != 0 ? Access::kExecute : (code & 2) != 0 ? Access::kWrite : Access::kRead;
  if (!fault.present && in_stack_guard(fault.address) && in_stack_guard(sp)) {
    fault.kind = FaultKind::kStackOverflow;
    fault.name = "stack overflow";
  }
  return fault;
}

/// A push below the stack's end cannot deliver its page fault there, so it becomes a double fault on the
/// double-fault stack: the stack pointer tells. CR2 still holds the address.
Fault decode_double_fault(u64 code, u64 sp) {
  const u64 address = read_cr2();
  if (in_stack_guard(sp) || in_stack_guard(sp - 1) || in_stack_guard(sp - kPageSize))
    if (in_stack_guard(address))
      return {.kind = FaultKind::kStackOverflow,
              .access = Access::kWrite,
              .address = address,
              .code = code,
              .name = "stack overflow"};
  return {.kind = FaultKind::kDoubleFault, .address = address, .code = code, .name = "double fault"};
}

/// clang traps with ud2 and, from UBSan, with "ud1l kind(%eax), %eax".
Fault decode_undefined(u64 pc, const char* name) {
  constexpr u8 kUd1[] = {0x67, 0x0f, 0xb9, 0x40};
  const auto* code = reinterpret_cast<const u8*>(pc);
  if (pc < kImageBase || !std::equal(code, code + sizeof kUd1, kUd1))
    return {.kind = FaultKind::kUndefined, .name = name};
  return {.kind = FaultKind::kUndefined, .code = code[sizeof kUd1], .name = "undefined behaviour (UBSan)"};
}

Fault decode(const Registers& regs) {
  const u64 code = regs.error_code;
  const char* name = kNames[regs.vector];
  switch (regs.vector) {
  case 0:
    return {.kind = FaultKind::kDivide, .name = name};
  case 1:
    return {.kind = FaultKind::kDebug, .name = name};
  case kVectorBreakpoint:
  case kVectorOverflow:
    return {.kind = FaultKind::kBreakpoint, .name = name};
  case 6:
    return decode_undefined(regs.pc(), name);
  case 7:
    return {.kind = FaultKind::kUndefined, .name = "floating point in the kernel"};
  case kVectorDoubleFault:
    return decode_double_fault(code, regs.sp());
  case 12:
  case 13:
  case 17:
    return {.kind = FaultKind::kProtection, .code = code, .name = name};
  case 16:
  case 19:
    return {.kind = FaultKind::kFloatingPoint, .name = name};
  case kVectorPageFault:
    return decode_page_fault(code, regs.sp());
  case kVectorMachineCheck:
    return {.kind = FaultKind::kMachineCheck, .name = name};
  default:
    return {.code = code, .name = name};
  }
}

} // namespace

void dump_registers(const Registers& r, Sink& sink) {
  format_to(sink, "  rip {:#018x}  rsp {:#018x}  rflags {:#x}  cs {:#x}\n", r.rip, r.rsp, r.rflags, r.cs);
  format_to(sink, "  rax {:#018x}  rbx {:#018x}  rcx {:#018x}\n", r.rax, r.rbx, r.rcx);
  format_to(sink, "  rdx {:#018x}  rsi {:#018x}  rdi {:#018x}\n", r.rdx, r.rsi, r.rdi);
  format_to(sink, "  rbp {:#018x}  r8  {:#018x}  r9  {:#018x}\n", r.rbp, r.r8, r.r9);
  format_to(sink, "  r10 {:#018x}  r11 {:#018x}  r12 {:#018x}\n", r.r10, r.r11, r.r12);
  format_to(sink, "  r13 {:#018x}  r14 {:#018x}  r15 {:#018x}\n", r.r13, r.r14, r.r15);
  format_to(sink, "  cr2 {:#018x}  cr3 {:#018x}  cr4 {:#x}\n", read_cr2(), read_cr3(), read_cr4());
}

// Its caller is whoever its own frame says, so it has one also where all is optimised together.
[[gnu::noinline]] Registers capture_registers() {
  Registers regs;
  // What is this function's own becomes its caller's, by the saved frame pointer and return address.
  const auto* frame = static_cast<const u64*>(__builtin_frame_address(0));
  regs.rbp = frame[0];
  regs.rip = frame[1];
  regs.rsp = reinterpret_cast<u64>(frame + 2);
  regs.rflags = Cpu::irqs_enabled() ? Cpu::kInterruptFlag : 0;
  asm volatile("movl %%cs, %k0" : "=r"(regs.cs)); // the 32-bit form clears the upper bits
  asm volatile("movl %%ss, %k0" : "=r"(regs.ss));
  return regs;
}

} // namespace runnel::arch

extern "C" void runnel_interrupt(runnel::arch::Registers& regs) {
  using namespace runnel::arch;
  if (regs.vector == kVectorNmi) {
    ++Cpu::local().interrupts_nmi;
    runnel::upcall::nmi(regs);
  } else if (regs.vector < 32) {
    runnel::upcall::fault(decode(regs), regs);
  } else {
    handle_interrupt(regs);
  }
}

extern "C" void runnel_interrupt_from_user(runnel::arch::UserRegs& regs) {
  using namespace runnel::arch;
  runnel::upcall::user_entry();
  if (regs.vector < 32) {
    Fault fault = decode(regs);
    if (fault.kind == FaultKind::kStackOverflow)
      fault.kind = FaultKind::kPage; // any address may be in a user's rsp
    Cpu::irq_enable();
    runnel::upcall::user_fault(fault, regs);
    Cpu::irq_disable();
  } else {
    handle_interrupt(regs);
  }
  runnel::upcall::exit_to_user(regs);
}

extern "C" void runnel_syscall(runnel::arch::UserRegs& regs) {
  using namespace runnel::arch;
  Cpu::irq_enable();
  runnel::upcall::syscall(regs);
  Cpu::irq_disable();
  runnel::upcall::exit_to_user(regs);
}

extern "C" void runnel_exit_to_user(runnel::arch::UserRegs& regs) { runnel::upcall::exit_to_user(regs); }
