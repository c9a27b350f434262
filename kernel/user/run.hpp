// SPDX-License-Identifier: Apache-2.0
// The verb `exec=PATH`: the kernel as a machine that runs one program.
#pragma once

#include "boot/boot_info.hpp"

#include <string_view>

namespace runnel::user {

/// Runs the program `path` of the initrd until it ends. Its arguments, argv[0] first, are the strings (each
/// with its NUL) of the initrd's file /.runnel/argv, its environment those of /.runnel/environ; without the
/// first file, argv is the path alone. Prints `runnel: exec exited N` or `runnel: exec killed SIGNAL`.
/// kPassed: it exited with 0; kFailed: it ended otherwise; kBootFailed: it could not be started, after
/// `runnel: error exec: ...`.
boot::ExitCode run_program(std::string_view path);

} // namespace runnel::user
