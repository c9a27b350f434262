// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/pipe.hpp"

#include "kernel/fs/byte_ring.hpp"
#include "kernel/fs/inode.hpp"
#include "kernel/fs/ioctl.hpp"
#include "kernel/fs/seams.hpp"

namespace runnel::fs {

/// A write of up to this many bytes is one piece (PIPE_BUF).
static constexpr u64 kAtomic = 4096;

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

  /// `writers_before`: of a reader that did not wait for one to open it, so that none has hung up yet.
  u32 poll_reader(u64 writers_before) const {
    const bool hung_up = writers_.load(std::memory_order_acquire) == 0 &&
                         writers_ever_.load(std::memory_order_relaxed) != writers_before;
    return (ring_.used() != 0 ? u32{kPollReadable} : 0) | (hung_up ? u32{kPollHup} : 0);
  }
  u32 poll_writer() const {
    return (ring_.room() >= kAtomic ? u32{kPollWritable} : 0) | (is_broken() ? u32{kPollErr} : 0);
  }
  void watch_reading(PollTable& table) { table.watch(read_queue_); }
  void watch_writing(PollTable& table) { table.watch(write_queue_); }
  u64 used() const { return ring_.used(); }

  void reader_came() {
    readers_.fetch_add(1, std::memory_order_acq_rel);
    readers_ever_.fetch_add(1, std::memory_order_release);
    open_queue_.wake(kPollIn | kPollHup); // all
  }
  void writer_came() {
    writers_.fetch_add(1, std::memory_order_acq_rel);
    writers_ever_.fetch_add(1, std::memory_order_release);
    open_queue_.wake(kPollIn | kPollHup);
  }
  void reader_gone() {
    if (readers_.fetch_sub(1, std::memory_order_acq_rel) == 1) write_queue_.wake(kPollWritable | kPollErr);
  }
  void writer_gone() {
    if (writers_.fetch_sub(1, std::memory_order_acq_rel) == 1) read_queue_.wake(kPollReadable | kPollHup);
  }
  bool has_reader() const { return readers_.load(std::memory_order_acquire) != 0; }
  bool has_writer() const { return writers_.load(std::memory_order_acquire) != 0; }
  u64 writers_ever() const { return writers_ever_.load(std::memory_order_acquire); }
  u64 readers_ever() const { return readers_ever_.load(std::memory_order_acquire); }
  /// Until somebody opens the other end, who may be gone again by then. `before`: how many there were when
  /// the caller looked whether one is there.
  WaitResult wait_for_reader(u64 before) { return wait_for_another(readers_ever_, before); }
  WaitResult wait_for_writer(u64 before) { return wait_for_another(writers_ever_, before); }

  const u64 inode = next_anonymous_inode();
  u32 fifo_files = 0; // open files of the fifo it is in; fifos_lock

 private:
  WaitResult wait_for_another(const std::atomic<u64>& count, u64 before) {
    const auto came = [&] { return count.load(std::memory_order_acquire) != before; };
    return open_queue_.wait(kPollIn, came, kNever);
  }
  bool is_broken() const { return readers_.load(std::memory_order_acquire) == 0; }

  Mutex lock_; // order of readers, order of writers, content; user memory is touched under it
  ByteRing ring_;
  std::atomic<u32> readers_{0};
  std::atomic<u32> writers_{0};
  std::atomic<u64> readers_ever_{0};
  std::atomic<u64> writers_ever_{0};
  PollQueue read_queue_;
  PollQueue write_queue_;
  PollQueue open_queue_; // of a fifo
};

namespace {

/// One end, or, of a fifo, perhaps both.
class PipeFile : public File {
 public:
  PipeFile(RefPtr<Pipe> pipe, u32 flags) : File(flags), pipe_(std::move(pipe)) {
    if (is_readable()) pipe_->reader_came();
    if (is_writable()) pipe_->writer_came();
  }
  ~PipeFile() override {
    if (is_readable()) pipe_->reader_gone();
    if (is_writable()) pipe_->writer_gone();
  }

  u32 poll(PollTable* table) override {
    u32 events = 0;
    if (is_readable()) {
      if (table != nullptr) pipe_->watch_reading(*table);
      events |= pipe_->poll_reader(writers_before_);
    }
    if (is_writable()) {
      if (table != nullptr) pipe_->watch_writing(*table);
      events |= pipe_->poll_writer();
    }
    return events;
  }
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
  Result<usize> do_read(IoBuffer& to, u64&) override { return pipe_->read(to, *this); }
  Result<usize> do_write(IoBuffer& from, u64&) override { return pipe_->write(from, *this); }

  RefPtr<Pipe> pipe_;
  u64 writers_before_ = 0; // see Pipe::poll_reader
};

constinit Mutex fifos_lock; // Inode::fifo of all, and the coming and going of their ends

class FifoFile final : public PipeFile {
 public:
  FifoFile(RefPtr<Pipe> pipe, const Path& path, u32 flags) : PipeFile(std::move(pipe), flags), path_(path) {}
  ~FifoFile() override {
    // What was not read goes with the last end.
    const MutexGuard guard(fifos_lock);
    if (--pipe_->fifo_files == 0) path_.inode().fifo = nullptr;
  }

  void stat(Stat& to) const override { path_.inode().stat(to); }
  const Path* path() const override { return &path_; }
  Inode* inode() const override { return &path_.inode(); }

  /// Who was there when it was opened: before that was told to those who wait, or they might be gone again.
  struct Others {
    explicit Others(const Pipe& pipe)
        : readers_ever(pipe.readers_ever()), writers_ever(pipe.writers_ever()), reader(pipe.has_reader()),
          writer(pipe.has_writer()) {}
    u64 readers_ever, writers_ever;
    bool reader, writer;
  };
  /// The rest of open().
  Result<> meet(const Others& others) {
    const u32 mode = flags() & kAccessMode;
    WaitResult result = WaitResult::kMet;
    if (mode == kReadOnly && !others.writer) {
      if (is_nonblocking())
        writers_before_ = others.writers_ever;
      else
        result = pipe_->wait_for_writer(others.writers_ever);
    } else if (mode == kWriteOnly && !others.reader) {
      result = pipe_->wait_for_reader(others.readers_ever);
    }
    return result == WaitResult::kInterrupted ? err(Errno::kRESTARTSYS) : Result<>();
  }

 private:
  Path path_;
};

/// The fifo's pipe, a new one when nobody has it open.
Result<RefPtr<Pipe>> pipe_of(Inode& inode) {
  if (inode.fifo != nullptr) return RefPtr<Pipe>(*inode.fifo);
  auto pipe = RefPtr<Pipe>::adopt(mm::knew<Pipe>());
  if (!pipe) return err(Errno::kNOMEM);
  return pipe;
}

struct Entered {
  RefPtr<FifoFile> file;
  FifoFile::Others others;
};
Result<Entered> enter_fifo(const Path& path, u32 flags) {
  const MutexGuard guard(fifos_lock);
  Inode& inode = path.inode();
  const Result<RefPtr<Pipe>> pipe = pipe_of(inode);
  if (!pipe) return err(pipe.error());
  const FifoFile::Others others(**pipe);
  if ((flags & kAccessMode) == kWriteOnly && (flags & kNonBlock) != 0 && !others.reader)
    return err(Errno::kNXIO);
  auto file = RefPtr<FifoFile>::adopt(mm::knew<FifoFile>(*pipe, path, flags));
  if (!file) return err(Errno::kNOMEM);
  inode.fifo = pipe->get();
  ++(*pipe)->fifo_files;
  return Entered{std::move(file), others};
}

} // namespace

Result<PipeEnds> create_pipe(u32 flags) {
  flags &= kNonBlock | kDirect;
  const auto pipe = RefPtr<Pipe>::adopt(mm::knew<Pipe>());
  if (!pipe) return err(Errno::kNOMEM);
  Result<FilePtr> reader = make_file<PipeFile>(pipe, kReadOnly | flags);
  if (!reader) return err(reader.error());
  Result<FilePtr> writer = make_file<PipeFile>(pipe, kWriteOnly | flags);
  if (!writer) return err(writer.error());
  return PipeEnds{std::move(*reader), std::move(*writer)};
}

Result<FilePtr> open_fifo(const Path& path, u32 flags) {
  if ((flags & kAccessMode) == kAccessMode) return err(Errno::kINVAL);
  Result<Entered> entered = enter_fifo(path, flags);
  if (!entered) return err(entered.error());
  RUNNEL_TRY(entered->file->meet(entered->others));
  return FilePtr(std::move(entered->file));
}

} // namespace runnel::fs
