// SPDX-License-Identifier: Apache-2.0
// What the calls on files share: descriptors of the caller, paths from user memory, where a walk starts.
#pragma once

#include "kernel/fs/walk.hpp"
#include "kernel/user/file/file_table.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {

inline constexpr i32 kAtCurrent = -100; // AT_FDCWD
enum AtFlag : u32 {
  kAtNoFollow = 0x100,
  kAtRemoveDirectory = 0x200, // unlinkat; AT_EACCESS elsewhere
  kAtFollow = 0x400,
  kAtNoAutomount = 0x800,
  kAtEmptyPath = 0x1000,
};

inline FileTable& my_files() { return *current_process().files; }
inline fs::FsContext& my_paths() { return *current_process().paths; }
inline u64 descriptor_limit() { return current_process().limits[kLimitFiles].soft; }
inline FileTable::OnExec on_exec_of(u32 open_flags) {
  return (open_flags & fs::kCloseOnExec) != 0 ? FileTable::OnExec::kClose : FileTable::OnExec::kKeep;
}
/// The new descriptor of `file`, or the error, as a call's result.
i64 new_descriptor(Result<FilePtr> file, u32 open_flags);
/// Two new ones, their numbers stored as two i32 at the user address `to`: 0, or the error and none is left.
i64 new_descriptor_pair(FilePtr a, FilePtr b, u32 open_flags, u64 to);

/// A path from user memory.
class UserPath {
 public:
  UserPath() = default;
  ~UserPath() { mm::kfree(text_); }
  UserPath(const UserPath&) = delete;
  UserPath& operator=(const UserPath&) = delete;

  /// kFAULT, kNAMETOOLONG, kNOMEM. An empty one is no error here.
  Result<> read(u64 from);
  std::string_view text() const { return {text_, size_}; }

 private:
  char* text_ = nullptr;
  usize size_ = 0;
};

/// Where a walk of `text` relative to the descriptor `dir` starts. kBADF, kNOTDIR.
Result<fs::WalkBase> walk_base(i32 dir, std::string_view text);

/// The place `path` (user pointer) names, relative to `dir`; with kAtEmptyPath and an empty path, the place
/// the descriptor was opened at. Follows the last link unless kAtNoFollow. kINVAL: a flag that is not known.
Result<fs::Path> find_place(i32 dir, u64 path, u32 at_flags);

/// The file behind `fd` if it is more than a place; kBADF.
Result<FilePtr> find_open(i32 fd);

/// `timeout` in a struct timespec at `from` (0: for ever) as a point in time. kFAULT, kINVAL.
Result<Instant> read_timeout(u64 from);
/// The same in milliseconds; negative: for ever.
Instant deadline_ms(i32 timeout);

/// An array on the heap, elements constructed and destroyed.
template <typename T> class HeapArray {
 public:
  HeapArray() = default;
  ~HeapArray() {
    for (usize i = 0; i < size_; ++i) items_[i].~T();
    mm::kfree(items_);
  }
  HeapArray(const HeapArray&) = delete;
  HeapArray& operator=(const HeapArray&) = delete;
  /// Once. kNOMEM.
  Result<> allocate(usize size) {
    if (size == 0) return {};
    if (size > mm::kMaxKmalloc / sizeof(T)) return err(Errno::kNOMEM);
    items_ = static_cast<T*>(mm::kmalloc(size * sizeof(T)));
    if (items_ == nullptr) return err(Errno::kNOMEM);
    for (; size_ < size; ++size_) new (&items_[size_]) T();
    return {};
  }
  T& operator[](usize i) { return items_[i]; }
  std::span<T> span() { return {items_, size_}; }
  T* data() { return items_; }

 private:
  T* items_ = nullptr;
  usize size_ = 0;
};

} // namespace runnel::user
