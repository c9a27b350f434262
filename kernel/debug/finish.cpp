// SPDX-License-Identifier: Apache-2.0
#include "kernel/debug/finish.hpp"

#include "kernel/log/log.hpp"

#include <arch/power.hpp>
#include <atomic>

namespace runnel::debug {
namespace {
constinit std::atomic<AfterEnd> after_end{AfterEnd::kExit};
}

void set_after_end(AfterEnd what) { after_end.store(what, std::memory_order_relaxed); }

void finish(boot::ExitCode code) {
  arch::Cpu::irq_disable();
  log::enter_emergency(); // no other CPU's line may follow
  raw_print("runnel: end {}", to_string(code));
  if (after_end.load(std::memory_order_relaxed) == AfterEnd::kLinger) arch::halt();
  arch::exit(static_cast<u32>(code));
}

} // namespace runnel::debug
