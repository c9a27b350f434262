// SPDX-License-Identifier: Apache-2.0
// What the tool's output goes to: a person's terminal or something that keeps text.
#pragma once

#include <string>
#include <string_view>

namespace runnel::qemu {

enum class Tone { kGood, kBad, kDim, kStrong };

class Terminal {
 public:
  /// Looks at standard output once. NO_COLOR in the environment switches colours off.
  static const Terminal& get();
  bool is_tty() const { return tty_; }
  unsigned width() const { return width_; }
  bool colours() const { return colours_; }
  /// `text` in that tone, or as it is.
  std::string paint(Tone tone, std::string_view text) const;

 private:
  Terminal();
  bool tty_ = false, colours_ = false;
  unsigned width_ = 100;
};

} // namespace runnel::qemu
