// SPDX-License-Identifier: Apache-2.0
// File systems whose files are made up when they are looked at: text that is generated, directories that list
// what there is at the moment, links.
#pragma once

#include "kernel/fs/inode.hpp"
#include "kernel/lib/cpumask.hpp"

namespace runnel::fs {

/// Text in kernel memory that grows; what does not fit is cut.
class TextBuffer final : public Sink {
 public:
  static constexpr usize kMost = 256 * 1024;
  TextBuffer() = default;
  ~TextBuffer() { mm::kfree(text_); }
  TextBuffer(const TextBuffer&) = delete;
  TextBuffer& operator=(const TextBuffer&) = delete;

  void write(std::string_view text) override;
  std::string_view view() const { return {text_, size_}; }
  void clear() { size_ = 0; }

 private:
  char* text_ = nullptr;
  usize size_ = 0;
  usize room_ = 0;
};

/// A file of text. It is generated anew by each read at position 0, and stays as it is for reads further on.
class TextInode : public Inode {
 public:
  /// Errors are those of the read.
  virtual Result<> generate(Sink& to) = 0;
  /// A write: the whole of it, without the newline at its end.
  virtual Result<> store(std::string_view) { return err(Errno::kINVAL); }
  Result<FilePtr> open(const Path& path, u32 flags) final;
  Result<> truncate(u64) final { return {}; } // O_TRUNC of what is written to

 protected:
  using Inode::Inode;
};

class DirectoryInode : public Inode {
 public:
  Result<RefPtr<Dentry>> lookup(Dentry& dir, std::string_view name) final;
  Result<FilePtr> open(const Path& path, u32 flags) final;

  /// A fresh inode for that entry; kNOENT.
  virtual Result<RefPtr<Inode>> find(std::string_view name) = 0;
  /// Entries from position `at` (2 at first) on; each sets the position after it. tree_lock held.
  virtual void list(DirSink& sink, u64& at) = 0;

 protected:
  using Inode::Inode;
};

/// A symbolic link whose text is generated.
class LinkInode : public Inode {
 public:
  Result<FilePtr> open(const Path&, u32) final { return err(Errno::kLOOP); }

 protected:
  using Inode::Inode;
};

/// A made-up file system; `root` is set by whoever makes it.
class PseudoFs final : public Superblock {
 public:
  using Superblock::Superblock;
  ~PseudoFs() = default;
};

/// A directory of a fixed table of text files; `children` are further directories.
struct TextSpec {
  std::string_view name;
  u32 mode;
  void (*generate)(Sink& to);
  Result<> (*store)(std::string_view text) = nullptr;
};
struct DirSpec {
  std::string_view name;
  std::span<const TextSpec> files;
  std::span<const DirSpec> children;
};
/// An inode for a table's directory; the tables live for ever. kNOMEM.
Result<RefPtr<Inode>> make_table_directory(Superblock& sb, const DirSpec& spec);
Result<RefPtr<Inode>> make_table_file(Superblock& sb, const TextSpec& spec);

/// sysfs: /sys/devices/system/cpu and what else programs look for. nullptr: no memory.
PseudoFs* create_sysfs();

/// "0-3,5\n" without the newline.
void write_cpu_list(Sink& to, const CpuMask& mask);

} // namespace runnel::fs
