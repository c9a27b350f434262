// SPDX-License-Identifier: Apache-2.0
// The console as a file. What a program writes goes to the serial line byte by byte as it is, and so reaches
// the host that runs `runnel exec`; there is no terminal behind it, so nothing to read and no terminal modes.
#include "kernel/log/log.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/user/file/file.hpp"
#include "kernel/user/syscall.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

class Console final : public File {
 public:
  explicit Console(u32 open_flags) : File(open_flags) {}

  i64 read(UserBuffer&, u64&) override { return 0; }

  i64 write(UserBuffer& from, u64&) override {
    char text[256];
    i64 done = 0;
    while (from.size() > 0) {
      const usize wanted = std::min<u64>(from.size(), sizeof text);
      const usize n = from.take(text, wanted);
      log::raw_write({text, n});
      done += static_cast<i64>(n);
      if (n < wanted) return done > 0 ? done : negative(Errno::kFAULT);
    }
    return done;
  }

  FileStat stat() override {
    constexpr u64 kSerialLine = 5 << 8 | 1; // what /dev/console is
    FileStat stat;
    stat.device = 5;
    stat.inode = 3;
    stat.mode = kModeCharacter | 0620;
    stat.special_device = kSerialLine;
    stat.block_size = 1024;
    return stat;
  }
  std::string_view name() const override { return "/dev/console"; }

 private:
  void destroy() override { kdelete(this); }
};

} // namespace

Result<FileRef> open_console(u32 open_flags) {
  File* file = knew<Console>(open_flags);
  if (file == nullptr) return err(Errno::kNOMEM);
  return FileRef(file);
}

} // namespace runnel::user
