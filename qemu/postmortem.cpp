// SPDX-License-Identifier: Apache-2.0
#include "qemu/postmortem.hpp"

#include "qemu/files.hpp"
#include "qemu/registers.hpp"
#include "qemu/sort.hpp"
#include "qemu/symbolize.hpp"
#include "qemu/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <map>
#include <optional>

namespace runnel::qemu {
namespace {

constexpr u32 kMaxFrames = 32;
constexpr std::size_t kCoresKept = 8;

/// Memory as one CPU sees it, read page by page through QEMU.
class CpuMemory {
 public:
  CpuMemory(Qmp& qmp, u32 cpu, const fs::path& folder) : qmp_(qmp), cpu_(cpu), file_(folder / "page") {}

  std::optional<u64> word(u64 address) {
    if (address % sizeof(u64) != 0) return std::nullopt;
    const std::string& page = page_of(address);
    if (page.size() != kPageSize) return std::nullopt;
    u64 value;
    std::memcpy(&value, page.data() + address % kPageSize, sizeof value);
    return value;
  }

 private:
  const std::string& page_of(u64 address) {
    const u64 base = align_down(address, kPageSize);
    const auto known = pages_.find(base);
    if (known != pages_.end()) return known->second;
    std::string page;
    try {
      // QMP's integers are signed: kernel addresses go over as negative numbers.
      qmp_.execute("memsave", {{"val", static_cast<i64>(base)},
                               {"size", kPageSize},
                               {"filename", file_.string()},
                               {"cpu-index", cpu_}});
      page = read_file(file_);
    } catch (const std::exception&) {
      page.clear(); // not mapped on this CPU
    }
    return pages_.emplace(base, std::move(page)).first->second;
  }

  Qmp& qmp_;
  u32 cpu_;
  fs::path file_;
  std::map<u64, std::string> pages_;
};

/// Both architectures keep { caller's frame pointer, return address } where the frame pointer points.
std::string backtrace(const CpuRegisters& cpu, CpuMemory& memory, const Symbolizer& symbols) {
  std::string text = fmt::format("    #0 {}\n", symbols.describe(cpu.pc, Symbolizer::Kind::kExact));
  u64 frame = cpu.frame;
  for (u32 depth = 1; depth < kMaxFrames; ++depth) {
    const auto next = memory.word(frame), back = memory.word(frame + sizeof(u64));
    if (!next || !back || *back == 0) break;
    text += fmt::format("    #{} {}\n", depth, symbols.describe(*back, Symbolizer::Kind::kReturnAddress));
    if (*next <= frame) break; // stacks grow down: callers lie above
    frame = *next;
  }
  return text;
}

/// Old ones go: a failing test run must not fill the disk.
void keep_newest(const fs::path& folder, std::size_t count) {
  std::vector<fs::directory_entry> files(fs::directory_iterator(folder), {});
  sort_by(files, [](const fs::directory_entry& file) { return file.last_write_time(); });
  for (std::size_t i = 0; i + count < files.size(); ++i) fs::remove(files[i].path());
}

fs::path core_file(const fs::path& folder) {
  static std::atomic<unsigned> count{0};
  fs::create_directories(folder);
  keep_newest(folder, kCoresKept - 1);
  return folder / fmt::format("core.{}.{}", ::getpid(), count++);
}

std::string save_memory(Qmp& qmp, const fs::path& folder) {
  if (folder.empty()) return {};
  try {
    const fs::path file = core_file(folder);
    qmp.execute("dump-guest-memory", {{"paging", false}, {"protocol", "file:" + file.string()}},
                std::chrono::seconds(120));
    dig_holes(file);
    return fmt::format("  memory saved in {}\n", file.string());
  } catch (const std::exception& error) {
    return fmt::format("  memory not saved: {}\n", error.what());
  }
}

} // namespace

std::string examine_guest(Qmp& qmp, const PostmortemOptions& options) {
  std::string text = "seen from outside:\n";
  try {
    qmp.execute("stop");
    const auto cpus = parse_registers(qmp.monitor("info registers -a"));
    const Symbolizer symbols(options.elf);
    const TempFolder folder;
    for (const CpuRegisters& cpu : cpus) {
      text += fmt::format("  cpu {}: pc {:#x} sp {:#x}{}\n", cpu.cpu, cpu.pc, cpu.sp,
                          cpu.halted ? ", waiting for an interrupt" : "");
      CpuMemory memory(qmp, cpu.cpu, folder.path());
      text += backtrace(cpu, memory, symbols);
    }
    if (!cpus.empty()) {
      text += "  registers:\n";
      for (const CpuRegisters& cpu : cpus) text += fmt::format("  cpu {}:\n{}", cpu.cpu, cpu.text);
    }
    text += save_memory(qmp, options.folder);
  } catch (const std::exception& error) {
    text += fmt::format("  nothing more: {}\n", error.what());
  }
  return text;
}

void dig_holes(const fs::path& path) {
  constexpr std::size_t kChunk = 65536;
  static constexpr std::array<char, kChunk> kZeros{};
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  std::string chunk(kChunk, '\0');
  for (off_t at = 0;; at += static_cast<off_t>(kChunk)) {
    const ssize_t n = ::pread(fd.get(), chunk.data(), kChunk, at);
    if (n <= 0) return;
    if (std::memcmp(chunk.data(), kZeros.data(), static_cast<std::size_t>(n)) == 0)
      ::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, n);
  }
}

} // namespace runnel::qemu
