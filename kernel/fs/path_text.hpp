// SPDX-License-Identifier: Apache-2.0
// The text side of a path walk: components one after the other, with the targets of symbolic links put in
// front of what is left. Pure.
#pragma once

#include "kernel/lib/errno.hpp"

#include <span>
#include <string_view>

namespace runnel::fs {

class PathText {
 public:
  /// Works in `buffer`, which holds a path as long as the buffer is.
  explicit PathText(std::span<char> buffer) : buffer_(buffer), at_(buffer.size()) {}

  /// Puts `path` in front of what is left to walk. kNAMETOOLONG; kNOENT: it is empty. `path` lies outside the
  /// buffer. After it, is_absolute() tells where to go on from.
  Result<> prepend(std::string_view path);
  /// The path put in front last began with a slash.
  bool is_absolute() const { return absolute_; }

  struct Component {
    std::string_view name; // empty: there are no more. Valid until the next call.
    bool last = false;
    bool slash_after = false; // it must be a directory
  };
  Component next();

 private:
  std::string_view rest() const { return {buffer_.data() + at_, buffer_.size() - at_}; }
  void skip_slashes();

  std::span<char> buffer_;
  usize at_; // the rest lies at the end of the buffer, so that there is room in front
  bool absolute_ = false;
};

} // namespace runnel::fs
