// SPDX-License-Identifier: Apache-2.0
#include "qemu/catch_xml.hpp"

#include <charconv>
#include <cstdlib>
#include <fmt/format.h>

namespace runnel::qemu {
namespace {

std::string unescape(std::string_view text) {
  static constexpr std::pair<std::string_view, char> kEntities[] = {
      {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}};
  std::string out;
  while (!text.empty()) {
    bool known = false;
    for (const auto& [entity, c] : kEntities) {
      if (!text.starts_with(entity)) continue;
      out += c;
      text.remove_prefix(entity.size());
      known = true;
      break;
    }
    if (known) continue;
    out += text[0];
    text.remove_prefix(1);
  }
  return out;
}

std::string attribute(std::string_view element, std::string_view name) {
  const std::string key = fmt::format(" {}=\"", name);
  const auto start = element.find(key);
  if (start == std::string_view::npos) return {};
  const auto from = start + key.size();
  return unescape(element.substr(from, element.find('"', from) - from));
}

u32 number(const std::string& text) {
  u32 value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

template <typename Take> void for_lines(std::string_view text, Take take) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    take(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

/// Text lines stand under the element that opened last; closing tags and containers say nothing.
void add_to_log(std::string& log, std::string_view line) {
  if (line.starts_with("<Expression ") || line.starts_with("<Failure ") || line.starts_with("<Exception ") ||
      line.starts_with("<FatalErrorCondition ")) {
    log += fmt::format("{}:{}: {}\n", attribute(line, "filename"), attribute(line, "line"),
                       attribute(line, "type"));
  } else if (line.starts_with("<Section ")) {
    log += fmt::format("section: {}\n", attribute(line, "name"));
  } else if (!line.starts_with('<')) {
    log += fmt::format("  {}\n", unescape(line));
  }
}

} // namespace

std::vector<CatchResult> parse_catch_xml(std::string_view xml) {
  std::vector<CatchResult> results;
  bool inside = false;
  for_lines(xml, [&](std::string_view raw) {
    const std::string_view line = trim(raw);
    if (line.starts_with("<TestCase ")) {
      CatchResult result;
      result.name = attribute(line, "name");
      result.file = attribute(line, "filename");
      result.line = number(attribute(line, "line"));
      results.push_back(std::move(result));
      inside = true;
    } else if (line.starts_with("</TestCase>")) {
      inside = false;
    } else if (inside && line.starts_with("<OverallResult ")) {
      results.back().ended = true;
      results.back().passed = attribute(line, "success") == "true";
      results.back().seconds = std::strtod(attribute(line, "durationInSeconds").c_str(), nullptr);
    } else if (inside && !line.empty()) {
      add_to_log(results.back().log, line);
    }
  });
  return results;
}

} // namespace runnel::qemu
