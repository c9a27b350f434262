// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/file/call_support.hpp"
#include "kernel/time/clock.hpp"

namespace runnel::user {

i64 new_descriptor(Result<FilePtr> file, u32 open_flags) {
  if (!file) return negative(file.error());
  return to_syscall(my_files().add(std::move(*file), on_exec_of(open_flags), descriptor_limit()));
}

i64 new_descriptor_pair(FilePtr a, FilePtr b, u32 open_flags, u64 to) {
  FileTable& files = my_files();
  const auto first = files.reserve(on_exec_of(open_flags), descriptor_limit());
  if (!first) return negative(first.error());
  const auto second = files.reserve(on_exec_of(open_flags), descriptor_limit());
  if (!second) {
    files.cancel(*first);
    return negative(second.error());
  }
  const i32 numbers[] = {*first, *second};
  if (const auto written = copy_to_user(to, numbers, sizeof numbers); !written) {
    files.cancel(*first);
    files.cancel(*second);
    return negative(written.error());
  }
  files.commit(*first, std::move(a));
  files.commit(*second, std::move(b));
  return 0;
}

Result<> UserPath::read(u64 from) {
  text_ = static_cast<char*>(mm::kmalloc(fs::kMaxPath));
  if (text_ == nullptr) return err(Errno::kNOMEM);
  const Result<usize> size = read_user_string({text_, fs::kMaxPath}, from);
  if (!size) return err(size.error() == Errno::kRANGE ? Errno::kNAMETOOLONG : size.error());
  size_ = *size;
  return {};
}

Result<fs::WalkBase> walk_base(i32 dir, std::string_view text) {
  fs::FsContext& paths = my_paths();
  if (text.starts_with('/')) {
    const fs::Path root = paths.root();
    return fs::WalkBase{root, root};
  }
  if (dir == kAtCurrent) return fs::WalkBase{paths.root(), paths.cwd()};
  const Result<FilePtr> file = my_files().find(dir);
  if (!file) return err(file.error());
  const fs::Path* const path = (*file)->path();
  if (path == nullptr || !path->inode().is_directory()) return err(Errno::kNOTDIR);
  return fs::WalkBase{paths.root(), *path};
}

Result<fs::Path> find_place(i32 dir, u64 path, u32 at_flags) {
  if ((at_flags & ~u32{kAtNoFollow | kAtEmptyPath | kAtNoAutomount}) != 0) return err(Errno::kINVAL);
  UserPath text;
  if (path != 0 || (at_flags & kAtEmptyPath) == 0) RUNNEL_TRY(text.read(path));
  if (text.text().empty() && (at_flags & kAtEmptyPath) != 0) {
    if (dir == kAtCurrent) return my_paths().cwd();
    const Result<FilePtr> file = my_files().find(dir);
    if (!file) return err(file.error());
    if ((*file)->path() == nullptr) return err(Errno::kINVAL);
    return *(*file)->path();
  }
  const Result<fs::WalkBase> base = walk_base(dir, text.text());
  if (!base) return err(base.error());
  const Result<fs::Found> found =
      fs::walk(*base, text.text(), (at_flags & kAtNoFollow) != 0 ? 0 : u32{fs::kFollow});
  if (!found) return err(found.error());
  return found->path;
}

Result<FilePtr> find_open(i32 fd) {
  Result<FilePtr> file = my_files().find(fd);
  if (file && (*file)->is_path()) return err(Errno::kBADF);
  return file;
}

Result<Instant> read_timeout(u64 from) {
  if (from == 0) return kNever;
  struct {
    i64 seconds, nanoseconds;
  } time;
  RUNNEL_TRY(copy_from_user(&time, from, sizeof time));
  constexpr i64 kSecond = 1'000'000'000;
  if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= kSecond) return err(Errno::kINVAL);
  if (time.seconds == 0 && time.nanoseconds == 0) return Instant{};
  constexpr i64 kLongest = i64{1} << 32; // seconds: longer than any run
  if (time.seconds >= kLongest) return kNever;
  return time::now() + Duration{time.seconds * kSecond + time.nanoseconds};
}

Instant deadline_ms(i32 timeout) {
  if (timeout < 0) return kNever;
  return timeout == 0 ? Instant{} : time::now() + Duration{i64{timeout} * 1'000'000};
}

} // namespace runnel::user
