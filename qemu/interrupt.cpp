// SPDX-License-Identifier: Apache-2.0
#include "qemu/interrupt.hpp"

#include "qemu/exit_status.hpp"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>

namespace runnel::qemu {
namespace {

std::atomic<bool> requested{false};

int event_fd() {
  static const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd;
}

void on_signal(int) {
  requested.store(true);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_fd(), &one, sizeof one);
}

} // namespace

void install_interrupt_handlers() {
  event_fd(); // made here, not in the handler
  struct sigaction action = {};
  action.sa_handler = on_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
}

int interrupt_fd() { return event_fd(); }
bool interrupted() { return requested.load(); }

void throw_if_interrupted() {
  if (interrupted()) throw Failure(ExitStatus::kInterrupted, "interrupted");
}

} // namespace runnel::qemu
