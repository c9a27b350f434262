// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/pseudo.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::fs {

void TextBuffer::write(std::string_view text) {
  if (text.size() > room_ - size_) {
    usize want = std::max<usize>(room_ * 2, 512);
    while (want < size_ + text.size() && want < kMost) want *= 2;
    auto* const bigger = want <= kMost && want > room_ ? static_cast<char*>(mm::kmalloc(want)) : nullptr;
    if (bigger != nullptr) {
      if (size_ != 0) std::memcpy(bigger, text_, size_);
      mm::kfree(text_);
      text_ = bigger;
      room_ = want;
    }
  }
  const usize n = std::min(text.size(), room_ - size_);
  if (n != 0) std::memcpy(text_ + size_, text.data(), n);
  size_ += n;
}

namespace {

class TextFile final : public File {
 public:
  TextFile(Path path, u32 flags) : File(flags), path_(std::move(path)) {}
  void stat(Stat& to) const override { path_.inode().stat(to); }
  const Path* path() const override { return &path_; }
  Inode* inode() const override { return &path_.inode(); }
  bool has_position() const override { return true; }
  bool can_poll() const override { return false; }

 protected:
  Result<usize> do_read(IoBuffer& to, u64& position) override {
    const MutexGuard guard(lock_);
    if (position == 0 || !made_) {
      text_.clear();
      RUNNEL_TRY(static_cast<TextInode&>(path_.inode()).generate(text_));
      made_ = true;
    }
    const std::string_view all = text_.view();
    if (position >= all.size()) return 0;
    const std::string_view rest = all.substr(static_cast<usize>(position));
    const usize wanted = static_cast<usize>(std::min<u64>(rest.size(), to.left()));
    const usize n = to.put(rest.data(), wanted);
    position += n;
    return n == 0 && wanted != 0 ? Result<usize>(err(Errno::kFAULT)) : n;
  }

  Result<usize> do_write(IoBuffer& from, u64& position) override {
    char text[256];
    if (from.left() >= sizeof text) return err(Errno::kINVAL);
    const usize wanted = static_cast<usize>(from.left());
    const usize n = from.take(text, wanted);
    if (n < wanted) return err(Errno::kFAULT);
    std::string_view shown(text, n);
    while (shown.ends_with('\n')) shown.remove_suffix(1);
    RUNNEL_TRY(static_cast<TextInode&>(path_.inode()).store(shown));
    position += n;
    return n;
  }

 private:
  Path path_;
  Mutex lock_;
  TextBuffer text_;
  bool made_ = false;
};

class DirectoryFile final : public File {
 public:
  DirectoryFile(Path path, u32 flags) : File(flags), path_(std::move(path)) {}
  void stat(Stat& to) const override { path_.inode().stat(to); }
  const Path* path() const override { return &path_; }
  Inode* inode() const override { return &path_.inode(); }
  bool has_position() const override { return true; }
  bool can_poll() const override { return false; }

 protected:
  Result<usize> do_read(IoBuffer&, u64&) override { return err(Errno::kISDIR); }
  Result<> do_list(DirSink& sink, u64& position) override {
    auto& dir = static_cast<DirectoryInode&>(path_.inode());
    const MutexGuard guard(tree_lock);
    const auto& parent = path_.dentry->parent();
    const u64 numbers[] = {dir.number, parent ? parent->inode().number : dir.number};
    constexpr std::string_view kNames[] = {".", ".."};
    for (; position < 2; ++position)
      if (!sink.add(kNames[position], numbers[position], kTypeDirectory, position + 1)) return {};
    dir.list(sink, position);
    return {};
  }

 private:
  Path path_;
};

class TableFile final : public TextInode {
 public:
  TableFile(Superblock& superblock, const TextSpec& spec)
      : TextInode(superblock, kTypeRegular | spec.mode), spec_(spec) {}
  Result<> generate(Sink& to) override {
    spec_.generate(to);
    return {};
  }
  Result<> store(std::string_view text) override {
    return spec_.store != nullptr ? spec_.store(text) : Result<>(err(Errno::kINVAL));
  }

 private:
  const TextSpec& spec_;
};

class TableDirectory final : public DirectoryInode {
 public:
  TableDirectory(Superblock& superblock, const DirSpec& spec)
      : DirectoryInode(superblock, kTypeDirectory | 0555), spec_(spec) {}

  Result<RefPtr<Inode>> find(std::string_view name) override {
    for (const TextSpec& file : spec_.files)
      if (file.name == name) return make_table_file(sb, file);
    for (const DirSpec& child : spec_.children)
      if (child.name == name) return make_table_directory(sb, child);
    return err(Errno::kNOENT);
  }
  void list(DirSink& sink, u64& at) override {
    for (u64 i = at - 2; i < spec_.files.size() + spec_.children.size(); ++i, at = i + 2) {
      const bool is_file = i < spec_.files.size();
      const std::string_view name =
          is_file ? spec_.files[i].name : spec_.children[i - spec_.files.size()].name;
      if (!sink.add(name, number + i + 1, is_file ? kTypeRegular : kTypeDirectory, i + 3)) return;
    }
  }

 private:
  const DirSpec& spec_;
};

template <typename T, typename... Args> Result<RefPtr<Inode>> make_inode(Args&&... args) {
  auto inode = RefPtr<T>::adopt(mm::knew<T>(std::forward<Args>(args)...));
  if (!inode) return err(Errno::kNOMEM);
  return RefPtr<Inode>(std::move(inode));
}

} // namespace

Result<FilePtr> TextInode::open(const Path& path, u32 flags) { return make_file<TextFile>(path, flags); }

Result<RefPtr<Dentry>> DirectoryInode::lookup(Dentry& dir, std::string_view name) {
  Result<RefPtr<Inode>> inode = find(name);
  if (!inode) return err(inode.error());
  RefPtr<Dentry> entry = Dentry::create(name, RefPtr<Dentry>(dir), std::move(*inode));
  if (!entry) return err(Errno::kNOMEM);
  return entry;
}
Result<FilePtr> DirectoryInode::open(const Path& path, u32 flags) {
  return make_file<DirectoryFile>(path, flags);
}

Result<RefPtr<Inode>> make_table_directory(Superblock& sb, const DirSpec& spec) {
  return make_inode<TableDirectory>(sb, spec);
}
Result<RefPtr<Inode>> make_table_file(Superblock& sb, const TextSpec& spec) {
  return make_inode<TableFile>(sb, spec);
}

void write_cpu_list(Sink& to, const CpuMask& mask) {
  bool first = true;
  for (u32 cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (!mask.test({cpu})) continue;
    u32 last = cpu;
    while (last + 1 < kMaxCpus && mask.test({last + 1})) ++last;
    format_to(to, "{}{}", first ? "" : ",", cpu);
    if (last != cpu) format_to(to, "-{}", last);
    first = false;
    cpu = last;
  }
}

} // namespace runnel::fs
