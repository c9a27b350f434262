// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/device.hpp"

#include "kernel/fs/console.hpp"
#include "kernel/sched_port/seed.hpp"
#include "kernel/task/task.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::fs {
namespace {

/// null, zero, full, random: no state but the node they were opened by.
class MemoryDevice final : public File {
 public:
  MemoryDevice(Path path, u64 rdev, u32 flags) : File(flags), path_(std::move(path)), rdev_(rdev) {}

  bool can_poll() const override { return rdev_ == kDevRandom || rdev_ == kDevUrandom; }
  void stat(Stat& to) const override { path_.inode().stat(to); }
  const Path* path() const override { return &path_; }
  Inode* inode() const override { return &path_.inode(); }
  bool has_position() const override { return true; }

 protected:
  Result<usize> do_read(IoBuffer& to, u64&) override {
    if (rdev_ == kDevNull || rdev_ == kDevCpuLatency) return 0;
    usize done = 0;
    while (!to.empty()) {
      std::byte bytes[256] = {};
      const usize n = static_cast<usize>(std::min<u64>(sizeof bytes, to.left()));
      if (rdev_ == kDevRandom || rdev_ == kDevUrandom) random_bytes({bytes, n});
      const usize copied = to.put(bytes, n);
      done += copied;
      if (copied < n) return transferred(done, Errno::kFAULT);
      if (current_task().signal_pending()) break;
    }
    return done;
  }

  Result<usize> do_write(IoBuffer& from, u64&) override {
    if (rdev_ == kDevFull) return err(Errno::kNOSPC);
    const u64 size = from.left();
    return static_cast<usize>(size);
  }

 private:
  Path path_;
  u64 rdev_;
};

constinit SpinLock random_lock{LockRank::kFileObject};
constinit u64 random_state GUARDED_BY(random_lock) = 0;

/// splitmix64 (Steele, Lea, Flood 2014).
u64 next_random() REQUIRES(random_lock) {
  u64 z = random_state += 0x9e37'79b9'7f4a'7c15;
  z = (z ^ z >> 30) * 0xbf58'476d'1ce4'e5b9;
  z = (z ^ z >> 27) * 0x94d0'49bb'1331'11eb;
  return z ^ z >> 31;
}

} // namespace

void random_bytes(std::span<std::byte> to) {
  while (!to.empty()) {
    u64 word;
    {
      const IrqSpinGuard guard(random_lock);
      if (random_state == 0) random_state = scheduler_seed ^ 0x5eed'0f17'e5f1'1e00;
      word = next_random();
    }
    const usize n = std::min(to.size(), sizeof word);
    std::memcpy(to.data(), &word, n);
    to = to.subspan(n);
  }
}

Result<FilePtr> open_device(const Path& path, u64 rdev, u32 flags) {
  switch (rdev) {
  case kDevNull:
  case kDevZero:
  case kDevFull:
  case kDevRandom:
  case kDevUrandom:
  case kDevCpuLatency:
    return make_file<MemoryDevice>(path, rdev, flags);
  case kDevTty:
  case kDevConsole:
    return open_console(flags);
  default:
    return err(Errno::kNXIO);
  }
}

} // namespace runnel::fs
