// SPDX-License-Identifier: Apache-2.0
// Running a function on other CPUs, in their interrupt context.
#pragma once

#include "kernel/lib/cpumask.hpp"

namespace runnel::smp {

enum class Wait : u8 { kNo, kYes };
using CallFn = void (*)(void* arg);

/// Runs fn(arg) on every online CPU of `cpus`; on this one directly, with interrupts off. With kYes returns
/// when all have run it. Interrupts are on (two CPUs calling each other with interrupts off would wait for
/// ever) and no spinlock that fn takes is held.
void call_function(CpuMask cpus, CallFn fn, void* arg, Wait wait);

/// The IPI's handler.
void call_function_interrupt();

} // namespace runnel::smp

namespace runnel {
using smp::call_function;
using smp::Wait;
} // namespace runnel
