// SPDX-License-Identifier: Apache-2.0
// The serial stream of a kernel that runs one program, taken apart: what the program wrote goes on byte by
// byte, the kernel's own lines do not.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace runnel::qemu {

class ProgramOutput {
 public:
  using Take = std::function<void(std::string_view)>;
  /// `program` gets the program's bytes as they come; `kernel`, if set, whole lines of the kernel's log.
  explicit ProgramOutput(Take program, Take kernel = {})
      : program_(std::move(program)), kernel_(std::move(kernel)) {}

  void feed(std::string_view bytes);
  /// No more bytes come: what was held back is the program's.
  void finish();

 private:
  void feed_line_start(char c);
  void line_ended();
  bool may_be_kernels() const;
  void pass(std::string_view bytes);

  // kBefore: firmware and the kernel's start, until `runnel: boot`; kAfter: the kernel's last words.
  enum class Phase { kBefore, kProgram, kAfter };
  enum class Line { kUndecided, kProgram };

  Take program_, kernel_;
  std::string held_; // of a line that may be the kernel's: all of it
  Phase phase_ = Phase::kBefore;
  Line line_ = Line::kUndecided;
  bool cut_ = false; // a kCut was seen and nothing after it
};

} // namespace runnel::qemu
