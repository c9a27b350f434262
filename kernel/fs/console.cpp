// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/console.hpp"

#include "kernel/fs/ioctl.hpp"
#include "kernel/fs/seams.hpp"
#include "kernel/log/log.hpp"

#include <algorithm>

namespace runnel::fs {
namespace {

constexpr u32 kInputSize = 1024;

constinit std::atomic<ConsoleMode> console_mode{ConsoleMode::kBatch};
constinit SpinLock input_lock{LockRank::kFileObject};
constinit char input[kInputSize];
constinit u32 input_put GUARDED_BY(input_lock) = 0;
constinit u32 input_got GUARDED_BY(input_lock) = 0;
constinit PollQueue input_queue;

bool is_interactive() { return console_mode.load(std::memory_order_relaxed) == ConsoleMode::kInteractive; }

u32 input_available() {
  const IrqSpinGuard guard(input_lock);
  return input_put - input_got;
}

usize take_input(char* to, usize size) {
  const IrqSpinGuard guard(input_lock);
  usize n = 0;
  while (n < size && input_got != input_put) {
    to[n++] = input[input_got++ % kInputSize];
    if (to[n - 1] == '\n') break; // a line at a time
  }
  return n;
}

class Console final : public File {
 public:
  explicit Console(u32 flags) : File(flags) {}

  u32 poll(PollTable* table) override {
    if (table != nullptr) table->watch(input_queue);
    return kPollWritable | (input_available() != 0 || !is_interactive() ? u32{kPollReadable} : 0);
  }

  Result<i64> ioctl(u32 command, u64 argument) override {
    switch (command) {
    case ioctls::kFionRead: {
      const u32 n = input_available();
      if (seams.copy_to_user(argument, &n, sizeof n) != 0) return err(Errno::kFAULT);
      return 0;
    }
    case ioctls::kTiocgWinSize: {
      if (!is_interactive()) return err(Errno::kNOTTY);
      const u16 size[4] = {24, 80, 0, 0};
      if (seams.copy_to_user(argument, size, sizeof size) != 0) return err(Errno::kFAULT);
      return 0;
    }
    case ioctls::kTcGets: {
      if (!is_interactive()) return err(Errno::kNOTTY);
      // iflag, oflag, cflag (38400 8N1), lflag (icanon echo isig), line, control characters
      struct {
        u32 flags[4] = {0, 0, 0xbf, 0xb};
        u8 line_and_cc[20] = {};
      } termios;
      if (seams.copy_to_user(argument, &termios, sizeof termios) != 0) return err(Errno::kFAULT);
      return 0;
    }
    case ioctls::kTcSetS:
    case ioctls::kTcSetSW:
    case ioctls::kTcSetSF:
      if (!is_interactive()) return err(Errno::kNOTTY);
      return 0;
    default:
      return err(Errno::kNOTTY);
    }
  }

  void stat(Stat& to) const override {
    to.mode = kTypeChar | 0620;
    to.rdev = make_device(5, 1);
    to.inode = 5;
    to.block_size = 1024;
  }

  void describe(Sink& sink) const override { sink.write("/dev/console"); }

 protected:
  Result<usize> do_read(IoBuffer& to, u64&) override {
    char line[128];
    for (;;) {
      const usize n = take_input(line, static_cast<usize>(std::min<u64>(sizeof line, to.left())));
      if (n != 0) return transferred(to.put(line, n), Errno::kFAULT);
      if (!is_interactive() || to.empty()) return 0;
      if (is_nonblocking()) return err(Errno::kAGAIN);
      if (input_queue.wait(
              kPollReadable, [] { return input_available() != 0; }, kNever) == WaitResult::kInterrupted)
        return err(Errno::kRESTARTSYS);
    }
  }

  Result<usize> do_write(IoBuffer& from, u64&) override {
    char text[256];
    usize done = 0;
    while (!from.empty()) {
      const usize n = from.take(text, sizeof text);
      if (n == 0) return transferred(done, Errno::kFAULT);
      log::raw_write({text, n});
      done += n;
    }
    return done;
  }
};

} // namespace

Result<FilePtr> open_console(u32 flags) { return make_file<Console>(flags); }

void set_console_mode(ConsoleMode mode) {
  console_mode.store(mode, std::memory_order_relaxed);
  input_queue.wake(kPollReadable);
}

void console_input(char c) {
  {
    const IrqSpinGuard guard(input_lock);
    if (input_put - input_got == kInputSize) return;
    input[input_put++ % kInputSize] = c;
  }
  input_queue.wake(kPollReadable);
}

} // namespace runnel::fs
