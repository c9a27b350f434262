// SPDX-License-Identifier: Apache-2.0
#include "kernel/shell/shell.hpp"

#include "kernel/debug/watchdog.hpp"
#include "kernel/log/log.hpp"
#include "kernel/shell/commands.hpp"
#include "kernel/shell/input.hpp"
#include "kernel/shell/line_editor.hpp"

namespace runnel::shell {
namespace {

constexpr std::string_view kPrompt = "runnel> ";

constinit LineEditor editor; // too large for a stack

class Echo final : public Sink {
 public:
  void write(std::string_view text) override { log::raw_write(text); }
};

/// False at the end of input.
bool read_line() {
  Echo echo;
  log::raw_write(kPrompt);
  for (;;) {
    switch (editor.key(input_read(), echo)) {
    case LineEditor::Event::kNone:
      break;
    case LineEditor::Event::kLine:
      return true;
    case LineEditor::Event::kInterrupt:
      log::raw_write(kPrompt);
      break;
    case LineEditor::Event::kEndOfInput:
      return false;
    }
  }
}

} // namespace

boot::ExitCode run_shell() {
  watchdog_heartbeat(Heartbeat::kOff);
  if (const Result<> ready = input_init(); !ready) {
    raw_print("runnel: error the console's receive interrupt cannot be had, error {}", ready.error());
    return boot::ExitCode::kInternal;
  }
  raw_print("Runnel's shell; 'help' lists the commands.");
  Session session;
  while (!session.done && read_line()) execute(session, editor.line());
  return session.result;
}

} // namespace runnel::shell
