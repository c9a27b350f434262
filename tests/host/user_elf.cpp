// SPDX-License-Identifier: Apache-2.0
// The program loader's reading of ELF files: what is taken, and which error each malformed header gets.
#include "kernel/user/elf.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <elf.h>
#include <vector>

using namespace runnel;
using user::ElfImage;

namespace {

constexpr u64 kLimit = 0x7fff'ffff'f000;

/// A small program: text and data segment, headers in the first.
struct Program {
  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  std::string interpreter; // as bytes in the file at 0x800

  Program() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_entry = 0x401000;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    segments.push_back({.p_type = PT_LOAD,
                        .p_flags = PF_R | PF_X,
                        .p_offset = 0,
                        .p_vaddr = 0x400000,
                        .p_paddr = 0,
                        .p_filesz = 0x2000,
                        .p_memsz = 0x2000,
                        .p_align = 0x1000});
    segments.push_back({.p_type = PT_LOAD,
                        .p_flags = PF_R | PF_W,
                        .p_offset = 0x2e10,
                        .p_vaddr = 0x403e10,
                        .p_paddr = 0,
                        .p_filesz = 0x100,
                        .p_memsz = 0x3000,
                        .p_align = 0x1000});
  }
  std::vector<std::byte> bytes() {
    header.e_phnum = static_cast<Elf64_Half>(segments.size());
    std::vector<std::byte> file(0x3000);
    std::memcpy(file.data(), &header, sizeof header);
    std::memcpy(file.data() + sizeof header, segments.data(), segments.size() * sizeof(Elf64_Phdr));
    std::memcpy(file.data() + 0x800, interpreter.data(), interpreter.size());
    return file;
  }
  void add_interpreter(std::string path, u64 size) {
    interpreter = std::move(path);
    segments.push_back({.p_type = PT_INTERP,
                        .p_flags = PF_R,
                        .p_offset = 0x800,
                        .p_vaddr = 0,
                        .p_paddr = 0,
                        .p_filesz = size,
                        .p_memsz = size,
                        .p_align = 1});
  }
};

/// 0 or the errno.
Errno error_of(Program& program) {
  const auto file = program.bytes();
  const auto image = ElfImage::parse(file, EM_X86_64, kLimit);
  return image ? Errno{} : image.error();
}

} // namespace

TEST_CASE("a program's segments, headers and entry are read", "[user][elf]") {
  Program program;
  const auto file = program.bytes();
  const auto image = ElfImage::parse(file, EM_X86_64, kLimit);
  REQUIRE(image);
  CHECK_FALSE(image->position_independent());
  CHECK(image->entry() == 0x401000);
  CHECK(image->low() == 0x400000);
  CHECK(image->high() == 0x407000);
  CHECK(image->headers_address() == 0x400000 + sizeof(Elf64_Ehdr));
  CHECK(image->nr_headers() == 2);
  REQUIRE(image->nr_segments() == 2);
  const auto data = image->segment(1);
  CHECK(data.address == 0x403e10);
  CHECK(data.file_offset == 0x2e10);
  CHECK(data.file_size == 0x100);
  CHECK(data.memory_size == 0x3000);
  CHECK((data.read && data.write && !data.execute));
  CHECK(image->interpreter().empty());
  CHECK_FALSE(image->executable_stack());
}

TEST_CASE("what is no program for this machine is ENOEXEC", "[user][elf]") {
  Program program;
  SECTION("magic") { program.header.e_ident[0] = 'E'; }
  SECTION("32 bits") { program.header.e_ident[EI_CLASS] = ELFCLASS32; }
  SECTION("big endian") { program.header.e_ident[EI_DATA] = ELFDATA2MSB; }
  SECTION("relocatable file") { program.header.e_type = ET_REL; }
  SECTION("core file") { program.header.e_type = ET_CORE; }
  SECTION("other machine") { program.header.e_machine = EM_AARCH64; }
  SECTION("size of a program header") { program.header.e_phentsize = 32; }
  SECTION("no program headers") { program.segments.clear(); }
  SECTION("interpreter without end") { program.add_interpreter("/lib/ld.so", 10); }
  SECTION("interpreter of one byte") { program.add_interpreter("", 1); }
  SECTION("interpreter too long") { program.add_interpreter("/", 4097); }
  CHECK(error_of(program) == Errno::kNOEXEC);
}

TEST_CASE("a script or an empty file is ENOEXEC", "[user][elf]") {
  const std::string script = "#!/bin/sh\n";
  CHECK(ElfImage::parse(std::as_bytes(std::span(script)), EM_X86_64, kLimit).error() == Errno::kNOEXEC);
  CHECK(ElfImage::parse({}, EM_X86_64, kLimit).error() == Errno::kNOEXEC);
}

TEST_CASE("headers beyond the file's end are EIO", "[user][elf]") {
  Program program;
  SECTION("program headers") { program.header.e_phoff = 0x2fff; }
  SECTION("program headers, wrapping") { program.header.e_phoff = ~u64{0} - 8; }
  SECTION("interpreter") {
    program.add_interpreter("/lib/ld.so", 11);
    program.segments.back().p_offset = 0x2ffc;
  }
  CHECK(error_of(program) == Errno::kIO);
}

TEST_CASE("segments that cannot be mapped are EINVAL", "[user][elf]") {
  Program program;
  SECTION("more file than memory") { program.segments[0].p_filesz = 0x2001; }
  SECTION("beyond user space") { program.segments[0].p_vaddr = kLimit - 0x1000; }
  SECTION("wrapping around") { program.segments[0].p_vaddr = ~u64{0} - 0xfff; }
  SECTION("larger than user space") { program.segments[1].p_memsz = kLimit + 1; }
  SECTION("offset not congruent to address") { program.segments[0].p_offset = 0x10; }
  SECTION("offset wraps") { program.segments[0].p_offset = ~u64{0} - 0xfff; }
  SECTION("nothing to load") { program.segments[0].p_type = program.segments[1].p_type = PT_NOTE; }
  SECTION("entry beyond user space") { program.header.e_entry = kLimit; }
  CHECK(error_of(program) == Errno::kINVAL);
}

TEST_CASE("interpreter, stack and alignment are read", "[user][elf]") {
  Program program;
  program.header.e_type = ET_DYN;
  program.add_interpreter(std::string("/lib64/ld-linux-x86-64.so.2\0", 28), 28);
  program.segments.push_back({.p_type = PT_GNU_STACK,
                              .p_flags = PF_R | PF_W | PF_X,
                              .p_offset = 0,
                              .p_vaddr = 0,
                              .p_paddr = 0,
                              .p_filesz = 0,
                              .p_memsz = 0,
                              .p_align = 16});
  program.segments[0].p_align = 0x10000;
  program.segments[1].p_align = 0x30000; // no power of two: overlooked, as Linux does
  const auto file = program.bytes();
  const auto image = ElfImage::parse(file, EM_X86_64, kLimit);
  REQUIRE(image);
  CHECK(image->position_independent());
  CHECK(image->interpreter() == "/lib64/ld-linux-x86-64.so.2");
  CHECK(image->executable_stack());
  CHECK(image->alignment() == 0x10000);
}
