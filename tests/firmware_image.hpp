// SPDX-License-Identifier: Apache-2.0
// Physical memory with nothing in it but dumped firmware tables, as the readers of kernel/firmware see it.
// Every table is an allocation of its own, so that a read past its end is seen by the address sanitizer.
#pragma once

#include "kernel/firmware/describe.hpp"
#include "kernel/lib/fdt.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace runnel::test {

using Blob = std::vector<std::byte>;

inline Blob load_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

/// Makes the byte sum zero by the byte at `at`.
inline void fix_sum(Blob& table, std::size_t at, std::size_t size) {
  if (size > table.size() || at >= size) return;
  u8 sum = 0;
  for (std::size_t i = 0; i < size; ++i)
    if (i != at) sum = static_cast<u8>(sum + static_cast<u8>(table[i]));
  table[at] = static_cast<std::byte>(static_cast<u8>(-sum));
}

class FirmwareImage {
 public:
  struct Part {
    u64 phys = 0;
    Blob bytes;
  };

  FirmwareImage() { current() = this; }
  ~FirmwareImage() { current() = nullptr; }
  FirmwareImage(const FirmwareImage&) = delete;
  FirmwareImage& operator=(const FirmwareImage&) = delete;

  /// Records { u64 physical address, u64 size, bytes } of tests/data/firmware; the first is the root pointer.
  /// What follows a record that runs over the end is left out.
  void load_acpi(const Blob& file) {
    for (std::size_t at = 0; file.size() - at >= 16;) {
      Part part;
      u64 size = 0;
      std::memcpy(&part.phys, &file[at], 8);
      std::memcpy(&size, &file[at + 8], 8);
      at += 16;
      if (size == 0 || size > file.size() - at || part.phys > ~u64{0} - size) break;
      const auto from = file.begin() + static_cast<std::ptrdiff_t>(at);
      part.bytes.assign(from, from + static_cast<std::ptrdiff_t>(size));
      parts.push_back(std::move(part));
      at += size;
    }
    if (!parts.empty()) info.acpi_rsdp = parts[0].phys;
  }

  void load_fdt(const Blob& file) {
    info.device_tree = 0x4000'0000;
    parts.push_back({info.device_tree, file});
  }

  /// Makes damaged tables look whole: their length is what is there, and their checksums are right.
  void fix_sums() {
    for (Part& part : parts) {
      if (&part == &parts[0]) {
        fix_sum(part.bytes, 8, 20);
        fix_sum(part.bytes, 32, 36);
      } else if (part.bytes.size() >= 36) {
        const u32 length = static_cast<u32>(part.bytes.size());
        std::memcpy(&part.bytes[4], &length, 4);
        fix_sum(part.bytes, 9, part.bytes.size());
      }
    }
  }

  Part& table(std::string_view signature) {
    for (Part& part : parts)
      if (part.bytes.size() >= 4 && std::memcmp(part.bytes.data(), signature.data(), 4) == 0) return part;
    throw std::runtime_error("no table " + std::string(signature));
  }

  /// The firmware::PhysReader of the image that lives.
  static firmware::Bytes read(PhysAddr phys, u64 size) {
    for (const Part& part : current()->parts)
      if (phys.value >= part.phys && phys.value - part.phys <= part.bytes.size() &&
          size <= part.bytes.size() - (phys.value - part.phys))
        return {part.bytes.data() + (phys.value - part.phys), size};
    return {};
  }

  struct Outcome {
    Result<> result;
    std::string why;
    arch::MachineInfo machine;
  };
  Outcome describe(u64 boot_hw_id = 0) const {
    Outcome out;
    char why[256];
    BufferSink sink(why);
    out.result = firmware::describe_machine(info, read, boot_hw_id, out.machine, sink);
    out.why = sink.view();
    return out;
  }

  boot::BootInfo info;
  std::vector<Part> parts;

 private:
  static const FirmwareImage*& current() {
    static const FirmwareImage* image = nullptr;
    return image;
  }
};

/// Reads all tokens of a tree that may be damaged. nullptr, or what the reader must never do.
inline const char* broken_walk(const Blob& tree) {
  if (tree.size() < 40) return nullptr;
  const auto* begin = reinterpret_cast<const u8*>(tree.data());
  auto fdt = FdtReader::open(begin);
  if (!fdt || fdt->size() > tree.size()) return nullptr;
  const u8* const end = begin + fdt->size();
  const auto inside = [&](const void* at, std::size_t size) {
    const auto* p = static_cast<const u8*>(at);
    return size == 0 || (p >= begin && p <= end && size <= static_cast<std::size_t>(end - p));
  };
  for (std::size_t tokens = 0;; ++tokens) {
    if (tokens > tree.size() / 4) return "more tokens than words";
    const FdtToken token = fdt->next();
    if (token.kind == FdtToken::Kind::kEnd || token.kind == FdtToken::Kind::kDamaged) break;
    if (!inside(token.name.data(), token.name.size())) return "a name outside of the tree";
    if (!inside(token.value.data(), token.value.size())) return "a value outside of the tree";
  }
  for (u32 i = 0; fdt->reservation(i); ++i)
    if (i > tree.size() / 16) return "more reservations than there is room for";
  return nullptr;
}

/// What holds for every machine that a reader accepts, however damaged its tables: the kernel indexes with
/// these numbers. nullptr, or which of them does not hold.
inline const char* broken_promise(const arch::MachineInfo& m, u64 boot_hw_id) {
  if (m.nr_cpus == 0 || m.nr_cpus > kMaxCpus) return "number of CPUs";
  if (m.cpus[0].hw_id != boot_hw_id) return "boot CPU first";
  if (m.nr_nodes == 0 || m.nr_nodes > arch::kMaxNodes) return "number of nodes";
  if (m.nr_node_memory > arch::kMaxNodeMemory) return "memory ranges";
  if (m.nr_ioapics > arch::kMaxIoApics || m.nr_overrides > arch::kMaxOverrides) return "I/O APICs, overrides";
  if (m.nr_gicr_regions > arch::kMaxGicRedistRegions) return "redistributor regions";
  if (m.nr_ioapics == 0 && m.gicd_base == 0) return "an interrupt controller";
  for (u32 i = 0; i < m.nr_cpus; ++i) {
    const arch::CpuDescription& cpu = m.cpus[i];
    if (cpu.node >= m.nr_nodes) return "node of a CPU";
    for (const u32 number : {cpu.package, cpu.cluster, cpu.core, cpu.llc})
      if (number >= kMaxCpus) return "place of a CPU";
    for (u32 j = 0; j < i; ++j)
      if (m.cpus[j].hw_id == cpu.hw_id) return "unique hardware ids";
  }
  for (u32 i = 0; i < m.nr_node_memory; ++i)
    if (m.node_memory[i].node >= m.nr_nodes) return "node of memory";
  return nullptr;
}

} // namespace runnel::test
