// SPDX-License-Identifier: Apache-2.0
// From the vectors to the kernel's upcalls: what the syndrome register says in the words of arch::Fault.
#include "arch/aarch64/interrupts.hpp"

#include <arch/cpu.hpp>
#include <arch/exception.hpp>
#include <arch/layout.hpp>
#include <arch/upcalls.hpp>

extern "C" {
extern const char runnel_semihosting_trap[];
void runnel_capture_registers(runnel::arch::Registers* regs);
}

namespace runnel::arch {
namespace {

static_assert(kStackShift == 14, "vectors.S tests this bit of SP");

u64 syndrome() {
  u64 value;
  asm volatile("mrs %0, esr_el1" : "=r"(value));
  return value;
}

u64 fault_address() {
  u64 value;
  asm volatile("mrs %0, far_el1" : "=r"(value));
  return value;
}

/// After ESR, FAR, ELR and SPSR are saved: the non-maskable request and SError may come again.
void unmask_urgent() { asm volatile("msr daifclr, #5" ::: "memory"); }

constexpr u64 kSpAlignment = 0x26, kSvc = 0x15;
constexpr u64 kWnr = 1u << 6, kCm = 1u << 8;
constexpr u64 exception_class(u64 esr) { return esr >> 26 & 0x3f; }

/// Fault status code of an abort (Arm ARM, ESR_EL1 ISS encoding, DFSC/IFSC).
void decode_abort(Fault& fault, u64 esr, Access access) {
  const u64 status = esr & 0x3f;
  fault.access = access;
  fault.kind = FaultKind::kPage;
  fault.address = fault_address();
  switch (status >> 2) {
  case 0:
    fault.name = "address size fault";
    return;
  case 1:
    fault.name = "page fault (translation)";
    return;
  case 2:
    fault.name = "page fault (access flag)";
    fault.present = true;
    return;
  case 3:
    fault.name = "page fault (permission)";
    fault.present = true;
    return;
  default:
    break;
  }
  if (status == 0x21) {
    fault.kind = FaultKind::kAlignment;
    fault.name = "alignment fault";
  } else if (status >= 0x10 && status <= 0x1f) {
    fault.kind = FaultKind::kMachineCheck;
    fault.name = "synchronous external abort";
  } else {
    fault.kind = FaultKind::kOther;
    fault.name = "abort";
  }
}

Fault decode(u64 esr) {
  Fault fault{.code = esr};
  const auto is = [&](FaultKind kind, const char* name) {
    fault.kind = kind;
    fault.name = name;
  };
  switch (exception_class(esr)) {
  case 0x00:
    is(FaultKind::kUndefined, "undefined instruction");
    break;
  case 0x07:
    is(FaultKind::kUndefined, "floating point in the kernel");
    break;
  case 0x0d:
    is(FaultKind::kUndefined, "branch target");
    break;
  case 0x0e:
    is(FaultKind::kProtection, "illegal execution state");
    break;
  case 0x18:
    is(FaultKind::kProtection, "system register trap");
    break;
  case 0x1c:
    is(FaultKind::kProtection, "pointer authentication");
    break;
  case 0x20:
  case 0x21:
    decode_abort(fault, esr, Access::kExecute);
    break;
  case 0x22:
    is(FaultKind::kAlignment, "PC alignment");
    fault.address = fault_address();
    break;
  case 0x24:
  case 0x25:
    // Cache maintenance is told as a write, and needs a right to read only (ESR_EL1.ISS, CM and WnR).
    decode_abort(fault, esr, (esr & kWnr) != 0 && (esr & kCm) == 0 ? Access::kWrite : Access::kRead);
    break;
  case kSpAlignment:
    is(FaultKind::kAlignment, "SP alignment");
    break;
  case 0x2c:
    is(FaultKind::kFloatingPoint, "floating-point exception");
    break;
  case 0x2f:
    is(FaultKind::kMachineCheck, "SError");
    break;
  case 0x30:
  case 0x31:
  case 0x32:
  case 0x33:
  case 0x34:
  case 0x35:
    is(FaultKind::kDebug, "debug exception");
    break;
  case 0x3c:
    // clang traps with brk #1 and, from UBSan, brk #0x55xx.
    if ((esr & 0xffff) == 0)
      is(FaultKind::kBreakpoint, "breakpoint");
    else
      is(FaultKind::kUndefined,
         (esr & 0xff00) == 0x5500 ? "undefined behaviour (UBSan)" : "trap instruction");
    break;
  default:
    is(FaultKind::kOther, "unknown exception");
    break;
  }
  return fault;
}

/// What is the user's mistake where it would be the kernel's: instructions that user mode does not have are
/// undefined for it, and every brk is a breakpoint.
Fault decode_user(u64 esr) {
  Fault fault = decode(esr);
  const auto is = [&](FaultKind kind, const char* name) {
    fault.kind = kind;
    fault.name = name;
  };
  switch (exception_class(esr)) {
  case 0x07:
  case 0x19:
  case 0x1d:
    is(FaultKind::kUndefined, "vector instruction that is not offered (SVE, SME)");
    break;
  case 0x0e:
  case 0x18:
  case 0x1c:
    is(FaultKind::kUndefined, fault.name);
    break;
  case 0x3c:
    is(FaultKind::kBreakpoint, "breakpoint");
    break;
  default:
    break;
  }
  return fault;
}

} // namespace

void dump_registers(const Registers& regs, Sink& sink) {
  format_to(sink, "  pc {:#018x}  sp {:#018x}  lr {:#018x}  pstate {:#x}\n", regs.pc(), regs.sp(), regs.lr(),
            regs.spsr);
  for (u32 i = 0; i < 30; i += 3)
    format_to(sink, "  x{:02} {:#018x}  x{:02} {:#018x}  x{:02} {:#018x}\n", i, regs.x[i], i + 1,
              regs.x[i + 1], i + 2, regs.x[i + 2]);
}

// Its caller is whoever its own frame says, so it has one also where all is optimised together.
[[gnu::noinline]] Registers capture_registers() {
  Registers regs;
  runnel_capture_registers(&regs);
  // What is this function's own becomes its caller's, by the frame record (AAPCS64 6.4.6).
  const auto* record = static_cast<const u64*>(__builtin_frame_address(0));
  regs.x[29] = record[0];
  regs.x[30] = regs.elr = record[1];
  regs.stack = reinterpret_cast<u64>(record + 2);
  return regs;
}

} // namespace runnel::arch

extern "C" {

using runnel::arch::Registers;

void runnel_exception_sync(Registers& regs) {
  using namespace runnel::arch;
  const Fault fault = decode(syndrome());
  unmask_urgent();
  if (fault.kind == FaultKind::kUndefined &&
      regs.pc() == reinterpret_cast<runnel::u64>(runnel_semihosting_trap)) {
    regs.set_pc(regs.pc() + 4); // no semihosting here: arch::exit tries the next way
    return;
  }
  runnel::upcall::fault(fault, regs);
}

void runnel_exception_irq(Registers& regs) {
  runnel::arch::unmask_urgent();
  runnel::arch::handle_interrupt(regs);
}

/// Stays masked at every level until it returns.
void runnel_exception_fiq(Registers& regs) { runnel::arch::handle_nmi(regs); }

void runnel_exception_serror(Registers& regs) {
  const runnel::arch::Fault fault{
      .kind = runnel::arch::FaultKind::kMachineCheck, .code = runnel::arch::syndrome(), .name = "SError"};
  runnel::upcall::fault(fault, regs);
}

void runnel_user_sync(runnel::arch::UserRegs& regs) {
  using namespace runnel::arch;
  const runnel::u64 esr = syndrome();
  if (exception_class(esr) == kSvc) {
    regs.begin_syscall();
    unmask_urgent();
    Cpu::irq_enable();
    runnel::upcall::syscall(regs);
  } else {
    runnel::upcall::user_entry();
    Fault fault = decode_user(esr);
    if (exception_class(esr) == kSpAlignment) fault.address = regs.sp();
    regs.leave_syscall();
    unmask_urgent();
    Cpu::irq_enable();
    runnel::upcall::user_fault(fault, regs);
  }
  Cpu::irq_disable();
  runnel::upcall::exit_to_user(regs);
}

void runnel_user_irq(runnel::arch::UserRegs& regs) {
  runnel::upcall::user_entry();
  regs.leave_syscall();
  runnel::arch::unmask_urgent();
  runnel::arch::handle_interrupt(regs);
  runnel::upcall::exit_to_user(regs);
}

/// A thread's first way to user mode, or one after exec: vectors.S leaves when this returns.
void runnel_exit_to_user(runnel::arch::UserRegs& regs) { runnel::upcall::exit_to_user(regs); }

void runnel_exception_unexpected(Registers& regs) {
  const runnel::arch::Fault fault{.code = runnel::arch::syndrome(),
                                  .name = "exception through an unused vector"};
  runnel::upcall::fault(fault, regs);
}

void runnel_exception_stack_overflow(Registers& regs) {
  using namespace runnel::arch;
  Fault fault = decode(syndrome());
  if (exception_class(fault.code) !=
      kSpAlignment) { // with a crooked SP every entry faults until the stack is full
    fault.kind = FaultKind::kStackOverflow;
    fault.name = "stack overflow";
  }
  if (fault.address == 0) fault.address = regs.sp();
  unmask_urgent();
  runnel::upcall::fault(fault, regs);
}
}
