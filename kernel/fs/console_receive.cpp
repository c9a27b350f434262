// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/console_receive.hpp"

#include "boot/boot_info.hpp"
#include "kernel/irq/device.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/wait_queue.hpp"
#include "kernel/task/kthread.hpp"

#include <arch/console.hpp>
#include <arch/irqchip.hpp>

namespace runnel::fs {
namespace {

constexpr u32 kSize = 256;
constexpr CpuId kReceiver{0};

constinit SpinLock lock{LockRank::kFileObject};
constinit char received[kSize] GUARDED_BY(lock);
constinit u32 put GUARDED_BY(lock) = 0;
constinit u32 got GUARDED_BY(lock) = 0;
constinit bool is_masked GUARDED_BY(lock) = false;
constinit WaitQueue arrivals;

/// Empties the UART as far as there is room. When there is none its interrupt stays off until there is: the
/// FIFO fills, and the host waits.
void drain() REQUIRES(lock) {
  while (put - got < kSize) {
    const auto c = arch::console_get();
    if (!c) return;
    received[put++ % kSize] = *c;
  }
  if (is_masked) return;
  is_masked = true;
  arch::irq_disable_line(machine_info().uart_irq);
}

void on_receive(u32, void*) {
  {
    const IrqSpinGuard guard(lock);
    drain();
  }
  arrivals.wake_one();
}

bool has_arrived() {
  const IrqSpinGuard guard(lock);
  return put != got;
}

char next_byte() {
  arrivals.wait(has_arrived);
  const IrqSpinGuard guard(lock);
  const char c = received[got++ % kSize];
  if (is_masked && got == put) {
    is_masked = false;
    static_cast<void>(arch::irq_enable_line(machine_info().uart_irq, kReceiver));
    drain(); // what arrived meanwhile will not interrupt again
  }
  return c;
}

/// The host's standard input in one stream: see boot::kInputEscape.
void receive(void*) {
  for (;;) {
    const char c = next_byte();
    if (c != boot::kInputEscape)
      console_input(c);
    else if (const char what = next_byte(); what == boot::kInputEnd)
      console_input_end();
    else
      console_input(what);
  }
}

} // namespace

Result<> start_console_input(ConsoleMode mode) {
  set_console_mode(mode);
  const auto thread = kthread_run("console", receive, nullptr);
  if (!thread) return err(thread.error());
  RUNNEL_TRY(irq::request_irq(machine_info().uart_irq, kReceiver, on_receive, nullptr));
  arch::console_enable_receive_interrupt();
  on_receive(0, nullptr); // what came before
  return {};
}

} // namespace runnel::fs
