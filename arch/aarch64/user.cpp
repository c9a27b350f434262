// SPDX-License-Identifier: Apache-2.0
// User mode of aarch64: what EL0 may use, and what of a user thread is live in the CPU.
//
// Left off, and not offered in AT_HWCAP: SVE and SME (their first use traps: SIGILL), memory tagging, BTI,
// and pointer authentication: no key of EL0 is enabled, so its hints do nothing.
#include <arch/cpu.hpp>
#include <arch/upcalls.hpp>
#include <arch/user.hpp>
#include <arch/vdso.hpp>
#include <cstring>

extern "C" {
[[noreturn]] void runnel_enter_user(runnel::arch::UserRegs* regs);
void runnel_fpu_save(void* area);
void runnel_fpu_load(const void* area);
}

namespace runnel::arch {
namespace {

/// struct fpsimd_context after its head.
struct FpuArea {
  u32 fpsr, fpcr;
  u64 v[32][2];
};
static_assert(sizeof(FpuArea) == 520);

constexpr u64 kFpuOn = 3u << 20;         // CPACR_EL1.FPEN: EL0 and EL1; SVE (ZEN) and SME (SMEN) stay off
constexpr u64 kVirtualCounter = 1u << 1; // CNTKCTL_EL1.EL0VCTEN
constexpr u64 kEnTp2 = u64{1} << 60;     // SCTLR_EL1: EL0 may use TPIDR2_EL0, which belongs to SME

void set_fpu(u64 cpacr) { asm volatile("msr cpacr_el1, %0\n\tisb" ::"r"(cpacr) : "memory"); }

} // namespace

void user_init_cpu() {
  set_fpu(0); // the kernel has none
  u64 sctlr;
  asm volatile("mrs %0, sctlr_el1" : "=r"(sctlr));
  asm volatile("msr sctlr_el1, %0" ::"r"(sctlr & ~kEnTp2) : "memory");
  asm volatile("msr cntkctl_el1, %0\n\t" // no event stream, no timers, not the physical counter
               "msr tpidr_el0, xzr\n\t"
               "msr tpidrro_el0, xzr\n\t"
               "isb" ::"r"(kVirtualCounter)
               : "memory");
  u64 features;
  asm("mrs %0, id_aa64dfr0_el1" : "=r"(features));
  const u64 pmu = features >> 8 & 0xf;
  if (pmu != 0 && pmu != 0xf) asm volatile("msr pmuserenr_el0, xzr" ::: "memory");
}

void set_user_cpu_number(CpuId, u32) {} // there is no register for it
bool user_reads_cpu_number() { return false; }

void enter_user(UserRegs& regs) { runnel_enter_user(&regs); }

usize fpu_size() { return align_up(sizeof(FpuArea), 16); }
void fpu_init(void* area) { std::memset(area, 0, fpu_size()); }

void user_state_init(UserState& state, void* area) {
  fpu_init(area);
  state = UserState{.fpu = area};
}

void user_state_save(UserState& state) {
  runnel_fpu_save(state.fpu);
  asm volatile("mrs %0, tpidr_el0" : "=r"(state.tpidr));
}

/// The kernel's stack needs nothing: SP_EL1 is its top whenever a thread is in user mode (vectors.S).
void user_state_load(const UserState& state, VirtAddr) {
  set_fpu(kFpuOn);
  runnel_fpu_load(state.fpu);
  asm volatile("msr tpidr_el0, %0" ::"r"(state.tpidr) : "memory");
}

void user_state_unload() { set_fpu(0); }

void user_state_copy(UserState& to, const UserState& from, void* area) {
  std::memcpy(area, from.fpu, fpu_size());
  to = from;
  to.fpu = area;
}

u64 user_tls(const UserState& state) { return state.tpidr; }
void set_user_tls(UserState& state, u64 base) { state.tpidr = base; }

u64 signal_frame_size() {
  constexpr u64 kFrame = 4688, kFrameRecord = 16, kAlignment = 16;
  return kFrame + kFrameRecord + kAlignment;
}

} // namespace runnel::arch
