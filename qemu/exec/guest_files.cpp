// SPDX-License-Identifier: Apache-2.0
#include "qemu/exec/guest_files.hpp"

#include "kernel/lib/types.hpp"
#include "qemu/exec/program.hpp"
#include "qemu/exit_status.hpp"

#include <algorithm>
#include <cctype>
#include <deque>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

namespace runnel::qemu {
namespace {

constexpr std::string_view kOrigin = "$ORIGIN";

std::string triplet(Arch arch) { return fmt::format("{}-linux-gnu", to_string(arch)); }

/// A cross compiler's libc, and the host itself: it may be of this architecture or have it as a second one.
std::vector<fs::path> default_sysroots(Arch arch) { return {"/usr/" + triplet(arch), "/"}; }

/// Debian's package of a library or dynamic linker, by its rule for names: libnuma.so.1 is in libnuma1.
std::string package_of(const std::string& library, Arch arch) {
  static constexpr std::string_view kOfLibc[] = {"ld-linux", "libc.",  "libm.",    "libpthread.",
                                                 "libdl.",   "librt.", "libutil.", "libresolv."};
  std::string package = "libc6";
  if (std::ranges::none_of(kOfLibc, [&](std::string_view start) { return library.starts_with(start); })) {
    const auto dot = library.find(".so");
    if (dot == std::string::npos) return {};
    package = library.substr(0, dot);
    if (const std::string version = library.substr(dot + 3); version.size() > 1)
      package += (std::isdigit(static_cast<unsigned char>(package.back())) ? "-" : "") + version.substr(1);
    if (package == "libgcc_s1") package = "libgcc-s1";
    std::ranges::replace(package, '_', '-');
    std::ranges::transform(package, package.begin(), [](unsigned char c) { return std::tolower(c); });
  }
  return fmt::format("; Debian's package of it should be {}:{}", package,
                     arch == Arch::kX86_64 ? "amd64" : "arm64");
}

[[noreturn]] void usage(const std::string& text) { throw Failure(ExitStatus::kUsage, text); }

/// Bytes of a file a person named.
std::string read_named(const fs::path& path, const char* what) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) usage(fmt::format("{} {}: there is no such file", what, path.string()));
  if (!fs::is_regular_file(status)) usage(fmt::format("{} {}: not a regular file", what, path.string()));
  return read_file(path);
}

class Collector {
 public:
  explicit Collector(const GuestFilesInput& input)
      : input_(input), sysroots_(input.sysroots.empty() ? default_sysroots(input.arch) : input.sysroots) {}

  GuestFiles collect() {
    const std::string name = input_.program.filename().string();
    if (name.find_first_of(" \t\r\n,") != std::string::npos)
      usage(fmt::format("program {}: the kernel's command line takes no name with blanks",
                        input_.program.string()));
    files_.program = add_program(input_.program, "program");
    for (const std::string& program : input_.programs) add_program(program, "--program");
    for (const std::string& pair : input_.files) add_file(pair);
    add_words();
    return std::move(files_);
  }

 private:
  static constexpr u32 kProgramMode = 0100755, kFolderMode = 040755;
  static constexpr const char* kUnwinder = "libgcc_s.so.1";

  /// A file and the folders it lies in, once.
  void add(const std::string& guest_path, std::string bytes) {
    const fs::path path = fs::path(guest_path).lexically_normal().relative_path();
    fs::path folder;
    for (const fs::path& part : path.parent_path()) {
      folder /= part;
      if (known_.insert(folder).second) files_.members.push_back({folder.string(), {}, kFolderMode});
    }
    if (known_.insert(path).second) files_.members.push_back({path.string(), std::move(bytes), kProgramMode});
  }

  /// With its interpreter and its libraries; its path in the guest.
  std::string add_program(const fs::path& path, const char* what) {
    const std::string bytes = read_named(path, what);
    const Program program = read_program(path.string(), bytes, input_.arch);
    const std::string guest_path = "/bin/" + path.filename().string();
    if (known_.contains(fs::path(guest_path).relative_path()))
      usage(fmt::format("{} {}: {} is there already", what, path.string(), guest_path));
    add(guest_path, bytes);
    if (!program.interpreter.empty()) add_interpreter(path, program);
    add_libraries(path, program);
    return guest_path;
  }

  void add_interpreter(const fs::path& file, const Program& program) {
    const fs::path wanted = fs::path(program.interpreter).relative_path();
    for (const fs::path& root : sysroots_)
      // A cross libc keeps the linker of /lib64 in its lib.
      for (const fs::path& at : {root / wanted, root / "lib" / wanted.filename()})
        if (fs::is_regular_file(at)) return add(program.interpreter, read_file(at));
    throw Failure(ExitStatus::kMissing, fmt::format("{} needs the dynamic linker {}, which is not under {}{}",
                                                    file.string(), program.interpreter, roots(),
                                                    package_of(wanted.filename().string(), input_.arch)));
  }

  void add_libraries(const fs::path& file, const Program& program) {
    struct Wanted {
      std::string library, by;
      std::vector<std::string> search;
      fs::path origin;
    };
    std::deque<Wanted> queue;
    std::set<std::string> seen = {fs::path(program.interpreter).filename().string()};
    const auto want = [&](const fs::path& by, const Program& needs) {
      for (const std::string& library : needs.needed)
        if (seen.insert(library).second)
          queue.push_back({library, by.string(), needs.search, by.parent_path()});
    };
    want(file, program);
    for (; !queue.empty(); queue.pop_front()) {
      const Wanted& wanted = queue.front(); // what is added behind it does not move it
      // The C library loads it itself when a thread is cancelled or calls pthread_exit; without it, it
      // aborts.
      if (wanted.library == "libc.so.6" && !find_library(kUnwinder, {}, {}).empty() &&
          seen.insert(kUnwinder).second)
        queue.push_back({kUnwinder, wanted.library, {}, {}});
      const fs::path found = find_library(wanted.library, wanted.search, wanted.origin);
      if (found.empty())
        throw Failure(ExitStatus::kMissing,
                      fmt::format("{} needs the library {}, which is not under {}{}", wanted.by,
                                  wanted.library, roots(), package_of(wanted.library, input_.arch)));
      const std::string bytes = read_file(found);
      want(found, read_program(found.string(), bytes, input_.arch));
      // Where every dynamic linker of Debian looks, also when the program says another place first.
      add(fmt::format("/lib/{}/{}", triplet(input_.arch), wanted.library), bytes);
    }
  }

  fs::path find_library(const std::string& name, const std::vector<std::string>& search,
                        const fs::path& origin) const {
    std::vector<fs::path> folders;
    for (const std::string& folder : search)
      folders.emplace_back(folder.starts_with(kOrigin) ? origin.string() + folder.substr(kOrigin.size())
                                                       : folder);
    for (const fs::path& root : sysroots_)
      for (const std::string& folder : {"lib/" + triplet(input_.arch), "usr/lib/" + triplet(input_.arch),
                                        std::string("lib64"), std::string("lib"), std::string("usr/lib")})
        folders.push_back(root / folder);
    for (const fs::path& folder : folders)
      if (is_ours(folder / name)) return folder / name;
    return {};
  }

  /// A library of that name for another machine is passed over, as the dynamic linker does.
  bool is_ours(const fs::path& path) const {
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return false;
    try {
      read_program(path.string(), read_file(path), input_.arch);
      return true;
    } catch (const Failure&) {
      return false;
    }
  }

  void add_file(const std::string& pair) {
    const auto colon = pair.rfind(':');
    const std::string host = pair.substr(0, colon);
    const std::string guest =
        colon == std::string::npos ? fs::absolute(host).string() : pair.substr(colon + 1);
    if (host.empty() || !guest.starts_with('/') || guest.ends_with('/'))
      usage(
          fmt::format("--file {}: allowed is HOST:GUEST with an absolute path of a file in the guest", pair));
    if (known_.contains(fs::path(guest).lexically_normal().relative_path()))
      usage(fmt::format("--file {}: {} is there already", pair, guest));
    add(guest, read_named(host, "--file"));
  }

  /// Arguments and environment, in the form of /proc/PID/cmdline and environ: each text ends with a NUL.
  void add_words() {
    std::string argv = files_.program + '\0', environ;
    for (const std::string& word : input_.arguments) argv += word + '\0';
    for (const std::string& word : input_.environment) {
      if (word.find('=') == std::string::npos || word.starts_with('='))
        usage(fmt::format("--env {}: allowed is NAME=VALUE", word));
      environ += word + '\0';
    }
    add("/.runnel/argv", argv);
    add("/.runnel/environ", environ);
  }

  std::string roots() const {
    std::vector<std::string> names;
    for (const fs::path& root : sysroots_) names.push_back(root.string());
    return fmt::format("{} (--sysroot DIR names another place)", fmt::join(names, " or "));
  }

  const GuestFilesInput& input_;
  const std::vector<fs::path> sysroots_;
  GuestFiles files_;
  std::set<fs::path> known_;
};

} // namespace

GuestFiles collect_guest_files(const GuestFilesInput& input) { return Collector(input).collect(); }

} // namespace runnel::qemu
