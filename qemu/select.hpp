// SPDX-License-Identifier: Apache-2.0
// Which tests the words on the command line mean, and how a selection is written on the kernel's command
// line.
#pragma once

#include "qemu/elf_image.hpp"

#include <span>
#include <string>
#include <vector>

namespace runnel::qemu {

/// Whether the on-target test is selected by one of `globs` (none: every test that is not only to be had by
/// name). Same meaning as in the kernel: a glob without a dot is a suite's.
bool selects(std::span<const std::string> globs, const DeclaredTest& test);

/// `selected` (a part of `all`, both sorted) as words `test=...` of at most `limit` bytes each, every one for
/// a boot of its own. A suite is named as a whole when all its tests that can run on `cpus` CPUs are wanted.
std::vector<std::string> test_words(std::span<const DeclaredTest> selected, std::span<const DeclaredTest> all,
                                    u32 cpus, std::size_t limit = 1500);

} // namespace runnel::qemu
