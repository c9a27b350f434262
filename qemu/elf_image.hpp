// SPDX-License-Identifier: Apache-2.0
// A kernel image as an ELF file: its segments, symbols, and the on-target tests it declares.
#pragma once

#include "kernel/lib/types.hpp"
#include "qemu/arch.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::qemu {

/// One test as declared beside its assertions.
struct DeclaredTest {
  std::string name; // "suite.case"
  std::string file; // from the top of the tree
  u32 line = 0;
  u32 min_cpus = 1;
  u32 arches = 0; // bits, kernel/test/test_case.hpp
  u32 flags = 0;
  u64 limit_ns = 0;

  std::string_view suite() const { return std::string_view(name).substr(0, name.find('.')); }
  std::string_view case_name() const {
    const auto dot = name.find('.');
    return dot == std::string::npos ? std::string_view{} : std::string_view(name).substr(dot + 1);
  }
  bool only_by_name() const;
  /// Judges times: belongs on deterministic machines.
  bool needs_exact_time() const;
};

class ElfImage {
 public:
  /// Reads and checks the file; throws Failure(kBootFailed) naming it when it is missing or damaged.
  explicit ElfImage(const std::filesystem::path& path);
  /// The same from memory; `name` is for messages.
  ElfImage(std::string name, std::string bytes);

  Arch arch() const { return arch_; }
  std::optional<u64> symbol(std::string_view name) const;
  /// The file's bytes at a virtual address; throws when they are not in the file.
  std::string_view bytes_at(u64 address, u64 size) const;
  std::string text_at(u64 address) const;
  /// Sorted as the kernel runs them: by suite, then by case.
  std::vector<DeclaredTest> tests() const;
  /// Bytes the loadable segments take in the file, and in memory.
  u64 loaded_file_bytes() const;
  u64 loaded_memory_bytes() const;
  /// Virtual minus physical address of the first segment that is linked high.
  u64 kernel_offset() const;

 private:
  struct Segment {
    u64 vaddr, paddr, offset, file_bytes, memory_bytes;
  };
  [[noreturn]] void damaged(const std::string& what) const;
  template <typename T> T at(u64 offset) const;
  void parse();
  void parse_symbols(u64 offset, u64 size, u64 names_offset, u64 names_size);

  std::string name_, bytes_;
  Arch arch_ = Arch::kX86_64;
  std::vector<Segment> segments_;
  std::vector<std::pair<std::string, u64>> symbols_; // those that begin with two underscores
};

} // namespace runnel::qemu
