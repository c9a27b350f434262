// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/support.hpp"

#include <algorithm>
#include <chrono>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace runnel::e2e {
namespace {

const char* const kTool = RUNNEL_BUILD_DIR "/qemu/runnel";

bool is_number(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

ToolRun program(Words argv, double limit_seconds, Environment environment) {
  qemu::SpawnOptions options;
  options.argv = std::move(argv);
  options.environment = std::move(environment);
  const qemu::Finished finished = qemu::run_to_end(std::move(options), limit_seconds);
  ToolRun run;
  run.text = finished.out;
  if (WIFEXITED(finished.wait_status) && !finished.timed_out) run.status = WEXITSTATUS(finished.wait_status);
  if (finished.timed_out) run.text += "\n(killed: it took too long)\n";
  return run;
}

ToolRun tool(Words arguments, double limit_seconds, Environment environment) {
  arguments.insert(arguments.begin(), kTool);
  return program(std::move(arguments), limit_seconds, std::move(environment));
}

qemu::Process start_tool(Words arguments) {
  arguments.insert(arguments.begin(), kTool);
  qemu::SpawnOptions options;
  options.argv = std::move(arguments);
  options.out = qemu::Stream::kNull;
  options.err = qemu::Stream::kNull;
  return qemu::Process::spawn(options);
}

std::vector<pid_t> emulators_with(std::string_view mark) {
  std::vector<pid_t> found;
  for (const auto& entry : qemu::fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (!is_number(name)) continue;
    std::string words;
    try {
      words = qemu::read_file(entry.path() / "cmdline");
    } catch (const qemu::Failure&) {
      continue; // gone meanwhile
    }
    if (words.starts_with("qemu-system") && words.find(mark) != std::string::npos)
      found.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return found;
}

bool wait_for_emulators(std::string_view mark, std::size_t count, double limit_seconds) {
  for (double waited = 0; waited < limit_seconds; waited += 0.05) {
    if (emulators_with(mark).size() == count) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

u64 unique_seed() {
  static u64 count = 0;
  return static_cast<u64>(::getpid()) * 1000 + ++count;
}

qemu::fs::path script(const qemu::TempFolder& folder, const std::string& name, const std::string& content) {
  const qemu::fs::path file = folder.path() / name;
  qemu::write_file(file, content);
  qemu::fs::permissions(file, qemu::fs::perms::owner_all);
  return file;
}

qemu::fs::path image(std::string_view arch, qemu::Image which) {
  return qemu::image_elf(*qemu::parse_arch(arch), which);
}

} // namespace runnel::e2e
