// SPDX-License-Identifier: Apache-2.0
// What the loader needs of the machine itself; machine_x86_64.cpp and machine_aarch64.cpp.
#pragma once

#include "boot/boot_info.hpp"
#include "boot/uefi/pure/elf.hpp"

#include <cstdint>

namespace runnel::uefi {

extern const Machine kMachine;
extern const char* const kMachineName;
/// What EDK II wants to hear with a page's permissions: arm64 its cacheability too (a bit of the page table);
/// x86_64 nothing, there it would reprogram the MTRRs of every CPU.
extern const std::uint64_t kPageAttributes;

/// One byte on the serial line, past the firmware. Gives up on a UART that never gets ready.
void uart_put(char c);
/// Ends the emulator with `code`; returns where there is none.
void exit_emulator(boot::ExitCode code);
/// Makes bytes written as data visible to instruction fetch, and to the kernel with its caches off (arm64: to
/// the point of coherency). No firmware service does it.
void publish(std::uint64_t base, std::uint64_t bytes);
/// Interrupts off, then the kernel: boot/direct's uefi_entry with the address of the BootInfo.
[[noreturn]] void enter_kernel(std::uint64_t entry, const boot::BootInfo* info);
/// Interrupts off for ever.
[[noreturn]] void halt();

} // namespace runnel::uefi
