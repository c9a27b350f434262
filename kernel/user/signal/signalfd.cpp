// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/signal/signalfd.hpp"

#include "kernel/user/signal/signal.hpp"
#include "kernel/user/signal/signalfd_info.hpp"

namespace runnel::user {
namespace {

/// Who waits waits for signals of a process, not for a file; but a process may be gone before an epoll set
/// that it has used. So the queues are nobody's, and each is several processes' at most.
constexpr u32 kQueues = 16;
constinit fs::PollQueue queues[kQueues];
constinit std::atomic<u32> nr_files{0};

fs::PollQueue& queue_of(const Process& process) { return queues[process.pid % kQueues]; }

} // namespace

SignalFile::SignalFile(SigSet mask, u32 flags) : File(fs::kReadWrite | flags), mask_(mask.bits) {
  nr_files.fetch_add(1, std::memory_order_relaxed);
}
SignalFile::~SignalFile() { nr_files.fetch_sub(1, std::memory_order_relaxed); }

Result<fs::FilePtr> SignalFile::create(SigSet mask, u32 flags) {
  return fs::make_file<SignalFile>(mask, flags & fs::kNonBlock);
}

void tell_signal_files(Process& process) {
  // Who looks for signals under the lock of the process, and has found none, has a file.
  if (nr_files.load(std::memory_order_relaxed) == 0) return;
  queue_of(process).wake(fs::kPollReadable | fs::kPollErr); // all: most of them look for other signals
}

void SignalFile::set_mask(SigSet mask) {
  mask_.store(mask.bits, std::memory_order_relaxed);
  Process& process = current_process();
  const IrqSpinGuard guard(process.lock);
  tell_signal_files(process);
}

u32 SignalFile::poll(fs::PollTable* table) {
  Thread& self = current_thread();
  Process& process = *self.process;
  if (table != nullptr) table->watch(queue_of(process));
  const IrqSpinGuard guard(process.lock);
  const SigSet pending = self.signals.pending.set() | process.signals.shared.set();
  return (pending & mask()).empty() ? 0 : u32{fs::kPollIn};
}

bool SignalFile::take(SigInfo& to) {
  Thread& self = current_thread();
  Process& process = *self.process;
  const IrqSpinGuard guard(process.lock);
  const auto got = dequeue_signal(process, self, mask());
  if (got) to = *got;
  return got.has_value();
}

Result<usize> SignalFile::do_read(fs::IoBuffer& to, u64&) {
  constexpr usize kSize = sizeof(SignalFdInfo);
  if (to.left() < kSize) return err(Errno::kINVAL);
  usize done = 0;
  for (; to.left() >= kSize; done += kSize) {
    SigInfo info;
    if (!take(info)) {
      if (done != 0) break;
      if (is_nonblocking()) return err(Errno::kAGAIN);
      const auto taken = [&] { return take(info); };
      if (queue_of(current_process()).wait(fs::kPollReadable, taken, kNever) == WaitResult::kInterrupted)
        return err(Errno::kRESTARTSYS);
    }
    const SignalFdInfo told = to_signalfd(info);
    if (to.put(&told, kSize) != kSize) return fs::transferred(done, Errno::kFAULT);
  }
  return done;
}

void SignalFile::stat(fs::Stat& to) const {
  constexpr u32 kAnonymous = 14;
  to.device = kAnonymous;
  to.inode = inode_;
  to.mode = 0600;
}

void SignalFile::fdinfo(Sink& sink) const { format_to(sink, "sigmask:\t{:016x}\n", mask().bits); }

} // namespace runnel::user
