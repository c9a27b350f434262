// SPDX-License-Identifier: Apache-2.0
// A member's bytes lie anywhere in the archive, not at page boundaries: pages of it are copied when they are
// first mapped, and kept, so that all programs that map it share them.
#include "kernel/user/file/initrd.hpp"

#include "kernel/fs/cpio.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/sync/mutex.hpp"
#include "kernel/user/mm/user_page.hpp"
#include "kernel/user/syscall.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::user {
namespace {

constinit std::span<const std::byte> archive;

struct Member final : InitrdFile {
  fs::CpioFile file;
  std::string_view file_name; // with the leading slash cut off
  PhysAddr* pages = nullptr;  // by index; 0: not copied yet. Members mutex
  ListNode node;

  Result<PhysAddr> page(u64 index) override;
  bool is_resident(u64 index) override;
  u64 size() const override { return file.content.size(); }
  std::string_view name() const override { return file_name; }
  u64 inode() const override {
    return file.content.empty() ? 1 : reinterpret_cast<u64>(file.content.data()) & 0xffff'ffff;
  }
  std::span<const std::byte> content() const override { return file.content; }
  u32 mode() const override { return file.mode; }
  u64 nr_pages() const { return align_up(size(), kPageSize) / kPageSize; }

 protected:
  void destroy() override;
};

constinit Mutex members_lock; // sleeping: pages are allocated under it
constinit List<Member, &Member::node> members GUARDED_BY(members_lock);

Result<PhysAddr> copy_page(std::span<const std::byte> content, u64 index) {
  const auto page = page_alloc_zeroed();
  if (!page) return page;
  const u64 offset = index * kPageSize;
  std::memcpy(page_bytes(*page).data(), content.data() + offset,
              std::min(kPageSize, content.size() - offset));
  return page;
}

Result<PhysAddr> Member::page(u64 index) {
  if (index >= nr_pages()) return err(Errno::kFAULT);
  const MutexGuard guard(members_lock);
  if (pages[index].value == 0) {
    const auto copy = copy_page(file.content, index);
    if (!copy) return copy;
    pages[index] = *copy;
  }
  page_get(pages[index]);
  return pages[index];
}

bool Member::is_resident(u64 index) {
  const MutexGuard guard(members_lock);
  return index < nr_pages() && pages[index].value != 0;
}

void Member::destroy() {
  {
    const MutexGuard guard(members_lock);
    List<Member, &Member::node>::erase(*this);
  }
  for (u64 i = 0; i < nr_pages(); ++i)
    if (pages[i].value != 0) page_put(pages[i]);
  kfree(pages);
  kdelete(this);
}

std::string_view plain(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

Result<fs::CpioFile> look_up(std::string_view path) {
  fs::CpioReader reader(archive);
  while (!archive.empty()) {
    const auto step = reader.next();
    if (!step) return err(Errno::kIO);
    if (step->end) break;
    std::string_view name = step->file.name;
    if (name.starts_with("./")) name.remove_prefix(2);
    if (plain(name) == plain(path)) return step->file;
  }
  return err(Errno::kNOENT);
}

Result<Member*> make_member(const fs::CpioFile& file) REQUIRES(members_lock) {
  Member* member = knew<Member>();
  if (member == nullptr) return err(Errno::kNOMEM);
  member->file = file;
  member->file_name = file.name;
  member->pages = static_cast<PhysAddr*>(kzalloc((member->nr_pages() + 1) * sizeof(PhysAddr)));
  if (member->pages == nullptr) {
    kdelete(member);
    return err(Errno::kNOMEM);
  }
  members.push_back(*member);
  return member;
}

class InitrdOpen final : public File {
 public:
  InitrdOpen(InitrdFile* file, u32 open_flags) : File(open_flags), file_(file) {}

  i64 read(UserBuffer& to, u64& at) override {
    const auto content = file_->content();
    if (at >= content.size()) return 0;
    const usize wanted = std::min<u64>(to.size(), content.size() - at);
    const usize n = to.give(content.data() + at, wanted);
    at += n;
    return n == 0 && wanted > 0 ? negative(Errno::kFAULT) : static_cast<i64>(n);
  }
  bool has_position() const override { return true; }
  i64 seek(i64 offset, Whence whence) override {
    const MutexGuard guard(position_lock);
    i64 base = 0;
    if (whence == Whence::kCurrent) base = static_cast<i64>(position);
    if (whence == Whence::kEnd) base = static_cast<i64>(file_->size());
    if (whence > Whence::kEnd) return negative(Errno::kINVAL);
    i64 target = 0;
    if (__builtin_add_overflow(base, offset, &target)) return negative(Errno::kOVERFLOW);
    if (target < 0) return negative(Errno::kINVAL);
    position = static_cast<u64>(target);
    return target;
  }
  FileStat stat() override {
    FileStat stat;
    stat.device = 1;
    stat.inode = file_->inode();
    stat.mode = file_->mode();
    stat.size = file_->size();
    stat.blocks = align_up(stat.size, 512) / 512;
    return stat;
  }
  Result<VmObject*> map_object() override { return file_; }
  std::string_view name() const override { return file_->name(); }

 private:
  ~InitrdOpen() override { file_->put(); }
  void destroy() override { kdelete(this); }
  template <typename T> friend void mm::kdelete(T* object);

  InitrdFile* file_; // a reference
};

} // namespace

void set_initrd(std::span<const std::byte> bytes) { archive = bytes; }
std::span<const std::byte> initrd() { return archive; }

Result<InitrdFile*> InitrdFile::find(std::string_view path) {
  const auto file = look_up(path);
  if (!file) return err(file.error());
  if ((file->mode & kModeType) != kModeRegular) return err(Errno::kACCES);
  const MutexGuard guard(members_lock);
  for (Member& member : members)
    if (member.file.content.data() == file->content.data() && member.try_get()) return &member;
  const auto made = make_member(*file);
  if (!made) return err(made.error());
  return *made;
}

Result<FileRef> open_initrd(std::string_view path, u32 open_flags) {
  if ((open_flags & kOpenAccess) != kOpenRead) return err(Errno::kROFS);
  const auto file = InitrdFile::find(path);
  if (!file) return err(file.error());
  File* open = knew<InitrdOpen>(*file, open_flags);
  if (open == nullptr) {
    (*file)->put();
    return err(Errno::kNOMEM);
  }
  return FileRef(open);
}

} // namespace runnel::user
