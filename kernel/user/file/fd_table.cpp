// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/file/fd_table.hpp"

#include "kernel/mm/kmalloc.hpp"

#include <algorithm>
#include <memory>

namespace runnel::user {

namespace {
constexpr u32 kFirstSize = 32;
}

RefPtr<FdTable> FdTable::create() { return RefPtr<FdTable>::adopt(mm::knew<FdTable>()); }

FdTable::~FdTable() {
  close_all();
  const SpinGuard guard(lock_);
  mm::kfree(slots_);
}

void FdTable::drop(fs::File* file) {
  if (file == nullptr) return;
  file->flush();
  file->put_ref();
}

RefPtr<FdTable> FdTable::copy() {
  RefPtr<FdTable> child = create();
  if (!child) return {};
  for (;;) {
    u32 size;
    {
      const SpinGuard guard(lock_);
      size = size_;
      // Only as much as is used: a parent that once had many must not make every child pay.
      while (size > kFirstSize && !slots_[size - 1].in_use) --size;
    }
    if (size != 0 && !child->grow(size)) return {};
    const SpinGuard guard(lock_);
    u32 used = size_;
    while (used > 0 && !slots_[used - 1].in_use) --used;
    // The child's is nobody else's yet: the analysis cannot know.
    auto& to = *child.get();
    const auto fill = [&]() NO_THREAD_SAFETY_ANALYSIS {
      if (used > to.size_) return false;
      for (u32 i = 0; i < used; ++i) {
        if (slots_[i].file == nullptr) continue; // free, or reserved by another thread
        slots_[i].file->get_ref();
        to.slots_[i] = slots_[i];
      }
      return true;
    };
    if (fill()) return child;
  }
}

FdTable::Slot* FdTable::slot(i32 fd) {
  if (fd < 0 || static_cast<u32>(fd) >= size_) return nullptr;
  Slot& s = slots_[fd];
  return s.file != nullptr ? &s : nullptr;
}

u32 FdTable::find_free(u32 from) {
  u32 i = std::max(from, maybe_free_);
  while (i < size_ && slots_[i].in_use) ++i;
  if (from <= maybe_free_) maybe_free_ = i;
  return i;
}

Result<> FdTable::grow(u32 size) {
  u32 want = kFirstSize;
  while (want < size) want *= 2;
  const auto fresh = static_cast<Slot*>(mm::kmalloc(want * sizeof(Slot)));
  if (fresh == nullptr) return err(Errno::kNOMEM);
  std::uninitialized_value_construct_n(fresh, want);
  Slot* old = fresh;
  {
    const SpinGuard guard(lock_);
    if (size_ < want) {
      old = slots_;
      std::copy_n(slots_, size_, fresh);
      slots_ = fresh;
      size_ = want;
    }
  }
  mm::kfree(old);
  return {};
}

Result<i32> FdTable::reserve(CloseOnExec on_exec, u64 limit, i32 least) {
  limit = std::min<u64>(limit, kMost);
  if (least < 0 || static_cast<u64>(least) >= limit) return err(least == 0 ? Errno::kMFILE : Errno::kINVAL);
  for (;;) {
    u32 fd;
    {
      const SpinGuard guard(lock_);
      fd = find_free(static_cast<u32>(least));
      if (fd >= limit) return err(Errno::kMFILE);
      if (fd < size_) {
        slots_[fd] = {nullptr, true, on_exec == CloseOnExec::kYes};
        return static_cast<i32>(fd);
      }
    }
    RUNNEL_TRY(grow(fd + 1));
  }
}

void FdTable::commit(i32 fd, FilePtr file) {
  const SpinGuard guard(lock_);
  slots_[fd].file = file.release();
}

void FdTable::cancel(i32 fd) {
  const SpinGuard guard(lock_);
  slots_[fd] = {};
  maybe_free_ = std::min(maybe_free_, static_cast<u32>(fd));
}

Result<i32> FdTable::install(FilePtr file, CloseOnExec on_exec, u64 limit, i32 least) {
  const Result<i32> fd = reserve(on_exec, limit, least);
  if (fd) commit(*fd, std::move(file));
  return fd;
}

Result<FilePtr> FdTable::get(i32 fd) {
  const SpinGuard guard(lock_);
  const Slot* const s = slot(fd);
  if (s == nullptr) return err(Errno::kBADF);
  return FilePtr(*s->file);
}

Result<i32> FdTable::duplicate(i32 from, i32 to, CloseOnExec on_exec, u64 limit) {
  if (to < 0 || static_cast<u64>(to) >= std::min<u64>(limit, kMost)) return err(Errno::kBADF);
  fs::File* replaced = nullptr;
  for (;;) {
    {
      const SpinGuard guard(lock_);
      const Slot* const source = slot(from);
      if (source == nullptr) return err(Errno::kBADF);
      if (static_cast<u32>(to) < size_) {
        Slot& target = slots_[to];
        if (target.in_use && target.file == nullptr)
          return err(Errno::kBUSY); // being opened by another thread
        replaced = target.file;
        source->file->get_ref();
        target = {source->file, true, on_exec == CloseOnExec::kYes};
        break;
      }
    }
    RUNNEL_TRY(grow(static_cast<u32>(to) + 1));
  }
  drop(replaced);
  return to;
}

Result<> FdTable::close(i32 fd) {
  fs::File* file;
  {
    const SpinGuard guard(lock_);
    Slot* const s = slot(fd);
    if (s == nullptr) return err(Errno::kBADF);
    file = s->file;
    *s = {};
    maybe_free_ = std::min(maybe_free_, static_cast<u32>(fd));
  }
  drop(file);
  return {};
}

void FdTable::close_range(u32 first, u32 last, RangeAction action) {
  for (u32 fd = first; fd <= last; ++fd) {
    fs::File* file;
    {
      const SpinGuard guard(lock_);
      while (fd < size_ && fd <= last && slots_[fd].file == nullptr) ++fd;
      if (fd >= size_ || fd > last) return;
      if (action == RangeAction::kMarkCloseOnExec) {
        slots_[fd].on_exec = true;
        continue;
      }
      file = slots_[fd].file;
      slots_[fd] = {};
      maybe_free_ = std::min(maybe_free_, fd);
    }
    drop(file);
  }
}

void FdTable::close_marked() {
  for (u32 fd = 0;; ++fd) {
    fs::File* file;
    {
      const SpinGuard guard(lock_);
      while (fd < size_ && (slots_[fd].file == nullptr || !slots_[fd].on_exec)) ++fd;
      if (fd >= size_) return;
      file = slots_[fd].file;
      slots_[fd] = {};
      maybe_free_ = std::min(maybe_free_, fd);
    }
    drop(file);
  }
}

Result<CloseOnExec> FdTable::close_on_exec(i32 fd) {
  const SpinGuard guard(lock_);
  const Slot* const s = slot(fd);
  if (s == nullptr) return err(Errno::kBADF);
  return s->on_exec ? CloseOnExec::kYes : CloseOnExec::kNo;
}

Result<> FdTable::set_close_on_exec(i32 fd, CloseOnExec on_exec) {
  const SpinGuard guard(lock_);
  Slot* const s = slot(fd);
  if (s == nullptr) return err(Errno::kBADF);
  s->on_exec = on_exec == CloseOnExec::kYes;
  return {};
}

i32 FdTable::next_in_use(i32 from) {
  const SpinGuard guard(lock_);
  for (u32 i = from < 0 ? 0 : static_cast<u32>(from); i < size_; ++i)
    if (slots_[i].file != nullptr) return static_cast<i32>(i);
  return -1;
}

u32 FdTable::count() {
  const SpinGuard guard(lock_);
  u32 n = 0;
  for (u32 i = 0; i < size_; ++i) n += slots_[i].file != nullptr ? 1 : 0;
  return n;
}

} // namespace runnel::user
