// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/eventfd.hpp"

namespace runnel::fs {
namespace {

constexpr u64 kMost = ~u64{0} - 1; // the counter never reaches the largest number

class EventFd final : public File {
 public:
  EventFd(u64 initial, EventMode mode, u32 flags) : File(kReadWrite | flags), count_(initial), mode_(mode) {}

  u32 poll(PollTable* table) override {
    if (table != nullptr) table->watch(queue_);
    const u64 count = this->count();
    return (count > 0 ? u32{kPollReadable} : 0) | (count < kMost ? u32{kPollWritable} : 0);
  }
  void stat(Stat& to) const override {
    to.device = 14;
    to.inode = inode_;
    to.mode = 0600;
  }
  void describe(Sink& sink) const override { sink.write("anon_inode:[eventfd]"); }
  void fdinfo(Sink& sink) const override {
    format_to(sink, "eventfd-count: {:16x}\neventfd-id: {}\neventfd-semaphore: {}\n", count(), inode_,
              mode_ == EventMode::kSemaphore ? 1 : 0);
  }

 protected:
  Result<usize> do_read(IoBuffer& to, u64&) override {
    if (to.left() < sizeof(u64)) return err(Errno::kINVAL);
    u64 value;
    while (!take(value)) {
      if (is_nonblocking()) return err(Errno::kAGAIN);
      if (queue_.wait(kPollReadable, [this] { return count() > 0; }, kNever) == WaitResult::kInterrupted)
        return err(Errno::kRESTARTSYS);
    }
    return to.put(&value, sizeof value) == sizeof value ? Result<usize>(sizeof value) : err(Errno::kFAULT);
  }

  Result<usize> do_write(IoBuffer& from, u64&) override {
    if (from.left() < sizeof(u64)) return err(Errno::kINVAL);
    u64 value;
    if (from.take(&value, sizeof value) != sizeof value) return err(Errno::kFAULT);
    if (value > kMost) return err(Errno::kINVAL);
    while (!add(value)) {
      if (is_nonblocking()) return err(Errno::kAGAIN);
      const auto room = [&] { return kMost - count() >= value; };
      if (queue_.wait(kPollWritable, room, kNever) == WaitResult::kInterrupted)
        return err(Errno::kRESTARTSYS);
    }
    return sizeof value;
  }

 private:
  u64 count() const {
    const IrqSpinGuard guard(lock_);
    return count_;
  }
  bool take(u64& value) {
    const IrqSpinGuard guard(lock_);
    if (count_ == 0) return false;
    value = mode_ == EventMode::kSemaphore ? 1 : count_;
    count_ -= value;
    queue_.wake(kPollWritable);
    if (count_ > 0) queue_.wake(kPollReadable); // for the next reader
    return true;
  }
  bool add(u64 value) {
    const IrqSpinGuard guard(lock_);
    if (kMost - count_ < value) return false;
    count_ += value;
    if (count_ > 0) queue_.wake(kPollReadable);
    if (count_ < kMost) queue_.wake(kPollWritable); // for the next writer
    return true;
  }

  mutable SpinLock lock_{LockRank::kFileObject};
  u64 count_ GUARDED_BY(lock_);
  EventMode mode_;
  u64 inode_ = next_anonymous_inode();
  PollQueue queue_;
};

} // namespace

Result<FilePtr> create_eventfd(u64 initial, EventMode mode, u32 flags) {
  return make_file<EventFd>(initial, mode, flags & kNonBlock);
}

} // namespace runnel::fs
