// SPDX-License-Identifier: Apache-2.0
// One run of one virtual machine, from the start of QEMU to a verdict. Whatever the guest does or does not
// do, the run ends and says how.
#pragma once

#include "qemu/exit_status.hpp"
#include "qemu/machine.hpp"
#include "qemu/protocol.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::qemu {

inline constexpr double kDefaultSilenceSeconds = 30;
/// Deterministic guests are slow and say less in the same time; firmware says nothing before our loader
/// starts.
constexpr double default_silence(Timing timing, BootPath boot) {
  const bool slow = timing == Timing::kDeterministic || boot == BootPath::kUefi;
  return slow ? 4 * kDefaultSilenceSeconds : kDefaultSilenceSeconds;
}

enum class RunEnd {
  kSaid,       // the guest said `runnel: end ...` (see GuestRun::said)
  kReset,      // it reset or powered off without that line: triple fault, or a reboot
  kDied,       // QEMU itself ended
  kSilent,     // nothing on the serial port for too long
  kRefused,    // QEMU would not start the machine
  kInterrupted // SIGINT or SIGTERM
};

struct GuestOptions {
  MachineSpec machine;
  std::filesystem::path elf;        // for symbols
  std::filesystem::path postmortem; // folder for a dead guest's memory; empty: do not save it
  double silence_seconds = kDefaultSilenceSeconds;
  std::function<void(const std::string& line)> on_line; // each clean line, as it comes; may be empty
  std::function<void(std::string_view bytes)> on_bytes; // the serial port as it is; may be empty
  /// Give our standard input to the guest's program, from the boot line on (boot::kInputEscape).
  bool pass_input = false;
  /// Save the memory that `runnel: bulk` lines announce, once the guest has ended (it has to `linger`).
  bool save_bulk = false;
};

struct GuestRun {
  RunEnd end = RunEnd::kDied;
  GuestEnd said = GuestEnd::kInternal;     // for kSaid
  std::string reason;                      // one line for people, empty when the guest passed
  std::string serial;                      // every byte
  std::string qemu_messages;               // what QEMU wrote to stderr
  std::string boot_line;                   // of `runnel: boot`, empty if it never came
  std::string running;                     // test named by a panic or hang report
  std::string postmortem;                  // what was found in a dead guest, for people
  std::map<std::string, std::string> bulk; // name -> bytes
  double seconds = 0;                      // wall time, start of QEMU to its end
  double boot_seconds = 0;                 // to `runnel: boot`; 0 if it never came

  bool passed() const { return end == RunEnd::kSaid && said == GuestEnd::kPassed; }
};

/// Throws Failure(kMissing) when QEMU is not there.
GuestRun run_guest(const GuestOptions& options);

/// The tool's exit status for a run.
ExitStatus status_of(const GuestRun& run);

} // namespace runnel::qemu
