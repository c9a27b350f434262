// SPDX-License-Identifier: Apache-2.0
// From a stream of bytes to clean lines.
#pragma once

#include <string>
#include <string_view>

namespace runnel::qemu {

/// Terminal escape sequences (UEFI firmware writes them), carriage returns and other control characters but
/// tabs taken out.
std::string clean_line(std::string_view line);

class LineSplitter {
 public:
  /// Calls `take(clean line)` for each line that `bytes` completes. A line of more than 64 KiB is cut there.
  template <typename Take> void feed(std::string_view bytes, Take take) {
    while (!bytes.empty()) {
      const auto end = bytes.find('\n');
      partial_.append(bytes.substr(0, end));
      if (end != std::string_view::npos || partial_.size() > kLongest) {
        take(clean_line(partial_));
        partial_.clear();
      }
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
    }
  }
  /// What stands after the last line end, at the end of the stream.
  template <typename Take> void finish(Take take) {
    if (!partial_.empty()) take(clean_line(partial_));
    partial_.clear();
  }

 private:
  static constexpr std::size_t kLongest = 65536;
  std::string partial_;
};

} // namespace runnel::qemu
