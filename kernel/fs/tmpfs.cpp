// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/tmpfs.hpp"

#include "kernel/fs/tmpfs_inode.hpp"
#include "kernel/fs/walk.hpp"
#include "kernel/mm/page_alloc.hpp"

namespace runnel::fs {

namespace {
constexpr u64 kTmpfsMagic = 0x0102'1994;
constinit std::atomic<u32> last_device{20};

/// A regular file of tmpfs, open.
class TmpFile final : public File {
 public:
  TmpFile(Path path, RefPtr<Inode> inode, u32 flags)
      : File(flags), path_(std::move(path)), inode_(std::move(inode)) {}

  bool can_poll() const override { return false; }
  void stat(Stat& to) const override { inode_->stat(to); }
  Result<> truncate(u64 size) override { return inode_->truncate(size); }
  const Path* path() const override { return path_ ? &path_ : nullptr; }
  Inode* inode() const override { return inode_.get(); }
  bool has_position() const override { return true; }
  void describe(Sink& sink) const override { sink.write(node().content().name()); }

  Result<user::VmObject*> vm_object() override {
    FileContent& content = node().content();
    if (!content.has_name() && path_) {
      char text[128];
      const Result<PathName> name = name_of(path_, root_path(), text);
      content.set_name(name ? name->text : "?");
    }
    return &content;
  }

 protected:
  Result<usize> do_read(IoBuffer& to, u64& position) override { return node().read(to, position); }
  Result<usize> do_write(IoBuffer& from, u64& position) override {
    return node().write(from, position, flags());
  }
  u64 size_for_seek() const override { return node().content().size(); }

 private:
  TmpNode& node() const { return static_cast<TmpNode&>(*inode_); }
  Path path_;
  RefPtr<Inode> inode_;
};

class TmpDirectoryFile final : public File {
 public:
  TmpDirectoryFile(Path path, u32 flags) : File(flags), path_(std::move(path)) {}
  bool can_poll() const override { return false; }
  void stat(Stat& to) const override { path_.inode().stat(to); }
  const Path* path() const override { return &path_; }
  Inode* inode() const override { return &path_.inode(); }
  bool has_position() const override { return true; }

 protected:
  Result<usize> do_read(IoBuffer&, u64&) override { return err(Errno::kISDIR); }
  Result<> do_list(DirSink& sink, u64& position) override {
    auto& dir = static_cast<TmpDirectory&>(path_.inode());
    const MutexGuard guard(tree_lock);
    const auto& parent = path_.dentry->parent();
    if (position == 0) {
      if (!sink.add(".", dir.number, kTypeDirectory, 1)) return {};
      position = 1;
    }
    if (position == 1) {
      if (!sink.add("..", parent ? parent->inode().number : dir.number, kTypeDirectory, 2)) return {};
      position = 2;
    }
    dir.list(sink, position);
    return {};
  }

 private:
  Path path_;
};

} // namespace

Tmpfs::Tmpfs() : Superblock("tmpfs", kTmpfsMagic, last_device.fetch_add(1, std::memory_order_relaxed)) {}

Tmpfs* Tmpfs::create(u32 root_mode) {
  auto* const fs = mm::knew<Tmpfs>();
  if (fs == nullptr) return nullptr;
  RefPtr<Inode> inode = RefPtr<TmpDirectory>::adopt(mm::knew<TmpDirectory>(*fs, kTypeDirectory | root_mode));
  if (inode) fs->root = Dentry::create("", nullptr, std::move(inode));
  if (fs->root) return fs;
  mm::kdelete(fs);
  return nullptr;
}

void Tmpfs::destroy(Tmpfs* fs) {
  {
    const MutexGuard guard(tree_lock);
    static_cast<TmpDirectory&>(fs->root->inode()).clear();
  }
  mm::kdelete(fs);
}

void Tmpfs::statfs(FsStat& to) const {
  Superblock::statfs(to);
  const mm::PageStats pages = mm::page_stats();
  to.blocks = pages.total / 2;
  to.free_blocks = pages.free < to.blocks ? pages.free : to.blocks;
}

Result<RefPtr<Inode>> Tmpfs::nameless(u32 permissions) {
  auto node = RefPtr<TmpNode>::adopt(mm::knew<TmpNode>(*this, kTypeRegular | permissions, u64{0}));
  if (!node) return err(Errno::kNOMEM);
  RUNNEL_TRY(node->prepare({}));
  return RefPtr<Inode>(std::move(node));
}

Result<FilePtr> TmpDirectory::open(const Path& path, u32 flags) {
  return make_file<TmpDirectoryFile>(path, flags);
}

Result<FilePtr> TmpNode::open(const Path& path, u32 flags) {
  return make_file<TmpFile>(path, RefPtr<Inode>(*this), flags);
}

Result<FilePtr> create_memfd(Tmpfs& fs, std::string_view name, u32 flags) {
  char text[280];
  BufferSink sink(text);
  if (name.size() > 249) return err(Errno::kINVAL);
  format_to(sink, "/memfd:{} (deleted)", name);
  Result<RefPtr<Inode>> inode = fs.nameless(0777);
  if (!inode) return err(inode.error());
  auto& node = static_cast<TmpNode&>(**inode);
  node.content().set_name(sink.view());
  node.count_links(-1);
  return make_file<TmpFile>(Path{}, std::move(*inode), kReadWrite | flags);
}

} // namespace runnel::fs
