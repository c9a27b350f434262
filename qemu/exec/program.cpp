// SPDX-License-Identifier: Apache-2.0
#include "qemu/exec/program.hpp"

#include "kernel/lib/types.hpp"
#include "qemu/exit_status.hpp"

#include <cstring>
#include <elf.h>
#include <fmt/format.h>
#include <string_view>

namespace runnel::qemu {
namespace {

std::string machine_name(u16 machine) {
  switch (machine) {
  case EM_X86_64:
    return "x86_64";
  case EM_AARCH64:
    return "aarch64";
  case EM_386:
    return "i386";
  case EM_ARM:
    return "arm";
  case EM_RISCV:
    return "riscv";
  default:
    return fmt::format("machine {}", machine);
  }
}

class Reader {
 public:
  Reader(const std::string& name, const std::string& bytes) : name_(name), bytes_(bytes) {}

  Program read(Arch machine) {
    const Elf64_Ehdr header = check_header(machine);
    Program program{.arch = machine, .interpreter = {}, .needed = {}, .search = {}};
    const Elf64_Phdr* dynamic = nullptr;
    for (u32 i = 0; i < header.e_phnum; ++i)
      segments_.push_back(at<Elf64_Phdr>(header.e_phoff + u64{i} * sizeof(Elf64_Phdr)));
    bool loads = false;
    for (const Elf64_Phdr& segment : segments_) {
      loads |= segment.p_type == PT_LOAD;
      if (segment.p_type == PT_INTERP) program.interpreter = text(segment.p_offset);
      if (segment.p_type == PT_DYNAMIC) dynamic = &segment;
    }
    if (!loads) fail("nothing in it is to be loaded (an object file, or debug information only?)");
    check_segments(machine);
    if (dynamic != nullptr) read_dynamic(*dynamic, program);
    return program;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Failure(ExitStatus::kUsage, fmt::format("{}: {}", name_, what));
  }

  template <typename T> T at(u64 offset) const {
    T value;
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof value)
      fail(fmt::format("damaged ELF file: it ends at byte {}, inside what its headers describe",
                       bytes_.size()));
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

  std::string text(u64 offset) const {
    const auto end = offset < bytes_.size() ? bytes_.find('\0', offset) : std::string::npos;
    if (end == std::string::npos) fail("damaged ELF file: a name in it has no end");
    return bytes_.substr(offset, end - offset);
  }

  Elf64_Ehdr check_header(Arch machine) const {
    if (!bytes_.starts_with(ELFMAG))
      fail(bytes_.starts_with("#!") ? "a script, not an ELF file: exec its interpreter with it as --file"
                                    : "not an ELF file");
    const auto header = at<Elf64_Ehdr>(0);
    const bool native = header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == ELFDATA2LSB;
    const u16 wanted = machine == Arch::kX86_64 ? EM_X86_64 : EM_AARCH64;
    if (!native || header.e_machine != wanted) {
      const bool other = native && (header.e_machine == EM_X86_64 || header.e_machine == EM_AARCH64);
      fail(fmt::format("a program for {}{}, but the machine is {}{}", machine_name(header.e_machine),
                       native ? "" : " (not 64-bit little-endian)", machine_name(wanted),
                       other ? fmt::format(" (--arch {} runs it)", machine_name(header.e_machine)) : ""));
    }
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
      fail("an ELF file, but no program (an object file or a core dump)");
    if (header.e_phentsize != sizeof(Elf64_Phdr))
      fail("damaged ELF file: its program headers are no headers");
    return header;
  }

  /// What no linker writes, and no kernel can map in a way that its author meant.
  void check_segments(Arch machine) const {
    const u64 top = machine == Arch::kX86_64 ? u64{1} << 47 : u64{1} << 48; // of user addresses
    u64 end = 0; // of the segment before: they are sorted by address
    for (const Elf64_Phdr& s : segments_) {
      if (s.p_type != PT_LOAD) continue;
      if (s.p_filesz != 0 && (s.p_offset > bytes_.size() || bytes_.size() - s.p_offset < s.p_filesz))
        fail(fmt::format("damaged ELF file: it ends at byte {}, inside a segment", bytes_.size()));
      if (s.p_filesz > s.p_memsz)
        fail(fmt::format("damaged ELF file: the segment at {:#x} has more bytes in the file than in memory",
                         s.p_vaddr));
      if (s.p_memsz > top || s.p_vaddr > top - s.p_memsz)
        fail(fmt::format(
            "damaged ELF file: the segment at {:#x}, {:#x} bytes, leaves the addresses a program can have",
            s.p_vaddr, s.p_memsz));
      if (s.p_vaddr < end)
        fail(
            fmt::format("damaged ELF file: the segment at {:#x} overlaps the one before, which ends at {:#x}",
                        s.p_vaddr, end));
      end = s.p_vaddr + s.p_memsz;
    }
  }

  u64 file_offset(u64 address) const {
    for (const Elf64_Phdr& segment : segments_)
      if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
          address - segment.p_vaddr < segment.p_filesz)
        return segment.p_offset + (address - segment.p_vaddr);
    fail(fmt::format("damaged ELF file: nothing in it is loaded at {:#x}", address));
  }

  void read_dynamic(const Elf64_Phdr& dynamic, Program& program) const {
    std::vector<u64> needed, search;
    u64 names = 0;
    for (u64 i = 0; i < dynamic.p_filesz / sizeof(Elf64_Dyn); ++i) {
      const auto entry = at<Elf64_Dyn>(dynamic.p_offset + i * sizeof(Elf64_Dyn));
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_STRTAB) names = entry.d_un.d_ptr;
      if (entry.d_tag == DT_NEEDED) needed.push_back(entry.d_un.d_val);
      if (entry.d_tag == DT_RPATH || entry.d_tag == DT_RUNPATH) search.push_back(entry.d_un.d_val);
    }
    if (needed.empty() && search.empty()) return;
    const u64 start = file_offset(names);
    for (const u64 offset : needed) program.needed.push_back(name_at(start, offset));
    for (const u64 offset : search) split(name_at(start, offset), program.search);
  }

  std::string name_at(u64 start, u64 offset) const {
    if (offset > bytes_.size()) fail("damaged ELF file: the name of a library lies outside of it");
    return text(start + offset);
  }

  static void split(std::string_view list, std::vector<std::string>& parts) {
    while (!list.empty()) {
      const auto colon = list.find(':');
      if (colon != 0) parts.emplace_back(list.substr(0, colon));
      list = colon == std::string_view::npos ? std::string_view{} : list.substr(colon + 1);
    }
  }

  const std::string& name_;
  const std::string& bytes_;
  std::vector<Elf64_Phdr> segments_;
};

} // namespace

Program read_program(const std::string& name, const std::string& bytes, Arch machine) {
  return Reader(name, bytes).read(machine);
}

} // namespace runnel::qemu
