// SPDX-License-Identifier: Apache-2.0
#include "boot/uefi/machine.hpp"

namespace runnel::uefi {

const Machine kMachine = Machine::kAarch64;
const char* const kMachineName = "aarch64";
const std::uint64_t kPageAttributes = 0x8; // EFI_MEMORY_WB

namespace {

constexpr std::uint64_t kPl011 = 0x0900'0000; // QEMU's virt machine
constexpr std::uint64_t kPl011Flags = kPl011 + 0x18;
constexpr std::uint32_t kTransmitFull = 0x20;

constexpr std::uint64_t kSysExitExtended = 0x20; // Arm semihosting 2.0, 6.9
constexpr std::uint64_t kApplicationExit = 0x20026;

} // namespace

void uart_put(char c) {
  auto* flags = reinterpret_cast<volatile std::uint32_t*>(kPl011Flags);
  auto* data = reinterpret_cast<volatile std::uint32_t*>(kPl011);
  for (unsigned tries = 0; tries < 100'000 && (*flags & kTransmitFull) != 0; ++tries) asm volatile("yield");
  *data = static_cast<std::uint8_t>(c);
}

void exit_emulator(boot::ExitCode code) {
  const std::uint64_t block[2] = {kApplicationExit, static_cast<std::uint64_t>(code)};
  register std::uint64_t operation asm("x0") = kSysExitExtended;
  register const std::uint64_t* argument asm("x1") = block;
  asm volatile("hlt #0xf000" : "+r"(operation) : "r"(argument) : "memory");
}

void publish(std::uint64_t base, std::uint64_t bytes) {
  std::uint64_t type;
  asm("mrs %0, ctr_el0" : "=r"(type));
  const std::uint64_t line = std::uint64_t{4} << ((type >> 16) & 0xf);
  for (std::uint64_t at = base & ~(line - 1); at < base + bytes; at += line)
    asm volatile("dc civac, %0" : : "r"(at) : "memory");
  // All cleaning done before stale instructions are dropped, and that before anything is fetched.
  asm volatile("dsb sy\n\tic iallu\n\tdsb sy\n\tisb" : : : "memory");
}

void enter_kernel(std::uint64_t entry, const boot::BootInfo* info) {
  register const boot::BootInfo* argument asm("x0") = info;
  asm volatile("msr daifset, #15\n\tbr %0" : : "r"(entry), "r"(argument) : "memory");
  __builtin_unreachable();
}

void halt() {
  for (;;) asm volatile("msr daifset, #15\n\twfi");
}

} // namespace runnel::uefi
