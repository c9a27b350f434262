// SPDX-License-Identifier: Apache-2.0
#include "kernel/shell/input.hpp"

#include "kernel/irq/device.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/wait_queue.hpp"

#include <arch/console.hpp>
#include <atomic>

namespace runnel::shell {
namespace {

// One producer (the interrupt, always on the same CPU), one reader.
constexpr u32 kSize = 256;
constinit char received[kSize];
constinit std::atomic<u32> put_count{0};
constinit std::atomic<u32> got_count{0};
constinit WaitQueue readers;

void on_receive(u32, void*) {
  u32 put = put_count.load(std::memory_order_relaxed);
  while (const auto c = arch::console_get()) {
    // Acquire: the reader is done with the slot; pairs with its release. Full: what is typed too fast is
    // lost.
    if (put - got_count.load(std::memory_order_acquire) == kSize) continue;
    received[put % kSize] = *c;
    put_count.store(++put, std::memory_order_release); // pairs with the acquire in input_read
  }
  readers.wake_one();
}

} // namespace

Result<> input_init() {
  RUNNEL_TRY(irq::request_irq(machine_info().uart_irq, CpuId{0}, on_receive, nullptr));
  arch::console_enable_receive_interrupt();
  return {};
}

char input_read() {
  const u32 got = got_count.load(std::memory_order_relaxed);
  readers.wait([got] { return put_count.load(std::memory_order_acquire) != got; }); // pairs with on_receive
  const char c = received[got % kSize];
  got_count.store(got + 1, std::memory_order_release); // pairs with the acquire in on_receive
  return c;
}

} // namespace runnel::shell
