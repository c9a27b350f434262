// SPDX-License-Identifier: Apache-2.0
#include "qemu/exec/output.hpp"

#include "boot/boot_info.hpp"
#include "qemu/lines.hpp"
#include "qemu/protocol.hpp"

#include <algorithm>

namespace runnel::qemu {
namespace {

constexpr std::string_view kProtocol = "runnel: ", kLog = "[";

bool begins_alike(std::string_view a, std::string_view b) {
  const auto n = std::min(a.size(), b.size());
  return a.substr(0, n) == b.substr(0, n);
}

/// "[    1.234567] " is how every line of the log starts (kernel/log).
bool is_log_line(std::string_view line) {
  constexpr std::size_t kSeconds = 6, kWhole = 15;
  if (line.size() < kWhole || line[0] != '[' || line[kSeconds] != '.') return false;
  return line.substr(13, 2) == "] " &&
         line.substr(1, 12).find_first_not_of(" .0123456789") == std::string_view::npos;
}

} // namespace

void ProgramOutput::pass(std::string_view bytes) {
  if (phase_ == Phase::kProgram && !bytes.empty()) program_(bytes);
}

bool ProgramOutput::may_be_kernels() const {
  return phase_ != Phase::kProgram || begins_alike(held_, kProtocol) ||
         (kernel_ && begins_alike(held_, kLog));
}

/// The line in held_ is complete, its line end excluded; it is the kernel's, or looked so.
void ProgramOutput::line_ended() {
  // Firmware may have left escape sequences in front.
  const ProtocolLine parsed = parse_protocol_line(phase_ == Phase::kBefore ? clean_line(held_) : held_);
  if (kernel_ && is_log_line(held_)) {
    kernel_(held_);
  } else if (std::holds_alternative<BootLine>(parsed)) {
    phase_ = Phase::kProgram;
  } else if (std::holds_alternative<PanicLine>(parsed) || std::holds_alternative<HangLine>(parsed) ||
             std::holds_alternative<ErrorLine>(parsed) || std::holds_alternative<EndLine>(parsed)) {
    phase_ = Phase::kAfter;
  } else if (std::holds_alternative<std::monostate>(parsed)) {
    pass(held_ + "\n");
  }
  held_.clear();
}

void ProgramOutput::feed_line_start(char c) {
  if (c == '\n') {
    line_ended();
    return;
  }
  held_ += c;
  if (may_be_kernels()) return;
  pass(held_);
  held_.clear();
  line_ = Line::kProgram;
}

void ProgramOutput::feed(std::string_view bytes) {
  std::string run; // of the program's, to hand over in one piece
  const auto flush = [&] {
    pass(run);
    run.clear();
  };
  for (const char c : bytes) {
    if (cut_) {
      cut_ = false;
      if (c == '\n') { // the kernel broke the program's line for one of its own
        flush();
        line_ = Line::kUndecided;
        continue;
      }
      run += boot::kLineCut;
    }
    if (line_ != Line::kProgram) {
      flush();
      feed_line_start(c);
      continue;
    }
    if (c == boot::kLineCut) {
      cut_ = true;
      continue;
    }
    run += c;
    if (c == '\n') line_ = Line::kUndecided;
  }
  flush();
}

void ProgramOutput::finish() {
  if (cut_) pass({&boot::kLineCut, 1});
  cut_ = false;
  pass(held_);
  held_.clear();
}

} // namespace runnel::qemu
