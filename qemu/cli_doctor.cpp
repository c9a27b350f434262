// SPDX-License-Identifier: Apache-2.0
// runnel doctor: is everything here that Runnel needs, and does it work?
#include "qemu/cli.hpp"
#include "qemu/files.hpp"
#include "qemu/guest.hpp"
#include "qemu/process.hpp"
#include "qemu/terminal.hpp"
#include "qemu/volume.hpp"

#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <thread>

namespace runnel::qemu {
namespace {

constexpr u64 kMemoryWanted = u64{1} << 30;
constexpr u64 kSpaceWanted = u64{512} << 20;

struct Tool {
  const char* program;
  const char* package;
};
constexpr Tool kTools[] = {{"qemu-system-x86_64", "qemu-system-x86"},
                           {"qemu-system-aarch64", "qemu-system-arm"},
                           {"clang++-19", "clang-19"},
                           {"ld.lld-19", "lld-19"},
                           {"llvm-objcopy-19", "llvm-19"},
                           {"clang-format-19", "clang-format-19"},
                           {"clang-tidy-19", "clang-tidy-19"},
                           {"cmake", "cmake"},
                           {"ninja", "ninja-build"},
                           {"gdb-multiarch", "gdb-multiarch"},
                           {"xmllint", "libxml2-utils"}};

class Doctor {
 public:
  ExitStatus run() {
    for (const Tool& tool : kTools) check_tool(tool);
    for (const Arch arch : kArches) check_firmware(arch);
    check_memory();
    check_space();
    for (const Arch arch : kArches)
      for (const BootPath path : {BootPath::kDirect, BootPath::kUefi}) check_boot(arch, path);
    fmt::print("{}\n", status_ == ExitStatus::kPassed ? "all is well" : "something is wrong (see above)");
    return status_;
  }

 private:
  void say(bool good, const std::string& what, const std::string& detail) {
    const Terminal& terminal = Terminal::get();
    fmt::print("{} {:<26} {}\n", terminal.paint(good ? Tone::kGood : Tone::kBad, good ? "ok  " : "BAD "),
               what, detail);
    std::fflush(stdout);
  }

  void bad(const std::string& what, const std::string& detail, ExitStatus status) {
    say(false, what, detail);
    status_ = worse(status_, status);
  }

  void check_tool(const Tool& tool) {
    try {
      const Finished finished = run_to_end({.argv = {tool.program, "--version"}}, 30);
      say(true, tool.program, finished.out.substr(0, finished.out.find('\n')));
    } catch (const Failure& failure) {
      if (failure.status() == ExitStatus::kInterrupted) throw;
      bad(tool.program, fmt::format("not found; package {}", tool.package), ExitStatus::kMissing);
    }
  }

  void check_firmware(Arch arch) {
    try {
      say(true, fmt::format("UEFI for {}", to_string(arch)), firmware_file(arch).string());
    } catch (const Failure& failure) {
      bad(fmt::format("UEFI for {}", to_string(arch)), failure.what(), failure.status());
    }
  }

  void check_memory() {
    std::ifstream meminfo("/proc/meminfo");
    u64 kib = 0;
    for (std::string word; meminfo >> word;)
      if (word == "MemAvailable:") meminfo >> kib;
    const std::string detail =
        fmt::format("{} MiB free, {} processors", kib / 1024, std::thread::hardware_concurrency());
    if (kib * 1024 >= kMemoryWanted)
      say(true, "memory", detail);
    else
      bad("memory", detail + fmt::format("; {} MiB wanted", kMemoryWanted >> 20), ExitStatus::kMissing);
  }

  void check_space() {
    const fs::path folder = fs::temp_directory_path();
    struct statvfs space = {};
    const u64 free = ::statvfs(folder.c_str(), &space) == 0 ? u64{space.f_bavail} * space.f_frsize : 0;
    const std::string detail = fmt::format("{} MiB free in {}", free >> 20, folder.string());
    if (free >= kSpaceWanted)
      say(true, "temporary space", detail);
    else
      bad("temporary space", detail + fmt::format("; {} MiB wanted", kSpaceWanted >> 20),
          ExitStatus::kMissing);
  }

  void check_boot(Arch arch, BootPath path) {
    GuestOptions guest;
    guest.machine.arch = arch;
    guest.machine.boot = path;
    guest.elf = image_elf(arch, Image::kTests);
    guest.silence_seconds = default_silence(guest.machine.timing, path);
    const std::string what = fmt::format("boot {} {}", to_string(arch), to_string(path));
    try {
      const auto files = prepare_boot(
          guest.machine, {.elf = guest.elf, .command_line = "test=selftest log=quiet", .initrd = {}});
      const GuestRun run = run_guest(guest);
      if (run.passed())
        say(true, what,
            fmt::format("kernel up after {:.3f} s, tests done after {:.3f} s", run.boot_seconds,
                        run.seconds));
      else
        bad(what, run.reason.empty() ? "failed" : run.reason, status_of(run));
    } catch (const Failure& failure) {
      bad(what, failure.what(), failure.status());
    }
  }

  ExitStatus status_ = ExitStatus::kPassed;
};

} // namespace

void add_doctor_command(CLI::App& app, Action& action) {
  CLI::App* sub =
      app.add_subcommand("doctor", "Checks tools, firmware, memory and space, and boots each machine once");
  sub->callback([&action] { action = [] { return Doctor().run(); }; });
}

} // namespace runnel::qemu
