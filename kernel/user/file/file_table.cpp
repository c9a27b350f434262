// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/file/file_table.hpp"

#include "kernel/fs/file_locks.hpp"
#include "kernel/mm/kmalloc.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

constexpr u32 kFirstSize = 16;

/// What was a descriptor of `table`.
void close_file(File* file, const FileTable* table) {
  file->flush();
  if (!file->is_path()) fs::release_locks(*file, table); // whichever descriptor they were taken by
  file->put_ref();
}

} // namespace

Result<FileTable*> FileTable::create() {
  FileTable* table = mm::knew<FileTable>();
  if (table == nullptr) return err(Errno::kNOMEM);
  if (const auto room = table->grow(kFirstSize); !room) {
    table->put();
    return err(room.error());
  }
  return table;
}

FileTable::~FileTable() { mm::kfree(slots_); }

void FileTable::put() {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  close_range(0, ~u32{0}, CloseRange::kClose);
  mm::kdelete(this);
}

Result<> FileTable::grow(u32 wanted) {
  u32 size;
  {
    const SpinGuard guard(lock_);
    size = size_;
  }
  if (wanted <= size) return {};
  size = std::max(size, kFirstSize);
  while (size < wanted) size *= 2; // limits keep it far from overflow
  auto* bigger = static_cast<Slot*>(mm::kzalloc(size * sizeof(Slot)));
  if (bigger == nullptr) return err(Errno::kNOMEM);
  void* unused = bigger;
  {
    const SpinGuard guard(lock_);
    if (size > size_) { // nobody else was faster
      std::copy_n(slots_, size_, bigger);
      unused = slots_;
      slots_ = bigger;
      size_ = size;
    }
  }
  mm::kfree(unused);
  return {};
}

FileTable::Slot* FileTable::slot(i32 fd) {
  if (fd < 0 || static_cast<u32>(fd) >= size_ || slots_[fd].file == nullptr) return nullptr;
  return &slots_[fd];
}

File* FileTable::take(u32 fd) {
  File* file = slots_[fd].file;
  slots_[fd] = {};
  maybe_free_ = std::min(maybe_free_, fd);
  return file;
}

u32 FileTable::first_free(u32 least) {
  u32 fd = std::max(least, maybe_free_);
  while (fd < size_ && !slots_[fd].is_free()) ++fd;
  if (least <= maybe_free_) maybe_free_ = fd;
  return fd;
}

Result<FileTable*> FileTable::clone() {
  const Result<FileTable*> copy = create();
  if (!copy) return copy;
  for (;;) {
    u32 wanted;
    {
      const SpinGuard guard(lock_);
      wanted = size_;
    }
    if (const auto room = (*copy)->grow(wanted); !room) {
      (*copy)->put();
      return err(room.error());
    }
    const SpinGuard guard(lock_);
    if (size_ > wanted) continue; // it grew meanwhile
    // The copy is nobody else's yet.
    const auto fill = [&](FileTable& to) NO_THREAD_SAFETY_ANALYSIS {
      for (u32 fd = 0; fd < size_; ++fd) {
        if (slots_[fd].file == nullptr) continue; // free, or reserved by another thread
        to.slots_[fd] = slots_[fd];
        slots_[fd].file->get_ref();
      }
    };
    fill(**copy);
    return copy;
  }
}

Result<FilePtr> FileTable::find(i32 fd) {
  const SpinGuard guard(lock_);
  const Slot* found = slot(fd);
  if (found == nullptr) return err(Errno::kBADF);
  return FilePtr(*found->file);
}

Result<i32> FileTable::reserve(OnExec on_exec, u64 limit, i32 least) {
  if (least < 0 || (least > 0 && static_cast<u64>(least) >= limit)) return err(Errno::kINVAL);
  for (;;) {
    u32 fd;
    {
      const SpinGuard guard(lock_);
      fd = first_free(static_cast<u32>(least));
      if (fd >= limit) return err(Errno::kMFILE);
      if (fd < size_) {
        slots_[fd] = {nullptr, on_exec, true};
        return static_cast<i32>(fd);
      }
    }
    RUNNEL_TRY(grow(fd + 1));
  }
}

void FileTable::commit(i32 fd, FilePtr file) {
  const SpinGuard guard(lock_);
  Slot& slot = slots_[fd];
  slot.reserved = false;
  slot.file = file.release();
}

void FileTable::cancel(i32 fd) {
  const SpinGuard guard(lock_);
  take(static_cast<u32>(fd));
}

Result<i32> FileTable::add(FilePtr file, OnExec on_exec, u64 limit, i32 least) {
  const Result<i32> fd = reserve(on_exec, limit, least);
  if (fd) commit(*fd, std::move(file));
  return fd;
}

Result<> FileTable::set(i32 fd, FilePtr file, OnExec on_exec, u64 limit) {
  if (fd < 0 || static_cast<u64>(fd) >= limit) return err(Errno::kBADF);
  RUNNEL_TRY(grow(static_cast<u32>(fd) + 1)); // tables never shrink
  File* old;
  {
    const SpinGuard guard(lock_);
    if (slots_[fd].reserved) return err(Errno::kBUSY);
    old = slots_[fd].file;
    slots_[fd] = {file.release(), on_exec};
  }
  if (old != nullptr) close_file(old, this);
  return {};
}

Result<> FileTable::close(i32 fd) {
  File* file = nullptr;
  {
    const SpinGuard guard(lock_);
    if (slot(fd) == nullptr) return err(Errno::kBADF);
    file = take(static_cast<u32>(fd));
  }
  close_file(file, this);
  return {};
}

void FileTable::close_range(u32 first, u32 last, CloseRange what) {
  for (u32 fd = first;; ++fd) {
    File* file = nullptr;
    {
      const SpinGuard guard(lock_);
      while (fd < size_ && slots_[fd].file == nullptr) ++fd;
      if (fd >= size_ || fd > last) return;
      if (what == CloseRange::kMark)
        slots_[fd].on_exec = OnExec::kClose;
      else
        file = take(fd);
    }
    if (file != nullptr) close_file(file, this);
  }
}

void FileTable::close_on_exec() {
  for (u32 fd = 0;; ++fd) {
    File* file = nullptr;
    {
      const SpinGuard guard(lock_);
      while (fd < size_ && (slots_[fd].file == nullptr || slots_[fd].on_exec == OnExec::kKeep)) ++fd;
      if (fd >= size_) return;
      file = take(fd);
    }
    close_file(file, this);
  }
}

Result<FileTable::OnExec> FileTable::on_exec(i32 fd) {
  const SpinGuard guard(lock_);
  const Slot* found = slot(fd);
  if (found == nullptr) return err(Errno::kBADF);
  return found->on_exec;
}

Result<> FileTable::set_on_exec(i32 fd, OnExec on_exec) {
  const SpinGuard guard(lock_);
  Slot* found = slot(fd);
  if (found == nullptr) return err(Errno::kBADF);
  found->on_exec = on_exec;
  return {};
}

i32 FileTable::next_open(i32 from) {
  const SpinGuard guard(lock_);
  for (u32 fd = static_cast<u32>(std::max(from, 0)); fd < size_; ++fd)
    if (slots_[fd].file != nullptr) return static_cast<i32>(fd);
  return -1;
}

} // namespace runnel::user
