// SPDX-License-Identifier: Apache-2.0
// Text for a person and for the host tool: the firmware's console, and the serial line if that is not part of
// it.
#pragma once

#include "boot/uefi/efi.hpp"

#include <cstdint>

namespace runnel::uefi {

struct Hex {
  std::uint64_t value;
};
/// Printed as words: "not found", "device error", ...
struct Status {
  EFI_STATUS value;
};

/// One line under construction; what does not fit is cut.
class Line {
 public:
  Line& operator<<(const char* text);
  Line& operator<<(std::uint64_t value);
  Line& operator<<(Hex value);
  Line& operator<<(Status status);
  const char* text() const { return text_; }

 private:
  void put(char c);
  void put_number(std::uint64_t value, unsigned base);

  static constexpr unsigned kCapacity = 240;
  char text_[kCapacity + 1] = {};
  unsigned used_ = 0;
};

/// Writes "runnel: " and the line, at column 0. Works before and after ExitBootServices.
void print(const Line& line);

/// "runnel: error LINE", "runnel: end boot-failed", then ends QEMU with kBootFailed, or powers the machine
/// off.
[[noreturn]] void fail(const Line& line);

} // namespace runnel::uefi
