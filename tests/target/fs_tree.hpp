// SPDX-License-Identifier: Apache-2.0
// A file system of its own for a test: mounted nowhere, gone with the test.
#pragma once

#include "kernel/fs/tmpfs.hpp"
#include "kernel/fs/vfs.hpp"
#include "kernel/test/test.hpp"

#include <array>

namespace runnel::test {

class Tree {
 public:
  Tree() : fs_(fs::Tmpfs::create(0755)) {
    if (fs_ == nullptr) return;
    const auto mounted = fs::mount(*fs_, {}, "test", "/");
    if (!mounted) return;
    mount_ = *mounted;
    base_ = {{mount_, fs_->root}, {mount_, fs_->root}};
  }
  ~Tree() {
    base_ = {};
    if (mount_) fs::unmount(*mount_);
    if (fs_ != nullptr) drop();
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  bool ok() const { return static_cast<bool>(mount_); }
  fs::Tmpfs& fs() { return *fs_; }
  const fs::WalkBase& base() const { return base_; }
  const fs::Path& root() const { return base_.root; }

  Result<fs::FilePtr> open(std::string_view path, u32 flags, u32 mode = 0644) {
    return fs::open(base_, path, flags, mode);
  }
  Errno open_error(std::string_view path, u32 flags) { return error_of(open(path, flags)); }
  Result<> mkdir(std::string_view path) { return fs::make_node(base_, path, fs::kTypeDirectory | 0755, 0); }
  /// Creates `path` with this content.
  bool put(std::string_view path, std::string_view text) {
    const auto file = open(path, fs::kCreate | fs::kTruncate | fs::kWriteOnly);
    if (!file) return false;
    fs::IoBuffer from(text.data(), text.size());
    const auto n = (*file)->write(from);
    return n && *n == text.size();
  }
  /// What is in `path`; its error as text.
  std::string_view get(std::string_view path) {
    const auto file = open(path, fs::kReadOnly);
    if (!file) return "(error)";
    fs::IoBuffer to(text_.data(), text_.size());
    const auto n = (*file)->read(to);
    return n ? std::string_view(text_.data(), *n) : "(read error)";
  }

  template <typename T> static Errno error_of(const Result<T>& result) {
    return result ? Errno{} : result.error();
  }

 private:
  void drop() {
    mount_.reset();
    fs::Tmpfs::destroy(fs_);
  }

  fs::Tmpfs* fs_;
  RefPtr<fs::Mount> mount_;
  fs::WalkBase base_;
  std::array<char, 512> text_ = {};
};

} // namespace runnel::test
