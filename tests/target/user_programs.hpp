// SPDX-License-Identifier: Apache-2.0
// Little programs for user mode out of the test image itself: code between two symbols becomes an ELF file in
// an archive as the initrd is one, and is unpacked like it.
#pragma once

#include "kernel/fs/rootfs.hpp"
#include "kernel/fs/vfs.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "tests/target/programs.hpp"

#include <cstring>
#include <span>

namespace runnel::test {

/// Files that are there while it lives. No process of them may outlive it.
class Archive {
 public:
  Archive() : bytes_(static_cast<std::byte*>(kzalloc(kRoom))) {}
  ~Archive() {
    for (u32 i = 0; i < nr_names_; ++i)
      CHECK((fs::remove_file(base(), names_[i]).has_value() ||
             fs::remove_directory(base(), names_[i]).has_value()));
    kfree(bytes_);
  }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  void add(std::string_view name, u32 mode, std::span<const std::byte> content) {
    size_ = 0;
    put_member(name, mode, content);
    put_member("TRAILER!!!", 0, {});
    char text[160];
    BufferSink why(text);
    CHECK(fs::unpack(fs::root_path(), {bytes_, size_}, why));
    CHECK(nr_names_ < kMostNames);
    if (nr_names_ < kMostNames) names_[nr_names_++] = name;
  }

  /// A static program: `code` at 0x401000, readable and executable, entered at its start; a page of zeros to
  /// read and write at 0x500000.
  void add_program(std::string_view name, std::span<const std::byte> code);

 private:
  static constexpr usize kRoom = 64 * 1024;
  static constexpr u32 kMostNames = 16;

  static fs::WalkBase base() { return {fs::root_path(), fs::root_path()}; }

  void put(const void* data, usize size) {
    if (size == 0) return; // memcpy takes no nullptr
    if (size_ + size > kRoom) return CHECK(size_ + size <= kRoom);
    std::memcpy(bytes_ + size_, data, size);
    size_ += size;
  }
  void put_member(std::string_view name, u32 mode, std::span<const std::byte> content) {
    const u32 fields[13] = {
        1, mode, 0, 0, 1, 0, static_cast<u32>(content.size()), 0, 0, 0, 0, static_cast<u32>(name.size() + 1),
        0};
    char head[111];
    BufferSink sink(head);
    format_to(sink, "070701");
    for (const u32 field : fields) format_to(sink, "{:08x}", field);
    put(sink.view().data(), sink.view().size());
    put(name.data(), name.size());
    put("\0", 1);
    size_ = align_up(size_, 4);
    put(content.data(), content.size());
    size_ = align_up(size_, 4);
  }

  std::byte* bytes_;
  usize size_ = 0;
  std::string_view names_[kMostNames]; // of literals
  u32 nr_names_ = 0;
};

inline void Archive::add_program(std::string_view name, std::span<const std::byte> code) {
  struct Header {
    u8 ident[16] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    u16 type = 2, machine = arch::kElfMachine;
    u32 version = 1;
    u64 entry = 0x401000, program_headers = 64, section_headers = 0;
    u32 flags = 0;
    u16 size = 64, program_header_size = 56, program_header_count = 2, section_header_size = 0,
        section_count = 0, section_names = 0;
  };
  struct Segment {
    u32 type = 1, flags = 0;
    u64 offset = 0, address = 0, physical = 0, file_size = 0, memory_size = 0, alignment = 0x1000;
  };
  constexpr u64 kCodeAt = 0x1000;
  const usize size = kCodeAt + code.size();
  auto* file = static_cast<std::byte*>(kzalloc(size));
  if (file == nullptr) return CHECK(file != nullptr);
  const Header header;
  const Segment segments[2] = {
      {.flags = 5,
       .offset = kCodeAt,
       .address = 0x401000,
       .file_size = code.size(),
       .memory_size = code.size()},
      {.flags = 6, .offset = 0, .address = 0x500000, .file_size = 0, .memory_size = kPageSize}};
  std::memcpy(file, &header, sizeof header);
  std::memcpy(file + sizeof header, segments, sizeof segments);
  std::memcpy(file + kCodeAt, code.data(), code.size());
  add(name, 0100755, {file, size});
  kfree(file);
}

} // namespace runnel::test
