// SPDX-License-Identifier: Apache-2.0
// runnel bench rseq: what restartable sequences do for programs of which only the kernel's way is different.
#pragma once

#include "qemu/arch.hpp"
#include "qemu/exit_status.hpp"

#include <vector>

namespace runnel::qemu {

/// Tables of the counters for each workload and way, and what single operations take; throws Failure.
ExitStatus bench_rseq(const std::vector<Arch>& arches);

} // namespace runnel::qemu
