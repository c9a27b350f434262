// SPDX-License-Identifier: Apache-2.0
#include "qemu/programs/debian_packages.hpp"

#include "qemu/exit_status.hpp"
#include "qemu/process.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <mutex>
#include <sys/wait.h>

namespace runnel::qemu {
namespace {

constexpr double kFetchLimit = 240, kUnpackLimit = 60; // seconds

/// Debian's name of an architecture.
const char* debian_name(Arch arch) { return arch == Arch::kX86_64 ? "amd64" : "arm64"; }

/// The first one says what began to go wrong.
std::string first_line(const std::string& text) {
  const std::string line = text.substr(0, text.find('\n'));
  return line.empty() ? "it said nothing" : line;
}

bool succeeded(const Finished& finished) {
  return !finished.timed_out && WIFEXITED(finished.wait_status) && WEXITSTATUS(finished.wait_status) == 0;
}

class Fetcher {
 public:
  Fetcher(Arch arch, const std::vector<std::string>& packages)
      : arch_(debian_name(arch)), packages_(packages), home_(build_folder() / "debian" / arch_) {}

  fs::path fetch() {
    const fs::path root = home_ / "root";
    const fs::path stamp = home_ / fmt::format("have-{}", fmt::join(packages_, "-"));
    if (fs::exists(stamp)) return root;
    for (const char* folder : {"lists/partial", "cache/archives/partial", "root"})
      fs::create_directories(home_ / folder);
    const fs::path archives = home_ / "cache/archives";
    // One of the host's sources may fail without harm: whether it did harm, the download shows.
    const Finished update = run_to_end({.argv = apt({"update"})}, kFetchLimit);
    std::vector<std::string> download = apt({"download"});
    download.insert(download.end(), packages_.begin(), packages_.end());
    const Finished got = run_to_end({.argv = in_folder(archives, download)}, kFetchLimit);
    if (!succeeded(got)) refuse(first_line(update.out.empty() ? got.out : update.out));
    for (const std::string& package : packages_) unpack(archive_of(archives, package), root);
    write_file(stamp, "");
    return root;
  }

  /// The name that "Depends" of the first package begins with.
  std::string first_dependency() const {
    const fs::path archive = archive_of(home_ / "cache/archives", packages_.front());
    const Finished field =
        run_to_end({.argv = {"dpkg-deb", "-f", archive.string(), "Depends"}}, kUnpackLimit);
    if (!succeeded(field)) refuse(first_line(field.out));
    return field.out.substr(0, field.out.find_first_of(" ,\n"));
  }

 private:
  std::vector<std::string> apt(const std::vector<std::string>& command) const {
    std::vector<std::string> argv = {"apt-get", "-qq"};
    for (const std::string& option :
         {fmt::format("APT::Architecture={}", arch_), fmt::format("APT::Architectures={}", arch_),
          fmt::format("Dir::State::lists={}", (home_ / "lists").string()),
          fmt::format("Dir::Cache={}", (home_ / "cache").string()), std::string("Acquire::Languages=none"),
          std::string("APT::Sandbox::User=root"), std::string("Acquire::Retries=1"),
          std::string("Acquire::http::Timeout=20")}) {
      argv.emplace_back("-o");
      argv.push_back(option);
    }
    argv.insert(argv.end(), command.begin(), command.end());
    return argv;
  }

  /// apt-get download writes into its current directory.
  static std::vector<std::string> in_folder(const fs::path& folder, const std::vector<std::string>& argv) {
    std::vector<std::string> words = {"env", "-C", folder.string()};
    words.insert(words.end(), argv.begin(), argv.end());
    return words;
  }

  fs::path archive_of(const fs::path& folder, const std::string& package) const {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().filename().string().starts_with(package + "_") && entry.path().extension() == ".deb" &&
          (newest.empty() || entry.last_write_time() > fs::last_write_time(newest)))
        newest = entry.path();
    if (newest.empty()) refuse(fmt::format("apt-get download left no {}_*.deb", package));
    return newest;
  }

  void unpack(const fs::path& archive, const fs::path& root) const {
    const Finished finished =
        run_to_end({.argv = {"dpkg-deb", "-x", archive.string(), root.string()}}, kUnpackLimit);
    if (!succeeded(finished)) refuse(first_line(finished.out));
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Failure(ExitStatus::kMissing, fmt::format("Debian's packages {} for {} cannot be had: {}",
                                                    fmt::join(packages_, ", "), arch_, why));
  }

  const std::string arch_;
  const std::vector<std::string>& packages_;
  const fs::path home_;
};

} // namespace

fs::path debian_files(Arch arch, const std::vector<std::string>& packages) {
  static std::mutex one_at_a_time;
  static std::map<std::pair<Arch, std::vector<std::string>>, std::string>
      failed; // tried once a run: it takes minutes
  const std::lock_guard guard(one_at_a_time);
  if (const auto before = failed.find({arch, packages}); before != failed.end())
    throw Failure(ExitStatus::kMissing, before->second);
  try {
    return Fetcher(arch, packages).fetch();
  } catch (const Failure& failure) {
    failed[{arch, packages}] = failure.what();
    throw;
  }
}

fs::path debian_kernel(Arch arch) {
  // A package without files that depends on the newest version's.
  const std::vector<std::string> latest = {fmt::format("linux-image-cloud-{}", debian_name(arch))};
  debian_files(arch, latest);
  const std::string version = Fetcher(arch, latest).first_dependency();
  return debian_files(arch, {version}) / "boot" /
         ("vmlinuz" + version.substr(version.find("-", version.find('-') + 1)));
}

} // namespace runnel::qemu
