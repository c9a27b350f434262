// SPDX-License-Identifier: Apache-2.0
// Programs that tests start and wait for.
#pragma once

#include "kernel/test/test.hpp"
#include "kernel/user/process.hpp"

#include <initializer_list>
#include <span>
#include <string_view>

namespace runnel::test {

/// Starts `path` with these arguments; nullptr after a failed check.
inline user::Process* start(std::string_view path, std::span<const std::string_view> argv = {}) {
  constexpr std::string_view kEnvironment[] = {"KTAP_QUIET=1"}; // tests/user: say what failed, no more
  const auto process = user::spawn(path, argv, kEnvironment);
  CHECK(process.has_value());
  return process ? *process : nullptr;
}

/// Waits for its end; the wait status, -1 of one that was not started.
inline i32 finish(user::Process* process) {
  if (process == nullptr) return -1;
  process->exited.wait();
  const i32 status = process->exit_status;
  user::put_process(*process);
  return status;
}

/// Both, with `path` as the first argument and up to three more.
inline i32 run(std::string_view path, std::initializer_list<std::string_view> more = {}) {
  std::string_view argv[4] = {path};
  usize count = 1;
  for (const std::string_view argument : more) argv[count++] = argument;
  return finish(start(path, std::span(argv, count)));
}

} // namespace runnel::test
