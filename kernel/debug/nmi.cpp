// SPDX-License-Identifier: Apache-2.0
#include "kernel/debug/nmi.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/smp/percpu.hpp"

#include <arch/irqchip.hpp>
#include <arch/power.hpp>
#include <arch/timer.hpp>
#include <arch/upcalls.hpp>
#include <atomic>
#include <cstring>

namespace runnel::debug {
namespace {

enum class State : u32 { kIdle, kSampleAsked, kSampled, kStopAsked, kStopped };

struct Slot {
  std::atomic<State> state{State::kIdle};
  CpuReport report;
};
constinit PerCpu<Slot> slots;

// Waiting ends by the clock, or by rounds if the clock stands still.
constexpr Duration kStopPatience = 2_s;
constexpr Duration kSamplePatience = 1_s;
constexpr u32 kMaxRounds = 20'000'000;

/// Interrupts `cpu` unless it has stopped by itself already.
void ask(CpuId cpu, State what) {
  auto& state = slots.on(cpu).state;
  State now = state.load(std::memory_order_relaxed);
  do {
    if (now == State::kStopped) return;
    // Release: orders earlier reads of the old report before the new one; pairs with the acquire in
    // upcall::nmi.
  } while (
      !state.compare_exchange_weak(now, what, std::memory_order_acq_rel)); // one contender: the CPU itself
  arch::send_nmi(cpu);
}

CpuMask wait_for_answers(CpuMask cpus, State awaited, Duration patience) {
  CpuMask answered;
  const Instant start = arch::clock_now();
  for (u32 round = 0; answered != cpus && round < kMaxRounds; ++round) {
    for (const CpuId cpu : cpus & ~answered)
      // Acquire: the report is complete; pairs with the release in answer().
      if (const State now = slots.on(cpu).state.load(std::memory_order_acquire);
          now == awaited || now == State::kStopped)
        answered.set(cpu);
    if (patience < arch::clock_now() - start) break;
    arch::Cpu::relax();
  }
  return answered;
}

void answer(Slot& slot, State how, const arch::Registers& regs) {
  slot.report.regs = regs;
  slot.report.thread = arch::Cpu::current();
  slot.state.store(how, std::memory_order_release); // pairs with wait_for_answers
}

} // namespace

CpuMask stop_cpus(CpuMask cpus) {
  cpus.clear(arch::Cpu::this_cpu());
  for (const CpuId cpu : cpus) ask(cpu, State::kStopAsked);
  return wait_for_answers(cpus, State::kStopped, kStopPatience);
}

const CpuReport* sample_cpu(CpuId cpu) {
  Slot& slot = slots.on(cpu);
  ask(cpu, State::kSampleAsked);
  return wait_for_answers(CpuMask::of(cpu), State::kSampled, kSamplePatience).empty() ? nullptr
                                                                                      : &slot.report;
}

const CpuReport& report_of(CpuId cpu) { return slots.on(cpu).report; }

void stop_with_report(const arch::Registers& regs, std::string_view text) {
  arch::Cpu::irq_disable();
  Slot& slot = slots.local();
  const usize n = text.size() < sizeof slot.report.text - 1 ? text.size() : sizeof slot.report.text - 1;
  std::memcpy(slot.report.text, text.data(), n);
  slot.report.text[n] = '\0';
  answer(slot, State::kStopped, regs);
  arch::halt();
}

} // namespace runnel::debug

namespace runnel::upcall {

void nmi(arch::Registers& regs) {
  using namespace debug;
  Slot& slot = slots.local();
  switch (slot.state.load(std::memory_order_acquire)) { // pairs with ask()
  case State::kSampleAsked:
    return answer(slot, State::kSampled, regs);
  case State::kStopAsked:
    answer(slot, State::kStopped, regs);
    arch::halt();
  case State::kStopped:
    arch::halt(); // it had stopped by itself between the question and the interrupt
  case State::kSampled:
    return; // late: its answer was no longer awaited, or asked for twice
  case State::kIdle:
    break;
  }
  panic("NMI that nobody asked for");
}

} // namespace runnel::upcall
