// SPDX-License-Identifier: Apache-2.0
#include "qemu/protocol.hpp"

#include "boot/boot_info.hpp"

#include <charconv>

namespace runnel::qemu {
namespace {

struct EndName {
  GuestEnd end;
  std::string_view name;
  boot::ExitCode code;
};
constexpr EndName kEnds[] = {
    {GuestEnd::kPassed, "passed", boot::ExitCode::kPassed},
    {GuestEnd::kFailed, "failed", boot::ExitCode::kFailed},
    {GuestEnd::kPanic, "panic", boot::ExitCode::kPanic},
    {GuestEnd::kHang, "hang", boot::ExitCode::kHang},
    {GuestEnd::kBadCommandLine, "bad-command-line", boot::ExitCode::kBadCommandLine},
    {GuestEnd::kBootFailed, "boot-failed", boot::ExitCode::kBootFailed},
    {GuestEnd::kInternal, "internal", boot::ExitCode::kInternal},
};

/// Takes `prefix` off the front of `text`, if it is there.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<u64> number(std::string_view text) {
  const int base = take(text, "0x") ? 16 : 10;
  u64 value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view take_word(std::string_view& text) {
  const auto blank = text.find(' ');
  const std::string_view word = text.substr(0, blank);
  text = blank == std::string_view::npos ? std::string_view{} : text.substr(blank + 1);
  return word;
}

ProtocolLine parse_bulk(std::string_view text) {
  const std::string_view name = take_word(text);
  const auto address = number(take_word(text));
  const auto bytes = number(take_word(text));
  if (name.empty() || !address || !bytes || !text.empty()) return {};
  return BulkLine{std::string(name), *address, *bytes};
}

ProtocolLine parse_program_end(std::string_view text) {
  using How = ProgramEndLine::How;
  constexpr u64 kMaxStatus = 255, kMaxSignal = 64;
  const bool exited = take(text, "exited ");
  if (!exited && !take(text, "killed ")) return {};
  const auto value = number(text);
  if (!value || *value > (exited ? kMaxStatus : kMaxSignal)) return {};
  return ProgramEndLine{exited ? How::kExited : How::kKilled, static_cast<u32>(*value)};
}

ProtocolLine parse_missing(std::string_view text) {
  const std::string_view name = take_word(text);
  const auto count = number(text);
  if (name.empty() || !count) return {};
  return MissingLine{std::string(name), *count};
}

ProtocolLine parse_strace(std::string_view text) {
  const std::string_view thread = take_word(text);
  if (!number(thread) || text.empty()) return {};
  return StraceLine{std::string(thread), std::string(text)};
}

} // namespace

std::string_view to_string(GuestEnd end) {
  for (const EndName& known : kEnds)
    if (known.end == end) return known.name;
  return "internal";
}

std::optional<GuestEnd> end_of_exit_code(u32 code) {
  for (const EndName& known : kEnds)
    if (static_cast<u32>(known.code) == code) return known.end;
  return std::nullopt;
}

ProtocolLine parse_protocol_line(std::string_view line) {
  if (take(line, "  while running ")) return WhileRunningLine{std::string(line)};
  if (!take(line, "runnel: ")) return {};
  if (take(line, "boot ")) return BootLine{std::string(line)};
  if (take(line, "panic ")) return PanicLine{std::string(line)};
  if (take(line, "hang ")) return HangLine{std::string(line)};
  if (take(line, "error ")) return ErrorLine{std::string(line)};
  if (take(line, "bulk ")) return parse_bulk(line);
  if (take(line, "killed ")) return KilledLine{std::string(line)};
  if (take(line, "strace ")) return parse_strace(line);
  if (take(line, "missing ")) return parse_missing(line);
  if (take(line, "exec ")) return parse_program_end(line);
  if (take(line, "alive ")) {
    const auto seconds = number(line);
    return seconds ? ProtocolLine(AliveLine{*seconds}) : ProtocolLine();
  }
  if (take(line, "end "))
    for (const EndName& known : kEnds)
      if (known.name == line) return EndLine{known.end};
  return {};
}

} // namespace runnel::qemu
