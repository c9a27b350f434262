// SPDX-License-Identifier: Apache-2.0
// What one CPU can do, inline because it is on every hot path. Each architecture provides `arch::Cpu` in
// arch_impl/cpu.hpp; the concept below is the contract, checked when this header is compiled.
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/lib/thread_info.hpp"
#include "kernel/lib/types.hpp"

#include <arch_impl/cpu.hpp>
#include <concepts>

namespace runnel::arch {

/// relax              tells the CPU (and the emulator) that this is a wait loop; in every one of them.
/// irq_save/restore   disable interrupts and give back the state before; nest like brackets.
/// wait_for_interrupt with interrupts off: sleep until one is pending, take it, return with interrupts off.
///                    A wake-up that becomes pending before the call is not lost.
/// this_cpu           number of the CPU this runs on; stable only while the thread cannot migrate.
/// current            the running thread; always stable.
/// full_barrier       orders all earlier loads and stores before all later ones, for every observer.
/// cycles             raw cycle or counter register, for entropy and rough cost only.
template <typename T>
concept CpuContract = requires(typename T::IrqFlags flags, ThreadInfo* thread) {
  { T::relax() } -> std::same_as<void>;
  { T::irq_save() } -> std::same_as<typename T::IrqFlags>;
  { T::irq_restore(flags) } -> std::same_as<void>;
  { T::irq_enable() } -> std::same_as<void>;
  { T::irq_disable() } -> std::same_as<void>;
  { T::irqs_enabled() } -> std::same_as<bool>;
  { T::wait_for_interrupt() } -> std::same_as<void>;
  { T::this_cpu() } -> std::same_as<CpuId>;
  { T::current() } -> std::same_as<ThreadInfo*>;
  { T::set_current(thread) } -> std::same_as<void>;
  { T::full_barrier() } -> std::same_as<void>;
  { T::frame_pointer() } -> std::same_as<uptr>;
  { T::cycles() } -> std::same_as<u64>;
};
static_assert(CpuContract<Cpu>, "this architecture's arch_impl/cpu.hpp does not keep the CPU contract");

/// Brings up this CPU's own state: descriptor tables or vectors, protection bits (SMEP/SMAP/WP/NX or
/// PAN/WXN), the per-CPU pointer. Called first on every CPU, interrupts off, on its boot stack; `idle`
/// becomes current.
void cpu_init(CpuId cpu, ThreadInfo* idle);

/// Second part, once memory works: gives this CPU its emergency stacks (NMI, double fault, machine check on
/// x86_64; stack overflow on aarch64). `stack_tops` has kEmergencyStacks entries.
void cpu_init_stacks(CpuId cpu, const VirtAddr* stack_tops);

/// One line for humans: model and the protection features that are on.
void cpu_describe(Sink& sink);

} // namespace runnel::arch
