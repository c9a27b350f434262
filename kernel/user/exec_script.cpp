// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/exec_script.hpp"

namespace runnel::user {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr usize kMaxLine = 256; // Linux's: what is behind it is not looked at

} // namespace

Result<ScriptLine> parse_script_line(std::string_view text) {
  text = text.substr(0, kMaxLine);
  const usize end = text.find('\n');
  std::string_view line = text.substr(2, end == std::string_view::npos ? end : end - 2);
  const usize start = line.find_first_not_of(kBlanks);
  if (start == std::string_view::npos) return err(Errno::kNOEXEC);
  line = line.substr(start, line.find_last_not_of(kBlanks) + 1 - start);
  if (const usize nul = line.find('\0'); nul != std::string_view::npos) line = line.substr(0, nul);
  ScriptLine result;
  const usize blank = line.find_first_of(kBlanks);
  result.interpreter = line.substr(0, blank);
  if (result.interpreter.empty()) return err(Errno::kNOEXEC);
  if (blank == std::string_view::npos) {
    // The line may go on behind what was read.
    return end == std::string_view::npos && text.size() == kMaxLine ? Result<ScriptLine>(err(Errno::kNOEXEC))
                                                                    : result;
  }
  result.argument = line.substr(line.find_first_not_of(kBlanks, blank));
  return result;
}

} // namespace runnel::user
