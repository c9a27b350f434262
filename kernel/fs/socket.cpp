// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/socket.hpp"

#include "kernel/fs/byte_ring.hpp"
#include "kernel/fs/ioctl.hpp"
#include "kernel/fs/seams.hpp"

#include <algorithm>

namespace runnel::fs {
namespace {

/// A write of a stream up to this size is one piece.
constexpr u64 kAtomic = 4096;
constexpr u32 kKnownFlags = kMsgPeek | kMsgTruncated | kMsgDontWait | kMsgWaitAll | kMsgNoSignal;

/// Files that come with the bytes start .. end - 1 of all that are ever sent.
struct Attachment {
  ListNode node;
  u64 start = 0, end = 0;
  PassedFilesPtr files;
};

/// One direction.
class Channel final : public RefCounted {
 public:
  explicit Channel(SocketType type) : records_(type != SocketType::kStream) {}
  ~Channel() override { drop_attachments(); }

  using Received = SocketFile::Received;
  enum class Waiting : u8 { kAllowed, kForbidden };

  Result<Received> read(IoBuffer& to, u32 flags, Waiting waiting) {
    usize done = 0;
    for (;;) {
      if (read_closed_.load(std::memory_order_acquire)) return Received{done};
      {
        const MutexGuard guard(lock_);
        if (ring_.used() != 0) {
          const Result<Received> part = records_ ? take_record(to, flags) : take_bytes(to, flags);
          if (!part) return done != 0 ? Result<Received>(Received{done}) : part;
          done += part->size;
          const bool brings_files = static_cast<bool>(part->files);
          if ((flags & kMsgPeek) == 0) write_queue_.wake(kPollWritable);
          if (ring_.used() != 0) read_queue_.wake(kPollReadable); // for the next reader
          if (records_ || brings_files || (flags & (kMsgWaitAll | kMsgPeek)) != kMsgWaitAll || to.empty())
            return Received{done, part->flags, part->files};
          continue;
        }
      }
      if (write_closed_.load(std::memory_order_acquire)) {
        if (ring_.used() != 0) continue; // written just before the end
        return Received{done};
      }
      if (to.empty() && !records_) return Received{done};
      if (waiting == Waiting::kForbidden)
        return done != 0 ? Result<Received>(Received{done}) : err(Errno::kAGAIN);
      const auto ready = [&] { return ring_.used() != 0 || is_closed(); };
      if (read_queue_.wait(kPollReadable, ready, kNever) == WaitResult::kInterrupted)
        return done != 0 ? Result<Received>(Received{done}) : err(Errno::kRESTARTSYS);
    }
  }

  Result<usize> write(IoBuffer& from, u32 flags, Waiting waiting, PassedFilesPtr files) {
    Attachment* attachment = nullptr;
    if (files) {
      attachment = mm::knew<Attachment>();
      if (attachment == nullptr) return err(Errno::kNOMEM);
      attachment->files = std::move(files);
    }
    const Result<usize> written = write_with(from, flags, waiting, attachment);
    mm::kdelete(attachment);
    return written;
  }

  /// Nobody will read any more.
  void drop_attachments() {
    for (;;) {
      Attachment* attachment;
      {
        const MutexGuard guard(lock_);
        attachment = attachments_.pop_front();
      }
      if (attachment == nullptr) return;
      mm::kdelete(attachment); // the last of a file: without the lock
    }
  }

 private:
  /// `attachment` is taken, and nullptr, when it was sent.
  Result<usize> write_with(IoBuffer& from, u32 flags, Waiting waiting, Attachment*& attachment) {
    const u64 size = from.left();
    if (records_ && size + sizeof(u32) > ByteRing::kCapacity) return err(Errno::kMSGSIZE);
    const u64 need = records_ ? size + sizeof(u32) : std::min(size, kAtomic);
    usize done = 0;
    do {
      if (is_closed()) {
        if (done != 0) return done;
        if ((flags & kMsgNoSignal) == 0) seams.raise_sigpipe();
        return err(Errno::kPIPE);
      }
      {
        const MutexGuard guard(lock_);
        if (ring_.room() >= std::min(need, std::max<u64>(from.left(), 1)) && !is_closed()) {
          const Result<usize> n = records_ ? put_record(from) : ring_.put(from, from.left());
          if (n) {
            attach(attachment, records_ ? sizeof(u32) + *n : *n);
            done += *n;
          }
          read_queue_.wake(kPollReadable);
          if (ring_.room() != 0) write_queue_.wake(kPollWritable); // for the next writer
          if (!n) return transferred(done, n.error());
          continue;
        }
      }
      if (waiting == Waiting::kForbidden) return transferred(done, Errno::kAGAIN);
      const auto ready = [&] { return is_closed() || ring_.room() >= need; };
      if (write_queue_.wait(kPollWritable, ready, kNever) == WaitResult::kInterrupted)
        return transferred(done, Errno::kRESTARTSYS);
    } while (!from.empty());
    return done;
  }

 public:
  void close_reading() {
    read_closed_.store(true, std::memory_order_release);
    wake_all();
  }
  void close_writing() {
    write_closed_.store(true, std::memory_order_release);
    wake_all();
  }

  u32 poll_reader(PollTable* table) {
    if (table != nullptr) table->watch(read_queue_);
    return (ring_.used() != 0 || is_closed() ? u32{kPollReadable} : 0) | (is_closed() ? u32{kPollRdHup} : 0);
  }
  u32 poll_writer(PollTable* table) {
    if (table != nullptr) table->watch(write_queue_);
    return ring_.room() > kAtomic || is_closed() ? u32{kPollWritable} : 0;
  }
  bool is_closed() const {
    return read_closed_.load(std::memory_order_acquire) || write_closed_.load(std::memory_order_acquire);
  }
  u64 used() const { return ring_.used(); }

 private:
  void wake_all() {
    read_queue_.wake(kPollReadable | kPollHup | kPollRdHup);
    write_queue_.wake(kPollWritable | kPollHup);
  }

  Result<Received> take_bytes(IoBuffer& to, u32 flags) REQUIRES(lock_) {
    u64 most = to.left();
    const Attachment* const first = attachments_.front();
    if (first != nullptr && taken_ + most > first->start) most = std::min(most, first->end - taken_);
    const Result<usize> n = (flags & kMsgPeek) != 0 ? ring_.peek(to, 0, most) : ring_.take(to, most);
    if (!n) return err(n.error());
    return Received{*n, 0, account(*n, flags)};
  }

  /// The next bytes sent are these; with lock_.
  void attach(Attachment*& attachment, u64 size) REQUIRES(lock_) {
    if (attachment != nullptr && size != 0) {
      attachment->start = sent_;
      attachment->end = sent_ + size;
      attachments_.push_back(*std::exchange(attachment, nullptr));
    }
    sent_ += size;
  }
  /// `size` bytes were taken, or looked at: what came with them.
  PassedFilesPtr account(u64 size, u32 flags) REQUIRES(lock_) {
    PassedFilesPtr files;
    Attachment* const first = attachments_.front();
    const bool stays = (flags & kMsgPeek) != 0;
    if (first != nullptr && taken_ + size > first->start) {
      files = first->files;
      if (!stays) {
        decltype(attachments_)::erase(*first);
        mm::kdelete(first);
      }
    }
    if (!stays) taken_ += size;
    return files;
  }

  Result<Received> take_record(IoBuffer& to, u32 flags) REQUIRES(lock_) {
    u32 size = 0;
    IoBuffer header(&size, sizeof size);
    RUNNEL_TRY(ring_.peek(header, 0, sizeof size));
    const bool cut = to.left() < size;
    const Result<usize> n = ring_.peek(to, sizeof size, size);
    if (!n && size != 0) return err(n.error());
    if ((flags & kMsgPeek) == 0) ring_.discard(sizeof size + size);
    const usize copied = n ? *n : 0;
    return Received{(flags & kMsgTruncated) != 0 ? size : copied, cut ? u32{kMsgTruncated} : 0,
                    account(sizeof size + size, flags)};
  }

  Result<usize> put_record(IoBuffer& from) REQUIRES(lock_) {
    const u32 size = static_cast<u32>(from.left());
    IoBuffer header(static_cast<const void*>(&size), sizeof size);
    const Result<usize> head = ring_.put(header, sizeof size);
    if (!head || *head < sizeof size) {
      ring_.unput(head ? *head : 0);
      return err(Errno::kNOBUFS);
    }
    if (size == 0) return 0;
    const Result<usize> n = ring_.put(from, size);
    if (n && *n == size) return n;
    ring_.unput(sizeof size + (n ? *n : 0)); // no part of a packet is sent
    return err(n ? Errno::kFAULT : n.error());
  }

  Mutex lock_; // content and order; user memory is touched under it
  ByteRing ring_;
  List<Attachment, &Attachment::node> attachments_ GUARDED_BY(lock_);
  u64 sent_ GUARDED_BY(lock_) = 0; // bytes ever
  u64 taken_ GUARDED_BY(lock_) = 0;
  bool records_;
  std::atomic<bool> read_closed_{false};
  std::atomic<bool> write_closed_{false};
  PollQueue read_queue_;
  PollQueue write_queue_;
};

class UnixSocket final : public SocketFile {
 public:
  UnixSocket(SocketType type, RefPtr<Channel> in, RefPtr<Channel> out, u32 flags)
      : SocketFile(flags), type_(type), in_(std::move(in)), out_(std::move(out)) {}
  ~UnixSocket() override {
    shutdown(Shutdown::kBoth);
    in_->drop_attachments();
  }

  SocketType type() const override { return type_; }
  Result<usize> send(IoBuffer& from, u32 flags, PassedFilesPtr files) override {
    if ((flags & ~kKnownFlags) != 0) return err(Errno::kOPNOTSUPP);
    return out_->write(from, flags, waiting(flags), std::move(files));
  }
  Result<Received> receive(IoBuffer& to, u32 flags) override {
    if ((flags & ~kKnownFlags) != 0) return err(Errno::kOPNOTSUPP);
    return in_->read(to, flags, waiting(flags));
  }
  void shutdown(Shutdown how) override {
    if (how != Shutdown::kWrite) in_->close_reading();
    if (how != Shutdown::kRead) out_->close_writing();
  }

  u32 poll(PollTable* table) override {
    const u32 events = in_->poll_reader(table) | out_->poll_writer(table);
    return events | (in_->is_closed() && out_->is_closed() ? u32{kPollHup} : 0);
  }
  Result<i64> ioctl(u32 command, u64 argument) override {
    if (command != ioctls::kFionRead) return err(Errno::kNOTTY);
    const u32 n = static_cast<u32>(in_->used());
    return seams.copy_to_user(argument, &n, sizeof n) == 0 ? Result<i64>(0) : err(Errno::kFAULT);
  }
  void stat(Stat& to) const override {
    to.device = 9;
    to.inode = inode_;
    to.mode = kTypeSocket | 0777;
    seams.current_ids(to.uid, to.gid);
  }
  void describe(Sink& sink) const override { format_to(sink, "socket:[{}]", inode_); }

 protected:
  Result<usize> do_read(IoBuffer& to, u64&) override {
    const Result<Received> received = receive(to, 0);
    return received ? Result<usize>(received->size) : err(received.error());
  }
  Result<usize> do_write(IoBuffer& from, u64&) override { return send(from, 0, {}); }

 private:
  Channel::Waiting waiting(u32 flags) const {
    return is_nonblocking() || (flags & kMsgDontWait) != 0 ? Channel::Waiting::kForbidden
                                                           : Channel::Waiting::kAllowed;
  }

  SocketType type_;
  RefPtr<Channel> in_, out_;
  u64 inode_ = next_anonymous_inode();
};

} // namespace

Result<SocketPair> create_socket_pair(SocketType type, u32 flags) {
  flags &= kNonBlock;
  const auto one = RefPtr<Channel>::adopt(mm::knew<Channel>(type));
  const auto two = RefPtr<Channel>::adopt(mm::knew<Channel>(type));
  if (!one || !two) return err(Errno::kNOMEM);
  Result<FilePtr> a = make_file<UnixSocket>(type, one, two, flags);
  if (!a) return err(a.error());
  Result<FilePtr> b = make_file<UnixSocket>(type, two, one, flags);
  if (!b) return err(b.error());
  return SocketPair{std::move(*a), std::move(*b)};
}

} // namespace runnel::fs
