// SPDX-License-Identifier: Apache-2.0
// User mode of x86_64: the system-call MSRs, and what of a user thread is live in the CPU.
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/user_mode.hpp"

#include <arch/cpu.hpp>
#include <arch/upcalls.hpp>
#include <arch/user.hpp>
#include <arch/vdso.hpp>
#include <arch/vdso_data.hpp>
#include <cstring>

extern "C" {
extern const char runnel_syscall_entry[];
[[noreturn]] void runnel_enter_user(runnel::arch::UserRegs* regs);
}

namespace runnel::arch {
namespace {

constexpr u32 kMsrStar = 0xc0000081;
constexpr u32 kMsrLstar = 0xc0000082;
constexpr u32 kMsrCstar = 0xc0000083;
constexpr u32 kMsrFmask = 0xc0000084;
constexpr u32 kMsrFsBase = 0xc0000100;
constexpr u32 kMsrKernelGsBase = 0xc0000102; // the user's, while in the kernel
constexpr u32 kMsrTscAux = 0xc0000103;
constexpr u64 kEferSyscall = 1;
constexpr u64 kKernelCode = 0x08;
constexpr u64 kFlagsClearedAtEntry = 0x257fd5; // all but the reserved ones

constexpr u64 kCr0TaskSwitched = 1u << 3;

/// Selectors mean little in 64-bit mode, but user mode can load and read them, and loading FS or GS sets the
/// base.
u16 read_ds() {
  u16 v;
  asm volatile("movw %%ds, %0" : "=r"(v));
  return v;
}
u16 read_es() {
  u16 v;
  asm volatile("movw %%es, %0" : "=r"(v));
  return v;
}
u16 read_fs() {
  u16 v;
  asm volatile("movw %%fs, %0" : "=r"(v));
  return v;
}
u16 read_gs() {
  u16 v;
  asm volatile("movw %%gs, %0" : "=r"(v));
  return v;
}

void load_selectors(const UserState& state) {
  // A user could load them, so they are valid in the GDT, which is the same on all CPUs.
  if (read_ds() != state.ds) asm volatile("movw %0, %%ds" ::"r"(state.ds));
  if (read_es() != state.es) asm volatile("movw %0, %%es" ::"r"(state.es));
  if (read_fs() != state.fs) asm volatile("movw %0, %%fs" ::"r"(state.fs));
  if (read_gs() != state.gs) asm volatile("swapgs\n\tmovw %0, %%gs\n\tswapgs" ::"r"(state.gs) : "memory");
}

} // namespace

void user_init_cpu() {
  write_msr(kMsrEfer, read_msr(kMsrEfer) | kEferSyscall);
  write_msr(kMsrStar, (kUserData - 8) << 48 | kKernelCode << 32);
  write_msr(kMsrLstar, reinterpret_cast<u64>(runnel_syscall_entry));
  write_msr(kMsrCstar, 0); // 32-bit code segments do not exist
  write_msr(kMsrFmask, kFlagsClearedAtEntry);
  write_msr(kMsrKernelGsBase, 0);
  fpu_init_cpu();
}

bool user_reads_cpu_number() {
  constexpr u32 kExtendedFeatures = 0x8000'0001, kRdtscp = 1u << 27;
  return cpuid(0x8000'0000).eax >= kExtendedFeatures && (cpuid(kExtendedFeatures).edx & kRdtscp) != 0;
}

void set_user_cpu_number(CpuId cpu, u32 node) {
  if (user_reads_cpu_number()) write_msr(kMsrTscAux, cpu.value | u64{node} << vdso::kNodeShift);
}

void enter_user(UserRegs& regs) { runnel_enter_user(&regs); }

void user_state_init(UserState& state, void* area) {
  fpu_init(area);
  state = UserState{.fpu = area};
}

void user_state_save(UserState& state) {
  fpu_save(state.fpu);
  state.fs_base = read_msr(kMsrFsBase);
  state.gs_base = read_msr(kMsrKernelGsBase);
  state.ds = read_ds();
  state.es = read_es();
  state.fs = read_fs();
  state.gs = read_gs();
}

void user_state_load(const UserState& state, VirtAddr stack_top) {
  asm volatile("clts" ::: "memory");
  fpu_load(state.fpu);
  const auto flags = Cpu::irq_save();
  load_selectors(state);
  write_msr(kMsrFsBase, state.fs_base);
  write_msr(kMsrKernelGsBase, state.gs_base);
  set_kernel_stack(stack_top);
  Cpu::irq_restore(flags);
}

void user_state_unload() { write_cr0(read_cr0() | kCr0TaskSwitched); }

void user_state_copy(UserState& to, const UserState& from, void* area) {
  std::memcpy(area, from.fpu, fpu_size());
  to = from;
  to.fpu = area;
}

u64 user_tls(const UserState& state) { return state.fs_base; }
void set_user_tls(UserState& state, u64 base) { state.fs_base = base; }

u64 hwcap() { return cpuid(1).edx; }
u64 hwcap2() { return 0; } // bit 1 would say that FSGSBASE may be used

u64 signal_frame_size() {
  constexpr u64 kFrame = 440, kAlignment = 64 + 16, kMagic2 = 4;
  return align_up(kFrame + kAlignment + kRedZone + fpu_size() + kMagic2, 16);
}

} // namespace runnel::arch
