// SPDX-License-Identifier: Apache-2.0
// Reads the headers of a kernel ELF. Every number of the file is distrusted: sums are checked before they are
// made, and the bytes are copied out because a damaged file may also be misaligned.
#include "boot/uefi/pure/elf.hpp"

namespace runnel::uefi {
namespace {

struct FileHeader {
  std::uint8_t ident[16];
  std::uint16_t type;
  std::uint16_t machine;
  std::uint32_t version;
  std::uint64_t entry;
  std::uint64_t program_headers;
  std::uint64_t section_headers;
  std::uint32_t flags;
  std::uint16_t header_bytes;
  std::uint16_t program_header_bytes;
  std::uint16_t program_header_count;
  std::uint16_t section_header_bytes;
  std::uint16_t section_header_count;
  std::uint16_t section_names;
};
static_assert(sizeof(FileHeader) == 64);

struct ProgramHeader {
  std::uint32_t type;
  std::uint32_t flags;
  std::uint64_t offset;
  std::uint64_t virtual_address;
  std::uint64_t physical_address;
  std::uint64_t file_bytes;
  std::uint64_t memory_bytes;
  std::uint64_t alignment;
};
static_assert(sizeof(ProgramHeader) == 56);

constexpr std::uint8_t kMagic[4] = {0x7f, 'E', 'L', 'F'};
constexpr std::uint8_t kClass64 = 2;
constexpr std::uint8_t kLittleEndian = 1;
constexpr std::uint8_t kCurrentVersion = 1;
constexpr std::uint16_t kTypeExecutable = 2;
constexpr std::uint32_t kLoad = 1;
constexpr std::uint32_t kFlagExecute = 1;
constexpr std::uint32_t kFlagWrite = 2;
constexpr std::uint64_t kLargePage = std::uint64_t{2} << 20;

template <typename T> T read_at(const std::uint8_t* bytes, std::size_t offset) {
  T value;
  __builtin_memcpy(&value, bytes + offset, sizeof value);
  return value;
}

/// Whether [offset, offset + bytes) lies in [0, limit); also for numbers whose sum does not fit.
constexpr bool inside(std::uint64_t offset, std::uint64_t bytes, std::uint64_t limit) {
  return offset <= limit && bytes <= limit - offset;
}

const char* check_file_header(const FileHeader& header, Machine machine) {
  for (unsigned i = 0; i < sizeof kMagic; ++i)
    if (header.ident[i] != kMagic[i]) return "not an ELF file";
  if (header.ident[4] != kClass64) return "not a 64-bit ELF file";
  if (header.ident[5] != kLittleEndian) return "not a little-endian ELF file";
  if (header.ident[6] != kCurrentVersion || header.version != kCurrentVersion) return "unknown ELF version";
  if (header.type != kTypeExecutable) return "ELF type is not executable (ET_EXEC)";
  if (header.machine != static_cast<std::uint16_t>(machine)) return "built for another architecture";
  if (header.program_header_bytes != sizeof(ProgramHeader)) return "program headers of an unknown size";
  if (header.program_header_count == 0) return "no program headers";
  return nullptr;
}

const char* check_segment(const ProgramHeader& header, std::uint64_t file_bytes) {
  if (header.file_bytes > header.memory_bytes) return "segment larger in the file than in memory";
  if (header.physical_address % kElfPage != 0) return "segment not aligned to a page";
  if (!inside(header.offset, header.file_bytes, file_bytes))
    return "segment beyond the end of the file (truncated?)";
  if (header.memory_bytes > kMaxImageBytes || header.physical_address > ~std::uint64_t{0} - kMaxImageBytes)
    return "segment too large";
  if ((header.flags & kFlagWrite) != 0 && (header.flags & kFlagExecute) != 0)
    return "segment both writable and executable";
  return nullptr;
}

/// Segments share no page: permissions are kept by page.
bool overlap(const Segment& a, const Segment& b) {
  const auto end = [](const Segment& s) {
    return s.image_offset + (s.memory_bytes + kElfPage - 1) / kElfPage * kElfPage;
  };
  return a.image_offset < end(b) && b.image_offset < end(a);
}

/// Turns addresses into offsets from the lowest, and checks what concerns more than one segment.
const char* arrange(ElfPlan& plan, std::uint64_t entry) {
  if (plan.segment_count == 0) return "no segment to load";
  plan.link_base = plan.segments[0].image_offset;
  for (std::uint32_t i = 1; i < plan.segment_count; ++i)
    if (plan.segments[i].image_offset < plan.link_base) plan.link_base = plan.segments[i].image_offset;
  if (plan.link_base % kLargePage != 0) return "image not linked at a multiple of 2 MiB";

  bool entry_found = false;
  for (std::uint32_t i = 0; i < plan.segment_count; ++i) {
    Segment& segment = plan.segments[i];
    segment.image_offset -= plan.link_base;
    if (!inside(segment.image_offset, segment.memory_bytes, kMaxImageBytes)) return "segments too far apart";
    const std::uint64_t end = segment.image_offset + segment.memory_bytes;
    if (end > plan.image_bytes) plan.image_bytes = end;
    const std::uint64_t offset = entry - plan.link_base;
    // Only code that comes from the file: zeroes are no instructions.
    if (entry >= plan.link_base && segment.executable && offset >= segment.image_offset &&
        offset - segment.image_offset < segment.file_bytes) {
      plan.entry_offset = offset;
      entry_found = true;
    }
  }
  plan.image_bytes = (plan.image_bytes + kElfPage - 1) / kElfPage * kElfPage;
  for (std::uint32_t i = 0; i < plan.segment_count; ++i)
    for (std::uint32_t j = i + 1; j < plan.segment_count; ++j)
      if (overlap(plan.segments[i], plan.segments[j])) return "segments overlap";
  if (!entry_found) return "entry point outside the executable segments";
  return nullptr;
}

} // namespace

const char* plan_elf(const std::uint8_t* head, std::size_t head_bytes, std::uint64_t file_bytes,
                     Machine machine, ElfPlan& plan) {
  plan = ElfPlan{};
  if (head_bytes < sizeof(FileHeader)) return "too short for an ELF header (truncated?)";
  const auto header = read_at<FileHeader>(head, 0);
  if (const char* error = check_file_header(header, machine)) return error;
  const std::uint64_t table_bytes = std::uint64_t{header.program_header_count} * sizeof(ProgramHeader);
  if (!inside(header.program_headers, table_bytes, head_bytes))
    return "program headers beyond the first 4096 bytes or the end of the file (truncated?)";

  for (unsigned i = 0; i < header.program_header_count; ++i) {
    const auto load = read_at<ProgramHeader>(head, header.program_headers + i * sizeof(ProgramHeader));
    if (load.type != kLoad || load.memory_bytes == 0) continue;
    if (const char* error = check_segment(load, file_bytes)) return error;
    if (plan.segment_count == kMaxSegments) return "too many segments";
    plan.segments[plan.segment_count++] = {.file_offset = load.offset,
                                           .file_bytes = load.file_bytes,
                                           .image_offset = load.physical_address,
                                           .memory_bytes = load.memory_bytes,
                                           .writable = (load.flags & kFlagWrite) != 0,
                                           .executable = (load.flags & kFlagExecute) != 0};
  }
  return arrange(plan, header.entry);
}

} // namespace runnel::uefi
