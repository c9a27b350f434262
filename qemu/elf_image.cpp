// SPDX-License-Identifier: Apache-2.0
#include "qemu/elf_image.hpp"

#include "kernel/test/test_case.hpp"
#include "qemu/exit_status.hpp"
#include "qemu/files.hpp"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <fmt/format.h>

namespace runnel::qemu {

bool DeclaredTest::only_by_name() const { return (flags & test::kFlagOnlyByName) != 0; }
bool DeclaredTest::needs_exact_time() const { return (flags & test::kFlagExactTime) != 0; }

ElfImage::ElfImage(const std::filesystem::path& path) : name_(path.string()) {
  require_file(path, "kernel image");
  bytes_ = read_file(path);
  parse();
}

ElfImage::ElfImage(std::string name, std::string bytes) : name_(std::move(name)), bytes_(std::move(bytes)) {
  parse();
}

void ElfImage::damaged(const std::string& what) const {
  throw Failure(ExitStatus::kBootFailed, fmt::format("kernel image {} is damaged: {}", name_, what));
}

template <typename T> T ElfImage::at(u64 offset) const {
  T value;
  if (offset > bytes_.size() || bytes_.size() - offset < sizeof value)
    damaged(fmt::format("it ends at byte {}, inside what its headers describe", bytes_.size()));
  std::memcpy(&value, bytes_.data() + offset, sizeof value);
  return value;
}

void ElfImage::parse() {
  const auto header = at<Elf64_Ehdr>(0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB)
    damaged("it is no 64-bit little-endian ELF file");
  if (header.e_machine == EM_AARCH64)
    arch_ = Arch::kAarch64;
  else if (header.e_machine != EM_X86_64)
    damaged(fmt::format("machine {} is none of ours", header.e_machine));
  for (u32 i = 0; i < header.e_phnum; ++i) {
    const auto p = at<Elf64_Phdr>(header.e_phoff + u64{i} * sizeof(Elf64_Phdr));
    if (p.p_type != PT_LOAD) continue;
    if (p.p_offset > bytes_.size() || bytes_.size() - p.p_offset < p.p_filesz)
      damaged(fmt::format("segment {} ends after the end of the file", i));
    segments_.push_back({p.p_vaddr, p.p_paddr, p.p_offset, p.p_filesz, p.p_memsz});
  }
  if (segments_.empty()) damaged("nothing in it is to be loaded");
  for (u32 i = 0; i < header.e_shnum; ++i) {
    const auto s = at<Elf64_Shdr>(header.e_shoff + u64{i} * sizeof(Elf64_Shdr));
    if (s.sh_type != SHT_SYMTAB || s.sh_link >= header.e_shnum) continue;
    const auto names = at<Elf64_Shdr>(header.e_shoff + u64{s.sh_link} * sizeof(Elf64_Shdr));
    parse_symbols(s.sh_offset, s.sh_size, names.sh_offset, names.sh_size);
  }
}

void ElfImage::parse_symbols(u64 offset, u64 size, u64 names_offset, u64 names_size) {
  if (names_offset > bytes_.size() || bytes_.size() - names_offset < names_size)
    damaged("its symbol names end after the end of the file");
  const std::string_view names = std::string_view(bytes_).substr(names_offset, names_size);
  for (u64 i = 0; i < size / sizeof(Elf64_Sym); ++i) {
    const auto s = at<Elf64_Sym>(offset + i * sizeof(Elf64_Sym));
    if (s.st_name >= names.size()) continue;
    std::string_view name = names.substr(s.st_name);
    name = name.substr(0, name.find('\0'));
    if (name.starts_with("__")) symbols_.emplace_back(name, s.st_value);
  }
}

std::optional<u64> ElfImage::symbol(std::string_view name) const {
  for (const auto& [known, value] : symbols_)
    if (known == name) return value;
  return std::nullopt;
}

std::string_view ElfImage::bytes_at(u64 address, u64 size) const {
  for (const Segment& s : segments_)
    if (address >= s.vaddr && address - s.vaddr <= s.file_bytes && s.file_bytes - (address - s.vaddr) >= size)
      return std::string_view(bytes_).substr(s.offset + (address - s.vaddr), size);
  damaged(fmt::format("nothing lies at {:#x}", address));
}

std::string ElfImage::text_at(u64 address) const {
  for (const Segment& s : segments_) {
    if (address < s.vaddr || address - s.vaddr >= s.file_bytes) continue;
    const std::string_view rest =
        std::string_view(bytes_).substr(s.offset + (address - s.vaddr), s.file_bytes - (address - s.vaddr));
    return std::string(rest.substr(0, rest.find('\0')));
  }
  damaged(fmt::format("no text lies at {:#x}", address));
}

std::vector<DeclaredTest> ElfImage::tests() const {
  const auto start = symbol("__tests_start"), end = symbol("__tests_end");
  if (!start || !end || *end < *start) damaged("it has no symbols __tests_start and __tests_end");
  const u64 count = (*end - *start) / sizeof(test::TestCase);
  std::vector<DeclaredTest> tests;
  for (u64 i = 0; i < count; ++i) {
    const std::string_view raw = bytes_at(*start + i * sizeof(test::TestCase), sizeof(test::TestCase));
    const auto field = [&]<typename T>(std::size_t offset, T) {
      T value;
      std::memcpy(&value, raw.data() + offset, sizeof value);
      return value;
    };
    if (field(offsetof(test::TestCase, name), u64{}) == 0) continue; // padding between objects
    tests.push_back({.name = text_at(field(offsetof(test::TestCase, name), u64{})),
                     .file = text_at(field(offsetof(test::TestCase, file), u64{})),
                     .line = field(offsetof(test::TestCase, line), u32{}),
                     .min_cpus = field(offsetof(test::TestCase, min_cpus), u32{}),
                     .arches = field(offsetof(test::TestCase, arch), u32{}),
                     .flags = field(offsetof(test::TestCase, flags), u32{}),
                     .limit_ns = field(offsetof(test::TestCase, limit_ns), u64{})});
  }
  std::ranges::sort(tests, [](const DeclaredTest& a, const DeclaredTest& b) {
    return std::pair(a.suite(), a.case_name()) < std::pair(b.suite(), b.case_name());
  });
  return tests;
}

u64 ElfImage::loaded_file_bytes() const {
  u64 sum = 0;
  for (const Segment& s : segments_) sum += s.file_bytes;
  return sum;
}

u64 ElfImage::loaded_memory_bytes() const {
  u64 sum = 0;
  for (const Segment& s : segments_) sum += s.memory_bytes;
  return sum;
}

u64 ElfImage::kernel_offset() const {
  for (const Segment& s : segments_)
    if (s.vaddr >> 63 != 0) return s.vaddr - s.paddr;
  return 0;
}

} // namespace runnel::qemu
