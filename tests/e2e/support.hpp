// SPDX-License-Identifier: Apache-2.0
// What the end-to-end tests share: running the tool as its users do and looking at what it did.
#pragma once

#include "kernel/lib/types.hpp"
#include "qemu/arch.hpp"
#include "qemu/exit_status.hpp"
#include "qemu/files.hpp"
#include "qemu/process.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace runnel::e2e {

struct ToolRun {
  int status = -1;  // exit status; -1: killed by a signal
  std::string text; // standard output and error together
  bool says(std::string_view part) const { return text.find(part) != std::string::npos; }
};

using Words = std::vector<std::string>;
using Environment = std::vector<std::pair<std::string, std::string>>;

/// Runs the tool of this build with these arguments, at most `limit_seconds`.
ToolRun tool(Words arguments, double limit_seconds = 240, Environment environment = {});
/// Any program.
ToolRun program(Words argv, double limit_seconds = 240, Environment environment = {});
/// Starts the tool and leaves it running.
qemu::Process start_tool(Words arguments);

constexpr int code(qemu::ExitStatus status) { return static_cast<int>(status); }

/// Processes of this user that run an emulator with `mark` on its command line.
std::vector<pid_t> emulators_with(std::string_view mark);
/// Waits until `count` of them are there; false after `limit_seconds`.
bool wait_for_emulators(std::string_view mark, std::size_t count, double limit_seconds);
/// A seed no other run uses, to find one's own emulator by.
u64 unique_seed();

/// A file of `content` in `folder` that can be executed.
qemu::fs::path script(const qemu::TempFolder& folder, const std::string& name, const std::string& content);

qemu::fs::path image(std::string_view arch, qemu::Image which);

} // namespace runnel::e2e
