// SPDX-License-Identifier: Apache-2.0
// A copy of what execve() was given: its strings are gone when the new program takes the place of the old.
#pragma once

#include "kernel/lib/errno.hpp"

#include <span>
#include <string_view>

namespace runnel::user {

class ExecArguments {
 public:
  ExecArguments() = default;
  ~ExecArguments();
  ExecArguments(const ExecArguments&) = delete;
  ExecArguments& operator=(const ExecArguments&) = delete;

  /// Addresses of the path and of two arrays of string pointers that end with 0 (or are 0 themselves: empty).
  /// kFAULT, kE2BIG, kNAMETOOLONG, kNOMEM.
  Result<> read(u64 path, u64 argv, u64 envp);

  std::string_view path() const { return path_; }
  std::span<const std::string_view> argv() const { return {strings_, argc_}; }
  std::span<const std::string_view> envp() const { return {strings_ + argc_, count_ - argc_}; }

 private:
  Result<> read_strings(u64 list);
  Result<std::string_view> read_string(u64 from);
  Result<> add(std::string_view text);

  struct Chunk; // of text; never moves
  Chunk* chunks_ = nullptr;
  std::string_view path_;
  std::string_view* strings_ = nullptr;
  usize count_ = 0, room_ = 0, argc_ = 0, bytes_ = 0;
};

} // namespace runnel::user
