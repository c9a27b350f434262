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

/// A cache below the socket is a die on x86; the arm machine has no words for caches, and its clusters are
/// cores next to each other inside the socket's cache.
std::string smp_words(const MachineSpec& spec) {
  if (!spec.shape) return std::to_string(spec.cpus);
  const sim::Shape& shape = *spec.shape;
  const u32 parts = shape.llcs_per_socket();
  return fmt::format("{},sockets={},{}={},cores={},threads={}", spec.cpus, shape.sockets,
                     spec.arch == Arch::kX86_64 ? "dies" : "clusters", parts, shape.cores / parts,
                     shape.threads);
}

/// Nodes of equally much memory; the last one has what is left over.
void add_nodes(Words& words, const MachineSpec& spec) {
  if (!spec.shape || spec.shape->nodes < 2) return;
  const u32 nodes = spec.shape->nodes;
  u32 first = 0;
  for (u32 node = 0; node < nodes; ++node) {
    const u32 share = spec.memory_mib / nodes + (node == nodes - 1 ? spec.memory_mib % nodes : 0);
    u32 end = first;
    while (end < spec.cpus && spec.shape->node_of(CpuId{end}) == node) ++end;
    add(words, {"-object", fmt::format("memory-backend-ram,id=node{},size={}M", node, share), "-numa",
                fmt::format("node,nodeid={0},memdev=node{0},cpus={1}-{2}", node, first, end - 1)});
    first = end;
  }
}

void add_machine(Words& words, const MachineSpec& spec) {
  if (spec.arch == Arch::kX86_64) {
    // The processor tells of its caches in an extended leaf that QEMU does not offer unless asked.
    add(words, {"-M", "q35", "-cpu", spec.shape ? "max,xlevel=0x8000001e" : "max", "-device",
                "isa-debug-exit,iobase=0xf4,iosize=4"});
    // qboot hands over to a PVH kernel half as fast as SeaBIOS does.
    if (spec.boot == BootPath::kDirect) add(words, {"-bios", "qboot.rom"});
  } else {
    // The architected pointer-authentication algorithm makes every signed return slow to emulate.
    add(words, {"-M", "virt,gic-version=3", "-cpu", "max,pauth-impdef=on", "-semihosting-config",
                "enable=on,target=native"});
  }
  add(words, {"-m", fmt::format("{}M", spec.memory_mib), "-smp", smp_words(spec)});
  add_nodes(words, spec);
}

void add_timing(Words& words, const MachineSpec& spec) {
  if (spec.timing == Timing::kDeterministic)
    // The clock on the wall starts at a fixed date: its alarms are events in time, and events part the turns
    // of the CPUs.
    add(words, {"-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-rtc",
                "base=2026-01-01T00:00:00,clock=vm", "-seed", std::to_string(spec.seed & 0xffff'ffff)});
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

std::string shape_problem(const sim::Shape& shape) {
  if (shape.cores_per_llc != 0 && shape.cores % shape.cores_per_llc != 0)
    return fmt::format(
        "QEMU deals the cores of a socket evenly to its caches: {} cores are not a multiple of {}",
        shape.cores, shape.cores_per_llc);
  return {};
}

std::string describe(const MachineSpec& spec) {
  return fmt::format("{} {}, {} CPU{}{}{}", to_string(spec.arch), to_string(spec.boot), spec.cpus,
                     spec.cpus == 1 ? "" : "s", spec.shape ? " as " + to_string(*spec.shape) : "",
                     spec.timing == Timing::kDeterministic ? ", deterministic" : "");
}

std::string test_options(const MachineSpec& spec) {
  const std::string size =
      spec.shape ? "--topology " + to_string(*spec.shape) : fmt::format("--smp {}", spec.cpus);
  return fmt::format("--arch {} {} {}", to_string(spec.arch), size,
                     spec.timing == Timing::kDeterministic ? "--deterministic" : "--parallel");
}

} // namespace runnel::qemu
