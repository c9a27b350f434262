// SPDX-License-Identifier: Apache-2.0
// How the host tool ends, and the exception that carries such an end to main. Documented in --help.
#pragma once

#include <stdexcept>
#include <string>

namespace runnel::qemu {

/// When several things went wrong the highest number wins.
enum class ExitStatus : int {
  kPassed = 0,
  kFailed = 1,     // a test or an expectation failed
  kUsage = 2,      // bad arguments or a bad scenario
  kPanic = 3,      // the guest panicked
  kHang = 4,       // the guest hung (it said so, or fell silent and its CPUs were found spinning or waiting)
  kCrash = 5,      // QEMU died, or the guest reset (triple fault)
  kMissing = 6,    // a program, package or firmware file is missing
  kBootFailed = 7, // kernel image, initrd or kernel command line damaged or missing
  kInternal = 8,   // the tool or the kernel contradicts itself
  kInterrupted = 130 // SIGINT or SIGTERM
};

/// A command that cannot go on: its message goes to stderr, its status to the caller.
class Failure : public std::runtime_error {
 public:
  Failure(ExitStatus status, const std::string& text) : std::runtime_error(text), status_(status) {}
  ExitStatus status() const { return status_; }

 private:
  ExitStatus status_;
};

constexpr ExitStatus worse(ExitStatus a, ExitStatus b) { return a < b ? b : a; }

} // namespace runnel::qemu
