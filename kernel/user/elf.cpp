// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/elf.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace runnel::user {
namespace {

struct FileHeader {
  u8 ident[16];
  u16 type, machine;
  u32 version;
  u64 entry, program_headers, section_headers;
  u32 flags;
  u16 size, program_header_size, nr_program_headers, section_header_size, nr_section_headers, section_names;
};
static_assert(sizeof(FileHeader) == 64);

struct ProgramHeader {
  u32 type, flags;
  u64 offset, address, physical, file_size, memory_size, alignment;
};
static_assert(sizeof(ProgramHeader) == ElfImage::kHeaderSize);

constexpr u8 kMagic[4] = {0x7f, 'E', 'L', 'F'};
constexpr u8 kClass64 = 2, kLittleEndian = 1;
constexpr usize kClassAt = 4, kDataAt = 5;
constexpr u16 kTypeExecutable = 2, kTypeDynamic = 3;
constexpr u32 kLoad = 1, kInterpreter = 3, kGnuStack = 0x6474e551;
constexpr u32 kExecute = 1, kWrite = 2, kRead = 4;
constexpr u64 kMaxHeaderBytes = 65536; // Linux' own limit
constexpr u64 kMaxPath = 4096;

bool lies_in(std::span<const std::byte> file, u64 offset, u64 size) {
  return offset <= file.size() && size <= file.size() - offset;
}

ProgramHeader header_at(std::span<const std::byte> file, u64 offset) {
  ProgramHeader header;
  std::memcpy(&header, file.data() + offset, sizeof header);
  return header;
}

Result<FileHeader> read_file_header(std::span<const std::byte> file, u16 machine) {
  FileHeader header;
  if (file.size() < sizeof header) return err(Errno::kNOEXEC);
  std::memcpy(&header, file.data(), sizeof header);
  if (!std::equal(kMagic, kMagic + sizeof kMagic, header.ident)) return err(Errno::kNOEXEC);
  if (header.ident[kClassAt] != kClass64 || header.ident[kDataAt] != kLittleEndian)
    return err(Errno::kNOEXEC);
  if (header.type != kTypeExecutable && header.type != kTypeDynamic) return err(Errno::kNOEXEC);
  if (header.machine != machine || header.program_header_size != sizeof(ProgramHeader))
    return err(Errno::kNOEXEC);
  const u64 bytes = u64{header.nr_program_headers} * sizeof(ProgramHeader);
  if (bytes == 0 || bytes > kMaxHeaderBytes) return err(Errno::kNOEXEC);
  if (!lies_in(file, header.program_headers, bytes)) return err(Errno::kIO);
  return header;
}

Result<std::string_view> read_interpreter(std::span<const std::byte> file, const ProgramHeader& header) {
  if (header.file_size < 2 || header.file_size > kMaxPath) return err(Errno::kNOEXEC);
  if (!lies_in(file, header.offset, header.file_size)) return err(Errno::kIO);
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + header.offset, header.file_size);
  if (text.back() != '\0') return err(Errno::kNOEXEC);
  return text.substr(0, text.find('\0'));
}

/// `limit` is a multiple of the page size, so rounding up does not pass it.
bool fits(const ProgramHeader& header, u64 limit) {
  return header.file_size <= header.memory_size && header.memory_size <= limit &&
         header.address <= limit - header.memory_size;
}

/// The file is mapped by pages: what lies at the page's start comes along.
bool can_be_mapped(const ProgramHeader& header) {
  if (((header.address ^ header.offset) & (kPageSize - 1)) != 0) return false;
  return header.offset <= ~u64{0} - header.file_size - kPageSize;
}

} // namespace

Result<ElfImage> ElfImage::parse(std::span<const std::byte> file, u16 machine, u64 limit) {
  const auto header = read_file_header(file, machine);
  if (!header) return err(header.error());
  ElfImage image;
  image.file_ = file;
  image.dynamic_ = header->type == kTypeDynamic;
  image.entry_ = header->entry;
  image.headers_at_ = header->program_headers;
  image.nr_headers_ = header->nr_program_headers;
  RUNNEL_TRY(image.read_program_headers(limit));
  if (image.entry_ >= limit) return err(Errno::kINVAL);
  return image;
}

Result<> ElfImage::read_program_headers(u64 limit) {
  alignment_ = kPageSize;
  low_ = ~u64{0};
  bool have_interpreter = false;
  for (u16 i = 0; i < nr_headers_; ++i) { // the interpreter's errors come before those of segments
    const ProgramHeader header = header_at(file_, headers_at_ + u64{i} * kHeaderSize);
    if (header.type == kGnuStack) executable_stack_ = (header.flags & kExecute) != 0;
    if (header.type != kInterpreter || have_interpreter) continue;
    const auto path = read_interpreter(file_, header);
    if (!path) return err(path.error());
    interpreter_ = *path;
    have_interpreter = true;
  }
  if (have_interpreter && interpreter_.empty()) return err(Errno::kNOENT);
  for (u16 i = 0; i < nr_headers_; ++i) {
    const ProgramHeader header = header_at(file_, headers_at_ + u64{i} * kHeaderSize);
    if (header.type != kLoad) continue;
    if (!fits(header, limit) || !can_be_mapped(header)) return err(Errno::kINVAL);
    ++nr_segments_;
    low_ = std::min(low_, align_down(header.address, kPageSize));
    high_ = std::max(high_, align_up(header.address + header.memory_size, kPageSize));
    if (std::has_single_bit(header.alignment)) alignment_ = std::max(alignment_, header.alignment);
    if (headers_at_ >= header.offset && headers_at_ - header.offset < header.file_size)
      headers_address_ = header.address + (headers_at_ - header.offset);
  }
  if (nr_segments_ == 0 || low_ >= high_) return err(Errno::kINVAL);
  if (alignment_ > limit) alignment_ = kPageSize;
  return {};
}

ElfSegment ElfImage::segment(u16 i) const {
  for (u16 at = 0; at < nr_headers_; ++at) {
    const ProgramHeader header = header_at(file_, headers_at_ + u64{at} * kHeaderSize);
    if (header.type != kLoad || i-- != 0) continue;
    return {.address = header.address,
            .memory_size = header.memory_size,
            .file_offset = header.offset,
            .file_size = header.file_size,
            .read = (header.flags & kRead) != 0,
            .write = (header.flags & kWrite) != 0,
            .execute = (header.flags & kExecute) != 0};
  }
  return {};
}

} // namespace runnel::user
