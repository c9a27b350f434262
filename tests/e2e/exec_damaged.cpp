// SPDX-License-Identifier: Apache-2.0
// runnel exec: programs that are damaged, need what is not there, or never end.
#include "tests/e2e/support.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <elf.h>

using namespace runnel;
using namespace runnel::e2e;
using qemu::ExitStatus;

namespace {

/// An emulator that cannot be started shows that none was needed.
const Environment kNoEmulator = {{"RUNNEL_QEMU_X86_64", "/nowhere/qemu"},
                                 {"RUNNEL_QEMU_AARCH64", "/nowhere/qemu"}};

/// A program of ours, to be damaged.
class Patient {
 public:
  Patient(const std::string& arch, const std::string& name)
      : arch_(arch), bytes_(qemu::read_file(RUNNEL_BUILD_DIR "/user/" + arch + "/" + name)) {
    std::memcpy(&header_, bytes_.data(), sizeof header_);
    for (u32 i = 0; i < header_.e_phnum; ++i) {
      Elf64_Phdr segment;
      std::memcpy(&segment, bytes_.data() + at(i), sizeof segment);
      if (segment.p_type == PT_LOAD) loads_.push_back(i);
    }
  }

  std::string bytes() const { return bytes_; }
  std::size_t nr_loads() const { return loads_.size(); }
  Elf64_Phdr load(std::size_t i) const {
    Elf64_Phdr segment;
    std::memcpy(&segment, bytes_.data() + at(loads_[i]), sizeof segment);
    return segment;
  }
  /// The program, or `base`, with its i-th segment changed.
  template <typename Change> std::string with(std::size_t i, Change change, std::string base = {}) const {
    Elf64_Phdr segment = load(i);
    change(segment);
    if (base.empty()) base = bytes_;
    std::memcpy(base.data() + at(loads_[i]), &segment, sizeof segment);
    return base;
  }
  ToolRun run(const std::string& bytes, const Environment& environment = {}) const {
    const qemu::fs::path path = folder_.path() / "patient";
    qemu::write_file(path, bytes);
    return tool({"exec", "--arch", arch_, "--deterministic", "--limit", "20", path.string()}, 100,
                environment);
  }

 private:
  u64 at(u32 i) const { return header_.e_phoff + u64{i} * sizeof(Elf64_Phdr); }

  const qemu::TempFolder folder_;
  std::string arch_, bytes_;
  Elf64_Ehdr header_{};
  std::vector<u32> loads_;
};

} // namespace

TEST_CASE("e2e: a damaged program is refused with what is wrong, nothing is booted", "[e2e][exec][damaged]") {
  const std::string arch = GENERATE(as<std::string>{}, "x86_64", "aarch64");
  const Patient hello(arch, "hello");
  const auto last = hello.nr_loads() - 1;
  struct Damage {
    std::string bytes;
    const char* says;
  };
  const Damage all[] = {
      {hello.bytes().substr(0, hello.load(last).p_offset + 1), "inside a segment"},
      {hello.with(last, [](Elf64_Phdr& s) { s.p_offset = ~u64{0} - 5; }), "inside a segment"},
      {hello.with(last, [](Elf64_Phdr& s) { s.p_memsz = s.p_filesz - 1; }),
       "more bytes in the file than in memory"},
      {hello.with(last, [](Elf64_Phdr& s) { s.p_memsz = ~u64{0}; }),
       "leaves the addresses a program can have"},
      {hello.with(last, [](Elf64_Phdr& s) { s.p_memsz = u64{1} << 48; }), "leaves the addresses"},
      {hello.with(0, [](Elf64_Phdr& s) { s.p_vaddr = 0xffff'8000'0000'0000; }), "leaves the addresses"},
      {hello.with(last, [&](Elf64_Phdr& s) { s.p_vaddr = hello.load(0).p_vaddr; }),
       "overlaps the one before"},
      {hello.with(0, [](Elf64_Phdr& s) { s.p_memsz += 0x1000'0000; }), "overlaps the one before"},
  };
  for (const Damage& damage : all) {
    const ToolRun run = hello.run(damage.bytes, kNoEmulator);
    INFO(run.text);
    CHECK(run.status == static_cast<int>(ExitStatus::kUsage));
    CHECK(run.says(damage.says));
    CHECK(run.says("patient: damaged ELF file"));
  }
}

TEST_CASE("e2e: a program with more memory than there is gets as far as it can", "[e2e][exec][damaged]") {
  const std::string arch = GENERATE(as<std::string>{}, "x86_64", "aarch64");
  const Patient hello(arch, "hello");
  const auto last = hello.nr_loads() - 1;
  // 32 TiB of zeros: no machine has them, and none is written to.
  const ToolRun run = hello.run(hello.with(last, [](Elf64_Phdr& s) { s.p_memsz = u64{1} << 45; }));
  INFO(run.text);
  const bool refused =
      run.status == static_cast<int>(ExitStatus::kBootFailed) && run.says("patient: out of memory");
  CHECK((refused || (run.status == 0 && run.says("Hello from user mode"))));
}

TEST_CASE("e2e: a segment that can be written and executed is no harm to the kernel",
          "[e2e][exec][damaged]") {
  const std::string arch = GENERATE(as<std::string>{}, "x86_64", "aarch64");
  const Patient hello(arch, "hello");
  std::string bytes = hello.bytes();
  for (std::size_t i = 0; i < hello.nr_loads(); ++i)
    bytes = hello.with(i, [](Elf64_Phdr& s) { s.p_flags = PF_R | PF_W | PF_X; }, std::move(bytes));
  const ToolRun run = hello.run(bytes);
  CHECK(run.text.starts_with("Hello from user mode\n"));
  CHECK(run.status == 0);
}

TEST_CASE("e2e: what is missing is named with the package that has it", "[e2e][exec][damaged]") {
  const qemu::TempFolder empty;
  const auto run = [&](const std::string& arch, const char* name) {
    return tool({"exec", "--arch", arch, "--sysroot", empty.path().string(),
                 RUNNEL_BUILD_DIR "/user/" + arch + "/" + name},
                60, kNoEmulator);
  };
  const ToolRun arm = run("aarch64", "hello-dynamic");
  CHECK(arm.status == static_cast<int>(ExitStatus::kMissing));
  CHECK(arm.says("needs the dynamic linker /lib/ld-linux-aarch64.so.1, which is not under " +
                 empty.path().string()));
  CHECK(arm.says("Debian's package of it should be libc6:arm64"));
  qemu::fs::create_directories(empty.path() / "lib");
  qemu::fs::copy_file("/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
                      empty.path() / "lib/ld-linux-aarch64.so.1");
  const ToolRun library = run("aarch64", "hello_cxx-dynamic");
  CHECK(library.says("needs the library libstdc++.so.6"));
  CHECK(library.says("Debian's package of it should be libstdc++6:arm64"));
}

TEST_CASE("e2e: a program that never ends is named with the place it is at", "[e2e][exec][damaged]") {
  const std::string arch = GENERATE(as<std::string>{}, "x86_64", "aarch64");
  const auto run = [&](const char* how) {
    return tool({"exec", "--arch", arch, "--deterministic", "--smp", "1", "--limit", "1",
                 RUNNEL_BUILD_DIR "/user/" + arch + "/endless", how});
  };
  const ToolRun spins = run("spin");
  INFO(spins.text);
  CHECK(spins.status == static_cast<int>(ExitStatus::kHang));
  CHECK(spins.says("program endless (pid "));
  CHECK(spins.says("running, at 0x"));
  CHECK(spins.says("did not end within its limit of 1 s"));
  const ToolRun waits = run("wait");
  INFO(waits.text);
  CHECK(waits.status == static_cast<int>(ExitStatus::kHang));
  CHECK(waits.says("waiting in clock_nanosleep("));
}
