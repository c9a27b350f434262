// SPDX-License-Identifier: Apache-2.0
#include "qemu/machine.hpp"

#include <cstdlib>
#include <fmt/format.h>

namespace runnel::qemu {
namespace {

using Words = std::vector<std::string>;

void add(Words& words, std::initializer_list<std::string> more) {
  words.insert(words.end(), more.begin(), more.end());
}

/// QEMU's option parser splits values at commas; doubled they stand for themselves.
std::string escape_commas(const std::string& text) {
  std::string out;
  for (const char c : text) out.append(c == ',' ? 2 : 1, c);
  return out;
}

void add_machine(Words& words, const MachineSpec& spec) {
  if (spec.arch == Arch::kX86_64) {
    add(words, {"-M", "q35", "-cpu", "max", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"});
    // qboot hands over to a PVH kernel half as fast as SeaBIOS does.
    if (spec.boot == BootPath::kDirect) add(words, {"-bios", "qboot.rom"});
  } else {
    // The architected pointer-authentication algorithm makes every signed return slow to emulate.
    add(words, {"-M", "virt,gic-version=3", "-cpu", "max,pauth-impdef=on", "-semihosting-config",
                "enable=on,target=native"});
  }
  add(words, {"-m", fmt::format("{}M", spec.memory_mib), "-smp", std::to_string(spec.cpus)});
}

void add_timing(Words& words, const MachineSpec& spec) {
  if (spec.timing == Timing::kDeterministic)
    add(words, {"-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-rtc", "clock=vm", "-seed",
                std::to_string(spec.seed & 0xffff'ffff)});
  else
    add(words, {"-accel", "tcg,thread=multi"});
}

void add_boot(Words& words, const MachineSpec& spec) {
  if (spec.boot == BootPath::kDirect) {
    add(words, {"-kernel", spec.kernel.string(), "-append", spec.command_line});
    if (!spec.initrd.empty()) add(words, {"-initrd", spec.initrd.string()});
    return;
  }
  // Without the boot options the arm64 firmware waits five seconds at its menu.
  add(words,
      {"-bios", spec.firmware.string(), "-boot", "menu=on,splash-time=0", "-drive",
       fmt::format("if=none,id=esp,format=raw,readonly=on,file=fat:{}", escape_commas(spec.volume.string())),
       "-device", "virtio-blk-pci,drive=esp"});
}

} // namespace

std::string emulator(Arch arch) {
  const bool x86 = arch == Arch::kX86_64;
  if (const char* other = std::getenv(x86 ? "RUNNEL_QEMU_X86_64" : "RUNNEL_QEMU_AARCH64")) return other;
  return fmt::format("qemu-system-{}", to_string(arch));
}

std::vector<std::string> qemu_command(const MachineSpec& spec, int qmp_fd) {
  Words words{emulator(spec.arch)};
  add_machine(words, spec);
  add_timing(words, spec);
  add(words, {"-nodefaults", "-no-user-config", "-display", "none"});
  add(words, {"-chardev", "stdio,id=serial0,signal=off", "-serial", "chardev:serial0"});
  add(words, {"-chardev", fmt::format("socket,id=qmp0,fd={}", qmp_fd), "-mon", "chardev=qmp0,mode=control"});
  if (spec.on_reset == OnReset::kPause) add(words, {"-action", "reboot=shutdown,shutdown=pause"});
  add_boot(words, spec);
  words.insert(words.end(), spec.extra.begin(), spec.extra.end());
  return words;
}

std::string describe(const MachineSpec& spec) {
  return fmt::format("{} {}, {} CPU{}{}", to_string(spec.arch), to_string(spec.boot), spec.cpus,
                     spec.cpus == 1 ? "" : "s",
                     spec.timing == Timing::kDeterministic ? ", deterministic" : "");
}

} // namespace runnel::qemu
