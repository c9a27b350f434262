// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/pipe.hpp"

#include "kernel/fs/byte_ring.hpp"
#include "kernel/fs/ioctl.hpp"
#include "kernel/fs/seams.hpp"

namespace runnel::fs {
namespace {

/// A write of up to this many bytes is one piece (PIPE_BUF).
constexpr u64 kAtomic = 4096;

class Pipe final : public RefCounted {
 public:
  Result<usize> read(IoBuffer& to, const File& file) {
    if (to.empty()) return 0;
    for (;;) {
      {
        const MutexGuard guard(lock_);
        if (ring_.used() != 0) {
          const Result<usize> n = ring_.take(to, to.left());
          const bool more = ring_.used() != 0;
          write_queue_.wake(kPollWritable);
          if (more) read_queue_.wake(kPollReadable); // for the next reader
          return n;
        }
      }
      if (writers_.load(std::memory_order_acquire) == 0) {
        if (ring_.used() != 0) continue; // written just before the last one went
        return 0;
      }
      if (file.is_nonblocking()) return err(Errno::kAGAIN);
      const auto ready = [&] { return ring_.used() != 0 || writers_.load(std::memory_order_acquire) == 0; };
      if (read_queue_.wait(kPollReadable, ready, kNever) == WaitResult::kInterrupted)
        return err(Errno::kRESTARTSYS);
    }
  }

  Result<usize> write(IoBuffer& from, const File& file) {
    const u64 size = from.left();
    const auto need = [&] { return size <= kAtomic ? size : u64{1}; };
    usize done = 0;
    while (!from.empty()) {
      if (is_broken()) {
        if (done != 0) return done;
        seams.raise_sigpipe();
        return err(Errno::kPIPE);
      }
      {
        const MutexGuard guard(lock_);
        if (!is_broken() && ring_.room() >= need()) {
          const Result<usize> n = ring_.put(from, from.left());
          if (n) done += *n;
          read_queue_.wake(kPollReadable);
          if (ring_.room() != 0) write_queue_.wake(kPollWritable); // for the next writer
          if (!n) return transferred(done, n.error());
          continue;
        }
      }
      if (is_broken()) continue;
      if (file.is_nonblocking()) return transferred(done, Errno::kAGAIN);
      const auto ready = [&] { return is_broken() || ring_.room() >= need(); };
      if (write_queue_.wait(kPollWritable, ready, kNever) == WaitResult::kInterrupted)
        return transferred(done, Errno::kRESTARTSYS);
    }
    return done;
  }

  u32 poll_reader(PollTable* table) {
    if (table != nullptr) table->watch(read_queue_);
    return (ring_.used() != 0 ? u32{kPollReadable} : 0) |
           (writers_.load(std::memory_order_acquire) == 0 ? u32{kPollHup} : 0);
  }
  u32 poll_writer(PollTable* table) {
    if (table != nullptr) table->watch(write_queue_);
    return (ring_.room() >= kAtomic ? u32{kPollWritable} : 0) | (is_broken() ? u32{kPollErr} : 0);
  }
  u64 used() const { return ring_.used(); }

  void reader_gone() {
    if (readers_.fetch_sub(1, std::memory_order_acq_rel) == 1) write_queue_.wake(kPollWritable | kPollErr);
  }
  void writer_gone() {
    if (writers_.fetch_sub(1, std::memory_order_acq_rel) == 1) read_queue_.wake(kPollReadable | kPollHup);
  }

  const u64 inode = next_anonymous_inode();

 private:
  bool is_broken() const { return readers_.load(std::memory_order_acquire) == 0; }

  Mutex lock_; // order of readers, order of writers, content; user memory is touched under it
  ByteRing ring_;
  std::atomic<u32> readers_{1};
  std::atomic<u32> writers_{1};
  PollQueue read_queue_;
  PollQueue write_queue_;
};

class PipeFile : public File {
 public:
  PipeFile(RefPtr<Pipe> pipe, u32 flags) : File(flags), pipe_(std::move(pipe)) {}

  Result<i64> ioctl(u32 command, u64 argument) override {
    if (command != ioctls::kFionRead) return err(Errno::kNOTTY);
    const u32 n = static_cast<u32>(pipe_->used());
    return seams.copy_to_user(argument, &n, sizeof n) == 0 ? Result<i64>(0) : err(Errno::kFAULT);
  }
  void stat(Stat& to) const override {
    to.device = 13;
    to.inode = pipe_->inode;
    to.mode = kTypeFifo | 0600;
    seams.current_ids(to.uid, to.gid);
  }
  void describe(Sink& sink) const override { format_to(sink, "pipe:[{}]", pipe_->inode); }

 protected:
  RefPtr<Pipe> pipe_;
};

class PipeReader final : public PipeFile {
 public:
  PipeReader(RefPtr<Pipe> pipe, u32 flags) : PipeFile(std::move(pipe), kReadOnly | flags) {}
  ~PipeReader() override { pipe_->reader_gone(); }
  u32 poll(PollTable* table) override { return pipe_->poll_reader(table); }

 protected:
  Result<usize> do_read(IoBuffer& to, u64&) override { return pipe_->read(to, *this); }
};

class PipeWriter final : public PipeFile {
 public:
  PipeWriter(RefPtr<Pipe> pipe, u32 flags) : PipeFile(std::move(pipe), kWriteOnly | flags) {}
  ~PipeWriter() override { pipe_->writer_gone(); }
  u32 poll(PollTable* table) override { return pipe_->poll_writer(table); }

 protected:
  Result<usize> do_write(IoBuffer& from, u64&) override { return pipe_->write(from, *this); }
};

} // namespace

Result<PipeEnds> create_pipe(u32 flags) {
  flags &= kNonBlock | kDirect;
  const auto pipe = RefPtr<Pipe>::adopt(mm::knew<Pipe>());
  if (!pipe) return err(Errno::kNOMEM);
  Result<FilePtr> reader = make_file<PipeReader>(pipe, flags);
  if (!reader) return err(reader.error());
  Result<FilePtr> writer = make_file<PipeWriter>(pipe, flags);
  if (!writer) return err(writer.error());
  return PipeEnds{std::move(*reader), std::move(*writer)};
}

} // namespace runnel::fs
