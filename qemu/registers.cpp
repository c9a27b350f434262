// SPDX-License-Identifier: Apache-2.0
#include "qemu/registers.hpp"

#include <charconv>
#include <optional>

namespace runnel::qemu {
namespace {

/// The hexadecimal value after "NAME=" in `line`, where NAME is a whole word.
std::optional<u64> value_of(std::string_view line, std::string_view name) {
  for (std::size_t at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
    const std::string_view rest = line.substr(at + name.size());
    if ((at != 0 && line[at - 1] != ' ') || !rest.starts_with('=')) continue;
    u64 value = 0;
    const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), value, 16);
    if (error == std::errc{}) return value;
  }
  return std::nullopt;
}

struct Name {
  std::string_view name;
  u64 CpuRegisters::* member;
};
constexpr Name kNames[] = {{"RIP", &CpuRegisters::pc},    {"RSP", &CpuRegisters::sp},
                           {"RBP", &CpuRegisters::frame}, {"PC", &CpuRegisters::pc},
                           {"SP", &CpuRegisters::sp},     {"X29", &CpuRegisters::frame}};

bool is_general(std::string_view line) {
  for (const std::string_view start :
       {"RAX", "RSI", "R8 ", "R12", "RIP", "CR0", " PC", "X0", "X1", "X2", "PSTATE"})
    if (line.starts_with(start)) return true;
  return false;
}

} // namespace

std::vector<CpuRegisters> parse_registers(std::string_view text) {
  std::vector<CpuRegisters> cpus;
  bool have_pc = true;
  const auto drop_incomplete = [&] {
    if (!have_pc) cpus.pop_back();
  };
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("CPU#")) {
      drop_incomplete();
      CpuRegisters cpu;
      std::from_chars(line.data() + 4, line.data() + line.size(), cpu.cpu);
      cpus.push_back(std::move(cpu));
      have_pc = false;
      continue;
    }
    if (cpus.empty()) continue;
    CpuRegisters& cpu = cpus.back();
    // aarch64 pads with zeros and names X0..X30; one register stands on a line only once, the first counts.
    for (const Name& known : kNames) {
      const auto value = value_of(line, known.name);
      if (!value || cpu.*known.member != 0) continue;
      cpu.*known.member = *value;
      have_pc |= known.member == &CpuRegisters::pc;
    }
    if (value_of(line, "HLT") == u64{1}) cpu.halted = true;
    if (is_general(line)) cpu.text.append(line).append("\n");
  }
  drop_incomplete();
  return cpus;
}

} // namespace runnel::qemu
