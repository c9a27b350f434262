// SPDX-License-Identifier: Apache-2.0
// Semihosting exit (Arm "Semihosting for AArch32 and AArch64", SYS_EXIT_EXTENDED), else PSCI.
#include "arch/aarch64/psci.hpp"

#include <arch/power.hpp>

extern "C" runnel::u64 runnel_semihosting(runnel::u64 operation, const void* block);

namespace runnel::arch {
namespace {

constexpr u64 kSysExitExtended = 0x20;
constexpr u64 kApplicationExit = 0x20026;

} // namespace

void exit(u32 code) {
  const u64 block[] = {kApplicationExit, code};
  runnel_semihosting(kSysExitExtended, block);
  psci_call(PsciFunction::kSystemOff);
  halt();
}

void reboot(const MachineInfo& machine) {
  psci_set_conduit(machine.psci);
  psci_call(PsciFunction::kSystemReset);
  halt();
}

void halt() {
  asm volatile("msr daifset, #0xf" ::: "memory");
  while (true) asm volatile("wfi" ::: "memory");
}

} // namespace runnel::arch
