// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/file.hpp"
#include "kernel/time/clock.hpp"

#include "kernel/fs/epoll.hpp"
#include "kernel/fs/file_locks.hpp"
#include "kernel/fs/seams.hpp"

namespace runnel::fs {

namespace {
constexpr u32 kSettable = kAppend | kNonBlock | kDirect | kNoAtime | kAsync;
constexpr u64 kMaxPosition = ~u64{0} >> 1;
} // namespace

void File::set_flags(u32 flags) {
  u32 seen = flags_.load(std::memory_order_relaxed);
  while (!flags_.compare_exchange_weak(seen, (seen & ~kSettable) | (flags & kSettable),
                                       std::memory_order_relaxed)) {
  }
}

File::~File() = default;

void File::last_put() {
  // While the object is whole.
  epoll_forget(*this);
  release_locks(*this, this);
  delete this;
}

Result<usize> File::read(IoBuffer& to) {
  if (!is_readable()) return err(Errno::kBADF);
  if (!has_position()) {
    u64 none = 0;
    return do_read(to, none);
  }
  const MutexGuard guard(position_lock_);
  return do_read(to, position_);
}

Result<usize> File::write(IoBuffer& from) {
  if (!is_writable()) return err(Errno::kBADF);
  if (!has_position()) {
    u64 none = 0;
    return do_write(from, none);
  }
  const MutexGuard guard(position_lock_);
  return do_write(from, position_);
}

Result<usize> File::read_from(IoBuffer& to, u64 position) {
  if (!has_position()) return err(Errno::kSPIPE);
  if (!is_readable()) return err(Errno::kBADF);
  return do_read(to, position);
}

Result<usize> File::write_to(IoBuffer& from, u64 position) {
  if (!has_position()) return err(Errno::kSPIPE);
  if (!is_writable()) return err(Errno::kBADF);
  return do_write(from, position);
}

Result<u64> File::seek(i64 offset, Whence whence) {
  if (is_path()) return err(Errno::kBADF);
  if (!has_position()) return err(Errno::kSPIPE);
  const MutexGuard guard(position_lock_);
  const u64 size = size_for_seek();
  i64 base = 0;
  switch (whence) {
  case Whence::kSet:
    break;
  case Whence::kCurrent:
    base = static_cast<i64>(position_);
    break;
  case Whence::kEnd:
    base = static_cast<i64>(size);
    break;
  case Whence::kData: // no holes are told apart: all is data, up to the end
  case Whence::kHole:
    if (offset < 0 || static_cast<u64>(offset) >= size) return err(Errno::kNXIO);
    if (whence == Whence::kHole) offset = static_cast<i64>(size);
    break;
  default:
    return err(Errno::kINVAL);
  }
  i64 to;
  if (__builtin_add_overflow(base, offset, &to)) return err(Errno::kOVERFLOW);
  if (to < 0 || static_cast<u64>(to) > kMaxPosition) return err(Errno::kINVAL);
  return position_ = static_cast<u64>(to);
}

Result<> File::list(DirSink& sink) {
  if (is_path()) return err(Errno::kBADF);
  const MutexGuard guard(position_lock_);
  return do_list(sink, position_);
}

u32 File::poll(PollTable*) { return kPollReadable | kPollWritable; }
Result<i64> File::ioctl(u32, u64) { return err(Errno::kNOTTY); }
Result<> File::truncate(u64) { return err(Errno::kINVAL); }
Result<usize> File::do_read(IoBuffer&, u64&) { return err(Errno::kINVAL); }
Result<usize> File::do_write(IoBuffer&, u64&) { return err(Errno::kINVAL); }
Result<> File::do_list(DirSink&, u64&) { return err(Errno::kNOTDIR); }
void File::describe(Sink& sink) const { sink.write("anon_inode:[unknown]"); }

u64 next_anonymous_inode() {
  static constinit std::atomic<u64> last{1000};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

i64 realtime_now() { return static_cast<i64>(time::now().ns) + seams.realtime_offset(); }

} // namespace runnel::fs
